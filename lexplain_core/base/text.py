"""Text that others wrote: files of any origin, and when two names are the same."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Callable, Iterable
from typing import AnyStr

from .errors import UserError

LARGEST = 64_000_000  # bytes of a file with names or concepts
_MARKS = {  # longest first: the mark of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_VARIATIONS = {chr(code) for code in range(0xFE00, 0xFE10)}  # how the character before is drawn


def decode(data: bytes, what: str, largest: int = LARGEST) -> str:
    """The text of a file's bytes, with `\n` at the ends of lines: UTF-8 with or without a byte order mark, UTF-16 or
    UTF-32 with one. what: 'The names file x.txt'. Raises `UserError` for more than `largest` bytes, and for what is
    no text.
    """
    if len(data) > largest:
        raise UserError(f"{what} can't be read: it has more than {largest / 1e6:g} MB.")
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding in ("utf-8", "utf-8-sig"):
            place = error.start + (3 if encoding == "utf-8-sig" else 0)
            line = 1 + _ends(data[:place]).count(b"\n")
            found = f"is not UTF-8 text at line {line:,} (byte {place + 1:,} of the file)"
        else:
            found = f"begins as {encoding.upper()} text but doesn't go on as such"
        raise UserError(f"{what} can't be read: it {found}; save it as UTF-8.") from None
    if (place := text.find("\0")) >= 0:
        line = 1 + _ends(text[:place]).count("\n")
        raise UserError(f"{what} can't be read: it has a zero byte at line {line:,}; save it as UTF-8 text.")
    return _ends(text)


def _ends(text: AnyStr) -> AnyStr:
    """Text or bytes with the ends of lines of Windows and of old Macs made `\\n`."""
    if isinstance(text, bytes):
        return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def lines(text: str) -> list[str]:
    """The lines of a text, without the blanks and the invisible characters at their ends."""
    return [trimmed(line) for line in text.split("\n")]


def trimmed(text: str) -> str:
    """A text without blanks and invisible characters (zero-width spaces, a byte order mark) at its ends."""
    start, end = 0, len(text)
    while start < end and _blank(text[start]):
        start += 1
    while end > start and _blank(text[end - 1]):
        end -= 1
    return text[start:end]


def _blank(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) == "Cf"


def composed(text: str) -> str:
    """A text with its accents in one form (NFC): macOS gives file names in the other."""
    return unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """The form in which two names are the same.

    Letter case, the form of accents, full-width letters, the kind and number of blanks, and invisible
    characters don't matter.
    """
    if text.isascii():  # most names: a search folds all of a store's
        return " ".join(text.lower().split())
    wide = unicodedata.normalize("NFKC", text)
    seen = "".join(c for c in wide if unicodedata.category(c) != "Cf" and c not in _VARIATIONS)
    return " ".join(unicodedata.normalize("NFKC", seen.casefold()).split())


class Names:
    """Names with their positions, found as people write them.

    A name is the one that is written so; else those with the accents in another form; else those that are
    the same when `folded`.
    """

    _FORMS: tuple[Callable[[str], str], ...] = (str, composed, folded)

    def __init__(self, names: Iterable[str]):
        self._places: list[dict[str, list[int]]] = [{} for _ in self._FORMS]
        for place, name in enumerate(names):
            for form, places in zip(self._FORMS, self._places, strict=True):
                places.setdefault(form(name), []).append(place)

    def find(self, name: str) -> list[int]:
        """Positions of the names that are meant by `name`, in order."""
        found = (places.get(form(name)) for form, places in zip(self._FORMS, self._places, strict=True))
        return next(filter(None, found), [])
