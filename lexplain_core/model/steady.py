"""Whether a network gives the same numbers again: a few images go through twice, and in other company."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..base.errors import quote
from .base import LayerInfo
from .forward import Forward

_IMAGES = 32  # that are shown again, two and a half times; so many that what is random now and then shows
_DIFFERENCE = 1e-3  # of a layer's standard deviation
# Rounding, since another batch is computed by other kernels: of a layer, in steps of its numbers' size, and of a unit,
# in parts of its own largest number, which may be far above the layer's (3e-6 at most in ResNets, DenseNets and ViTs).
_ROUNDING = 16
_OWN_ROUNDING = 1e-5
OUTPUTS = "the outputs"


class Steady:
    """Notes what some images gave while they were recorded, and shows them again afterwards."""

    def __init__(
        self,
        images: int,
        chosen: Sequence[tuple[LayerInfo, str]],
        device: torch.device,
        half: torch.dtype | None,
    ):
        self._at = np.unique(np.linspace(0, images - 1, _IMAGES).astype(int))
        self._chosen, self._epsilon = chosen, _epsilon(device, half)
        self._noted: list[np.ndarray] = []

    def note(self, first: int, block: np.ndarray, logits: np.ndarray | None) -> None:
        """Take what a batch gave, whose first image is number `first`: (B, ΣK), and (B, C) where there are outputs."""
        here = self._at[(self._at >= first) & (self._at < first + len(block))] - first
        self._noted.append(_joined(block, logits)[here])

    def fault(
        self,
        forward: Forward,
        load: Callable[[int], Image.Image],
        preprocess: Callable[[Image.Image], Tensor],
        batch: int,
    ) -> str | None:
        """A sentence's beginning that says what differs, and why so; None where nothing does.

        Shown again are the images in reverse order, the same once more, and every other one: so batches hold other
        images than while they were recorded.
        """
        self._before = before = np.concatenate(self._noted)
        images = [preprocess(load(int(i))) for i in self._at]
        if not all(
            torch.equal(one, preprocess(load(int(i)))) for one, i in zip(images, self._at, strict=True)
        ):
            return (
                "The preprocessing is random: the same image comes to the network with other pixels each time"
            )
        order = np.arange(len(images))[::-1]
        again, once_more = (_show(forward, [images[i] for i in order], batch) for _ in range(2))
        half = _show(forward, [images[i] for i in order[::2]], batch)
        if place := self._differs(again, once_more):
            return f"The network is random: {place} differs when the same images are shown again"
        for rows, shown in ((order, again), (order[::2], half)):
            if place := self._differs(before[rows], shown):
                return (
                    f"What the network gives for an image depends on the other images of its batch, or on those that it "
                    f"was shown before: {place} differs when the images come in other company"
                )
        return None

    def _differs(self, one: np.ndarray, other: np.ndarray) -> str | None:
        """The first layer, in the order of the config, that has a number which differs by more than rounding."""
        ends = np.cumsum([info.units for info, _ in self._chosen])
        names = [f"layer {quote(info.name)}" for info, _ in self._chosen]
        if one.shape[1] > ends[-1]:
            ends, names = np.append(ends, one.shape[1]), [*names, OUTPUTS]
        for name, start, stop in zip(names, [0, *ends], ends, strict=False):
            values = self._before[:, start:stop].astype(np.float64)
            values[~np.isfinite(values)] = 0  # outputs may be NaN
            rounding = _ROUNDING * self._epsilon
            allowed = np.maximum(
                max(_DIFFERENCE * np.sqrt(values.var(axis=0).mean()), rounding * np.sqrt((values**2).mean())),
                max(rounding, _OWN_ROUNDING) * np.abs(values).max(axis=0),
            )
            with np.errstate(
                invalid="ignore"
            ):  # infinite outputs; those that are so again, or NaN, are the same
                gaps = np.abs(one[:, start:stop].astype(np.float64) - other[:, start:stop])
            gaps = np.nan_to_num(gaps, nan=0).max(axis=0)
            if (beyond := gaps - allowed).max() > 0:
                unit = int(np.argmax(beyond))
                return f"{name} (by {gaps[unit]:.2g} in unit {unit})"
        return None


def _joined(block: np.ndarray, logits: np.ndarray | None) -> np.ndarray:
    return block if logits is None else np.concatenate([block, logits], axis=1)


def _show(forward: Forward, images: list[Tensor], batch: int) -> np.ndarray:
    found = []
    for start in range(0, len(images), batch):
        result = forward(images[start : start + batch])
        if result.ready is not None:
            result.ready.synchronize()
        outputs = None if result.raw is None else result.raw.numpy()
        found.append(_joined(result.block.numpy(), outputs))
    return np.concatenate(found)


def _epsilon(device: torch.device, half: torch.dtype | None) -> float:
    """The relative step of the numbers that are computed with: CUDA's convolutions may round float32 as well."""
    if half is not None:
        return torch.finfo(half).eps
    tf32 = device.type == "cuda" and (
        torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32
    )
    return 2.0**-10 if tf32 or device.type == "mps" else torch.finfo(torch.float32).eps
