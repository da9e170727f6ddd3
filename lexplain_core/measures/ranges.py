"""Where on a unit's range its images lie: their order by activation, and their buckets."""

from __future__ import annotations

import numpy as np

from ..store.buckets import N_BUCKETS, Buckets


def by_activation(q: np.ndarray) -> np.ndarray:
    """Images by descending activation (N,), ties by their position; int64 (N,)."""
    return np.argsort(-np.asarray(q), kind="stable")


def top_count(beta: float, n: int) -> int:
    """How many images Top Impact sums at a share beta of n: round(beta · n)."""
    return int(round(beta * n))


def buckets_of(q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bucket of each image (N,), and the buckets that the unit has.

    A unit without a positive range has -1 alone, and 0 if it ever is 0.
    """
    buckets = Buckets.of(q)
    if buckets is not None:
        return buckets.assign(q), np.arange(-1, N_BUCKETS)
    bucket = np.where(q < 0, -1, 0)
    return bucket, np.unique(bucket)


def count_buckets(bucket: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """How many images are in each of the buckets `rows`; bucket: (N,), of each image."""
    return np.bincount(bucket + 1, minlength=N_BUCKETS + 1)[rows + 1]
