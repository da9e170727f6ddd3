"""How a layer's units can be replaced: found by trying, the fastest way that is right."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..base.memory import blocks
from .base import Recording, TargetModel
from .effects import ClosedEffects, Effects, NetworkEffects
from .feed import decoding_threads
from .layers import list_layers
from .recording import batch_size
from .replace import Replacer, is_cut, linear_head

_TRIED = 6  # images that a way is tried on
_TEMPERATURES = (0.05, 20.0)


def open_effects(
    model: TargetModel,
    layer: Recording,
    outputs: np.ndarray,
    labels: np.ndarray,
    temperature: float,
    load: Callable[[int], Image.Image],
    keys: Sequence[str],
    device: torch.device,
    workers: int | None = None,
    intervention: str | None = None,
) -> Effects:
    """The effects of replacing units of a recorded layer, see `effects.Effects`.

    outputs: logits of the N images, (N, C). labels: the output of each image's class, int64 (N,).
    intervention: 'closed', 'prefix' or 'whole' to have just that (`ValueError` where it isn't right); the
    fastest that is right without.
    """
    module = model.module.eval().to(device)
    try:
        low, high, liveliest = _ranges(layer.values)
        tried = {*np.linspace(0, len(keys) - 1, min(_TRIED, len(keys))).astype(int).tolist(), liveliest}
        batch = torch.stack([model.preprocess(load(i)) for i in sorted(tried)]).to(device)
        cut = intervention != "whole" and len(batch) >= 3 and is_cut(module, layer.info, batch, model.answer)
        if not cut and intervention in ("closed", "prefix"):
            raise ValueError(f"layer {layer.info.name!r} is no cut of the network")
        replacer = Replacer(module, layer.info, layer.pooling, "prefix" if cut else "whole", model.answer)
        weight = linear_head(replacer, batch, low, high) if cut and intervention != "prefix" else None
    finally:
        module.to("cpu")
    common = (layer.values, outputs, labels, temperature)
    if weight is not None:
        # float64 is needed, and MPS has none
        return ClosedEffects(*common, weight, "cpu" if device.type == "mps" else device)
    if intervention == "closed":
        raise ValueError(f"what follows layer {layer.info.name!r} is no linear head")
    rows = batch_size(list_layers(model), device)
    threads = decoding_threads(workers, device)
    return NetworkEffects(*common, replacer, model, load, keys, device, rows, threads)


def _ranges(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Smallest and largest activation of each unit, (K,), and the image that moves the layer most."""
    low, high, moved = np.empty(len(values)), np.empty(len(values)), np.zeros(values.shape[1])
    for unit, q in enumerate(values):
        low[unit], high[unit] = q.min(), q.max()
        moved += np.abs(q) / max(abs(low[unit]), abs(high[unit]), 1e-30)
    return low, high, int(moved.argmax())


def fit_temperature(outputs: np.ndarray, labels: np.ndarray) -> float:
    """The temperature T at which the cross-entropy of logits/T is smallest; 1 where there is no such T
    between 0.05 and 20.

    outputs: logits (n, C). labels: int64 (n,). The loss is convex in 1/T. Where every image is right
    it falls without end as T → 0, and where the logits say nothing it does so as T → ∞.
    Source: Guo et al., On Calibration of Modern Neural Networks (ICML 2017).
    """
    if not len(labels):
        return 1.0
    own = torch.from_numpy(outputs[np.arange(len(labels)), labels].astype(np.float64))

    def expected(logits: Tensor, inverse: float) -> Tensor:
        return (torch.softmax(logits * inverse, 1) * logits).sum(1)

    def slope(inverse: float) -> float:
        """The derivative of the loss by 1/T; it rises with 1/T."""
        parts = [
            expected(torch.from_numpy(outputs[part].astype(np.float64)), inverse)
            for part in blocks(*outputs.shape)
        ]
        return float((torch.cat(parts) - own).mean())

    low, high = (1 / t for t in reversed(_TEMPERATURES))
    if slope(low) >= 0 or slope(high) <= 0:
        return 1.0
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return 1 / middle
