"""Measures: what a score is called and how it is read. Data, without what computes it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
# What stands beside a measure's value in a table of units: a column each, named `MEASURE_END`.
ENDS = ("low", "high", "n", "chance", "by", "sampled", "reason")
# Columns that tables of units have without any measure.
TAKEN = frozenset({
    "layer", "layer_id", "unit", "name", "status", "reason", "minimum", "maximum", "mean", "std", "method", "origin",
    "test_scores_seen", "explanation", "explanation_id", "terms", "bias", "same", "matrix", "val_correlation", "simulator",
    "scores", "found", "word", "q", "by", "low", "high", "sort", "store", "shown", "starred", "units", "where", "apart",
    "chance", "rowid", "score", "two_faced",
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Description:
    """A measure as tables, sentences and headlines name it.

    Attributes:
        name: Its name in tables, addresses and commands: small letters, digits and `_`.
        title: What it is called inside a sentence, such as `test correlation`.
        short: The head of a column.
        help: How it is read, in one or two sentences.
        of: `unit`, or `explanation` for one score a method.
        low: The smallest possible value, None for open.
        high: The largest possible value, None for open.
        best: Which end is the good one, `high` or `low`; '' where neither is.
        chance: What no information gives, where that is the same for all; a score may have its own beside it.
        judge: Whether it stands among the judges at the head of a unit's page.
        listed: Whether tables have a column of it; without, they have one where they are sorted by it.
    """

    name: str
    title: str
    short: str
    help: str
    of: Literal["unit", "explanation"]
    low: float | None = None
    high: float | None = None
    best: Literal["high", "low", ""] = ""
    chance: float | None = None
    judge: bool = False
    listed: bool = True

    def __post_init__(self) -> None:
        if self.of not in ("unit", "explanation") or self.best not in ("high", "low", ""):
            raise ValueError(
                f"the measure {self.name!r} is of a unit or an explanation, and high or low is best"
            )
        if not all(text.strip() for text in (self.title, self.short, self.help)):
            raise ValueError(f"the measure {self.name!r} needs a title, a short one and a help")

    @property
    def orders(self) -> tuple[str, str]:
        """What sorting by it up and down puts first, in words."""
        return {"high": ("worst first", "best first"), "low": ("best first", "worst first")}.get(
            self.best, ("smallest first", "largest first")
        )


def check_names(names: Iterable[str]) -> None:
    """Raise `ValueError` for names of measures that can't be columns beside one another."""
    columns: set[str] = set(TAKEN)
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"a measure can't be named {name[:60]!r}: small letters, digits and _, 40 at most"
            )
        own = {name, *(f"{name}_{end}" for end in ENDS)}
        if columns & own:
            raise ValueError(
                f"a measure can't be named {name!r}: tables have a column {min(columns & own)!r} already"
            )
        columns |= own


GAP = Description(
    name="gap", title="gap between methods", short="Gap", of="unit", low=0,
    help="Between the best and the worst method’s test correlation of the unit",
)  # fmt: skip
HUMAN = Description(
    name="human", title="human 2AFC", short="Human", of="unit", low=0, high=1, best="high", chance=0.5, judge=True,
    help="Human 2AFC: how often people were right in the studies of this store, over all their difficulties: 1, always; "
    "0.5, chance. The Results page has intervals",
)  # fmt: skip
LENGTH = Description(
    name="length", title="length", short="Length", of="explanation", low=0,
    help="How many concepts the explanation has",
)  # fmt: skip
# What a reader computes when it is asked, from explanations and studies of now; no store holds rows of these.
DERIVED = (HUMAN, GAP, LENGTH)
