"""How well an explanation's prediction follows a unit: Pearson correlation with an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_Z95 = 1.959963984540054  # standard normal, two-sided 95 %


@dataclass(frozen=True)
class Correlation:
    """Pearson's r over n images with its 95 % interval; None with a reason where undefined."""

    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


def simulate(weights: np.ndarray, bias: float, values: np.ndarray) -> np.ndarray:
    """The predicted activation of every image, Σ wᵢ·P(cᵢ|x) + bias (eq. 8–9); float64 (N,).

    weights: (T,). values: P of the T concepts by the simulator, (T, N).
    """
    return np.asarray(weights, dtype=np.float64) @ values.astype(np.float64) + bias


def correlation(actual: np.ndarray, simulated: np.ndarray) -> Correlation:
    """Pearson correlation (eq. 10) of two vectors (n,) with Fisher's interval.

    The interval is tanh(atanh(r) ± 1.96/√(n−3)): closed form, within [-1, 1], and near the
    bootstrap's for the hundreds of images of a test split.
    """
    a = np.asarray(actual, dtype=np.float64)
    s = np.asarray(simulated, dtype=np.float64)
    n = len(a)
    if n < 4:
        return Correlation(n, reason=f"Only {n} images to score on; 4 are the least.")
    if _constant(a):
        return Correlation(n, reason="The unit has the same activation on all of these images.")
    if _constant(s):
        return Correlation(n, reason="The explanation predicts the same activation for all of these images.")
    a, s = a - a.mean(), s - s.mean()
    r = float(np.clip((a @ s) / np.sqrt((a @ a) * (s @ s)), -1, 1))
    if abs(r) == 1:
        return Correlation(n, r, r, r)
    half = _Z95 / np.sqrt(n - 3)
    return Correlation(n, r, float(np.tanh(np.arctanh(r) - half)), float(np.tanh(np.arctanh(r) + half)))


def _constant(values: np.ndarray) -> bool:
    """Whether values differ by no more than rounding."""
    return float(np.ptp(values)) <= 1e-12 * max(1.0, float(np.abs(values).max()))
