"""Replace a unit and run the rest of the network.

The plain way runs the whole network again with a hook. Where the layer is a true cut of the graph
(everything after it sees the image only through the layer's output) its output is kept, and only
what follows runs again. Whether it is one is found by trying, not by names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..base.errors import out_of_memory
from .answers import Answer
from .base import LayerInfo, size_of
from .forward import pool
from .hooks import blank_batch, listen, replacing

WAYS = ("prefix", "whole")
# Largest difference, relative to the largest logit, that counts as rounding.
ROUNDING = 1e-5
_PIECE = 16_000_000  # numbers in the outputs of a layer that run at a time


def _exactly(function: Callable) -> Callable:
    """Without gradients, and without TF32: its rounding would look like an effect."""

    @wraps(function)
    def run(*args: Any, **more: Any) -> Any:
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return function(*args, **more)

    return run


@dataclass(frozen=True)
class RunState:
    """A batch that the network has seen: its `logits` (B, C), and what runs with a replaced unit start
    from (the images themselves, or the layer's output)."""

    start: Tensor
    logits: Tensor
    blank: Tensor


class Replacer:
    """One layer of a network whose units can be set to a value.

    A unit is shifted so that its pooled value becomes the one asked for; nothing is clamped. `mean` and `max` shift it at
    every place, `cls` at the first one.
    intervention: 'whole', or 'prefix' for a layer that `is_cut`.
    """

    def __init__(
        self,
        module: nn.Module,
        info: LayerInfo,
        pooling: str,
        intervention: str = "whole",
        answer: Answer | None = None,
    ):
        if intervention not in WAYS:
            raise ValueError(f"intervention {intervention!r} is none of {', '.join(WAYS)}")
        self.module, self.info, self.pooling, self.intervention = module, info, pooling, intervention
        self._logits_of = answer or Answer()

    @_exactly
    def show(self, batch: Tensor) -> RunState:
        """Show images (B, 3, H, W), on the network's device, to the network."""
        if self.intervention == "whole":
            return RunState(batch, self._logits_of(self.module(batch)), batch[:0])
        kept: list[Tensor] = []

        def keep(call: str, _module: nn.Module, output: Tensor) -> None:
            if call == self.info.call:
                kept.append(output.clone())  # the network may overwrite it later on

        with listen(self.module, [self.info.call.partition("#")[0]], keep):
            logits = self._logits_of(self.module(batch))
        return RunState(kept[0], logits, blank_batch(self.module, 1, size_of(batch)))

    @_exactly
    def run(self, shown: RunState, images: Tensor, units: Tensor, values: Tensor) -> Tensor:
        """Logits (R, C), float32: in row r image `images[r]` of the batch with unit `units[r]` set to
        `values[r]`."""
        return self._run(shown, images, lambda output: self._set(output, units, values))

    @_exactly
    def shift(self, shown: RunState, images: Tensor, units: Tensor, by: Tensor) -> Tensor:
        """As `run`, with unit `units[r]` shifted by `by[r]` instead of set to a value."""
        return self._run(shown, images, lambda output: self._shifted(output, units, by))

    def _run(self, shown: RunState, images: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        """Logits of images of the batch with the layer's output changed."""
        if self.intervention == "whole":
            with replacing(self.module, self.info.call, change):
                return self._logits_of(self.module(shown.start[images]))
        # What comes before the layer has to run on something: a blank image, whose output is thrown away.
        output = change(shown.start[images])
        with replacing(self.module, self.info.call, lambda _: output):
            return self._logits_of(self.module(shown.blank))

    def _set(self, output: Tensor, units: Tensor, values: Tensor) -> Tensor:
        """A copy of a layer's output (R, …) with one unit of each row set."""
        at = torch.arange(len(output), device=output.device)
        return self._shifted(output, units, values - pool(output, self.info, self.pooling)[at, units])

    def _shifted(self, output: Tensor, units: Tensor, by: Tensor) -> Tensor:
        """A copy of a layer's output with one unit of each row shifted, (R,): at all places, or those that are pooled."""
        space = self.info.of.space
        by = by.to(output.dtype).reshape(-1, *(1 for _ in space))
        if self.pooling == "cls":
            by = torch.nn.functional.pad(by, (0, space[0] - 1))
        return self.info.of.shift(output, units, by)


def close(one: Tensor, other: Tensor) -> bool:
    """Whether logits of the same images are the same but for rounding."""
    if one.shape != other.shape or not torch.isfinite(one).all():
        return False
    return bool((one - other).abs().max() <= ROUNDING * max(1.0, float(other.abs().max())))


@_exactly
def is_cut(module: nn.Module, info: LayerInfo, batch: Tensor, answer: Answer | None = None) -> bool:
    """Whether the rest of the network sees the images only through this layer's output.

    The layer's output on real images, (B ≥ 3, 3, H, W), is put in its place while the network runs
    on other images, and on another number of them: a skip connection meets tensors that don't fit
    together, or gives other logits.
    """
    if len(batch) < 3:
        raise ValueError("at least 3 images are needed to tell a true cut")
    try:
        shown = Replacer(module, info, info.poolings[0], "prefix", answer).show(batch)
        for count in (2, 1):
            noise = blank_batch(module, count, size_of(batch))
            with replacing(module, info.call, lambda _: shown.start.clone()):
                if not close((answer or Answer())(module(noise)), shown.logits):
                    return False
    except Exception as error:  # whatever a network does with tensors that don't fit together
        if out_of_memory(error):
            raise
        return False
    return True


@torch.inference_mode()
def linear_head(replacer: Replacer, batch: Tensor, low: np.ndarray, high: np.ndarray) -> np.ndarray | None:
    """The weights of what follows the layer, float32 (C, K), if shifting unit k by δ adds δ·W[:, k]
    to the logits; None where it doesn't: something on the way is not linear.

    low, high: (K,), the range of each unit on all images. The weights are read off by shifting each
    unit of an all-zero output by 1, and must then predict the logits of real images with each unit
    set to about half a range above, and below, its own.
    """
    info, rng = replacer.info, torch.Generator().manual_seed(0)
    shown = replacer.show(batch)
    device = shown.start.device
    zero = RunState(torch.zeros_like(shown.start[:1]), shown.logits[:1], shown.blank)
    pooled = pool(shown.start, info, replacer.pooling)
    ends = torch.from_numpy(np.stack([np.minimum(low, 0), np.maximum(high, 0)]).astype(np.float32)).to(device)
    margin = 0.5 * (ends[1] - ends[0]) + 0.1
    piece = int(np.clip(_PIECE // max(1, zero.start.nelement()), 16, 1024))
    origin, columns, start = None, [], 0
    while start < info.units:
        # Few units at first: a head that is not linear shows soon.
        units = torch.arange(start, min(start + (piece if start else 4), info.units), device=device)
        first, one = torch.zeros_like(units), torch.ones(len(units), device=device)
        if origin is None:
            origin = replacer.shift(zero, first[:1], units[:1], torch.zeros(1, device=device))
        weights = replacer.shift(zero, first, units, one) - origin
        for sign, end in ((-1, ends[0]), (1, ends[1])):
            images = torch.randint(len(batch), (len(units),), generator=rng).to(device)
            beyond = 0.5 + 0.5 * torch.rand(len(units), generator=rng).to(device)
            values = end[units] + sign * beyond * margin[units]
            shift = values - pooled[images, units]
            seen = replacer.run(shown, images, units, values)
            if not close(shown.logits[images] + shift[:, None] * weights, seen):
                return None
        columns.append(weights.T.cpu())
        start += len(units)
    return torch.cat(columns, dim=1).numpy()
