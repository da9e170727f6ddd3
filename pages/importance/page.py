"""Importance: how much units matter to the network, and whether words that predict a unit can stand in for it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from lexplain_core.base.pages import Page
from lexplain_core.views.effect import SET_TO
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from pages.importance import together, top_impact
from pages.ui import links, measured, shell
from pages.ui.bound import switch
from pages.ui.plain_words import plain_words
from pages.ui.shell import Offer
from pages.ui.text import unusable

_PARTS = {"top": "Top Impact", "together": "Scores together"}


def render(view: links.Importance, opened: Opened, offer: Offer) -> None:
    view = _known(view, opened)
    offer(view)
    st.title("What units do to the network", anchor=False)
    target = (shell.info(opened).get("target") or {}).get("name")
    st.caption(md(opened.store.name + (f" · {target}" if target else "")))
    switch(view, "part", _PARTS)
    (top_impact if view.part == "top" else together).show(view, opened)
    _what_is_this()


def _known(view: links.Importance, opened: Opened) -> links.Importance:
    """The view without what this store doesn't have, after saying so."""
    if view.layer and view.layer not in set(shell.layers(opened)["layer"]):
        unusable(md(f"This store has no layer “{view.layer}”; all layers are shown."))
        view = replace(view, layer="")
    if view.method and view.method not in shell.methods(opened):
        unusable(md(f"This store has no explanations by “{view.method}”."))
        view = replace(view, method="")
    known = measured.impact_values(opened)
    if known and view.to not in known:
        if "to" in st.query_params:
            unusable(
                f"In this store no unit was set to {SET_TO[view.to]}; each is set to {SET_TO[known[0]]} here."
            )
        view = replace(view, to=known[0])
    return view


def _what_is_this() -> None:
    plain_words(
        """
The **impact** of a unit on an image is what the network loses there when the unit is replaced by 0 (or by its mean): half of
it is right answers lost, as a share of all right answers, half is how much the loss rises, as a share of the whole loss. The
**total impact** sums its absolute value over all images: a unit with 0.1 moves as much as a tenth of all that the network gets
right and wrong. Losses use the network’s outputs at a temperature that was fitted on the val split.

**Top Impact** is the share of the total that lies in the images with the *highest activation*. People look at
those images to learn what a unit means. Where Top Impact at 0.2% is small, the network hardly uses the unit on them.

The **ablation score** asks whether words can do the unit’s work: on each test image the unit is replaced by what the words predict,
times *c* plus *d*, and the network is run on. 1 means that its loss stays as it is, 0 that the words do no better than the unit’s mean,
less than 0 that they do worse. *norm* finds c and d in closed form: the straight line from prediction to
activation that fits best on the val split; *optim* by gradient descent on the val split, begun there, towards where the loss changes least; that it gets there is not promised.

Where replacing units costs a run of the network for each, impacts and scores are **estimates** from a sample of images, and say so.
"""
    )


PAGE = Page("Importance", ":material/scatter_plot:", links.Importance, render, place=50)
