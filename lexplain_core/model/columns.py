"""Where activations go while they are recorded: into memory, or a file if they are too many."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from ..base.errors import UserError, quote, shortage

_SIZE = r"([0-9]{1,18}(?:\.[0-9]{1,18})?)\s*+(?:([KMGT])(i)?)?B?"
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4}
# Blocks are gathered before they are written: a write touches a page of each unit's row.
_BLOCK_IMAGES = 1024
_BLOCK_BYTES = 64 * 2**20


def parse_bytes(text: str) -> int:
    """Bytes of a size such as `2GiB`, `500MB` or `1000000`. Raises `UserError` for anything else."""
    found = re.fullmatch(_SIZE, text.strip(), re.IGNORECASE)
    if not found:
        raise UserError(f"record.memory is {quote(text)}, which is not a size such as 2GiB or 500MB.")
    number, prefix, binary = found.groups()
    power = _POWERS[prefix.upper()] if prefix else 0
    return int(float(number) * (1024 if binary else 1000) ** power)


def _reserve(file: BinaryIO, size: int) -> None:
    """Give a new file its size on the disk: a mapped page for which there is no room ends the process with a signal."""
    if hasattr(os, "posix_fallocate") and size:
        os.posix_fallocate(file.fileno(), 0, size)
        return
    for start in range(0, size, _BLOCK_BYTES):
        file.write(bytes(min(_BLOCK_BYTES, size - start)))
    file.flush()


class Columns:
    """Float32 arrays (K, N), one per layer, filled with blocks of images in their order.

    Kept in memory up to `limit` bytes in all, else in files in `folder`, which stay the
    caller's (`name` tells those of several apart); with `folder` None in files that vanish with the arrays.
    """

    def __init__(
        self,
        units: Sequence[int],
        images: int,
        limit: int,
        folder: Path | None = None,
        name: str = "layer",
    ):
        self.images = images
        self._edges = np.cumsum([0, *units])
        total = 4 * int(self._edges[-1]) * images
        self.spilled = total > limit
        self._filled = 0
        self._waiting: list[np.ndarray] = []
        if not self.spilled:
            self._arrays = [np.empty((k, images), np.float32) for k in units]
            return
        where = Path(folder) if folder is not None else Path(tempfile.gettempdir())
        free = shutil.disk_usage(where).free
        if total > free:
            raise UserError(
                f"The activations take {total / 1e9:.1f} GB, but {where} has {free / 1e9:.1f} GB free; record "
                "fewer layers, or set TMPDIR to a folder with more room."
            )
        self._files = []
        for number, k in enumerate(units):
            path = where / f"{name}-{number}.f32"
            file = tempfile.TemporaryFile() if folder is None else path.open("w+b")
            self._files.append((file, (k, images)))
            try:
                _reserve(file, 4 * k * images)
            except OSError as error:
                self.close()
                raise UserError(
                    f"The activations take {total / 1e9:.1f} GB, which {where} can't hold "
                    f"({shortage(error) or error.strerror}); record fewer layers, or set TMPDIR to a folder with more room."
                ) from None

    def add(self, block: np.ndarray) -> None:
        """Take the next images: float32, shape (B, K of all layers together)."""
        self._waiting.append(block)
        images = sum(len(b) for b in self._waiting)
        if images >= _BLOCK_IMAGES or images * block.shape[1] * 4 >= _BLOCK_BYTES:
            self._write()

    def _write(self) -> None:
        if not self._waiting:
            return
        block = np.concatenate(self._waiting)
        self._waiting = []
        images = slice(self._filled, self._filled + len(block))
        for number, (start, stop) in enumerate(zip(self._edges, self._edges[1:], strict=False)):
            # a file is mapped for each write alone, so that its pages don't pile up in the process
            array = self._map(number, "r+") if self.spilled else self._arrays[number]
            array[:, images] = block[:, start:stop].T
        self._filled = images.stop

    def _map(self, number: int, mode: Literal["r", "r+"]) -> np.memmap:
        file, shape = self._files[number]
        return np.memmap(file, np.float32, mode, shape=shape)

    def change(self, function: Callable[[np.ndarray], np.ndarray]) -> None:
        """Put `function(block)` in the place of every block of images, float32 (B, K) of a single array."""
        self._write()
        array = self._map(0, "r+") if self.spilled else self._arrays[0]
        for start in range(0, self.images, _BLOCK_IMAGES):
            part = slice(start, start + _BLOCK_IMAGES)
            array[:, part] = function(np.ascontiguousarray(array[:, part].T)).T

    def finish(self) -> list[np.ndarray]:
        """The arrays, all images in place; memmaps are read-only."""
        self._write()
        if self._filled != self.images:
            raise RuntimeError(f"{self._filled} of {self.images} images were recorded")
        if not self.spilled:
            return self._arrays
        arrays: list[np.ndarray] = [self._map(number, "r") for number in range(len(self._files))]
        self.close()
        return arrays

    def close(self) -> None:
        """Close the files; arrays that map them stay good."""
        for file, _ in getattr(self, "_files", []):
            file.close()
