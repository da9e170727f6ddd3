"""A closer look at one image, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..base.numbers import rounded
from ..store import Unit
from .markdown import md

if TYPE_CHECKING:
    from ..live import Look
if TYPE_CHECKING:
    pass

_WORDS = {
    "activation": "What the unit computes at each place: its map, of which its activation is the pooled value.",
    "occlusion": "How much the activation drops when a grey square hides that place.",
    "saliency": "How sensitive the activation is to each pixel: the size of its gradient, largest over the colours.",
    "gradcam": "Grad-CAM: the maps of an earlier layer, weighted by how the activation depends on each.",
}


def look_words(unit: Unit, image: int, found: Look, kind: str) -> str:
    """The activation now and as recorded, and what the colours mean."""
    parts = []
    if found.activation is not None:
        recorded = float(unit.activations[image])
        now = f"The network gives this image **{rounded(found.activation)}**"
        same = rounded(found.activation) == rounded(recorded)
        parts.append(
            f"{now}, as recorded."
            if same
            else f"{now}; **{rounded(recorded)}** was recorded. The store keeps a smaller or compressed picture."
        )
    if found.map is None:
        parts.append(f"There is no map. {md(found.reason or '')}")
        return " ".join(parts)
    values = found.map.values
    parts += [_WORDS[kind], _colours(values, kind)]
    return "\n\n".join(parts)


def _colours(values: np.ndarray, kind: str) -> str:
    """What the colours of a map mean, as `overlay` chooses them."""
    low, high = float(values.min()), float(values.max())
    if low < 0:
        most = max(-low, high)
        return f"Orange is above 0, purple below; the strongest colour is ±{rounded(most)}, and 0 is transparent."
    if not high > 0:
        return "It is 0 everywhere, so nothing lies over the image."
    end = float(np.quantile(values, 0.99)) if kind == "saliency" else high
    if 0 < end < high:
        return (
            f"Yellow is {rounded(end)} and more, which 1% of the pixels reach (the largest is {rounded(high)}); 0 is "
            "transparent."
        )
    return f"Yellow is the largest value, {rounded(high)}; 0 is transparent."
