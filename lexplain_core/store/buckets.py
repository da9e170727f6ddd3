"""A unit's range in 8 equal buckets, and what is in each: the one place where this is computed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

N_BUCKETS = 8
OTHER = -1  # concept id of "none of the explanation's concepts"
EXAMPLES = 8  # images of a bucket that are shown at a time
_DRAW = 0x1E  # draws of examples have a stream of random numbers of their own
MATCH = 0.5  # an image matches a concept from this P on


@dataclass(frozen=True)
class Buckets:
    """Eight equal ranges from 0 to a unit's largest activation.

    Attributes:
        edges: float64 (9,), 0 to the maximum.
        counts: int64 (8,), images per bucket.
        negative: Images with an activation below 0, which are in no bucket.
    """

    edges: np.ndarray
    counts: np.ndarray
    negative: int

    @classmethod
    def of(cls, activations: np.ndarray) -> Buckets | None:
        """Buckets of activations (N,), or None where no activation is above 0."""
        top = float(np.max(activations))
        if not top > 0:
            return None
        edges = np.linspace(0.0, top, N_BUCKETS + 1)
        edges[-1] = top  # linspace may round it down, and the maximum must stay inside
        where = _assign(activations, edges)
        counts = np.bincount(where[where >= 0], minlength=N_BUCKETS)
        return cls(edges, counts, int((where < 0).sum()))

    def assign(self, activations: np.ndarray) -> np.ndarray:
        """Bucket 0–7 of each activation, -1 below 0; int8, same shape.

        Bucket 0 holds 0, and each bucket holds its upper edge.
        """
        return _assign(activations, self.edges)

    def span(self, bucket: int) -> tuple[float, float]:
        """Lower and upper edge of a bucket."""
        return float(self.edges[bucket]), float(self.edges[bucket + 1])


def _assign(activations: np.ndarray, edges: np.ndarray) -> np.ndarray:
    values = np.asarray(activations, dtype=np.float64)
    inner = np.searchsorted(edges[1:-1], values, side="left")
    return np.where(values < 0, -1, inner).astype(np.int8)


def example_images(
    values: np.ndarray,
    layer_id: int,
    unit: int,
    bucket: int,
    count: int = EXAMPLES,
    seed: int = 0,
    top: bool = False,
    hidden: Collection[int] = (),
    where: np.ndarray | None = None,
) -> np.ndarray:
    """Images of a bucket (0–7, or -1 for the band below 0), strongest first; at most `count` ids.

    values: the unit's activations, (N,). A draw without replacement that is the same for the same
    unit, bucket and seed, or the strongest ones with `top`. hidden: images that are never shown; others take
    their places, so that a draw changes in these alone. where: `buckets_of(values)`, where it is known.
    """
    where = buckets_of(values) if where is None else where
    inside = np.flatnonzero(where == bucket)
    return chosen_images(values, inside, count, [_DRAW, seed, layer_id, unit, bucket + 1], top, hidden)


def buckets_of(values: np.ndarray) -> np.ndarray:
    """The bucket of each activation, as `example_images` takes them; all are in 0 or -1 where none is above 0."""
    buckets = Buckets.of(values)
    return buckets.assign(values) if buckets else np.where(values < 0, -1, 0)


def chosen_images(
    values: np.ndarray,
    inside: np.ndarray,
    count: int,
    stream: Sequence[int],
    top: bool,
    hidden: Collection[int],
) -> np.ndarray:
    """At most `count` of the images `inside`, strongest first; none that is hidden.

    They are drawn by a stream of random numbers, or the strongest ones with `top`.
    """
    shown = inside[~np.isin(inside, list(hidden))] if hidden else inside
    if not top and len(inside) > count:
        draw = np.random.default_rng(list(stream))
        drawn = draw.choice(inside, count, replace=False)
        kept = drawn[np.isin(drawn, shown)]
        if missing := min(len(drawn) - len(kept), len(shown) - len(kept)):
            rest = shown[~np.isin(shown, kept)]
            kept = np.concatenate([kept, draw.choice(rest, missing, replace=False)])
        shown = kept
    return shown[np.lexsort((shown, -values[shown]))][:count]


def winners(matches: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    """For each image the one concept it counts for; int64 (N,), -1 for none.

    matches: boolean (T, N), which of the T concepts each image matches (P ≥ 0.5 over the whole
    probing set). Among its matches an image counts for the concept that the fewest images match;
    ties go to the larger |weight|, then to the earlier term. So no image counts twice.
    """
    terms, n = matches.shape
    if terms == 0:
        return np.full(n, -1)
    frequency = matches.sum(axis=1)
    order = sorted(range(terms), key=lambda t: (frequency[t], -abs(weights[t]), t))
    hit = matches[order]
    first = np.argmax(hit, axis=0)
    return np.where(hit.any(axis=0), np.asarray(order)[first], -1)


def composition(
    buckets: Buckets,
    activations: np.ndarray,
    matches: np.ndarray,
    weights: Sequence[float],
    concept_ids: Sequence[int],
    names: Sequence[str],
) -> pd.DataFrame:
    """What each bucket holds, for the stacked area chart (paper, Figure 3).

    Returns columns bucket, concept, name, count, share: a row per bucket and concept, in the
    order of the terms, with "other" (concept -1) last. Shares of a bucket sum to 1; those of an
    empty bucket are NaN.
    """
    where = buckets.assign(activations)
    winner = winners(matches, weights)
    ids = [*concept_ids, OTHER]
    labels = [*names, "other"]
    rows = []
    for bucket in range(N_BUCKETS):
        inside = winner[where == bucket]
        counts = np.bincount(np.where(inside < 0, len(ids) - 1, inside), minlength=len(ids))
        total = counts.sum()
        for concept, name, count in zip(ids, labels, counts, strict=True):
            share = count / total if total else np.nan
            rows.append((bucket, concept, name, int(count), share))
    return pd.DataFrame(rows, columns=["bucket", "concept", "name", "count", "share"])
