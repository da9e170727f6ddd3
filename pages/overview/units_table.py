"""The table of units: a page of it, whose heads sort and whose rows open a unit, by mouse and by keys."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from lexplain_core.base.numbers import rounded, two
from lexplain_core.store.search.query import COLUMNS, Found
from pages.overview.filters import first_order
from pages.ui import links, shell
from pages.ui.front import component

_component = component("units")

# title and help of each column; the others are numbers of `COLUMNS`.
TITLES = {
    "unit": ("Unit", "Layer and number; a click opens the unit"),
    "explanation": ("Explanation", "weight·concept, strongest first, and the bias"),
    "score": (
        "Test corr.",
        "Correlation of simulated and actual activation on the test split; below it chance: what the same words score on "
        "other units of the layer, 95% of which are below",
    ),
    "ablation": (
        "Ablation",
        "How well the words’ prediction stands in for the unit on the test split (norm): 1, the network’s loss stays as it is; "
        "0, no better than the unit’s mean",
    ),
    "impact": ("Impact", "What the network loses with the unit at 0, summed as |impact| over all images"),
    "observer": (
        "Machine",
        "Machine 2AFC: how often a machine tells the unit’s strongest images from its weakest in trials as people get them: "
        "1, always; 0.5, chance",
    ),
    "human": (
        "Human",
        "Human 2AFC: how often people were right in the studies of this store, over all their difficulties: 1, always; "
        "0.5, chance. The Results page has intervals",
    ),
    "two_faced": (
        "Two-faced",
        "How different the concepts are that the unit’s low and its high ranges show: 0, the same; 1, none in common",
    ),
    "gap": ("Gap", "Between the best and the worst method’s test correlation of the unit"),
    "apart": ("Apart", "Between the unit’s rank by people and its rank by test correlation, among units that have both: 0 to 1"),
    "length": ("Length", "How many concepts the explanation has"),
    "maximum": ("Max", "Largest activation over the whole probing set"),
    "status": ("Status", "alive; dead, constant or without a positive range (negative)"),
}  # fmt: skip
_WIDTHS = {"unit": "7.4rem", "score": "8rem"}
_ALWAYS = ("unit", "explanation", "score", "length", "maximum", "status")
_REASONS = {"score": "score_reason", "ablation": "ablation_reason", "observer": "observer_reason", "two_faced": "two_faced_reason"}  # fmt: skip


def units_table(
    view: links.Overview, found: Found, known: dict, method: str, accent: str
) -> tuple[str, int] | None:
    """Show a page of units; gives the (layer, unit) that was clicked. known: columns that any unit has a number in. method:
    whose explanations are shown. A click on a head puts another order into the address."""
    columns = [name for name in TITLES if name in _ALWAYS or name in known]
    result = _component(
        data={
            "columns": [_column(name, view, found) for name in columns],
            "rows": [_row(view, row, columns, method) for row in found.rows.to_dict("records")],
            "page": f"{view.shown} {view.sort} {found.total}",
            "accent": accent,
            "label": "Units: a page of the table. Arrow keys go from row to row, Enter opens a unit.",
        },
        key="units",
        width="stretch",
        height="content",
        on_open_change=_nothing,
        on_sort_change=lambda: _sort(view),
    )
    clicked = result.get("open")
    if isinstance(clicked, dict) and isinstance(clicked.get("unit"), int):
        return str(clicked.get("layer")), clicked["unit"]
    return None


def _nothing() -> None:
    """The script runs again, and reads what was clicked."""


def _sort(view: links.Overview) -> None:
    """By the column whose head was clicked; the other way round where it was that column already."""
    name = (st.session_state.get("units") or {}).get("sort")
    if name not in TITLES:
        return
    same = view.sort.removeprefix("-") == name
    down = not view.sort.startswith("-") if same else first_order(name) == "-"
    shell.change(view, sort=f"{'-' if down else ''}{name}", shown=1)


def _column(name: str, view: links.Overview, found: Found) -> dict[str, Any]:
    title, about = TITLES[name]
    if name == "impact" and found.rows["impact_sampled"].eq(True).any():
        about += "; partly estimates from samples"
    if name == "observer" and (who := observer(found.rows)):
        about = about.replace("a machine tells", f"a machine{who} tells")
    column = COLUMNS[name]
    order = ""
    if view.sort.removeprefix("-") == name:
        order = "descending" if view.sort.startswith("-") else "ascending"
    return {
        "name": name,
        "title": title,
        "help": about,
        "order": order,
        "words": column.down if view.sort.startswith("-") else column.up,
        "number": column.number,
        "width": _WIDTHS.get(name),
    }


def observer(rows: pd.DataFrame) -> str:
    """With which eyes the machine looks, and at how many trials, in words to put in a sentence."""
    judged = rows[rows["observer"].notna()]
    names = sorted(judged["observer_embedding"].unique())
    words = " and ".join("the network’s own last layer" if name == "target" else name for name in names)
    return f" ({words}, {int(judged['observer_trials'].max())} trials)" if len(judged) else ""


def _row(view: links.Overview, row: dict, columns: list[str], method: str) -> dict[str, Any]:
    layer, unit = row["layer"], int(row["unit"])
    place = links.Neuron(store=view.store, layer=layer, unit=unit, method=view.method)
    return {
        "layer": layer,
        "unit": unit,
        "name": row["name"] or "",
        "link": f"{place.page}?{urlencode(links.query(place))}",
        "cells": [_cell(name, row) for name in columns],
        "elsewhere": _elsewhere(row["found"], method),
    }


def _elsewhere(found: tuple[str, ...], method: str) -> str:
    """Whose words the search found, where they aren't those of the shown explanation."""
    return f"found in the words of {', '.join(found)}" if found and method not in found else ""


def _cell(name: str, row: dict) -> dict[str, Any]:
    if name == "unit":
        return {}
    if name == "explanation":
        return {"text": row["explanation"] or "", "why": "" if row["explanation"] else row["reason"] or ""}
    value = row[name]
    if name == "status":
        return {"text": value, "why": row["reason"] or ""}
    if pd.isna(value) or (name == "length" and not value):
        return {"text": "", "why": row.get(_REASONS.get(name, "")) or ""}
    if name == "length":
        return {"text": f"{int(value)}"}
    if name == "score":
        chance = row["null_high"]
        return {
            "text": two(value),
            "share": value,
            "below": "" if pd.isna(chance) else f"chance {two(chance)}",
        }
    return {"text": rounded(value) if name in ("maximum", "impact") else two(value)}
