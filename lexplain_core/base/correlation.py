"""How well an explanation's prediction follows a unit: Pearson correlation with an interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Z95 = 1.959963984540054  # standard normal, two-sided 95 %
LARGEST = 1e100  # sums of squares stay finite in double precision


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


def correlation(
    actual: np.ndarray, simulated: np.ndarray, interval: Literal["fisher", "wider"] = "fisher"
) -> Correlation:
    """Pearson correlation (eq. 10) of two vectors (n,) with its interval.

    `fisher` is tanh(atanh(r) ± 1.96/√(n−3)): closed form and within [-1, 1], but meant for normal
    data; where a rare concept drives a sparse unit it is several times too narrow. `wider` takes
    the larger of Fisher's standard error and the one that the images themselves show
    (`_error_of_z`), and so is about as wide as a bootstrap's interval there.
    """
    a = np.asarray(actual, dtype=np.float64)
    s = np.asarray(simulated, dtype=np.float64)
    n = len(a)
    if n < 4:
        return Correlation(n, reason=f"Only {n} images to score on; 4 are the least.")
    if not (np.abs(s) <= LARGEST).all():  # nor is NaN
        return Correlation(
            n,
            reason="The explanation predicts activations that are not finite, or too large to compute with.",
        )
    if constant(a):
        return Correlation(n, reason="The unit has the same activation on all of these images.")
    if constant(s):
        return Correlation(n, reason="The explanation predicts the same activation for all of these images.")
    a, s = a - a.mean(), s - s.mean()
    r = float(np.clip((a @ s) / np.sqrt((a @ a) * (s @ s)), -1, 1))
    if abs(r) == 1:
        return Correlation(n, r, r, r)
    error = 1 / np.sqrt(n - 3)
    if interval == "wider":
        error = max(error, _error_of_z(a, s, r))
    half = Z95 * error
    return Correlation(n, r, float(np.tanh(np.arctanh(r) - half)), float(np.tanh(np.arctanh(r) + half)))


def _error_of_z(a: np.ndarray, s: np.ndarray, r: float) -> float:
    """Standard error of atanh(r) for data of any distribution, from centred a and s, (n,).

    The delta method with r's influence function, a·s − r·(a² + s²)/2 for standardised a and s
    (Devlin, Gnanadesikan & Kettenring, Biometrika 1975); 0 where r is too near ±1 for it.
    """
    if 1 - r * r < 1e-9:
        return 0.0
    a, s = a / a.std(), s / s.std()
    influence = a * s - r / 2 * (a * a + s * s)
    return float(np.sqrt(np.mean(influence**2) / len(a)) / (1 - r * r))


def constant(values: np.ndarray) -> np.ndarray:
    """Whether values differ by no more than rounding, along the last axis."""
    return np.ptp(values, axis=-1) <= 1e-12 * np.maximum(1.0, np.abs(values).max(axis=-1))
