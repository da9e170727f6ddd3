"""The user's trust file: JSON, in the user's own hands alone."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ..base.errors import UserError
from ..base.files import expanded, parse_json

# What can be trusted, as sentences call it.
KINDS = {
    "code": "the network code",
    "weights": "the weights file",
    "encoder": "the encoder",
    "tokenizer": "the tokenizer",
    "images": "the image folder",
}
_FORMAT = 1
_MOST_BYTES = 32 * 2**20
_HEX = set("0123456789abcdef")


@dataclass(frozen=True)
class Entry:
    """Something that is trusted.

    kind: of `KINDS`. path: where it really lies. files: SHA-256 of each file that belongs to it, by its path; of a folder
    of images none. functions: of code, those that may be run.
    """

    kind: str
    path: str
    files: dict[str, str]
    functions: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.path


Trusted = dict[tuple[str, str], Entry]


def place() -> Path:
    """Where the trust file lies: `LEXPLAIN_TRUST`, else in the user's folder of configurations.

    Raises `UserError` for a user without a home: where one happens to stand, anybody's files may lie.
    """
    if given := os.environ.get("LEXPLAIN_TRUST"):
        return expanded(given).absolute()
    for base in (Path(os.environ.get("XDG_CONFIG_HOME", "")), expanded("~/.config")):
        if base.is_absolute():
            return base / "lexplain" / "trust.json"
    raise UserError("There is no home for the trust file: set LEXPLAIN_TRUST to a file.")


def read() -> tuple[Trusted, str]:
    """(what is trusted, why nothing is): a file that is damaged, or that others could have written, counts for nothing."""
    try:
        path = place()
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe in its place must not hang
    except UserError as error:
        return {}, str(error).rstrip(".")
    except FileNotFoundError:
        return {}, ""
    except OSError as error:
        return {}, f"the trust file {path} can't be read: {error.strerror}"
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if why := _not_ours(facts):
            return {}, f"the trust file {path} {why}, so nothing in it counts"
        try:
            data = parse_json(file.read(_MOST_BYTES))
            return {entry.key: entry for entry in _entries(data)}, ""
        except (OSError, ValueError, KeyError, TypeError):
            return {}, f"the trust file {path} is damaged, or no trust file: look at it, or remove it"


def add(entries: Iterable[Entry]) -> None:
    """Put entries in the trust file, in place of older ones of the same kind and path. `UserError` where it can't be written."""
    with _changing() as trusted:
        for entry in entries:
            before = trusted.get(entry.key)
            if before and before.files == entry.files:
                functions = tuple(sorted({*before.functions, *entry.functions}))
                entry = replace(entry, functions=functions)
            trusted[entry.key] = entry


def forget(keys: Iterable[tuple[str, str]]) -> None:
    """Take entries out of the trust file. `UserError` where it can't be written."""
    with _changing() as trusted:
        for key in keys:
            trusted.pop(key, None)


def _not_ours(facts: os.stat_result) -> str:
    if not stat.S_ISREG(facts.st_mode):
        return "is no file"
    if facts.st_uid not in (os.geteuid(), 0):
        return "belongs to another user"
    if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "can be written by others (`chmod go-w` mends that)"
    return ""


def _entries(data: dict) -> Iterator[Entry]:
    """The entries of the file's JSON; `ValueError`, `KeyError` or `TypeError` for anything else."""
    if data["lexplain_trust"] != _FORMAT:
        raise ValueError
    for row in data["entries"]:
        entry = Entry(row["kind"], row["path"], row["files"], tuple(row["functions"]))
        texts = (entry.path, *entry.files, *entry.functions)
        digests = entry.files.values()
        fine = entry.kind in KINDS and all(isinstance(text, str) for text in texts)
        if not fine or not all(map(_is_digest, digests)) or (entry.kind != "images") != bool(digests):
            raise ValueError
        yield entry


def _is_digest(text: object) -> bool:
    return isinstance(text, str) and len(text) == 64 and set(text) <= _HEX


@contextmanager
def _changing() -> Iterator[Trusted]:
    """The entries, to be changed; they are written at the end, in one piece, while nobody else does."""
    path = place()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(path.with_name(f"{path.name}.lock"), "a", opener=_private) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            trusted, problem = read()
            if problem:
                raise UserError(f"{problem[0].upper()}{problem[1:]}.")
            before = dict(trusted)
            yield trusted
            if trusted != before:
                _write(path, trusted)
    except OSError as error:
        raise UserError(f"The trust file {path} can't be written: {error.strerror or error}.") from None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _write(path: Path, trusted: Trusted) -> None:
    rows = [asdict(trusted[key]) for key in sorted(trusted)]
    text = json.dumps({"lexplain_trust": _FORMAT, "entries": rows}, indent=1)
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # 0600 by itself
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
