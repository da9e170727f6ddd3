"""Where activations go while they are recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..base.memory import large

_BLOCK_IMAGES = 1024


class Columns:
    """Large float32 arrays (K, N), one per layer, filled with blocks of images in their order."""

    def __init__(self, units: Sequence[int], images: int):
        self._edges = np.cumsum([0, *units])
        self._arrays = [large((k, images)) for k in units]
        self._images, self._filled = images, 0

    def add(self, block: np.ndarray) -> None:
        """Take the next images: float32, shape (B, K of all layers together)."""
        images = slice(self._filled, self._filled + len(block))
        for array, start, stop in zip(self._arrays, self._edges, self._edges[1:], strict=False):
            array[:, images] = block[:, start:stop].T
        self._filled = images.stop

    def change(self, function: Callable[[np.ndarray], np.ndarray]) -> None:
        """Put `function(block)` in the place of every block of images, float32 (B, K) of a single array."""
        for start in range(0, self._images, _BLOCK_IMAGES):
            part = slice(start, start + _BLOCK_IMAGES)
            self._arrays[0][:, part] = function(np.ascontiguousarray(self._arrays[0][:, part].T)).T

    def finish(self) -> list[np.ndarray]:
        """The arrays, all images in place."""
        if self._filled != self._images:
            raise RuntimeError(f"{self._filled} of {self._images} images were recorded")
        return self._arrays
