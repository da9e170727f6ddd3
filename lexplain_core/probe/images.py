"""Image files in all their kinds as plain RGB, and the small JPEGs that a store keeps."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps

from ..base.errors import UserError, refuse_shortage, shortage
from ..base.pictures import FILES, UnreadableImage, opened

# Endings that are taken for images; what a file really holds is found out when it is opened.
EXTENSIONS = frozenset(".jpg .jpeg .jpe .jfif .png .bmp .webp .gif .tif .tiff .ppm .pgm".split())

_BATCH = 32  # files per job of the thread pool
_STRIP = 2**20  # pixels that are converted at a time
_ORIENTATION = 0x0112  # of EXIF
_WITH_ALPHA = ("RGBA", "RGBa", "LA", "La", "PA")


@dataclass(frozen=True)
class Decoded:
    """An image as RGB, upright, and what it was in its file: Pillow's mode, turned by EXIF, with transparency."""

    image: Image.Image
    mode: str
    turned: bool
    transparent: bool


def open_rgb(source: str | Path | bytes, max_pixels: int | None = None) -> Image.Image:
    """Decode an image file, given by path or by its bytes, as an RGB image of its own size.

    EXIF orientation is applied; of an animation the first frame is taken; transparency is laid
    on white; 16-bit grey is scaled by 1/257; float grey within [0, 1] by 255.
    With `max_pixels`, the size is checked in the header, before any pixel is decoded.
    Raises `UnreadableImage` with a short reason for whatever can't be decoded in full, and `Shortage` where that is
    the machine's fault: its memory is full, too many files are open, its disk fails.
    """
    return read_rgb(source, max_pixels).image


def read_rgb(
    source: str | Path | bytes, max_pixels: int | None = None, formats: Sequence[str] = FILES
) -> Decoded:
    """As `open_rgb`, with what the file said of itself."""
    with opened(source, formats, max_pixels) as image:
        orientation = image.getexif().get(_ORIENTATION, 1)  # a TIFF forgets it when it is decoded
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        transparent = image.mode in _WITH_ALPHA or "transparency" in image.info
        return Decoded(to_rgb(image), image.mode, orientation in range(2, 9), transparent)


def to_rgb(image: Image.Image) -> Image.Image:
    """Return a decoded image of any Pillow mode as RGB (see `open_rgb` for the rules)."""
    if image.mode.startswith("I") or image.mode == "F":
        image = _grey8(image)
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        return _on_white(image)
    return image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    found = Image.new("RGB", image.size)
    for top, rows in _strips(image):
        rows = rows.convert("RGBA")
        white = Image.new("RGBA", rows.size, (255, 255, 255, 255))
        found.paste(Image.alpha_composite(white, rows).convert("RGB"), (0, top))
    return found


