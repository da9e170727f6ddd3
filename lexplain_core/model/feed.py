"""Images on their way to the network: decoded and preprocessed ahead, in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from PIL import Image
from torch import Tensor

from ..base.errors import UserError, quote, refuse_shortage


class Feed:
    """Gives the images of a probing set as tensors (3, H, W), one after the other.

    Threads, not processes: Pillow and NumPy let go of the interpreter's lock while they work,
    and `load` may be any function, which another process could not be handed. `ahead` images
    are prepared in advance; with 0 workers each is prepared when it is asked for. All images must
    come out at one size: `UserError` names the one that doesn't.
    """

    def __init__(
        self,
        load: Callable[[int], Image.Image],
        preprocess: Callable[[Image.Image], Tensor],
        keys: Sequence[str],
        workers: int,
        ahead: int,
    ):
        self._load, self._preprocess, self._keys = load, preprocess, keys
        self._ahead = max(ahead, 1)
        self._pool = ThreadPoolExecutor(workers, "lexplain-decode") if workers else None
        self._coming: deque[Future[Tensor]] = deque()
        self._back: deque[Tensor] = deque()
        self._started = 0
        self._given = 0
        self._size: tuple[int, ...] | None = None

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def look_ahead(self, ahead: int) -> None:
        """Prepare up to `ahead` images in advance from now on."""
        self._ahead = max(ahead, 1)

    def take(self, count: int) -> list[Tensor]:
        """The next `count` images, fewer at the end."""
        images: list[Tensor] = []
        while len(images) < count and (image := self._one()) is not None:
            images.append(image)
        return images

    def skip(self, count: int) -> None:
        """Leave out the next `count` images: what is not being prepared already is not decoded."""
        while count and self._back:
            self._back.popleft()
            count -= 1
        while count and self._coming:
            self._coming.popleft().cancel()
            self._given += 1
            count -= 1
        self._given += count
        self._started = max(self._started, self._given)

    def put_back(self, images: Sequence[Tensor]) -> None:
        """Return images that were taken last; they come again."""
        self._back.extendleft(reversed(images))

    def _one(self) -> Tensor | None:
        if self._back:
            return self._back.popleft()
        if self._given == len(self._keys):
            return None
        if self._pool is None:
            image = self._prepare(self._given)
        else:
            while self._started < len(self._keys) and len(self._coming) < self._ahead:
                self._coming.append(self._pool.submit(self._prepare, self._started))
                self._started += 1
            image = self._coming.popleft().result()
        self._check_size(image, self._keys[self._given])
        self._given += 1
        return image

    def _prepare(self, index: int) -> Tensor:
        try:
            return self._preprocess(self._load(index))
        except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError) as error:
            refuse_shortage(error, f"The image {quote(self._keys[index])} can't be read")
            # the files are checked when the probing set is loaded, but they may change or vanish
            reason = " ".join(str(error).split()).rstrip(".")
            raise UserError(f"The image {quote(self._keys[index])} can't be read: {reason}.") from error

    def _check_size(self, image: Tensor, key: str) -> None:
        self._size = self._size or tuple(image.shape[-2:])
        if tuple(image.shape[-2:]) != self._size:
            here, usual = (f"{h} × {w}" for h, w in (image.shape[-2:], self._size))
            raise UserError(
                f"The image {quote(key)} comes to the network at {here} pixels, those before it at {usual}; set "
                "target.preprocess.resize and target.preprocess.crop, so that all have one size."
            )


def decoding_threads(chosen: int | None, device: torch.device) -> int:
    """How many threads decode: as chosen, else by the cores, fewer where they also run the network."""
    if chosen is not None:
        return chosen
    cores = os.cpu_count() or 1
    return min(cores, 16) if device.type != "cpu" else max(1, min(cores - 1, 4))
