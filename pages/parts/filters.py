"""Filters of the table of units: each keeps rows and says in words which."""

from __future__ import annotations

import pandas as pd

from ..links import Overview

STATUS_WORDS = {
    "alive": "alive",
    "dead": "dead",
    "constant": "constant",
    "negative": "without a positive range",
}
SORT_WORDS = {
    "unit": "layer and number",
    "-score": "score, best first",
    "score": "score, worst first",
    "-ablation": "ablation score, best first",
    "-impact": "total impact, largest first",
    "-observer": "machine 2AFC, best first",
    "-human": "human 2AFC, best first",
    "length": "length, shortest first",
    "-maximum": "largest activation first",
}


def chosen(table: pd.DataFrame, view: Overview) -> tuple[pd.DataFrame, str]:
    """The rows of `Store.unit_table` that a view asks for, sorted, and a sentence that says which.

    Words of `q` must all be found in the names of one unit's concepts (or in the unit's own name),
    whatever their case. A score range leaves out units that have no score.
    """
    keep = pd.Series(True, index=table.index)
    words = []
    if view.layer:
        keep &= table["layer"] == view.layer
        words.append(f"in {view.layer}")
    if view.status:
        keep &= table["status"] == view.status
        words.append(STATUS_WORDS[view.status])
    if view.q.strip():
        text = table["terms"].map(" · ".join) + " · " + table["name"].fillna("").astype(str)
        for part in view.q.split():
            keep &= text.str.contains(part, case=False, regex=False)
        words.append(f"whose concepts contain “{' '.join(view.q.split())}”")
    if view.low is not None:
        keep &= table["score"] >= view.low
        words.append(f"score at least {view.low:g}".replace("-", "−"))
    if view.high is not None:
        keep &= table["score"] <= view.high
        words.append(f"score at most {view.high:g}".replace("-", "−"))
    rows = table[keep]
    column = view.sort.lstrip("-")
    if column in table and column != "unit":
        rows = rows.sort_values(
            column, ascending=not view.sort.startswith("-"), kind="stable", na_position="last"
        )
    count = f"{len(rows):,} of {len(table):,} units" if words else f"All {len(table):,} units"
    return rows, count + (": " + ", ".join(words) if words else "") + "."
