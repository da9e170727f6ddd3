"""The table of units: a page of it, whose heads sort and whose rows open a unit, by mouse and by keys."""

from __future__ import annotations

from typing import Any

import streamlit as st

from lexplain_core.store import SearchResult, Store
from lexplain_core.views.overview import (
    ALWAYS,
    elsewhere,
    first_order,
    table_cell,
    table_column,
    titles,
)
from pages.ui import links, shell
from pages.ui.front import component

_component = component("units")


def units_table(
    view: links.Overview, store: Store, found: SearchResult, known: dict, sort: str, method: str, accent: str
) -> tuple[str, int] | None:
    """Show a page of units; gives the (layer, unit) that was clicked. known: columns that any unit has a number in. method:
    whose explanations are shown. A click on a head puts another order into the address."""
    columns = [name for name in titles(store, sort) if name in ALWAYS or name in known]
    result = _component(
        data={
            "columns": [table_column(store, name, sort, found) for name in columns],
            "rows": [_row(view, row, columns, method) for row in found.rows.to_dict("records")],
            "page": f"{view.shown} {sort} {found.total}",
            "accent": accent,
            "label": "Units: a page of the table. Arrow keys go from row to row, Enter opens a unit.",
        },
        key="units",
        width="stretch",
        height="content",
        on_open_change=_nothing,
        on_sort_change=lambda: _sort(view, store, sort),
    )
    clicked = result.get("open")
    if isinstance(clicked, dict) and isinstance(clicked.get("unit"), int):
        return str(clicked.get("layer")), clicked["unit"]
    return None


def _nothing() -> None:
    """The script runs again, and reads what was clicked."""


def _sort(view: links.Overview, store: Store, sort: str) -> None:
    """By the column whose head was clicked; the other way round where it was that column already."""
    name = (st.session_state.get("units") or {}).get("sort")
    if name not in titles(store, sort):
        return
    same = sort.removeprefix("-") == name
    down = not sort.startswith("-") if same else first_order(store, name) == "-"
    shell.change(view, sort=f"{'-' if down else ''}{name}", shown=1)


def _row(view: links.Overview, row: dict, columns: list[str], method: str) -> dict[str, Any]:
    layer, unit = row["layer"], int(row["unit"])
    place = links.Neuron(store=view.store, layer=layer, unit=unit, method=view.method)
    return {
        "layer": layer,
        "unit": unit,
        "name": row["name"] or "",
        "link": links.short(place),
        "cells": [table_cell(name, row) for name in columns],
        "elsewhere": elsewhere(row["found"], method),
    }
