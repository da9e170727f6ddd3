"""Which units are wanted: filters and orders, each of which pairs its SQL with its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import pandas as pd

from ...base.measures import Description
from .text import OPEN, Range, range_words, read_range, read_search, write_range

STATUS_WORDS = {
    "alive": "alive",
    "dead": "dead",
    "constant": "constant",
    "negative": "without a positive range",
}


@dataclass(frozen=True)
class Column:
    """A column that units are sorted by. sql: its value. name: in words, as are `up` and `down`, the two orders."""

    sql: str
    name: str
    up: str = "smallest first"
    down: str = "largest first"
    number: bool = True


def columns(measures: Mapping[str, Description]) -> dict[str, Column]:
    """What units can be sorted by: facts of the unit and its explanation, and the measures of a store."""
    words = ("A to Z", "Z to A", False)
    found = {
        "unit": Column("u.layer_id", "layer and number", "from the first", "from the last", False),
        "explanation": Column("u.word", "strongest concept", *words),
    }
    for name, one in measures.items():
        found[name] = Column(_SQL.get(name, f"u.{name}"), one.title, *one.orders)
        if name == "correlation":
            found["chance"] = Column("u.correlation_chance", "chance")
    return found | {
        "maximum": Column("u.maximum", "largest activation"),
        "status": Column("u.status", "status", *words),
        "apart": Column("h.apart", "how far people and scores are apart"),
    }


_SQL = {"length": "nullif(u.length, 0)", "human": "h.human"}  # of measures that are derived
_UNRANGED = ("gap", "apart", "chance")  # numbers that no range is asked of
# Names that addresses of the first edition have for measures of today.
OLD_NAMES = {"score": "correlation", "two_faced": "range_shift"}
OLD_RANGES = ("score", "ablation", "observer", "human", "impact", "length", "maximum", "two_faced")
# What the Overview's address may hold: the filters, lists that are resolved elsewhere, and what filters nothing.
FIELDS = (
    "layer", "q", "by", "where", "status", "starred", "units", "sort", "method", "store", "shown", "low", "high", *OLD_RANGES,
)  # fmt: skip


@dataclass(frozen=True)
class UnitQuery:
    """Which units are wanted, and in which order. `Store.read_query` makes one of an Overview address.

    Attributes:
        layer: '' for all.
        q: A search, as `read_search` reads it; all its terms must be found in one explanation, by the method `by` or, with
            '', by any. A term without a weight may stand in the unit's name, or be its `layer:unit`, too.
        by: Whose explanations are searched; without a search, the units that this method explains are kept.
        ranges: By name of a measure or `maximum`, (lowest, highest), both held, None for an open end; a unit without such a
            number is in none.
        status: '' for any.
        among: Only these (layer, unit), which `listed` says in words.
        listed: What `among` is.
        sort: One of `columns`, with '-' for descending; units without a value come last.
        method: Whose explanation, scores, length and so on count, '' for the store's default.
    """

    layer: str = ""
    q: str = ""
    by: str = ""
    ranges: Mapping[str, Range] = field(default_factory=dict)
    status: str = ""
    among: tuple[tuple[str, int], ...] | None = None
    listed: str = ""
    sort: str = "unit"
    method: str = ""

    @classmethod
    def read(cls, texts: Mapping[str, str], known: Mapping[str, Column]) -> tuple[UnitQuery, list[str]]:
        """From texts by name, as addresses and commands have them, and a sentence for each that can't be used.

        known: the store's `columns`. `where` is as `read_ranges` has it. Fields of the first edition are read, too: a range
        under the name of each measure, and `low` and `high` for the ends of the test correlation. Others are ignored.
        """
        values: dict[str, Any] = {}
        problems = []
        for name in ("layer", "q", "by", "status", "method"):
            values[name] = (texts.get(name) or "").strip()
        if values["status"] and values["status"] not in STATUS_WORDS:
            problems.append(f"There is no status “{values['status'][:60]}”: it is {', '.join(STATUS_WORDS)}.")
            values["status"] = ""
        sort = texts.get("sort") or "unit"
        column = sort.removeprefix("-")
        column = OLD_NAMES.get(column, column)
        if column in known:
            values["sort"] = ("-" if sort.startswith("-") else "") + column
        else:
            problems.append(f"Units can't be sorted by “{sort[:60]}”: it is one of {', '.join(known)}.")
        values["ranges"], more = _read_ranges(texts, known)
        return cls(**values), problems + more + read_search(values["q"])[1]

    def range(self, name: str) -> Range:
        """The range of a measure, open where none is asked."""
        return self.ranges.get(name, OPEN)

    @property
    def filtered(self) -> bool:
        """Whether any filter is on."""
        return any(
            bool(self.ranges) if f.name == "ranges" else getattr(self, f.name) != f.default
            for f in fields(self)
            if f.name not in ("sort", "method", "listed")
        )


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Units that were found.

    Attributes:
        rows: One page of them; the columns of `Store.unit_table`, `gap` (between the best and the worst method's test
            correlation, NaN with fewer than two), `human`, `apart`, and `found` (the methods whose explanations hold the
            search).
        total: How many units were found.
        of: How many the store has.
        simulators: Who scored.
        missing: Terms of the search which no concept's name contains.
    """

    rows: pd.DataFrame
    total: int
    of: int
    simulators: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def ranged(known: Mapping[str, Column]) -> list[str]:
    """The columns that ranges can be asked of."""
    return [name for name, column in known.items() if column.number and name not in _UNRANGED]


