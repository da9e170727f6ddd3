"""What chance gives: an explanation scored against the other units of its layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEAST_UNITS = 2  # fewer other units say nothing of chance
# Below this a difference of two correlations is rounding: the null comes from float32 products.
TIE = 1e-5


@dataclass(frozen=True)
class Null:
    """Correlations of one simulation with the activations of the layer's *other* units.

    units: how many others. mean, high: their mean and 95th percentile. above: how many of them
    score at least as high as the unit that the explanation is for. None with a reason where
    undefined.
    """

    units: int
    mean: float | None = None
    high: float | None = None
    above: int | None = None
    reason: str | None = None


def null(own: float, others: np.ndarray) -> Null:
    """Sum up the null of one explanation.

    own: its correlation with its unit. others: its correlations with the other units, (K−1,).
    """
    count = len(others)
    if count < LEAST_UNITS:
        named = {0: "no other unit", 1: "only 1 other unit"}[count]
        return Null(count, reason=f"The layer has {named} that varies on these images; 2 are the least.")
    above = int((others >= own - TIE).sum())
    return Null(count, float(np.mean(others, dtype=np.float64)), float(np.percentile(others, 95)), above)
