"""The filters above the table of units: what the address says of them, and the widgets that change it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lexplain_core.store import Store, UnitQuery
from lexplain_core.store.search.query import STATUS_WORDS, ranged, write_where
from lexplain_core.store.search.text import LONGEST_SEARCH
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from lexplain_core.views.overview import first_order
from pages.ui import links, lists, shell
from pages.ui.bound import bind, press
from pages.ui.cache import cached

Spans = dict[str, tuple[float, float]]
HELP = """One box for all: words of concepts, the unit’s name, or `layer:unit`. All must be found in one explanation.

- `dog` – a concept whose name contains it
- `"polar bear"` – these words in a row
- `+snow`, `-snow` – with a positive, a negative weight
- `snow>0.5`, `snow<-1` – with such a weight
- `block7:3` – that unit"""


def wanted(view: links.Overview, opened: Opened) -> tuple[UnitQuery, list[str]]:
    """What a view asks for, and a sentence (Markdown) for all of it that can't be used."""
    units, listed, lost = lists.among(view, opened)
    asked, problems = opened.store.read_query(links.query(view))
    return replace(asked, among=units, listed=listed), [*lost, *map(md, problems)]


def usable(view: links.Overview, opened: Opened) -> tuple[links.Overview, list[str]]:
    """The view without a layer and methods that the store doesn't have, and a sentence for each (Markdown)."""
    problems = []
    if view.layer and view.layer not in set(shell.layers(opened)["layer"]):
        problems.append(md(f"This store has no layer “{view.layer}”; all layers are shown."))
        view = replace(view, layer="")
    for name in ("method", "by"):
        method = getattr(view, name)
        if method and method not in shell.methods(opened):
            problems.append(md(f"This store has no explanations by “{method}”."))
            gone: dict[str, Any] = {name: ""}
            view = replace(view, **gone)
    return view, problems


@cached("Reading the units …", most=16)
def spans(opened: Opened, method: str, human: pd.DataFrame) -> Spans:
    """`Store.spans`."""
    return opened.store.spans(method or None, human)


# -- widgets --------------------------------------------------------------------------------------


def widgets(view: links.Overview, opened: Opened, asked: UnitQuery, known: Spans) -> DeltaGenerator:
    """The search box, the filters and the order; each puts itself into the address. Gives the place beside them."""
    _filters(view, opened, asked.sort, known)
    second = _methods(view, shell.methods(opened), opened.store.default_method)
    place = second.container(horizontal=True, vertical_alignment="center", gap="small")
    with place:
        _more(view, opened.store, asked, known)
        if asked.filtered:
            st.button(
                "Remove the filters",
                icon=":material/filter_alt_off:",
                type="tertiary",
                key="remove filters",
                **press(links.Overview(store=view.store, method=view.method, sort=view.sort)),
            )
    return place


def _bind(
    view: links.Overview, field: str, to: Callable[[Any], Any] = lambda chosen: chosen, **more: Any
) -> dict[str, Any]:
    """A widget of a field; the table then shows its first page."""
    return bind(view, field, lambda chosen: {field: to(chosen), "shown": 1}, **more)


def _filters(view: links.Overview, opened: Opened, sort: str, known: Spans) -> None:
    """The first row: words, layer, status and order."""
    layers, store = list(shell.layers(opened)["layer"]), opened.store
    first = st.columns([2.6, 1.3, 1.3, 1.7, 1.2])
    first[0].text_input(
        "Search explanations",
        max_chars=LONGEST_SEARCH,
        placeholder='dog, +snow, "polar bear", snow>0.5 …',
        help=HELP,
        **_bind(view, "q", lambda text: " ".join(text.split())),
    )
    first[1].selectbox(
        "Layer", ["", *layers], format_func=lambda x: x or "all layers", **_bind(view, "layer")
    )
    first[2].selectbox(
        "Status",
        ["", *links.STATUSES],
        format_func=lambda s: STATUS_WORDS.get(s, "any status"),
        **_bind(view, "status"),
    )
    columns = [name for name, one in store.columns.items() if not one.number or name in known]
    sorted_by = sort.removeprefix("-")
    if sorted_by not in columns:
        columns.append(sorted_by)
    column = store.columns[sorted_by]
    first[3].selectbox(
        "Sort by",
        columns,
        format_func=lambda name: store.columns[name].name,
        **_bind(view, "sort", lambda name: first_order(store, name) + name, shows=sorted_by),
    )
    first[4].selectbox(
        "Order",
        ["", "-"],
        format_func=lambda order: column.down if order else column.up,
        **_bind(
            view,
            "sort",
            lambda order: order + sorted_by,
            shows="-" if sort.startswith("-") else "",
            key="overview order",
        ),
    )


def _methods(view: links.Overview, methods: list[str], default: str) -> DeltaGenerator:
    """The second row: whose explanations, where there are several methods. Gives the place beside them."""
    if len(methods) < 2:
        return st.columns([1], vertical_alignment="bottom")[0]
    columns = st.columns([1, 1.1, 3.4], vertical_alignment="bottom")
    columns[0].selectbox(
        "Method",
        methods,
        help="Whose explanations and scores the table shows",
        **_bind(view, "method", lambda name: "" if name == default else name, shows=view.method or default),
    )
    columns[1].selectbox(
        "Search in",
        ["", *methods],
        format_func=lambda name: name or "any method’s words",
        help="Whose explanations the box searches; without words, units that have one are kept",
        **_bind(view, "by"),
    )
    return columns[2]


def _more(view: links.Overview, store: Store, asked: UnitQuery, known: Spans) -> None:
    """Ranges of the numbers, in a box that opens."""
    names = [name for name in ranged(store.columns) if name in known or name in asked.ranges]
    on = len(asked.ranges)
    if not names:
        return
    with st.popover("Ranges" + (f" ({on})" if on else ""), icon=":material/tune:", key="ranges", width=150):
        st.caption("From … to, both included; units without such a number are left out.")
        for name in names:
            low, high = known.get(name, (0.0, 0.0))
            title = store.columns[name].name
            ends = st.columns(2)
            for place, (end, bound) in enumerate((("from", low), ("to", high))):
                value = asked.range(name)[place]
                whole = name == "length" and (value is None or value == int(value))
                ends[place].number_input(
                    f"{title[0].upper()}{title[1:]} {end}",
                    value=None,
                    step=1 if whole else None,
                    format=None if whole else "%0.4g",
                    placeholder=f"{bound:.3g}".replace("-", "−"),
                    **bind(
                        view,
                        "where",
                        partial(_ranged, view, store, name, place),
                        shows=int(value) if whole and value is not None else value,
                        key=f"overview {name} {end}",
                    ),
                )


def _ranged(view: links.Overview, store: Store, name: str, place: int, end: float | None) -> dict[str, Any]:
    """What the address is to say of a range, one of whose ends was set."""
    asked, _ = store.read_query(links.query(shell.now(view)))
    low, high = (end, asked.range(name)[1]) if place == 0 else (asked.range(name)[0], end)
    return {"where": write_where({**asked.ranges, name: (low, high)}), "shown": 1}