def write_where(ranges: Mapping[str, Range]) -> str:
    """Ranges as `where` of an address: `correlation:0.2..0.7,length:..4`."""
    return ",".join(f"{name}:{write_range(ends)}" for name, ends in ranges.items() if ends != OPEN)


def where_of(texts: Mapping[str, str]) -> str:
    """The field `where` of an address, with the ranges that the first edition had fields for."""
    parts = [texts.get("where") or ""]
    for name in OLD_RANGES:
        text = (texts.get(name) or "").strip()
        if name == "score" and not text and (texts.get("low") or texts.get("high")):
            text = f"{texts.get('low') or ''}..{texts.get('high') or ''}"
        parts += [f"{OLD_NAMES.get(name, name)}:{text}"] if text else []
    return ",".join(filter(None, parts))


def _read_ranges(texts: Mapping[str, str], known: Mapping[str, Column]) -> tuple[dict[str, Range], list[str]]:
    found: dict[str, Range] = {}
    problems = []
    for part in filter(None, (part.strip() for part in where_of(texts).split(","))):
        name, _, text = part.partition(":")
        if name not in ranged(known):
            problems.append(
                f"“{name[:60]}” is no number of this store’s units; there are {', '.join(ranged(known))}."
            )
        elif (ends := read_range(text)) is None:
            problems.append(
                f"“{text[:60]}” is not a range of {known[name].name}, such as 0.2..0.7, 2.. or ..4; it was ignored."
            )
        else:
            found[name] = ends
    return found, problems


def sentence(query: UnitQuery, known: Mapping[str, Column], found: SearchResult | None = None) -> str:
    """The filters and the order as one plain sentence; with counts where units were `found`. known: the store's `columns`."""
    words = filter_words(query, known)
    count = "Units" if found is None else f"All {found.of:,} units"
    if found is not None and (words or found.total != found.of):
        count = f"{found.total:,} of {found.of:,} units"
    text = count + (": " + "; ".join(words) if words else "")
    return text + (f". Sorted by {sort_words(query.sort, known)}." if query.sort != "unit" else ".")


def sort_words(sort: str, known: Mapping[str, Column]) -> str:
    """'test correlation, best first'."""
    column = known[sort.removeprefix("-")]
    return f"{column.name}, {column.down if sort.startswith('-') else column.up}"


def filter_words(query: UnitQuery, known: Mapping[str, Column]) -> list[str]:
    """What each filter that is on keeps, in words."""
    words = [f"in “{query.layer}”"] if query.layer else []
    if query.among is not None:
        words.append(query.listed or f"among {len(query.among):,} given ones")
    if query.status:
        words.append(STATUS_WORDS[query.status])
    if terms := read_search(query.q)[0]:
        whose = f"the explanation by {query.by}" if query.by else "one explanation"
        name = "" if all(term.weighted for term in terms) else " or the unit’s name"
        words.append(f"with {' and '.join(term.words for term in terms)} in {whose}{name}")
    elif query.by:
        words.append(f"with an explanation by {query.by}")
    return words + [range_words(known[name].name, ends) for name, ends in query.ranges.items()]
