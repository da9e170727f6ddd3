"""How much memory a build may take, and large arrays, which lie in files where they would take more than that."""

from __future__ import annotations

import os
import re
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .errors import UserError, quote, shortage

_SIZE = r"([0-9]{1,18}(?:\.[0-9]{1,18})?)\s*+(?:([KMGT])(i)?)?B?"
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4}
_UNKNOWN = 4 * 2**30  # free memory, where the system doesn't say
_ZEROS = 64 * 2**20
BLOCK = 4_000_000  # numbers that are worked on at a time: small beside any limit, and always the same ones


@dataclass
class Room:
    """What a build may take. limit: bytes of memory in all, None where nobody said. arrays: bytes that are left of it for
    large arrays. folder: where those lie that find no room; among the machine's temporary files without."""

    limit: int | None = None
    arrays: int = 2**31
    folder: Path | None = None


_ANYWHERE = Room()  # outside of builds
_ROOM: ContextVar[Room] = ContextVar("room")


def parse_size(text: str) -> int:
    """Bytes of a size such as `2GiB`, `500MB` or `1000000`. Raises `UserError` for anything else."""
    found = re.fullmatch(_SIZE, text.strip(), re.IGNORECASE)
    if not found:
        raise UserError(f"{quote(text)} is not a size such as 2GiB or 500MB.")
    number, prefix, binary = found.groups()
    power = _POWERS[prefix.upper()] if prefix else 0
    return int(float(number) * (1024 if binary else 1000) ** power)


@contextmanager
def limited(limit: int | None, folder: Path | None) -> Iterator[Room]:
    """Work under a limit, with large arrays in `folder`. Half of what is free is for them until someone says more."""
    room = Room(limit, (free() if limit is None else limit) // 2, folder)
    token = _ROOM.set(room)
    try:
        yield room
    finally:
        _ROOM.reset(token)


def room() -> Room:
    """What the work at hand may take."""
    return _ROOM.get(_ANYWHERE)


def one_step(most: int) -> int:
    """Bytes that a single step may take: a quarter of the limit and of what is free, at most `most`."""
    limit = room().limit
    return min(most, free() // 4, most if limit is None else limit // 4)


def large(shape: tuple[int, ...], kind: Any = np.float32) -> np.ndarray:
    """A new array, of undefined content, in memory or in a file that goes with it.

    A file takes no memory: the system keeps in memory what is used of it, as long as there is room. Raises `UserError`
    where the disk can't hold it: the whole size is taken at once, as a page without room would kill the process.
    """
    size, here = prod(shape) * np.dtype(kind).itemsize, room()
    if size > here.arrays and size:
        return _in_file(shape, kind, size, here.folder)
    array = np.empty(shape, kind)
    here.arrays -= size
    weakref.finalize(array, _give_back, here, size)
    return array


def picked(
    values: np.ndarray, rows: np.ndarray | None = None, columns: np.ndarray | None = None
) -> np.ndarray:
    """Some rows and columns, each a boolean mask or numbers, of a matrix that may be large; a `large` copy."""
    numbers = np.arange(len(values)) if rows is None else np.arange(len(values))[rows]
    which = slice(None) if columns is None else columns
    width = len(np.arange(values.shape[1])[which])
    found = large((len(numbers), width), values.dtype)
    for part in blocks(len(numbers), values.shape[1]):
        found[part] = values[numbers[part]][:, which]
    return found


def blocks(rows: int, width: int) -> Iterator[slice]:
    """Cut the rows of a matrix into parts of about `BLOCK` numbers."""
    step = max(1, BLOCK // max(1, width))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def lies_in_file(array: np.ndarray) -> bool:
    """Whether an array maps a file."""
    base: Any = array
    while base is not None:
        if isinstance(base, np.memmap):
            return True
        base = getattr(base, "base", None)
    return False


def _give_back(where: Room, size: int) -> None:
    where.arrays += size


def _in_file(shape: tuple[int, ...], kind: Any, size: int, folder: Path | None) -> np.ndarray:
    where = folder or Path(tempfile.gettempdir())
    try:
        with tempfile.TemporaryFile(dir=where) as file:
            _reserve(file, size)
            return np.asarray(np.memmap(file, kind, "r+", shape=shape))
    except OSError as error:
        raise UserError(
            f"Numbers that don't fit into the memory take {size / 1e9:.1f} GB in {where}, which can't hold them "
            f"({shortage(error) or error.strerror}): make room there, or let the build take more (memory)."
        ) from None


def _reserve(file: BinaryIO, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    for start in range(0, size, _ZEROS):
        file.write(bytes(min(_ZEROS, size - start)))
    file.flush()


def taken() -> int:
    """Bytes of memory that this process holds, without files that it maps; what it ever held where that isn't known."""
    try:
        return _kilobytes(Path("/proc/self/status"), "RssAnon:")
    except (OSError, StopIteration, ValueError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def free() -> int:
    """Bytes of memory that this machine, or the container that it is, has left."""
    try:  # what is free or holds nothing but cached files; after reading many images little is plainly free
        available = _kilobytes(Path("/proc/meminfo"), "MemAvailable:")
    except (OSError, StopIteration, ValueError):
        return _UNKNOWN
    try:
        group = Path("/sys/fs/cgroup")
        allowed = int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())
        return max(0, min(available, allowed))
    except (OSError, ValueError):  # no limit
        return available


def _kilobytes(file: Path, name: str) -> int:
    """Bytes of a line such as `RssAnon:   1234 kB`."""
    return next(
        int(line.split()[1]) * 1024 for line in file.read_text().splitlines() if line.startswith(name)
    )
