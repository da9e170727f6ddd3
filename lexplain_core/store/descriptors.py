"""What an image looks like in 192 bytes: its colours in place, to find alike images without a network."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

SIDE = 8
LENGTH = 3 * SIDE * SIDE


def describe(image: Image.Image) -> bytes:
    """The mean colour of each of 8 × 8 equal parts of the whole image, row by row, as RGB bytes.

    The image's EXIF orientation is applied, transparency is laid on white. The whole image is
    squashed to the grid, as in MPEG-7's colour layout: what lies at its sides counts, too.
    """
    image = ImageOps.exif_transpose(image)
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (255, 255, 255, 255)), image)
    return image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX).tobytes()


def distances(descriptors: np.ndarray, descriptor: bytes) -> np.ndarray:
    """Root mean square difference of a descriptor from others, uint8 (N, 192), in levels of a colour
    channel, 0 to 255; float64 (N,). `ValueError` for a descriptor of another length."""
    if len(descriptor) != LENGTH:
        raise ValueError(f"a descriptor has {LENGTH} bytes, not {len(descriptor)}")
    difference = descriptors.astype(np.int32)
    difference -= np.frombuffer(descriptor, dtype=np.uint8)
    return np.sqrt(np.einsum("ij,ij->i", difference, difference) / LENGTH)
