"""Images by class and by superclass, for the levels of the area chart that no explanation is needed for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .buckets import N_BUCKETS, OTHER, Buckets, winners
from .catalog import Catalog

AREAS = 9  # groups that have an area of their own
_HIGH = range(4, N_BUCKETS)


@dataclass(frozen=True, eq=False)
class Groups:
    """A group for every image, so that each counts once.

    of_image: int (N,), position of its group, -1 for none. ids, names: of the groups; names tell them apart.
    """

    of_image: np.ndarray
    ids: tuple[int, ...]
    names: tuple[str, ...]


def classes(store: Catalog) -> Groups:
    """Every image's class."""
    rows = store.rows("SELECT class_id, name, key FROM classes ORDER BY class_id")
    ids = np.array([row[0] for row in rows], dtype=np.int64)
    found = store.arrays("SELECT class_id FROM images ORDER BY image_id")["class_id"]
    return Groups(np.searchsorted(ids, found), tuple(map(int, ids)), _names(rows))


def superclasses(store: Catalog) -> Groups:
    """Every image's superclass: of several that its class is in, the one with the fewest images."""
    rows = store.rows("SELECT superclass_id, name, key FROM superclasses ORDER BY superclass_id")
    ids = np.array([row[0] for row in rows], dtype=np.int64)
    by_class = classes(store)
    member = np.zeros((len(ids), len(by_class.ids)), dtype=bool)
    for group, of in store.rows("SELECT superclass_id, class_id FROM superclass_members"):
        member[np.searchsorted(ids, group), np.searchsorted(by_class.ids, of)] = True
    chosen = winners(member[:, by_class.of_image], [1.0] * len(ids))
    return Groups(chosen, tuple(map(int, ids)), _names(rows))


def levels_of(store: Catalog) -> dict[str, Groups]:
    """The levels of the area chart that need no explanation, by name."""
    return {"classes": classes(store), "superclasses": superclasses(store)}


def _names(rows: list[tuple]) -> tuple[str, ...]:
    names = Counter(name for _, name, _ in rows)
    return tuple(name if names[name] == 1 else f"{name} ({key})" for _, name, key in rows)


def composition_of(groups: Groups, buckets: Buckets, activations: np.ndarray) -> pd.DataFrame:
    """What each bucket holds: bucket, concept (id of the group), name, count, share, as `composition`.

    The 9 groups with the largest mean share of ranges 5–8 have their own areas, the largest first, so
    that what only a few images of the highest ranges show is seen; the rest is "other" (-1), last.
    """
    where = buckets.assign(activations)
    counts = np.zeros((N_BUCKETS, len(groups.ids) + 1), dtype=np.int64)  # the last column: no group
    inside = where >= 0
    np.add.at(counts, (where[inside], groups.of_image[inside]), 1)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    weight = shares[list(_HIGH), :-1].sum(axis=0)
    order = np.argsort(-np.round(weight, 12), kind="stable")[:AREAS]
    chosen = [int(group) for group in order if weight[group] > 0]
    rows = []
    for bucket in range(N_BUCKETS):
        own = counts[bucket, chosen]
        total = int(totals[bucket, 0])
        named = [(groups.ids[g], groups.names[g], int(n)) for g, n in zip(chosen, own, strict=True)]
        for concept, name, count in [*named, (OTHER, "other", total - int(own.sum()))]:
            rows.append((bucket, concept, name, count, count / total if total else np.nan))
    return pd.DataFrame(rows, columns=["bucket", "concept", "name", "count", "share"])
