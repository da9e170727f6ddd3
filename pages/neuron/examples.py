"""The tab of example images: from every range, drawn or the strongest, with maps laid over them."""

from __future__ import annotations

from html import escape

import streamlit as st

from lexplain_core.base.numbers import decimals, plain
from lexplain_core.store import Unit, UnitMap
from lexplain_core.views.examples import IMAGES, PER_ROW, Overlay, example_groups, map_words
from lexplain_core.views.opened import Opened
from lexplain_core.views.ranges import none_to_show
from pages.neuron import ranges
from pages.ui import hidden, links, look, thumbs
from pages.ui.bound import bind, redraw, switch

_PICKS = {"draw": "A random draw", "top": "The strongest"}


def show(view: links.Neuron, opened: Opened, unit: Unit) -> None:
    """The tab."""
    only = ranges.chosen(view, unit)
    groups = example_groups(unit, only, view.draw, top=view.pick == "top")
    ids = list(dict.fromkeys(int(i) for _, _, examples in groups for i in examples["image"]))
    maps = unit.maps(ids)
    if unit.buckets is not None:
        _controls(view, unit)
    _map_slider(view, unit, maps, len(ids))
    overlay = Overlay(maps, view.map / 100) if view.map and maps else None
    span = unit.maximum if unit.buckets is not None else max(abs(unit.maximum), abs(unit.minimum))
    fine = decimals(span, 50)
    if only is not None and not ids:
        st.info(none_to_show(unit, only), icon=":material/info:")
    else:
        thumbs.rows(opened.store, groups, fine, overlay)
    hidden.bar(opened, {i: plain(float(unit.activations[i]), fine) for i in ids})
    look.show(view, opened, unit, ids)


def _controls(view: links.Neuron, unit: Unit) -> None:
    """Which examples, of which ranges."""
    with st.container(horizontal=True, vertical_alignment="center"):
        drawing(view)
        ranges.picker(view, unit)
        only = ranges.chosen(view, unit)
        most, where = (PER_ROW, "each range") if only is None else (IMAGES, "this range")
        words = (
            f"Draw {view.draw}: up to {most} images of {where}, from all splits."
            if view.pick == "draw"
            else f"The {most} strongest images of {where}, from all splits."
        )
        st.html(
            f'<span class="lx-muted">{words} Below each: its activation and label.</span>', width="content"
        )


def drawing(view: links.Neuron) -> None:
    """Whether images are drawn or the strongest, and another draw."""
    switch(view, "pick", _PICKS, "Which examples")
    if view.pick == "draw":
        redraw(view)


# -- maps -----------------------------------------------------------------------------------------


def _map_slider(view: links.Neuron, unit: Unit, maps: dict[int, UnitMap], images: int) -> None:
    """How opaque the maps are; where none is kept, only words."""
    if not unit.in_network or not images:
        return
    if not maps:
        why = escape(unit.map_reason or "No activation maps of these images are kept.")
        st.html(
            f'<p class="lx-facts lx-muted">{why} “Look closer at one image”, below, asks the network itself.</p>'
        )
        return
    with st.container(horizontal=True, vertical_alignment="center", key="lx_map"):
        st.html('<span class="lx-muted">Map</span>', width="content")
        st.slider(
            "Map",
            0,
            100,
            step=10,
            format="%d%%",
            width=190,
            label_visibility="collapsed",
            help="Where in the image the unit fires: 0% hides the maps",
            **bind(view, "map", moving=True),
        )
        st.html(f'<span class="lx-muted">{map_words(view.map, maps, images)}</span>', width="content")
