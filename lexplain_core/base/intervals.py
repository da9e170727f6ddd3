"""How sure a share is: Wilson's interval."""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

LEVEL = 0.95


def wilson(right: ArrayLike, n: ArrayLike, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval of right/n, elementwise: (low, high), float64; NaN where n is 0.

    Within [0, 1], and sensible at 0 and n right (Wilson, JASA 1927; Brown, Cai & DasGupta 2001). It takes
    the answers as independent.
    """
    k, n = np.asarray(right, dtype=np.float64), np.asarray(n, dtype=np.float64)
    z2 = stats.norm.ppf((1 + level) / 2) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        p = k / n
        centre = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = np.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
        # At the ends the formula is exactly 0 and 1, but for rounding.
        low = np.where(k == 0, 0.0, np.clip(centre - half, 0, 1))
        high = np.where(k == n, 1.0, np.clip(centre + half, 0, 1))
    return np.where(n > 0, low, nan), np.where(n > 0, high, nan)
