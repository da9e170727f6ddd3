"""Starting points: units of a store that stand out, each with the filters and the order that show all like them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ..catalog import Catalog
from .query import UnitQuery, columns
from .sql import find, spans


@dataclass(frozen=True)
class Start:
    """A place to begin. title and note: what stands out about the units. units: (layer, unit, value) of the first ones.

    value: the number that they are sorted by, which `quantity` names. query: what finds all of them. reason: why the store
    has none, in a sentence; there are no units then.
    """

    name: str
    title: str
    note: str
    quantity: str
    query: UnitQuery
    units: tuple[tuple[str, int, float], ...] = ()
    reason: str | None = None


_STARTS = (
    ("best", "Best explained", "the words predict the unit best", UnitQuery(sort="-correlation")),
    (
        "worst", "Worst explained", "alive, with words that say least about the unit",
        UnitQuery(status="alive", sort="correlation"),
    ),
    (
        "range-shift", "Largest range shift", "low and high ranges hold different concepts", UnitQuery(sort="-range_shift"),
    ),
    ("longest", "Longest explanations", "the most concepts", UnitQuery(sort="-length")),
    ("gap", "Methods disagree", "the biggest gap between two methods’ scores", UnitQuery(sort="-gap")),
    (
        "apart", "People and scores disagree", "one ranks the unit high, the other low", UnitQuery(sort="-apart"),
    ),
)  # fmt: skip
_REASONS = {
    "best": "No explanation of this store has a score.",
    "worst": "No explanation of this store has a score.",
    "range-shift": "No unit shows enough of its concepts in its low and in its high ranges.",
    "longest": "This store has no explanations.",
    "gap": "No unit of this store has scores of two methods.",
    "apart": "People have judged fewer than two units of this store that have a score.",
}


def starting_points(
    store: Catalog, method: str = "", human: pd.DataFrame | None = None, count: int = 3
) -> list[Start]:
    """See `Store.starting_points`. count: units of each."""
    known = spans(store, method or store.default_method, human)

    names = columns(store.measures)

    def start(name: str, title: str, note: str, query: UnitQuery) -> Start:
        query = UnitQuery(status=query.status, sort=query.sort, method=method)
        column = query.sort.removeprefix("-")
        quantity = names[column].name
        if column not in known:
            return Start(name, title, note, quantity, query, reason=_REASONS[name])
        rows = find(store, query, count, 0, human).rows
        rows = rows[rows[column].notna()]
        units = tuple(zip(rows["layer"], map(int, rows["unit"]), map(float, rows[column]), strict=True))
        return Start(name, title, note, quantity, query, units)

    return [start(*one) for one in _STARTS]
