"""The errors that a user can mend, and how they quote what they refuse."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable


class UserError(Exception):
    """Something a user got wrong, said in one clear sentence: what, where, and what to do.

    The command line prints the sentence and exits with code 2; pages show it in place of
    their content. Anything else that goes wrong is a bug and keeps its traceback.
    """


class Shortage(UserError):
    """The machine ran out of something, or forbids it: memory, room on a disk, open files. Not the fault of what is read."""


# What the machine, and not a file's content, is to blame for.
_SHORTAGES = {
    errno.ENOMEM: "the memory is full",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than is allowed here",
    errno.ENAMETOOLONG: "its name is too long",
    errno.EROFS: "the disk is read-only",
    errno.EMFILE: "too many files are open (`ulimit -n` says how many may be)",
    errno.ENFILE: "too many files are open on this machine",
    errno.EACCES: "there is no permission to use it",
    errno.EPERM: "there is no permission to use it",
    errno.EIO: "the disk reports an error",
    errno.ESTALE: "the network disk lost the file",
    errno.ETIMEDOUT: "the network disk doesn't answer",
    errno.ENOTCONN: "the network disk is not connected",
    errno.ENODEV: "the disk is not there",
}
# How torch (on any device), Pillow and DuckDB say that the memory is full.
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "alloc_failed")


def out_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or the one that it was made from, says that a memory is full, the machine's or a device's."""
    if error is None:
        return False
    text = str(error).lower() if isinstance(error, (RuntimeError, OSError)) else ""
    full = isinstance(error, MemoryError) or any(words in text for words in _OUT_OF_MEMORY)
    return full or out_of_memory(error.__cause__)


def shortage(error: BaseException) -> str | None:
    """What the machine ran out of, as a clause such as 'the disk is full'; None for errors of another kind."""
    if out_of_memory(error):
        return "the memory is full"
    if isinstance(error, OSError) and error.errno is not None:
        return _SHORTAGES.get(error.errno)
    text = str(error)  # libraries that write files themselves keep the system's words
    return next((words for code, words in _SHORTAGES.items() if os.strerror(code) in text), None)


def refuse_shortage(error: BaseException, doing: str) -> None:
    """Raise `Shortage` where an error is the machine's: it tells nothing of what was tried, so handlers ask this first."""
    if why := shortage(error):
        raise Shortage(f"{doing}: {why} ({type(error).__name__}: {quote(str(error))}).") from error


def quote(value: object, most: int = 200) -> str:
    """Foreign input for a sentence: as Python writes it, so control characters are escaped, and `most` characters at most."""
    if isinstance(value, (str, bytes)):
        value = value[: most + 1]
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, or lists within lists
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= most else text[: most - 1] + "…"


_LONGEST = 100  # characters of a name: finding near misses takes the square of its length


def few(sentences: list[str], most: int = 5) -> list[str]:
    """The first of many sentences, and one that says how many more there are: an address may hold thousands of faults."""
    more = len(sentences) - most
    return sentences[:most] + ([f"The same holds for {more:,} more."] if more > 0 else [])


def repeated(names: Iterable[str]) -> str | None:
    """The first name that stands among `names` a second time."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def did_you_mean(name: str, known: list[str], limit: int = 3) -> str:
    """Return ' Did you mean …?' for near misses of `name` among `known`, or ''."""
    from difflib import get_close_matches

    if len(name) > _LONGEST:
        return ""
    names = [k for k in dict.fromkeys(known) if len(k) <= 2 * _LONGEST]
    close = get_close_matches(name, names, n=limit, cutoff=0.5)
    return f" Did you mean {' or '.join(quote(c) for c in close)}?" if close else ""
