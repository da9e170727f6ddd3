"""Entries of folders that anybody may write to: listed, looked at and named without trusting them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .errors import UserError

_LONGEST = 300  # characters of a path in a sentence


def listing(folder: str | Path, end: str) -> list[Path]:
    """The entries of a folder whose names have this end, by name, without hidden ones; none where it can't be read."""
    try:
        names = sorted(entry.name for entry in Path(folder).iterdir())
    except OSError:
        return []
    return [Path(folder) / name for name in names if name.endswith(end) and not name.startswith(".")]


def signature(path: Path) -> tuple:
    """Changes when a file is replaced or written to, also by the write-ahead log of SQLite; for caches."""
    return (shown(path), *_stat(path), *_stat(path.with_name(f"{path.name}-wal")))


def _stat(path: Path) -> tuple[int, ...]:
    try:
        facts = path.stat()
    except (OSError, ValueError):  # ValueError: a zero byte
        return (0, 0, 0)
    return (facts.st_mtime_ns, facts.st_ino, facts.st_size) if facts.st_size else (0, 0, 0)


def shown(path: str | Path) -> str:
    """A path for a sentence: what is no letter in it is escaped, and a very long one is cut in its middle."""
    text = escaped(str(path))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 :]}"


def escaped(text: str) -> str:
    """A text in which nothing is left that no browser, file or terminal takes."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":  # a byte of a name that is not UTF-8
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode()


def regular(path: str | Path, what: str) -> os.stat_result:
    """The facts of a file that can be opened without waiting for anybody; links are followed.

    what: what it should be, such as 'a store'. Raises `UserError` for a name that is not UTF-8, a folder, a pipe or device,
    and a link that leads nowhere; `FileNotFoundError` where nothing is there.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise UserError(f"The name of {shown(path)} is not UTF-8: rename the file.") from None
    try:
        facts = Path(path).stat()
    except FileNotFoundError:
        if Path(path).is_symlink():
            raise UserError(f"{shown(path)} is a link that leads nowhere.") from None
        raise
    except (OSError, ValueError) as error:  # ValueError: a zero byte
        raise UserError(
            f"{shown(path)} can't be read: {getattr(error, 'strerror', None) or error}."
        ) from None
    if stat.S_ISDIR(facts.st_mode):
        raise UserError(f"{shown(path)} is a folder, not {what}.")
    if not stat.S_ISREG(facts.st_mode):
        raise UserError(f"{shown(path)} is not {what}: it is not a regular file.")
    return facts
