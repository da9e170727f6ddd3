"""A picture that someone sends: bounded in bytes and pixels, decoded once, and never written to disk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from threading import Lock

from PIL import Image

from ..base.errors import Shortage, UserError
from ..base.pictures import SENT, UnreadableImage, opened
from ..probe.images import Decoded, read_rgb

MOST_BYTES = 20 * 2**20  # as server.maxUploadSize of .streamlit/config.toml
MOST_PIXELS = 40_000_000
LONGEST = 50  # times the shorter side: what a network's resize would blow up beyond all measure
ENDINGS = ("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff")

_TURNS = Lock()  # decoding the largest takes some 350 MB, so pictures are decoded one after the other
_CANT = "can't be decoded: "
# Not MPO, whose further frames are a phone's previews of the same picture
_FRAMES = {
    "GIF": "It is an animation: its first frame is used.",
    "WEBP": "It is an animation: its first frame is used.",
    "PNG": "It is an animation: its first frame is used.",
    "TIFF": "It has several pages: the first is used.",
}


@dataclass(frozen=True)
class Upload:
    """A picture that was sent: RGB, upright, of its own size. notes: a sentence for each thing that was changed."""

    name: str
    image: Image.Image
    notes: tuple[str, ...] = ()


def read_picture(data: bytes, name: str = "the file") -> Upload:
    """Decode the bytes of a picture that someone sent.

    At most 20 MB and 40 million pixels, which the header says before anything is decoded; Pillow's own guard against
    decompression bombs (an error from 179 million on) comes first. EXIF turns it upright; CMYK, grey of 8 and 16 bits and
    palettes become RGB; transparency is laid on white; of an animation the first frame is taken. Raises `UserError`, in
    one sentence, for whatever can't be used.
    """
    shown = _short(name)
    if not data:
        raise UserError(f"{shown} is empty.")
    if len(data) > MOST_BYTES:
        raise UserError(
            f"{shown} has {len(data) / 2**20:,.1f} MB; at most {MOST_BYTES // 2**20} MB can be sent: make it smaller."
        )
    with _TURNS:
        try:
            found = read_rgb(data, MOST_PIXELS, SENT)
        except UnreadableImage as error:
            raise UserError(_why(shown, data, str(error))) from None
        except Shortage:
            raise UserError(f"{shown} needs more memory than there is: make it smaller.") from None
    image = found.image
    longer, shorter = max(image.size), min(image.size)
    if longer > LONGEST * shorter:
        raise UserError(
            f"{shown} is {image.width:,} × {image.height:,} pixels, too long and narrow to be looked at: one side may "
            f"be {LONGEST} times the other at most."
        )
    return Upload(name, image, _notes(found, data))


def _notes(found: Decoded, data: bytes) -> tuple[str, ...]:
    """What decoding changed, in sentences."""
    notes = [_FRAMES[kind]] if (kind := _several(data)) else []
    if found.turned:
        notes.append("It was turned upright, as the camera noted.")
    if found.mode == "CMYK":
        notes.append("Its printing colours (CMYK) were turned into RGB.")
    elif found.mode.startswith("I") or found.mode == "F":
        notes.append("Its grey is deeper than 8 bits and was scaled down to them.")
    if found.transparent:
        notes.append("What is transparent was laid on white.")
    return tuple(notes)


def _several(data: bytes) -> str | None:
    """The file's format, if it has more than one frame or page; how many they are would need a walk through all."""
    try:
        with opened(data, SENT, MOST_PIXELS) as image:
            several = image.format in _FRAMES and getattr(image, "is_animated", False)
            return image.format if several else None
    except UnreadableImage:  # it was decoded: what is odd further on is no matter
        return None


def _why(shown: str, data: bytes, reason: str) -> str:
    """Why a file can't be used, and what to do."""
    kinds = "JPEG, PNG, WebP, GIF, BMP or TIFF"
    if reason.startswith("too large"):
        size = re.search(r"\d[\d,]*+(?: × \d[\d,]*+)?", reason)
        return (
            f"{shown} has {f'{size[0]} pixels' if size else 'many pixels'}, too many to be decoded here: at most "
            f"{MOST_PIXELS / 1e6:.0f} million can be used, so make it smaller."
        )
    if _is_text(data):
        return f"{shown} holds text, not a picture, whatever its name says: send a {kinds} file."
    if reason.startswith("not an image"):
        return f"{shown} is no picture of a known kind: send a {kinds} file."
    return (
        f"{shown} is broken and can't be decoded ({reason.removeprefix(_CANT)}): save it anew and send that."
    )


def _is_text(data: bytes) -> bool:
    head = data[:4096]
    if b"\0" in head:
        return False
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # not only a letter that the cut divided
            return False
        text = head[: error.start].decode("utf-8")
    return all(letter.isprintable() or letter in "\t\n\r\f" for letter in text)


def _short(name: str) -> str:
    """A file's name for a sentence: on one line, and no longer than is readable."""
    name = " ".join(str(name).split()) or "the file"
    return name if len(name) <= 60 else f"{name[:40]}…{name[-15:]}"
