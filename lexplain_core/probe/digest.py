"""What a probing set's images are, as one short text: for caches that must notice any change."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from ..base.progress import Progress, Silent
from . import _Taken
from .base import ProbingSet
from .images import ImageFiles

_BATCH = 64  # images per job of the thread pool


def content_digest(probing: ProbingSet, progress: Progress | None = None) -> str:
    """SHA-256 (hex) of the images in their order; labels, names and paths don't count.

    Changes when any image does, or their order or number. Raises `UserError` for a file that is gone.
    """
    return digest_of_all(image_digests(probing, progress))


def image_digests(probing: ProbingSet, progress: Progress | None = None) -> list[bytes]:
    """The `image_digest` of every image, in their order."""
    progress = progress or Silent()
    batches = [range(i, min(i + _BATCH, len(probing))) for i in range(0, len(probing), _BATCH)]
    digests: list[bytes] = []
    with (
        progress.task("looking for changed images", len(probing)) as advance,
        ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool,
    ):
        for found in pool.map(lambda batch: [image_digest(probing.load, i) for i in batch], batches):
            digests += found
            advance(len(found))
    return digests


def digest_of_all(digests: Iterable[bytes]) -> str:
    """The `content_digest` of images by their digests."""
    whole = hashlib.sha256(b"images 1")
    for digest in digests:
        whole.update(digest)
    return whole.hexdigest()


def image_digest(load: Callable[[int], Image.Image], i: int) -> bytes:
    """SHA-256 (32 bytes) of image i of a probing set's `load`, by the cheapest way that sees every change.

    Of an image file the bytes, without decoding them; of any other image the pixels. The store keeps it of each
    image (`images.digest`). Raises `UserError` for a file that is gone or was changed since it was checked.
    """
    while isinstance(load, _Taken):
        i = int(load.indices[i])
        load = load.load
    if isinstance(load, ImageFiles):
        return load.digest(i)
    return _of_pixels(load(i))


def _of_pixels(image: Image.Image) -> bytes:
    pixels = np.ascontiguousarray(image)
    return hashlib.sha256(f"{image.mode} {pixels.shape}".encode() + pixels.tobytes()).digest()
