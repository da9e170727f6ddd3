"""Draws that a seed fixes: the train / val / test split, and a balanced part of a set."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def split(n: int, seed: int, labels: np.ndarray | None = None) -> np.ndarray:
    """Return 'train', 'val' or 'test' for each of `n` images, shape (n,), 70 / 10 / 20.

    train has 0.7·n and val 0.1·n images, each rounded half up; test has the rest. The images are
    permuted by `numpy.random.default_rng(seed)`; the first of them train, the next val.

    With `labels` (n,) the split is stratified: the totals are the same, and each class has its
    share of each part, give or take two images.
    """
    n_train, n_val = (7 * n + 5) // 10, (n + 5) // 10
    order = np.random.default_rng(seed).permutation(n)
    parts = np.repeat(["train", "val", "test"], [n_train, n_val, n - n_train - n_val])
    if labels is not None:
        order = order[np.argsort(np.asarray(labels)[order], kind="stable")]
        # Spread each part evenly over the class-by-class order; the totals stay exact.
        parts = np.full(n, "train", dtype="<U5")
        test = _spread(n, n - n_train - n_val)
        parts[test] = "test"
        rest = np.flatnonzero(~test)
        parts[rest[_spread(len(rest), n_val)]] = "val"
    result = np.empty(n, dtype="<U5")
    result[order] = parts
    return result


def _spread(n: int, k: int) -> np.ndarray:
    """Boolean (n,) with exactly `k` true, evenly spaced."""
    steps = np.arange(n + 1) * k // max(n, 1)
    return np.diff(steps) > 0


def draw(
    labels: np.ndarray,
    limit: int | None,
    seed: int,
    check: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """Return the sorted indices of at most `limit` images, balanced over the classes.

    Every class gives the same number, a class with fewer gives all it has, and what remains
    goes one each to classes in an order that the seed draws. `check` tells which of the images
    at the given indices are usable, bool (k,); it is asked only about images that were drawn, so
    drawing a part of a large set needn't look at all of it. The result is the one that checking
    every image first would give. `limit` None: all usable images.
    """
    labels = np.asarray(labels)
    if limit is None:
        all_of_them = np.arange(len(labels))
        return all_of_them if check is None else all_of_them[check(all_of_them)]
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    members = [order[labels[order] == c] for c in np.unique(labels)]
    members = [members[c] for c in rng.permutation(len(members))]
    known = np.full(len(labels), check is None)  # checked and good
    while True:
        quotas = _share([len(m) for m in members], limit)
        drawn = np.concatenate([m[:q] for m, q in zip(members, quotas, strict=True)] or [order[:0]])
        unknown = np.sort(drawn[~known[drawn]])
        if check is None or not len(unknown):
            return np.sort(drawn)
        good = check(unknown)
        known[unknown[good]] = True
        bad = unknown[~good]
        members = [m[~np.isin(m, bad)] for m in members] if len(bad) else members


def _share(sizes: list[int], limit: int) -> list[int]:
    """How many each class gives: the highest common level that fits, and one more for the first few."""
    if sum(sizes) <= limit:
        return sizes
    level = max(k for k in range(limit + 1) if sum(min(s, k) for s in sizes) <= limit)
    left = limit - sum(min(s, level) for s in sizes)
    quotas = []
    for size in sizes:
        extra = int(size > level and left > 0)
        left -= extra
        quotas.append(min(size, level) + extra)
    return quotas
