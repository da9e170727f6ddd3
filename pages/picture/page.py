"""By picture: which units a picture excites unusually, where in it, and which stored images are like it."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from lexplain_core.base.pages import Page
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from lexplain_core.views.picture import Answer, Taken, heading, units_summary
from pages.picture import nearest, network
from pages.picture import taken as picture_taken
from pages.picture import units as picture_units
from pages.ui import access, links, shell
from pages.ui.bound import bind
from pages.ui.plain_words import plain_words
from pages.ui.shell import Offer
from pages.ui.text import message, unusable


def render(view: links.Picture, opened: Opened, offer: Offer) -> None:
    layers = shell.layers(opened).set_index("layer", drop=False)
    if view.layer and view.layer not in layers.index:
        unusable(md(f"This store has no layer “{view.layer}”; its last one is shown."))
        view = replace(view, layer="")
    if not view.layer:
        view = replace(view, layer=shell.last_layer(opened))
    units = int(layers.loc[view.layer, "units"])
    if view.unit is not None and view.unit >= units:
        unusable(f"This layer has no unit {view.unit}; its units are 0 to {units - 1}.")
        view = replace(view, unit=None)
    offer(view)
    st.title("By picture", anchor=False)
    st.markdown(
        "Which units of the network does a picture excite more than almost all others do? Send one, or take one of the store’s."
    )
    picture_taken.choose(view, opened)
    taken = picture_taken.current(view, opened)
    if taken is None and not picture_taken.wrong(view):
        _nothing_yet()
    elif taken is not None:
        _show(view, opened, layers, taken)
    _what_is_this()


def _nothing_yet() -> None:
    if not access.live():
        st.info(
            "**No picture yet.** Press **X** for a random image of the store.", icon=":material/image_search:"
        )
        return
    st.info(
        "**No picture yet.** Drop a file above, or press **X** for a random image of the store. A picture that you send is looked at "
        "by this server’s network and then forgotten; only images of the store can be shared as an address.",
        icon=":material/image_search:",
    )


def _show(view: links.Picture, opened: Opened, layers: pd.DataFrame, taken: Taken) -> None:
    answer = network.ask(opened, layers.loc[view.layer], taken)
    _title(view, layers, taken)
    if answer.no_network:
        what = (
            "What its units did on this image is recorded; where they fire can’t be asked."
            if answer.values is not None
            else "So nobody knows which units this picture excites. The stored images that are most like it in colour are below; "
            "their own pages show what they excite."
        )
        st.info(
            f"**The network can’t be run here.** {message(answer.reason)} {what}", icon=":material/cloud_off:"
        )
    elif answer.reason:
        st.info(f"**There are no activations.** {message(answer.reason)}", icon=":material/info:")
    if answer.values is None:
        picture_units.shots(taken, answer, None, "")
    else:
        _units(view, opened, taken, answer)
        nearest.by_layer(view, opened, network.neighbours(opened, view.layer, taken, answer.values))
    nearest.by_colour(view, opened, network.by_colour(opened, taken))


def _title(view: links.Picture, layers: pd.DataFrame, taken: Taken) -> None:
    width, height = taken.size
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        with st.container(gap=None):
            st.subheader(md(taken.name), anchor=False)
            notes = " ".join((f"{width:,} × {height:,} pixels.", *taken.notes))
            st.caption(md(notes) + ("" if taken.number is not None else " Not kept, and in no address."))
        st.selectbox(
            "Layer",
            list(layers.index),
            width=240,
            **bind(view, "layer", lambda layer: {"layer": layer, "unit": None}),
        )


def _units(view: links.Picture, opened: Opened, taken: Taken, answer: Answer) -> None:
    assert answer.values is not None, "a layer without values has no units to show"
    found = network.found(opened, view.layer, answer.values)
    now = picture_units.chosen(view, found)
    listed = [int(u) for u in [*found.high["unit"], *found.low["unit"]]]
    wanted = list(dict.fromkeys([*listed, *([now] if now is not None else [])]))
    maps = network.maps(opened, view.layer, taken, answer, wanted)
    st.markdown(units_summary(view.layer, len(shell.images(opened)), found))
    left, right = st.columns([1, 2.1], gap="medium")
    with left:
        picture_units.shots(taken, answer, maps.get(now), f"unit {now}")
        st.caption(_map_words(maps, opened, view.layer, now))
    with right:
        args = (view, opened, taken, answer)
        if found.high.empty:
            st.markdown("No unit of this layer is alive, so none can be excited.")
        else:
            st.markdown(heading(found, opened.store.default_method))
        picture_units.rows(*args, found.high, maps, now, "high")
        if len(found.low):
            title = f"Unusually quiet: the {len(found.low)} units that fire least, of {found.under:,}"
            with st.expander(title, icon=":material/volume_off:"):
                picture_units.rows(*args, found.low, maps, now, "low")


def _map_words(maps: dict, opened: Opened, layer: str, now: int | None) -> str:
    if now is None:
        return ""
    if now not in maps:
        why = opened.store.unit(layer, now).map_reason
        return md(why) if why else f"There is no map of unit {now}: no network is at hand to ask."
    if float(maps[now].values.min()) < 0:
        return "Orange is above 0, purple below; each map has its own scale, 0 is transparent."
    return "The brighter (yellow), the more; each map has its own scale, 0 is transparent."


def _what_is_this() -> None:
    plain_words(
        f"""
A network is made of **units**: each computes one number for every image, its *activation*. The probing set is the set of images that
the store was built with. For the picture above, each unit of the chosen layer is asked how its activation compares with those: **more
than 99.5%** means that only one in two hundred images of the probing set excites the unit more. The units are listed from the most
unusual on, with their **words**: the explanation that was found for them on the probing set, and how well it predicts the unit on the
test split (correlation *r*, with the number of images).

Among many units some are always beyond their 99th percentile, by chance alone; the line above the list says how many to expect. A unit’s words
were made from the probing set: a picture of another kind (a drawing, a scan) may excite it for other reasons.

The **map** shows where in the picture the unit fires: the output of its layer at each place, laid over the picture.

**Stored images most like it** come in two ways: by the pattern of all living units of the layer, and by colours alone, which needs no network.
Neither looks at labels.

A picture that is sent must be a JPEG, PNG, WebP, GIF, BMP or TIFF of at most 20 MB and {_million()} million pixels; of an animation the first frame is
taken. It stays in the memory of this server while this browser tab is open, and is kept in no file. Of the store’s images the activations
are the recorded ones; their percentile counts the image itself.
"""
    )


def _million() -> int:
    from lexplain_core.live.upload import MOST_PIXELS

    return MOST_PIXELS // 10**6


PAGE = Page("By picture", ":material/image_search:", links.Picture, render, place=40)
