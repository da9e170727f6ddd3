"""What an image looks like in 192 bytes: its colours in place, to find alike images without a network."""

from __future__ import annotations

import numpy as np
from PIL import Image

SIDE = 8
LENGTH = 3 * SIDE * SIDE


def describe(image: Image.Image) -> bytes:
    """The mean colour of each of 8 × 8 equal parts of the whole image, row by row, as RGB bytes.

    image: upright and without transparency, as `probe.open_rgb` and stores give it. It is squashed
    to the grid whole, as in MPEG-7's colour layout: what lies at its sides counts, too.
    """
    return image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX).tobytes()


def distances(descriptors: np.ndarray, descriptor: bytes) -> np.ndarray:
    """Root mean square difference of a descriptor from others, uint8 (N, 192), in levels of a colour
    channel, 0 to 255; float64 (N,). `ValueError` for a descriptor of another length."""
    if len(descriptor) != LENGTH:
        raise ValueError(f"a descriptor has {LENGTH} bytes, not {len(descriptor)}")
    difference = descriptors.astype(np.int32)
    difference -= np.frombuffer(descriptor, dtype=np.uint8)
    return np.sqrt(np.einsum("ij,ij->i", difference, difference) / LENGTH)
