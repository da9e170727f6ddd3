"""Neuron: one unit over its whole range of activation, in words, in pictures and in numbers."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from lexplain_core.base.pages import Page
from lexplain_core.store import StoreError, Unit, UnitQuery
from lexplain_core.views.explanations import explanation_of
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from pages.neuron import charts, methods, stepping, tabs
from pages.ui import headline, links, shell, star
from pages.ui.shell import Offer
from pages.ui.text import unusable


def render(view: links.Neuron, opened: Opened, offer: Offer) -> None:
    view, unit = _find(view, opened)
    if unit is None:
        return
    explanation = explanation_of(unit, view.method)
    matrix, matrices = methods.matrix_of(view, unit, explanation)
    view = replace(view, matrix=matrix)
    offer(view, release_focus=True)
    st.session_state[f"neuron of {view.store}"] = links.query(view)
    drawn = charts.drawn(view, opened, unit, explanation)
    with st.container(gap="xsmall"):
        stepping.bar(view, opened, unit)
        with st.container(horizontal=True, vertical_alignment="center"):
            headline.title(unit)
            star.show(opened, unit)
        star.remark(opened, unit)
        headline.words(unit, explanation, drawn.words)
        headline.same_model(opened, explanation)
    methods.switches(view, unit, explanation, matrices)
    charts.show(view, opened, unit, explanation, drawn)
    methods.side_by_side(unit, explanation)
    tabs.show(view, opened, unit, explanation)
    headline.what_is_this()


def _find(view: links.Neuron, opened: Opened) -> tuple[links.Neuron, Unit | None]:
    """The unit that the address asks for with every default filled in; None after saying what is wrong."""
    store = opened.store
    method = view.method or store.default_method
    layer = view.layer or shell.last_layer(opened)
    number = view.unit
    try:
        if number is None:
            number = _first_sight(opened, layer)
        unit = store.unit(layer, number)
        known = [explanation.method for explanation in unit.explanations]
        if known and method not in known:
            if view.method:
                unusable(md(f"This unit has no explanation by “{method}”; the one by “{known[0]}” is shown."))
            method = known[0]
    except StoreError as error:
        shell.no_unit(error, view.store)
        return view, None
    full = replace(view, layer=layer, unit=number, method=method)
    if not view.layer or view.unit is None:
        st.query_params.from_dict(links.query(replace(full, method=view.method)))
    return full, unit


def _first_sight(opened: Opened, layer: str) -> int:
    """The unit to show where the address names none: the best explained one of the layer."""
    rows = opened.store.find(UnitQuery(layer=layer, sort="-correlation"), 1).rows
    return int(rows["unit"].iloc[0]) if len(rows) else 0


PAGE = Page("Neuron", ":material/stacked_line_chart:", links.Neuron, render, place=20)
