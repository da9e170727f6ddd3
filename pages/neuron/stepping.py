"""From unit to unit: previous, next, random, by layer and by number, with keys."""

from __future__ import annotations

import random
from typing import Any

import streamlit as st

from lexplain_core.store import Unit, Wanted
from lexplain_core.views.opened import Opened
from pages.neuron.figure_link import figure_link
from pages.ui import links, shell
from pages.ui.compare_link import compare_link

_TRIES = 8  # draws may hit the unit that is shown


def bar(view: links.Neuron, opened: Opened, unit: Unit) -> None:
    """The row of controls. Previous and next go round in a circle within the layer."""
    state = st.session_state
    state["layer picker"], state["unit picker"] = unit.layer, unit.unit
    with st.container(horizontal=True, vertical_alignment="center", key="lx_steps"):
        st.button(
            "Previous",
            icon=":material/chevron_left:",
            shortcut="Left",
            key="previous",
            on_click=_go,
            args=(view, (unit.unit - 1) % unit.units),
            help="The unit before this one; from the first to the last",
        )
        st.button(
            "Next",
            icon=":material/chevron_right:",
            shortcut="Right",
            key="next",
            on_click=_go,
            args=(view, (unit.unit + 1) % unit.units),
            help="The unit after this one; from the last to the first",
        )
        st.button(
            "Random",
            icon=":material/shuffle:",
            shortcut="X",
            key="random",
            on_click=_random,
            args=(view, opened, unit),
            help="Another living unit of this layer",
        )
        st.selectbox(
            "Layer",
            list(shell.layers(opened)["layer"]),
            key="layer picker",
            width=220,
            label_visibility="collapsed",
            on_change=_to_layer,
            args=(view,),
        )
        st.number_input(
            f"Unit, 0 to {unit.units - 1}",
            0,
            unit.units - 1,
            step=1,
            key="unit picker",
            width=140,
            label_visibility="collapsed",
            on_change=_to_number,
            args=(view,),
        )
        st.html(f'<span class="lx-muted">units 0 to {unit.units - 1}</span>', width="content")
        st.space("stretch")
        figure_link(view)
        compare_link(view)


def _go(view: links.Neuron, number: int) -> None:
    shell.change(view, **_other(unit=number))


def _other(**to: Any) -> dict[str, Any]:
    """The fields that lead to another unit: a span of activations means nothing there, a range does."""
    return {"above": None, "below": None, **to}


@shell.told
def _random(view: links.Neuron, opened: Opened, unit: Unit) -> None:
    for _ in range(_TRIES):
        found = opened.store.surprise(Wanted(layer=unit.layer))
        if found is None:  # nothing in this layer is alive
            break
        if found[1] != unit.unit:
            _go(view, found[1])
            return
    if others := [number for number in range(unit.units) if number != unit.unit]:
        _go(view, random.choice(others))


def _to_layer(view: links.Neuron) -> None:
    shell.change(view, **_other(layer=st.session_state["layer picker"], unit=0))


def _to_number(view: links.Neuron) -> None:
    _go(view, int(st.session_state["unit picker"]))
