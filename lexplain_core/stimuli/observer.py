"""A machine observer: answers 2AFC trials by similarity in an embedding, in the place of people.

The hard and the soft form of the Machine Interpretability Score (Zimmermann, Klindt & Brendel,
Measuring Per-Unit Interpretability at Scale Without Humans, NeurIPS 2024).
"""

from __future__ import annotations

import numpy as np

from .base import QUERY, REFERENCES
from .ranks import BINS, SAME, Seed, batch_size, query_start, stimuli

MOST = 20  # images of a rank bin, as IMI had
FEW = 6  # fewer would make all trials of a handful of images


def margins(
    embeddings: np.ndarray, low: np.ndarray, high: np.ndarray, without: np.ndarray | None = None
) -> np.ndarray:
    """How clearly an observer tells the two queries of each trial apart, Δ₊ − Δ₋: float64 (T,), in [-4, 4].

    With s(q, E) the mean cosine similarity of a query to the 9 references of a side, Δ₊ = s(q₊, E₊) − s(q₊, E₋)
    and Δ₋ = s(q₋, E₊) − s(q₋, E₋). Above 0 the answer is right.

    embeddings: (N, D), of any length; an image without one (all zeros) is similar to nothing.
    low, high: image ids (T, 10), columns 0 to 8 the references, 9 the query. without: (T,), a
    column of the embeddings that a trial's observer doesn't see.
    """
    # Cosines are products of unit vectors, so Δ₊ − Δ₋ = (q₊ − q₋) · (mean of E₊ − mean of E₋).
    pulled = []
    for side in (np.asarray(high), np.asarray(low)):
        seen = np.asarray(embeddings[side], dtype=np.float64)  # (T, 10, D)
        if without is not None:
            seen[np.arange(len(seen)), :, without] = 0
        length = np.sqrt(np.einsum("tid,tid->ti", seen, seen))
        # weights instead of a division of the whole block
        weight = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
        means = np.einsum("ti,tid->td", weight[:, :REFERENCES] / REFERENCES, seen[:, :REFERENCES])
        pulled.append((seen[:, QUERY] * weight[:, QUERY, None], means))
    (query, near), (other, far) = pulled
    return np.einsum("td,td->t", query - other, near - far)


def score(margins: np.ndarray, slope: float | None = None) -> np.ndarray | float:
    """The score of margins (…, T): mean over the trials, (…).

    Without a slope the hard form: the share of margins above 0; ties count half. With one the soft
    form, the mean of sigmoid(slope · margin): the slope multiplies. (Code by one of its
    authors multiplies by α = 0.16, and cosine similarities then leave every score near 0.5.)
    """
    margins = np.asarray(margins, dtype=np.float64)
    if slope is None:
        return (0.5 + 0.5 * np.sign(margins)).mean(axis=-1)
    return (0.5 + 0.5 * np.tanh(0.5 * slope * margins)).mean(axis=-1)


def observer_batch(n: int) -> int:
    """B of the observer's trials for a probing set of n images.

    IMI's 20 where a side, 10·B images, is then no more than 4 % of all: further in are images that
    excite a unit no more than others. Small probing sets have 6, and sides of up to a quarter of all.
    """
    return max(1, min(MOST, max(n // 250, min(FEW, n // (4 * BINS)))))


def observer_trials(activations: np.ndarray, trials: int, seed: Seed) -> tuple[np.ndarray, np.ndarray]:
    """Easy trials about a unit with activations (N,): image ids low and high, int64 (T, 10).

    They are those of `stimuli`, with other batches: B is `observer_batch`, so that small probing sets give
    more different trials than people get of them, or as much less (but no less than people's `batch_size`) as it takes to
    tell the sides apart. More than B trials are made of the same images shuffled again. Raises
    `Indistinguishable`, and `Refused` of too few images.
    """
    values = np.asarray(activations)
    n, least = len(values), batch_size(len(values))
    query_start(n, "easy", least)  # or there are too few
    batch = observer_batch(n)
    rng = np.random.default_rng(seed)
    low, high = _extremes(values, BINS * batch, rng), _extremes(-values, BINS * batch, rng)
    last = BINS * np.arange(1, batch + 1) - 1
    apart = values[high[last]].astype(np.float64) > values[low[last]].astype(np.float64) + SAME
    batch = max(least, int(apart.sum()))  # the more images, the nearer the sides
    # Only these are in play, so only they are sorted, in each round.
    pool = np.concatenate([low[: BINS * batch], high[: BINS * batch]])
    keys = np.atleast_1d(seed).tolist()
    rounds = [stimuli(values[pool], "easy", (*keys, number), batch) for number in range(-(-trials // batch))]
    sides = [np.concatenate([getattr(one, side) for one in rounds])[:trials] for side in ("low", "high")]
    return pool[sides[0]], pool[sides[1]]


def _extremes(values: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Ids of the smallest values, ascending; which ones of those that tie, and their order, is drawn."""
    edge = np.partition(values, count - 1)[count - 1]
    below = rng.permutation(np.flatnonzero(values < edge))
    below = below[np.argsort(values[below], kind="stable")]
    ties = rng.choice(np.flatnonzero(values == edge), count - len(below), replace=False)
    return np.concatenate([below, ties])
