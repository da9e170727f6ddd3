"""The tab of example images: from every range, drawn or the strongest, with maps laid over them."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from lexplain_core import figures
from lexplain_core.store import Unit, UnitMap

from .. import common, links
from . import look, thumbs
from .switch import switch
from .words import share

_PICKS = {"draw": "A random draw", "top": "The strongest"}
_PER_ROW = 8


def show(view: links.Neuron, opened: common.Opened, unit: Unit) -> None:
    """The tab."""
    groups = _by_range(view, unit) if unit.buckets is not None else _ends(unit)
    ids = list(dict.fromkeys(int(i) for _, _, examples in groups for i in examples["image"]))
    maps = unit.maps(ids) if unit.source != "computed" else {}
    if unit.buckets is not None:
        _controls(view)
    _map_slider(view, unit, maps, len(ids))
    overlay = thumbs.Overlay(maps, view.map / 100) if view.map and maps else None
    span = unit.maximum if unit.buckets is not None else max(abs(unit.maximum), abs(unit.minimum))
    fine = figures.decimals(span, 50)
    thumbs.rows(opened.store, groups, fine, overlay)
    look.show(view, opened, unit, ids)


def _ends(unit: Unit) -> list[tuple]:
    """The strongest and the weakest images of a unit without ranges."""
    strong, weak = unit.top(_PER_ROW), unit.bottom(_PER_ROW)
    return [
        ("Strongest", f"the {len(strong)} images with the largest activations", strong),
        ("Weakest", f"the {len(weak)} images with the smallest activations", weak),
    ]


def _by_range(view: links.Neuron, unit: Unit) -> list[tuple]:
    """A group a range, the highest first, and one for what is below 0."""
    groups, places = [], figures.decimals(unit.maximum)
    edges, total = unit.buckets.edges, len(unit.activations)
    for bucket in reversed(range(len(unit.buckets.counts))):
        if unit.status == "constant" and not unit.buckets.counts[bucket]:
            continue
        low, high = (figures.plain(edge, places) for edge in edges[bucket : bucket + 2])
        groups.append(_group(view, unit, bucket, f"{low} to {high}", int(unit.buckets.counts[bucket]), total))
    if unit.buckets.negative:
        groups.append(_group(view, unit, -1, "below 0", unit.buckets.negative, total))
    return groups


def _group(view: links.Neuron, unit: Unit, bucket: int, title: str, count: int, total: int):
    examples = unit.examples(bucket, count=_PER_ROW, seed=view.draw, top=view.pick == "top")
    note = figures.plural(count, "image") + (f", {share(count, total)}" if count else "")
    return title, note, examples


def _controls(view: links.Neuron) -> None:
    """Which examples."""
    with st.container(horizontal=True, vertical_alignment="center"):
        switch(view, "pick", _PICKS, label="Which examples")
        if view.pick == "draw":
            st.button(
                "Draw again",
                icon=":material/casino:",
                shortcut="D",
                key="redraw",
                on_click=_redraw,
                args=(view,),
                help="Other images of the same ranges; the address keeps the draw",
            )
            words = f"Draw {view.draw}: up to {_PER_ROW} images of each range, from all splits."
        else:
            words = f"The {_PER_ROW} strongest images of each range, from all splits."
        st.html(
            f'<span class="lx-muted">{words} Below each: its activation and label.</span>', width="content"
        )


def _redraw(view: links.Neuron) -> None:
    common.show(replace(view, draw=view.draw + 1 if view.draw < links.LARGEST else 0))


# -- maps -----------------------------------------------------------------------------------------


def _map_slider(view: links.Neuron, unit: Unit, maps: dict[int, UnitMap], images: int) -> None:
    """How opaque the maps are; where none is kept, only words."""
    if unit.source == "computed" or not images:
        return
    if not maps:
        st.html(
            '<p class="lx-facts lx-muted">No activation maps of these images are kept. “Look closer at one image”, below, '
            "asks the network itself.</p>"
        )
        return
    if st.session_state.get("map") != view.map:  # set while it is being moved, it would jump back
        st.session_state["map"] = view.map
    with st.container(horizontal=True, vertical_alignment="center", key="lx_map"):
        st.html('<span class="lx-muted">Map</span>', width="content")
        st.slider(
            "Map",
            0,
            100,
            step=10,
            key="map",
            format="%d%%",
            width=190,
            label_visibility="collapsed",
            on_change=_to_map,
            args=(view,),
            help="Where in the image the unit fires: 0% hides the maps",
        )
        st.html(f'<span class="lx-muted">{_map_words(view, maps, images)}</span>', width="content")


def _map_words(view: links.Neuron, maps: dict[int, UnitMap], images: int) -> str:
    if not view.map:
        return "Off. Move it to see where in the images the unit fires."
    missing = images - len(maps)
    colours = "orange is above 0, purple below" if thumbs.signed(maps) else "the brighter (yellow), the more"
    words = f"Where the unit fires: {colours}; one scale for all."
    if missing:
        words += (
            f" {figures.plural(missing, 'image')} without a kept map {'is' if missing == 1 else 'are'} plain."
        )
    return words


def _to_map(view: links.Neuron) -> None:
    common.show(replace(view, map=int(st.session_state["map"])))
