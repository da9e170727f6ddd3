"""Samples of images to estimate sums over all of them, with the estimates' standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_PER_STRATUM = 8  # images that a stratum gets about; more strata than that leave too few for its variance
_UNSEEN = (
    1.5  # things of a kind that a sample holds none of: 3 at most, with 95 % (the rule of three), over 1.96
)
_CERTAIN = 0.5  # of the budget at most for things that are chosen for their guess alone


@dataclass(frozen=True)
class Sample:
    """A stratified random sample without replacement.

    chosen: int64 (m,), positions in what was sampled from, ascending. stratum: int64 (m,), the
    stratum of each. sizes, counts: int64 (H,), how many there are in a stratum and how many of
    them were chosen. guess: (m,), what the sizes of the values were guessed to be, for the chosen ones;
    spread, fourth: (H,), of the *squared* guesses of all in a stratum the variance and the mean square; largest:
    (H,), the largest guess of those that were not chosen, 0 where all were.
    """

    chosen: np.ndarray
    stratum: np.ndarray
    sizes: np.ndarray
    counts: np.ndarray
    guess: np.ndarray
    spread: np.ndarray
    fourth: np.ndarray
    largest: np.ndarray

    @property
    def whole(self) -> bool:
        """Whether nothing was left out."""
        return bool((self.sizes == self.counts).all())

    @property
    def weights(self) -> np.ndarray:
        """How many each chosen one stands for, float64 (m,) (Horvitz & Thompson, 1952)."""
        return (self.sizes / self.counts)[self.stratum]

    def tail(self, values: np.ndarray) -> float:
        """How far the heaviest of the drawn values, (m,) >= 0, lies above their mean, in means and relative to the guesses."""
        relative = self._relative(values[:, None])
        return float(relative.max() / max(relative.mean(), 1e-300) - 1) if relative.any() else 0.0

    def errors(self, values: np.ndarray, tail: float = 0.0) -> np.ndarray:
        """Standard errors of the estimated sums Σ weights · values; values: (m, D) -> (D,).

        √(Σ_h N_h² (1 − n_h/N_h) s_h² / n_h) over the strata (Cochran, Sampling Techniques, eq. 5.6). A few
        values say little of their variance, the less the rarer the large ones are. So a stratum's is
        at least what the variances of all strata, relative to the guesses, make it, and what it
        would be if values went as the squared guesses, which are known of those not chosen, too. Beside it stands
        what those not chosen may hold, see `_unseen`. tail: at least so far above the mean they may lie.
        """
        return np.sqrt(self._variance(values) + self._unseen(np.abs(values), np.ones_like(values), tail))

    def share_errors(self, inside: np.ndarray, values: np.ndarray, tail: float = 0.0) -> np.ndarray:
        """Standard errors of the shares of Σ values that lie inside; inside: boolean (m, D), values: (m,) >= 0 -> (D,).

        By the delta method: those of the sums of (inside − share) · values, over the sum of values.
        """
        total = self.weights @ values
        apart = inside - (self.weights * values) @ inside / total
        variance = self._variance(apart * values[:, None])
        moves = np.where(
            inside.any(axis=0), np.abs(apart), 1.0
        )  # what was not seen may all lie where nothing was
        return np.sqrt(variance + self._unseen(values[:, None], moves, tail)) / total

    def _variance(self, values: np.ndarray) -> np.ndarray:
        """Of the estimated sums, as the sample shows it; (m, D) -> (D,)."""
        order = np.argsort(self.stratum, kind="stable")
        ends = np.cumsum(self.counts)
        taken = np.flatnonzero(self.counts < self.sizes)
        if not len(taken):
            return np.zeros(values.shape[1])
        parts = [order[ends[h] - self.counts[h] : ends[h]] for h in taken]
        sizes, counts = self.sizes[taken].astype(np.float64), self.counts[taken].astype(np.float64)
        own = np.array([values[part].var(axis=0, ddof=1) for part in parts])  # (H, D)
        squares = np.array([np.mean(self.guess[part] ** 2) for part in parts])
        relative = (counts @ own) / max(counts @ squares, 1e-300)
        variance = np.maximum(own, squares[:, None] * relative)
        mean_squares = np.array([np.mean(values[part] ** 2, axis=0) for part in parts])
        per_guess = (sizes @ mean_squares) / max(sizes @ self.fourth[taken], 1e-300)
        variance = np.maximum(variance, self.spread[taken][:, None] * per_guess)
        return (sizes * (sizes - counts) / counts) @ variance

    def _relative(self, values: np.ndarray) -> np.ndarray:
        """Values of what was drawn, (m, D), relative to the guesses; what was taken whole says nothing of the others."""
        drawn = (self.counts < self.sizes)[self.stratum]
        return values[drawn] / self.guess[drawn, None]

    def _unseen(self, values: np.ndarray, factors: np.ndarray, tail: float) -> np.ndarray:
        """Squares of what the things that were not chosen may add, (m, D) -> (D,).

        A sample may hold none of a kind that is rare and heavy, and then its variance knows nothing of it. So it is
        reckoned with _UNSEEN more such things than were seen, each of which counts for as many as a chosen one stands
        for, in the stratum where that is most. They exceed the mean by as much, relative to the largest guess that
        was not chosen, as the heaviest one does that was drawn. factors: by how much what a thing holds moves the estimate.
        """
        relative = self._relative(values)
        if not len(relative):
            return np.zeros(factors.shape[1])
        mean = relative.mean(axis=0)
        heaviest = np.maximum(relative.max(axis=0) - mean, tail * mean)
        moves = np.zeros((len(self.sizes), factors.shape[1]))
        np.maximum.at(moves, self.stratum, factors)
        added = ((self.sizes - self.counts) / self.counts * self.largest)[:, None] * heaviest * moves
        return (_UNSEEN * added.max(axis=0)) ** 2


def draw(
    ranks: np.ndarray, guess: np.ndarray, cuts: Sequence[int], budget: int, rng: np.random.Generator
) -> Sample:
    """Sample at most `budget` of M things, to estimate sums over the first ones and over all.

    ranks: (M,) ascending. guess: (M,), above 0, how large each value may be. cuts: ranks at which
    the strata are to be divided, the important ones first; with a small budget only those. Strata
    at the top are taken whole as long as they need no more than a quarter of the budget, and so are the
    things whose guess is so large that a draw in proportion to it would take them for certain. The
    others are divided further by the guess, so that few large values are not left to chance, and
    sampled in proportion to size times guess (Neyman's allocation), each with at least 2.
    """
    m = len(ranks)
    if m <= budget:
        one, nothing = np.array([m]), np.zeros(1)
        return Sample(np.arange(m), np.zeros(m, dtype=np.int64), one, one, guess, nothing, nothing, nothing)
    if budget < 2:
        raise ValueError("a sample needs 2 images at least")
    kept = np.sort(np.array(list(dict.fromkeys(cuts)), dtype=np.int64)[: max(0, budget // _PER_STRATUM - 1)])
    segment = np.unique(np.searchsorted(kept, ranks, side="right"), return_inverse=True)[1]
    ends = np.cumsum(np.bincount(segment))
    n_whole = int(np.searchsorted(ends, budget // 4, side="right"))
    top = int(ends[n_whole - 1]) if n_whole else 0
    whole = _certain(guess, np.arange(m) < top, budget)
    rest = np.flatnonzero(~whole)
    stratum = np.zeros(m, dtype=np.int64)  # 0: what is taken whole
    segment = np.unique(segment[rest], return_inverse=True)[1]
    stratum[rest] = 1 + _divide(segment, guess[rest], budget - int(whole.sum()))
    strata = np.unique(stratum, return_inverse=True)[1]
    sizes = np.bincount(strata)
    least = np.minimum(sizes, 2)
    if whole.any():
        least[0] = sizes[0]
    squares = np.bincount(strata, (guess / guess.max()) ** 2)
    counts = allocate(np.sqrt(sizes * squares), least, sizes, budget)
    order = np.lexsort((rng.random(m), strata))
    starts = np.cumsum(sizes) - sizes
    nth = np.arange(m) - np.repeat(starts, sizes)
    is_chosen = np.zeros(m, dtype=bool)
    is_chosen[order[nth < np.repeat(counts, sizes)]] = True
    chosen = np.flatnonzero(is_chosen)
    squared = guess**2
    means = np.bincount(strata, squared) / sizes
    spread = np.bincount(strata, (squared - means[strata]) ** 2) / sizes
    fourth = np.bincount(strata, squared**2) / sizes
    largest = np.zeros(len(sizes))
    np.maximum.at(largest, strata[~is_chosen], guess[~is_chosen])
    return Sample(chosen, strata[chosen], sizes, counts, guess[chosen], spread, fourth, largest)


def _certain(guess: np.ndarray, whole: np.ndarray, budget: int) -> np.ndarray:
    """What is taken whole, boolean (M,): `whole`, and what a draw in proportion to the guess would take for certain."""
    order = np.argsort(-guess, kind="stable")
    order = order[~whole[order]]
    left = budget - int(whole.sum())
    rest = np.cumsum(guess[order][::-1])[::-1]  # of each and all that are smaller
    places = left - np.arange(len(order))
    count = int(np.argmin((guess[order] * places >= rest) & (np.arange(len(order)) < _CERTAIN * left)))
    whole = whole.copy()
    whole[order[:count]] = True
    return whole


def _divide(segment: np.ndarray, guess: np.ndarray, budget: int) -> np.ndarray:
    """Divide each segment by the guess into strata of about equal sums of it; int64 (M,)."""
    mass = np.bincount(segment, guess)
    parts = np.maximum(1, (mass / max(mass.sum(), 1e-300) * budget / _PER_STRATUM).astype(np.int64))
    first = np.cumsum(parts) - parts
    order = np.lexsort((-guess, segment))
    before = np.cumsum(guess[order]) - guess[order]
    before -= (np.cumsum(mass) - mass)[segment[order]]
    share = np.clip(before / np.maximum(mass[segment[order]], 1e-300), 0, None)
    part = np.minimum((share * parts[segment[order]]).astype(np.int64), parts[segment[order]] - 1)
    out = np.empty(len(guess), dtype=np.int64)
    out[order] = first[segment[order]] + part
    return out


def allocate(weights: np.ndarray, least: np.ndarray, most: np.ndarray, budget: int) -> np.ndarray:
    """Share out a budget in proportion to weights, within [least, most]; int64, sums to ≤ budget.

    Where not even the least fits, the later ones get nothing.
    """
    weights = np.asarray(weights, dtype=np.float64)
    weights = np.maximum(weights / max(weights.max(initial=0), 1e-300), 1e-9)
    least, most = np.asarray(least, dtype=np.int64), np.asarray(most, dtype=np.int64)
    if least.sum() > budget:
        return np.where(np.cumsum(least) <= budget, least, 0)
    if most.sum() <= budget:
        return most.copy()
    low, high = 0.0, float((most / weights).max())
    for _ in range(100):  # the scale at which the clipped shares use up the budget
        middle = (low + high) / 2
        if np.clip(np.floor(weights * middle), least, most).sum() <= budget:
            low = middle
        else:
            high = middle
    shares = np.clip(np.floor(weights * low), least, most).astype(np.int64)
    left = budget - int(shares.sum())
    open_ = np.flatnonzero(shares < most)
    shares[open_[np.argsort(-weights[open_], kind="stable")][:left]] += 1
    return shares
