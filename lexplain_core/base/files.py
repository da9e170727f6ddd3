"""Files that are read whole or written whole, and temporary folders that don't outlive their process."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import UserError, quote, repeated, shortage
from .text import LARGEST, decode

_PREFIX = ".lexplain-"
_MARK = "lexplain-temporary"  # a file in each temporary folder: what says that it may be swept


def read_text(path: Path, what: str, most: int = LARGEST) -> str:
    """The text of a file, as `text.decode` reads it. `what` begins the sentence of a `UserError`: 'The names file'.

    Raises `UserError` for a file that can't be read, is no text, or has more than `most` bytes.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise UserError(
            f"{what} {path} can't be read: {getattr(error, 'strerror', None) or error}."
        ) from None
    return decode(data, f"{what} {path}", most)


def read_json(path: Path, what: str) -> Any:
    """The JSON of a file; `UserError` for what can't be read or is none."""
    text = read_text(path, what)
    try:
        return parse_json(text)
    except ValueError as error:
        raise UserError(f"{what} {path} can't be read as JSON: {str(error)[:300]}.") from None


def parse_json(text: str | bytes) -> Any:
    """JSON; `ValueError` with a short reason for what is none, is nested too deeply, or has a key twice in an object."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"an object has the key {quote(repeated(key for key, _ in pairs))} twice; keep one")
    return found


def expanded(path: str | Path) -> Path:
    """A path in which `~` is the user's home; as it is where there is none."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path's raises without a home


def exists(path: str | Path) -> bool:
    """Whether anything is there; not for what can be no path, such as a very long one."""
    return os.path.exists(path)  # noqa: PTH110 - Path's raises


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or, after an `OSError`, as it was before."""
    path = path.resolve()  # a link stays a link
    if path.exists() and not path.is_file():  # a terminal or a pipe
        path.write_bytes(data)
        return
    with temporary_folder(path.parent) as folder:
        unfinished = folder / "file"
        unfinished.write_bytes(data)
        if path.exists():
            shutil.copymode(path, unfinished)
        unfinished.replace(path)


@contextmanager
def temporary_folder(beside: Path | None = None) -> Iterator[Path]:
    """A folder that goes with the block; one that a killed process left is swept by the next call for the same place.

    beside: where it lies; among the machine's temporary files without. Its lock tells whether its process still
    lives, on this machine or another one, so that pids needn't be compared.
    """
    place = Path(beside or tempfile.gettempdir())
    _sweep(place)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    lock = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a disk without locks: no mark, and the folder is never swept
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (folder / _MARK).touch()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _sweep(place: Path) -> None:
    """Remove temporary folders of this user whose process has ended."""
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    _remove_if_abandoned(entry)


def _remove_if_abandoned(entry: os.DirEntry) -> None:
    folder = os.open(entry.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(folder).st_uid != os.getuid() or not stat.S_ISREG(
            os.lstat(f"{entry.path}/{_MARK}").st_mode
        ):
            return
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError while its process lives
        shutil.rmtree(entry.path, ignore_errors=True)
    finally:
        os.close(folder)


def cant_write(path: str | Path, error: OSError) -> UserError:
    """The sentence for a file that can't be written."""
    return UserError(f"{path} can't be written: {shortage(error) or error.strerror or error}.")
