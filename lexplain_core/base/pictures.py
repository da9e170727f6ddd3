"""The one place where pictures are opened: in few formats, and within bounds of bytes and pixels.

Pillow's plugins reach far beyond pictures (an EPS starts Ghostscript), and a picture's head may promise
any number of pixels. The linter bans `Image.open` everywhere else.
"""

from __future__ import annotations

import io
import stat
import warnings
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, UnidentifiedImageError

from .errors import refuse_shortage

# Images on disk and pictures that people send: plain raster readers, none of which starts a program.
FILES = ("JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF", "PPM")
SENT = FILES[:-1]  # no browser has PPMs, whose head is read a byte at a time
LARGEST_FILE = 2**31  # bytes; an uncompressed TIFF of the most pixels that Pillow lets through is smaller

# What stores and studies hold, and browsers get as it is.
STORED = {"JPEG": "image/jpeg", "PNG": "image/png"}
STORED_BYTES = 16 * 2**20
STORED_PIXELS = 20_000_000
_SCAN, _MOST_SCANS = b"\xff\xda", 100  # the mark of a JPEG's scan; progressive ones have some ten
# Files that get a picture's name, known by bytes at a place near their start; none of these formats is read.
_OTHERS = ((0, b"%!PS", "EPS"), (0, b"\xc5\xd0\xd3\xc6", "EPS"), (0, b"%PDF", "PDF"), (0, b"8BPS", "Photoshop"),
           (0, b"<svg", "SVG"), (0, b"<?xml", "XML"), (4, b"ftyp", "HEIC, AVIF or MP4"), (0, b"<!DOCTYPE html", "HTML"),
           (0, b"<html", "HTML"))  # fmt: skip
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}

# Pillow only warns from 89 million pixels on; who opens a picture here says how many are too many.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings(
    "ignore", module=r"PIL\.TiffImagePlugin"
)  # a line for each odd tag, of which there may be thousands


class UnreadableImage(Exception):
    """A picture that can't be opened; the text is a short reason."""


@contextmanager
def opened(
    source: str | Path | bytes,
    formats: Sequence[str] = FILES,
    max_pixels: int | None = None,
    max_bytes: int = LARGEST_FILE,
) -> Iterator[Image.Image]:
    """A picture given by path or by its bytes; what the block does with it may fail, too.

    The number of pixels is checked in the head, before any is decoded; without `max_pixels` Pillow's own
    bound holds, some 179 million. Raises `UnreadableImage` for whatever is wrong with it, and `Shortage` where the
    machine is at fault: its memory is full, too many files are open, its disk fails.
    """
    try:
        size = len(source) if isinstance(source, bytes) else _size(source)
        if size > max_bytes:
            raise UnreadableImage(f"too large: {size:,} bytes, more than {max_bytes:,}")
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        with Image.open(file, formats=list(formats)) as image:
            width, height = image.size
            if max_pixels is not None and width * height > max_pixels:
                raise UnreadableImage(f"too large: {width} × {height} pixels, more than {max_pixels:,}")
            # Pillow takes the square of the number of its comments.
            if image.format == "PPM" and image.tile[0][0] == "ppm_plain":
                raise UnreadableImage("a PPM written as text: save it as a binary one")
            if image.format in ("JPEG", "MPO") and _scans(source) > _MOST_SCANS:
                raise UnreadableImage(
                    f"a JPEG of more than {_MOST_SCANS} scans, each of which is decoded whole"
                )
            yield image
    except UnreadableImage:
        raise
    except UnidentifiedImageError:
        raise UnreadableImage(_unknown(source)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImage(f"too large: {error}") from None
    except Exception as error:  # decoders raise anything from OSError to struct.error on broken files
        refuse_shortage(error, f"The image{'' if isinstance(source, bytes) else f' {source}'} can't be read")
        detail = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UnreadableImage(f"can't be decoded: {detail}") from None


def _unknown(source: str | Path | bytes) -> str:
    """Why a file is no picture, by how it starts."""
    if not isinstance(source, bytes):
        with Path(source).open("rb") as file:
            source = file.read(16)
    for place, mark, name in _OTHERS:
        if source[place:].startswith(mark):
            return f"not an image that can be read, but a file in {name} format"
    return "not an image in a known format, or its header is broken"


def _scans(source: str | Path | bytes) -> int:
    """How often a JPEG's picture is drawn over; its pixels never hold the mark of a scan's start, its thumbnails may."""
    if isinstance(source, bytes):
        return source.count(_SCAN)
    found, before = 0, b""
    with Path(source).open("rb") as file:
        while found <= _MOST_SCANS and (piece := file.read(2**20)):
            found += (before + piece).count(_SCAN)
            before = piece[-1:]
    return found


def _size(path: str | Path) -> int:
    """Bytes of a file; reading a pipe would wait for ever, and a device has no end."""
    facts = Path(path).stat()
    if not stat.S_ISREG(facts.st_mode):
        raise UnreadableImage("not a regular file")
    return facts.st_size


def stored_rgb(data: bytes) -> Image.Image:
    """A picture that a store or a study holds, as RGB. Raises `UnreadableImage`."""
    with opened(data, tuple(STORED), STORED_PIXELS, STORED_BYTES) as image:
        return image.convert("RGB")


def stored_type(data: bytes) -> str:
    """The media type of a stored picture that a browser gets as it is: image/jpeg or image/png.

    Its pixels are not decoded; its head and its end are looked at. Raises `UnreadableImage`.
    """
    with opened(data, tuple(STORED), STORED_PIXELS, STORED_BYTES) as image:
        kind = image.format
    if kind not in STORED:  # Pillow takes a JPEG of several frames for another format
        raise UnreadableImage("not a plain JPEG or PNG")
    if not data.endswith(_ENDS[kind]):
        raise UnreadableImage("its end is missing")
    return STORED[kind]


@cache
def data_url(data: bytes, kind: str = "image/jpeg") -> str:
    """A picture as an address that holds it whole. data: as a store keeps it. kind: its MIME type."""
    return f"data:{kind};base64,{b64encode(data).decode()}"


def jpeg_url(image: Image.Image, quality: int = 90) -> str:
    """A picture of the moment as an address that holds it, as a JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return data_url(buffer.getvalue())


def grey(words: str = "") -> bytes:
    """A grey square in place of a picture that isn't shown, as JPEG; words: a note on it, a few letters a line."""
    side = 96 if words else 64
    image = Image.new("RGB", (side, side), (128, 128, 128))
    if words:
        place = (side / 2, side / 2)
        ImageDraw.Draw(image).multiline_text(place, words, (255, 255, 255), anchor="mm", align="center")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def unreadable() -> bytes:
    """The grey square in place of a picture that can't be opened."""
    return grey("picture\ncan't be\nread")


def rgb_or_grey(data: bytes) -> Image.Image:
    """As `stored_rgb`, with the grey square in place of what can't be opened."""
    return stored_rgb(unreadable() if lost(data) else data)


def lost(data: bytes) -> bool:
    """Whether a stored picture can't be opened, or is the grey square in its place."""
    try:
        stored_rgb(data)
    except UnreadableImage:
        return True
    return data == unreadable()
