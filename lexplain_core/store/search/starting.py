"""Starting points: units of a store that stand out, each with the filters and the order that show all like them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ..catalog import Catalog
from .query import COLUMNS, Wanted
from .sql import find, spans


@dataclass(frozen=True)
class Start:
    """A place to begin. title and note: what stands out about the units. units: (layer, unit, value) of the first ones.

    value: the number that they are sorted by, which `quantity` names. wanted: what finds all of them. reason: why the store
    has none, in a sentence; there are no units then.
    """

    name: str
    title: str
    note: str
    quantity: str
    wanted: Wanted
    units: tuple[tuple[str, int, float], ...] = ()
    reason: str | None = None


_STARTS = (
    ("best", "Best explained", "the words predict the unit best", Wanted(sort="-score")),
    (
        "worst", "Worst explained", "alive, with words that say least about the unit",
        Wanted(status="alive", sort="score"),
    ),
    (
        "two-faced", "Most two-faced", "low and high ranges hold different concepts", Wanted(sort="-two_faced"),
    ),
    ("longest", "Longest explanations", "the most concepts", Wanted(sort="-length")),
    ("gap", "Methods disagree", "the biggest gap between two methods’ scores", Wanted(sort="-gap")),
    (
        "apart", "People and scores disagree", "one ranks the unit high, the other low", Wanted(sort="-apart"),
    ),
)  # fmt: skip
_REASONS = {
    "best": "No explanation of this store has a score.",
    "worst": "No explanation of this store has a score.",
    "two-faced": "No unit shows enough of its concepts in its low and in its high ranges.",
    "longest": "This store has no explanations.",
    "gap": "No unit of this store has scores of two methods.",
    "apart": "People have judged fewer than two units of this store that have a score.",
}


def starting_points(
    store: Catalog, method: str = "", human: pd.DataFrame | None = None, count: int = 3
) -> list[Start]:
    """See `Store.starting_points`. count: units of each."""
    known = spans(store, method or store.default_method, human)

    def start(name: str, title: str, note: str, wanted: Wanted) -> Start:
        wanted = Wanted(status=wanted.status, sort=wanted.sort, method=method)
        column = wanted.sort.removeprefix("-")
        quantity = COLUMNS[column].name
        if column not in known:
            return Start(name, title, note, quantity, wanted, reason=_REASONS[name])
        rows = find(store, wanted, count, 0, human).rows
        rows = rows[rows[column].notna()]
        units = tuple(zip(rows["layer"], map(int, rows["unit"]), map(float, rows[column]), strict=True))
        return Start(name, title, note, quantity, wanted, units)

    return [start(*one) for one in _STARTS]
