"""From unit to unit: previous, next, random, by layer and by number, with keys."""

from __future__ import annotations

import random
from typing import Any

import streamlit as st

from lexplain_core.store import Unit, UnitQuery
from lexplain_core.views.opened import Opened
from pages.neuron.figure_link import figure_link
from pages.ui import links, shell
from pages.ui.bound import Changes, bind, press
from pages.ui.compare_link import compare_link

_TRIES = 8  # draws may hit the unit that is shown


def bar(view: links.Neuron, opened: Opened, unit: Unit) -> None:
    """The row of controls. Previous and next go round in a circle within the layer."""
    with st.container(horizontal=True, vertical_alignment="center", key="lx_steps"):
        st.button(
            "Previous",
            icon=":material/chevron_left:",
            shortcut="Left",
            key="previous",
            help="The unit before this one; from the first to the last",
            **press(view, **other(unit=(unit.unit - 1) % unit.units)),
        )
        st.button(
            "Next",
            icon=":material/chevron_right:",
            shortcut="Right",
            key="next",
            help="The unit after this one; from the last to the first",
            **press(view, **other(unit=(unit.unit + 1) % unit.units)),
        )
        st.button(
            "Random",
            icon=":material/shuffle:",
            shortcut="X",
            key="random",
            help="Another living unit of this layer",
            **press(view, lambda: _random(opened, unit)),
        )
        st.selectbox(
            "Layer",
            list(shell.layers(opened)["layer"]),
            width=220,
            label_visibility="collapsed",
            **bind(view, "layer", lambda layer: other(layer=layer, unit=0)),
        )
        st.number_input(
            f"Unit, 0 to {unit.units - 1}",
            0,
            unit.units - 1,
            step=1,
            width=140,
            label_visibility="collapsed",
            **bind(view, "unit", lambda number: other(unit=number)),
        )
        st.html(f'<span class="lx-muted">units 0 to {unit.units - 1}</span>', width="content")
        st.space("stretch")
        figure_link(view, unit)
        compare_link(view)


def other(**to: Any) -> Changes:
    """The fields that lead to another unit: a span of activations means nothing there, a range does."""
    return {"above": None, "below": None, **to}


def _random(opened: Opened, unit: Unit) -> Changes | None:
    for _ in range(_TRIES):
        found = opened.store.surprise(UnitQuery(layer=unit.layer))
        if found is None:  # nothing in this layer is alive
            break
        if found[1] != unit.unit:
            return other(unit=found[1])
    others = [number for number in range(unit.units) if number != unit.unit]
    return other(unit=random.choice(others)) if others else None