def _grey8(image: Image.Image) -> Image.Image:
    """Scale deep grey to 8 bits, where Pillow's own conversion would clip at 255."""
    strips = (np.asarray(rows) for _, rows in _strips(image))
    ends = np.array([(values.min(), values.max()) for values in strips], dtype=np.float64)
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    if not np.isfinite([low, high]).all():
        raise UnreadableImage("it holds values that are not finite")
    less, times = 0.0, 1.0
    if image.mode.startswith("I") and low >= 0 and high <= 65535:
        times = 1 / 257
    elif image.mode == "F" and low >= 0 and high <= 1:
        times = 255.0
    elif low < 0 or high > 255:
        less, times = low, 255 / (high - low)  # no known range: from darkest to brightest
    grey = np.empty((image.height, image.width), dtype=np.uint8)
    for top, rows in _strips(image):
        values = np.asarray(rows, dtype=np.float64)
        grey[top : top + len(values)] = np.rint((values - less) * times)
    return Image.fromarray(grey, "L")


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """(first row, rows) of an image, some rows at a time: what is made in between takes many times its memory."""
    height = max(1, _STRIP // image.width)
    for top in range(0, image.height, height):
        yield top, image.crop((0, top, image.width, min(top + height, image.height)))


def thumbnail_jpeg(image: Image.Image, side: int, fine: bool = False) -> bytes:
    """Return an RGB image as JPEG bytes, its longest side at most `side` pixels.

    Smaller images keep their own size: enlarging is the browser's job. fine: for images that a
    network will look at again, which sees what the eye forgives.
    """
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    # Halved colour resolution shows in images of a few dozen pixels, and saves nothing there.
    full_colour = fine or max(small.size) <= 64
    small.save(buffer, "JPEG", quality=95 if fine else 85, subsampling=0 if full_colour else 2)
    return buffer.getvalue()


@dataclass(frozen=True)
class Stamp:
    """What a file was when it was checked. facts: a hash of what the file system says of it; digest: SHA-256 of its bytes."""

    facts: int
    digest: bytes


class ImageFiles:
    """`load(i)` over a list of files; decodes from disk each time, and may cross processes.

    stamps: of each file as it was checked. One that is another since ends in a `UserError` that names it.
    """

    def __init__(self, root: Path, files: Sequence[str], stamps: Sequence[Stamp]):
        self.root, self.files, self._stamps = root, tuple(files), list(stamps)

    def __call__(self, i: int) -> Image.Image:
        path = self.root / self.files[i]
        try:
            image = open_rgb(path)
        except UnreadableImage as error:
            raise _gone(path, str(error)) from None
        self.digest(i)  # afterwards: so what was decoded is what was checked
        return image

    def digest(self, i: int) -> bytes:
        """SHA-256 of the file's bytes, which are those that were checked."""
        path, known = self.root / self.files[i], self._stamps[i]
        try:
            facts = path.stat()
            if _facts(facts) == known.facts:
                return known.digest
            now = _stamp(path, facts)
        except OSError as error:
            raise _gone(path, shortage(error) or error.strerror or type(error).__name__) from None
        if now.digest != known.digest:
            raise UserError(
                f"The image {path} was changed after the build had begun: leave the images alone, and build again."
            )
        self._stamps[i] = now  # the same bytes under another date
        return known.digest


def _gone(path: Path, why: str) -> UserError:
    return UserError(f"The image {path} can't be read any more ({why}): put it back, or build again.")


def _facts(facts: os.stat_result) -> int:
    """Another number whenever a file is written, exchanged or given another date."""
    return hash((facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns))


def _stamp(path: Path, facts: os.stat_result) -> Stamp:
    with path.open("rb") as file:
        return Stamp(_facts(facts), hashlib.file_digest(file, "sha256").digest())


def check_files(paths: Sequence[Path], max_pixels: int, advance: Callable[[int], None]) -> list[str | Stamp]:
    """Decode every file once, in threads; return for each its stamp, or the reason why it is unusable.

    No image is kept, so memory is bounded by a few images at `max_pixels`. Raises `Shortage` for a file that the
    machine can't read, which says nothing of the image.
    """

    def check(path: Path) -> str | Stamp:
        try:
            str(path).encode("utf-8")
            facts = path.stat()
            if not stat.S_ISREG(facts.st_mode):
                return "it is not a file"
            stamp = _stamp(path, facts)
            open_rgb(path, max_pixels)
        except UnicodeEncodeError:
            return "its path is not valid UTF-8"
        except UnreadableImage as error:
            return str(error)
        except OSError as error:
            refuse_shortage(error, f"The image {path} can't be read")
            return f"can't be decoded: {error.strerror}"
        return stamp

    batches = [paths[i : i + _BATCH] for i in range(0, len(paths), _BATCH)]
    results: list[str | Stamp] = []
    with _strict(), ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
        for found in pool.map(lambda batch: [check(path) for path in batch], batches):
            results += found
            advance(len(found))
    return results


@contextmanager
def _strict() -> Iterator[None]:
    """Let truncated files fail, whatever other libraries have set."""
    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
