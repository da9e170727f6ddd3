"""How sure a share, a mean over units or a correlation is: Wilson, bootstrap and Fisher intervals.

An interval that can't be had is NaN; `no_interval` says why in words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import isnan, nan

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from ...base.intervals import LEVEL

RESAMPLES = 10_000  # as IMI
FEW = 10  # units; below, a bootstrap's 95 % interval holds the true mean less than 90 % of the time
_CHUNK = 2_000_000  # numbers of a matrix of weights that are held at once


def bootstrap_units(
    unit_means: ArrayLike, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float, float]:
    """Mean over units and its bootstrap interval: (mean, low, high).

    unit_means: one number a unit, (U,). The interval is SciPy's BCa bootstrap of the mean over units, as
    IMI's (comparison.ipynb). One unit has no interval (NaN); where all units are equal it is [mean, mean].
    """
    means = np.asarray(unit_means, dtype=np.float64)
    if not len(means):
        return nan, nan, nan
    mean = float(means.mean())
    if len(means) == 1:
        return mean, nan, nan
    if np.ptp(means) <= 1e-12:
        return mean, mean, mean
    found = stats.bootstrap(
        (means,),
        np.mean,
        n_resamples=resamples,
        batch=max(1, _CHUNK // len(means)),
        confidence_level=level,
        rng=np.random.default_rng(seed),
    )
    low, high = found.confidence_interval
    if isnan(low) or isnan(high):  # all resamples on one side of the mean: BCa's correction is infinite
        low, high = _percentiles(found.bootstrap_distribution, level)
    return mean, float(low), float(high)


def bootstrap_clustered(
    answers: pd.DataFrame,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
    pooled: bool = False,
) -> tuple[float, float, float]:
    """Mean over units of the share right, with an interval that knows people differ: (mean, low, high).

    answers: columns participant, unit_id, correct. Each resample draws participants and, independently,
    units, both with replacement, and keeps each answer as often as its participant was drawn; the percentile
    interval of the mean over units (of all answers if `pooled`). Resampling both is on the wide side (Owen,
    Annals of Applied Statistics 2007): up to √3 times too wide where neither people nor units differ, as chance
    is counted three times, and nearer to right where they do. NaN with fewer than two of either.
    """
    if not len(answers):
        return nan, nan, nan
    who, people = pd.factorize(answers.participant)
    what, units = pd.factorize(answers.unit_id)
    shape = len(people), len(units)
    cell = who * shape[1] + what
    n = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
    k = np.bincount(cell[answers.correct.to_numpy(bool)], minlength=n.size).reshape(shape)
    mean = float(k.sum() / n.sum() if pooled else (k.sum(0) / n.sum(0)).mean())
    if min(shape) < 2:
        return mean, nan, nan
    right, asked = k.astype(np.float32), n.astype(np.float32)  # counts, exact up to 2²⁴
    drawn = []
    for of_people, of_units in zip(
        _draws(shape[0], resamples, seed, shape), _draws(shape[1], resamples, seed + 1, shape), strict=True
    ):
        a, b = of_people @ right, of_people @ asked
        if pooled:
            top, bottom = (a * of_units).sum(1, dtype=float), (b * of_units).sum(1, dtype=float)
        else:
            seen = of_units * (b > 0)  # a unit that none of the drawn people judged drops out
            top, bottom = (seen * (a / np.maximum(b, 1))).sum(1, dtype=float), seen.sum(1, dtype=float)
        drawn.append(top[bottom > 0] / bottom[bottom > 0])
    return mean, *_percentiles(np.concatenate(drawn), level)


def _draws(n: int, resamples: int, seed: int, shape: tuple[int, int]) -> Iterator[np.ndarray]:
    """How often each of n was drawn, float32 (rows, n), in chunks that are alike for both sides of `shape`."""
    rows = max(1, _CHUNK // max(shape))
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        make = _counts if n * size <= _CHUNK // 4 else _counts.__wrapped__
        yield make(n, size, seed, start)


@lru_cache(maxsize=16)
def _counts(n: int, rows: int, seed: int, start: int) -> np.ndarray:
    drawn = np.random.default_rng((seed, start, n)).integers(0, n, (rows, n))
    drawn += np.arange(rows)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float32)


def _percentiles(values: np.ndarray, level: float) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def no_interval(units: int, participants: int = 2) -> str:
    """Why a mean over units lacks an interval, or lacks the clustered one; '' where it has both."""
    if not units or not participants:
        return "No answers."
    if units == 1:
        return "Only one unit; an interval needs two at least."
    if participants == 1:
        return "Only one participant; an interval clustered by participant needs two at least."
    return ""


def few_units(units: int) -> str:
    """A caution where a bootstrap over units rests on too few of them, or ''.

    With n units it can't know of others: for n = 2 it is the range of the two, which holds the true mean of
    normal data half of the time; at 10 units about nine times in ten.
    """
    return f"Only {units} units; the interval is too narrow." if 2 <= units < FEW else ""


@dataclass(frozen=True)
class Association:
    """Spearman's and Pearson's correlation of two scores over n units, with intervals.

    NaN with a reason where undefined; with three units there is a correlation and no interval.
    """

    n: int
    spearman: float = nan
    spearman_low: float = nan
    spearman_high: float = nan
    pearson: float = nan
    pearson_low: float = nan
    pearson_high: float = nan
    reason: str = ""


def association(
    first: ArrayLike,
    second: ArrayLike,
    level: float = LEVEL,
    names: tuple[str, str] = ("The first score", "The second score"),
) -> Association:
    """Correlations of two scores, (n,) each; pairs with a NaN are left out.

    Intervals are Fisher's, tanh(atanh(r) ± z·se), with se 1/√(n−3) for Pearson's r and √(1 + ρ²/2)/√(n−3)
    for Spearman's ρ (Bonett & Wright, Psychometrika 2000).
    """
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    n = len(x)
    if n < 3:
        return Association(n, reason=f"{n or 'No'} unit{'s' * (n != 1)} with both scores; 3 are the least.")
    for values, name in ((x, names[0]), (y, names[1])):
        if np.ptp(values) <= 1e-12 * max(1.0, np.abs(values).max()):
            return Association(n, reason=f"{name} is the same for all {n} units.")
    rho = float(np.clip(stats.spearmanr(x, y).statistic, -1, 1))
    r = float(np.clip(stats.pearsonr(x, y).statistic, -1, 1))
    if n == 3:
        return Association(n, spearman=rho, pearson=r, reason="An interval needs 4 units at least.")
    z = float(stats.norm.ppf((1 + level) / 2) / np.sqrt(n - 3))
    return Association(n, rho, *_fisher(rho, z * np.sqrt(1 + rho * rho / 2)), r, *_fisher(r, z))


def _fisher(r: float, half: float) -> tuple[float, float]:
    if abs(r) > 1 - 1e-12:  # rounding: ±1 stays ±1
        return r, r
    return float(np.tanh(np.arctanh(r) - half)), float(np.tanh(np.arctanh(r) + half))
