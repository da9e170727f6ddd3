"""The filters above the table of units: what the address says of them, and the widgets that change it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lexplain_core.store import Store, Wanted
from lexplain_core.store.search.query import COLUMNS, RANGES, STATUS_WORDS
from lexplain_core.store.search.text import LONGEST_SEARCH, OPEN, write_range
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from lexplain_core.views.overview import first_order
from pages.ui import links, lists, shell

Spans = dict[str, tuple[float, float]]
HELP = """One box for all: words of concepts, the unit’s name, or `layer:unit`. All must be found in one explanation.

- `dog` – a concept whose name contains it
- `"polar bear"` – these words in a row
- `+snow`, `-snow` – with a positive, a negative weight
- `snow>0.5`, `snow<-1` – with such a weight
- `block7:3` – that unit"""


def wanted(view: links.Overview, opened: Opened) -> tuple[Wanted, list[str]]:
    """What a view asks for, and a sentence (Markdown) for all of it that can't be used."""
    units, listed, lost = lists.among(view, opened)
    asked, problems = Wanted.read(links.query(view))
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


@st.cache_resource(max_entries=16, show_spinner="Reading the units …")
def _spans(key: tuple, method: str, human: pd.DataFrame, _store: Store) -> Spans:  # noqa: ARG001 - the cache goes by it
    return _store.spans(method or None, human)


def spans(opened: Opened, method: str, human: pd.DataFrame) -> Spans:
    """`Store.spans`, read once."""
    return _spans(opened.key, method, human, opened.store)


# -- widgets --------------------------------------------------------------------------------------


def widgets(view: links.Overview, opened: Opened, asked: Wanted, known: Spans) -> DeltaGenerator:
    """The search box, the filters and the order; each puts itself into the address. Gives the place beside them."""
    default = opened.store.default_method
    _set(view, default)
    changed = {"on_change": _changed, "args": (view, default)}
    _filters(view, list(shell.layers(opened)["layer"]), known, changed)
    second = _methods(shell.methods(opened), changed)
    place = second.container(horizontal=True, vertical_alignment="center", gap="small")
    with place:
        _more(view, asked, known)
        if asked.filtered:
            st.button(
                "Remove the filters",
                icon=":material/filter_alt_off:",
                type="tertiary",
                key="remove filters",
                on_click=shell.show,
                args=(links.Overview(store=view.store, method=view.method, sort=view.sort),),
            )
    return place


def _filters(view: links.Overview, layers: list[str], known: Spans, changed: dict[str, Any]) -> None:
    """The first row: words, layer, status and order."""
    first = st.columns([2.6, 1.3, 1.3, 1.7, 1.2])
    first[0].text_input(
        "Search explanations",
        key="f q",
        max_chars=LONGEST_SEARCH,
        placeholder='dog, +snow, "polar bear", snow>0.5 …',
        help=HELP,
        **changed,
    )
    first[1].selectbox(
        "Layer", ["", *layers], key="f layer", format_func=lambda x: x or "all layers", **changed
    )
    first[2].selectbox(
        "Status",
        ["", *links.STATUSES],
        key="f status",
        format_func=lambda s: STATUS_WORDS.get(s, "any status"),
        **changed,
    )
    columns = [name for name in COLUMNS if not COLUMNS[name].number or name in known]
    sorted_by = view.sort.removeprefix("-")
    if sorted_by not in columns:
        columns.append(sorted_by)
    column = COLUMNS[sorted_by]
    first[3].selectbox(
        "Sort by", columns, key="f sort", format_func=lambda name: COLUMNS[name].name, **changed
    )
    first[4].selectbox(
        "Order",
        ["", "-"],
        key="f order",
        format_func=lambda order: column.down if order else column.up,
        **changed,
    )


def _methods(methods: list[str], changed: dict[str, Any]) -> DeltaGenerator:
    """The second row: whose explanations, where there are several methods. Gives the place beside them."""
    if len(methods) < 2:
        return st.columns([1], vertical_alignment="bottom")[0]
    columns = st.columns([1, 1.1, 3.4], vertical_alignment="bottom")
    columns[0].selectbox(
        "Method", methods, key="f method", help="Whose explanations and scores the table shows", **changed
    )
    columns[1].selectbox(
        "Search in",
        ["", *methods],
        key="f by",
        format_func=lambda name: name or "any method’s words",
        help="Whose explanations the box searches; without words, units that have one are kept",
        **changed,
    )
    return columns[2]


def _more(view: links.Overview, asked: Wanted, known: Spans) -> None:
    """Ranges of the numbers, in a box that opens."""
    names = [name for name in RANGES if name in known or getattr(asked, name) != OPEN]
    on = sum(getattr(asked, name) != OPEN for name in RANGES)
    if not names:
        return
    with st.popover("Ranges" + (f" ({on})" if on else ""), icon=":material/tune:", key="ranges", width=150):
        st.caption("From … to, both included; units without such a number are left out.")
        for name in names:
            low, high = known.get(name, (0.0, 0.0))
            title = COLUMNS[name].name
            ends = st.columns(2)
            for place, (end, bound) in enumerate((("from", low), ("to", high))):
                key, value = f"f {name} {end}", getattr(asked, name)[place]
                whole = name == "length" and (value is None or value == int(value))
                st.session_state[key] = int(value) if whole and value is not None else value
                ends[place].number_input(
                    f"{title[0].upper()}{title[1:]} {end}",
                    key=key,
                    value=None,
                    step=1 if whole else None,
                    format=None if whole else "%0.4g",
                    placeholder=f"{bound:.3g}".replace("-", "−"),
                    on_change=_ranged,
                    args=(view, name),
                )


def _ranged(view: links.Overview, name: str) -> None:
    """Give the address what the two fields of a range say."""
    low, high = (st.session_state[f"f {name} {end}"] for end in ("from", "to"))
    if name == "score":
        ends = (None if end is None else min(1.0, max(-1.0, round(end, 4))) for end in (low, high))
        shell.change(view, **dict(zip(("low", "high"), ends, strict=True)), shown=1)
    else:
        shell.change(view, **{name: write_range((low, high)), "shown": 1})


def _set(view: links.Overview, default: str) -> None:
    """Give the widgets what the address says."""
    state = st.session_state
    state["f layer"], state["f q"], state["f status"] = view.layer, view.q, view.status
    state["f sort"], state["f order"] = view.sort.removeprefix("-"), "-" if view.sort.startswith("-") else ""
    state["f method"], state["f by"] = view.method or default, view.by


def _changed(view: links.Overview, default: str) -> None:
    """Give the address what the widgets say, where that isn't what the view says."""
    state = st.session_state
    same = state["f sort"] == view.sort.removeprefix("-")
    method = state.get("f method", view.method)
    said = {
        "layer": state["f layer"],
        "q": " ".join(state["f q"].split()),
        "status": state["f status"],
        "sort": (state["f order"] if same else first_order(state["f sort"])) + state["f sort"],
        "method": "" if method == default else method,
        "by": state.get("f by", view.by),
    }
    shell.change(view, **{name: v for name, v in said.items() if v != getattr(view, name)}, shown=1)
