"""Which units are wanted: filters and orders, each of which pairs its SQL with its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from .text import OPEN, Range, range_words, read_range, read_search

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


_BEST = ("worst first", "best first")
_WORDS = ("A to Z", "Z to A", False)
COLUMNS = {
    "unit": Column("u.layer_id", "layer and number", "from the first", "from the last", False),
    "explanation": Column("u.word", "strongest concept", *_WORDS),
    "score": Column("u.score", "test correlation", *_BEST),
    "chance": Column("u.null_high", "chance"),
    "ablation": Column("u.ablation", "ablation score", *_BEST),
    "impact": Column("u.impact", "impact"),
    "observer": Column("u.observer", "machine 2AFC", *_BEST),
    "human": Column("h.human", "human 2AFC", *_BEST),
    "length": Column("nullif(u.length, 0)", "length", "shortest first", "longest first"),
    "maximum": Column("u.maximum", "largest activation"),
    "status": Column("u.status", "status", *_WORDS),
    "two_faced": Column("u.two_faced", "two-facedness", "one-faced first", "two-faced first"),
    "gap": Column("u.gap", "gap between methods"),
    "apart": Column("h.apart", "how far people and scores are apart"),
}
RANGES = ("score", "ablation", "observer", "human", "impact", "length", "maximum", "two_faced")
# What the Overview's address may hold: the filters, lists that are resolved elsewhere, and what filters nothing.
FIELDS = (
    "layer", "q", "by", "low", "high", *RANGES, "status", "starred", "units", "sort", "method", "store", "shown",
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """Which units are wanted, and in which order.

    layer: '' for all. q: a search, as `read_search` reads it; all its terms must be found in one explanation, by the
    method `by` or, with '', by any; without a search, `by` keeps the units that it explains. A term without a weight may stand in the unit's name, or be its `layer:unit`,
    too. The ranges are (lowest, highest), both held, None for an open end; a unit without such a number is in none.
    status: '' for any. among: only these (layer, unit), which `listed` says in words. sort: one of `COLUMNS`, with
    '-' for descending; units without a value come last. method: whose explanation, score, length and so on count, '' for
    the store's default.
    """

    layer: str = ""
    q: str = ""
    by: str = ""
    score: Range = OPEN
    ablation: Range = OPEN
    observer: Range = OPEN
    human: Range = OPEN
    impact: Range = OPEN
    length: Range = OPEN
    maximum: Range = OPEN
    two_faced: Range = OPEN
    status: str = ""
    among: tuple[tuple[str, int], ...] | None = None
    listed: str = ""
    sort: str = "unit"
    method: str = ""

    @classmethod
    def read(cls, texts: Mapping[str, str]) -> tuple[Wanted, list[str]]:
        """From texts by name, as addresses and commands have them, and a sentence for each that can't be used.

        Ranges are as `read_range` has them; `low` and `high` are the ends of `score`. Other names are ignored.
        """
        values: dict[str, Any] = {}
        problems = []
        for name in ("layer", "q", "by", "status", "method"):
            values[name] = (texts.get(name) or "").strip()
        if values["status"] and values["status"] not in STATUS_WORDS:
            problems.append(f"There is no status “{values['status'][:60]}”: it is {', '.join(STATUS_WORDS)}.")
            values["status"] = ""
        if (sort := texts.get("sort") or "unit").removeprefix("-") in COLUMNS:
            values["sort"] = sort
        else:
            problems.append(f"Units can't be sorted by “{sort[:60]}”: it is one of {', '.join(COLUMNS)}.")
        for name in RANGES:
            text = texts.get(name) or ""
            if name == "score" and not text and (texts.get("low") or texts.get("high")):
                text = f"{texts.get('low') or ''}..{texts.get('high') or ''}"
            if not text.strip():
                continue
            if (ends := read_range(text)) is None:
                problems.append(
                    f"“{text[:60]}” is not a range of {COLUMNS[name].name}, such as 0.2..0.7, 2.. or ..4; it was ignored."
                )
            else:
                values[name] = ends
        return cls(**values), problems + read_search(values["q"])[1]

    @property
    def filtered(self) -> bool:
        """Whether any filter is on."""
        return any(
            getattr(self, f.name) != f.default
            for f in fields(self)
            if f.name not in ("sort", "method", "listed")
        )


@dataclass(frozen=True, eq=False)
class Found:
    """Units that were found.

    rows: one page of them; the columns of `Store.unit_table`, two_faced, two_faced_reason, gap (between the best and
    the worst method's test correlation, NaN with fewer than two), human, apart, and found (the methods whose explanations
    hold the search). total: how many units were found. of: how many the store has. simulators: who scored. missing: terms
    of the search which no concept's name contains.
    """

    rows: pd.DataFrame
    total: int
    of: int
    simulators: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def sentence(wanted: Wanted, found: Found | None = None) -> str:
    """The filters and the order as one plain sentence; with counts where units were `found`."""
    words = filter_words(wanted)
    count = "Units" if found is None else f"All {found.of:,} units"
    if found is not None and (words or found.total != found.of):
        count = f"{found.total:,} of {found.of:,} units"
    text = count + (": " + "; ".join(words) if words else "")
    return text + (f". Sorted by {sort_words(wanted.sort)}." if wanted.sort != "unit" else ".")


def sort_words(sort: str) -> str:
    """'test correlation, best first'."""
    column = COLUMNS[sort.removeprefix("-")]
    return f"{column.name}, {column.down if sort.startswith('-') else column.up}"


def filter_words(wanted: Wanted) -> list[str]:
    """What each filter that is on keeps, in words."""
    words = [f"in “{wanted.layer}”"] if wanted.layer else []
    if wanted.among is not None:
        words.append(wanted.listed or f"among {len(wanted.among):,} given ones")
    if wanted.status:
        words.append(STATUS_WORDS[wanted.status])
    if terms := read_search(wanted.q)[0]:
        whose = f"the explanation by {wanted.by}" if wanted.by else "one explanation"
        name = "" if all(term.weighted for term in terms) else " or the unit’s name"
        words.append(f"with {' and '.join(term.words for term in terms)} in {whose}{name}")
    elif wanted.by:
        words.append(f"with an explanation by {wanted.by}")
    return words + [
        range_words(COLUMNS[name].name, getattr(wanted, name))
        for name in RANGES
        if getattr(wanted, name) != OPEN
    ]
