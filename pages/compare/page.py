"""Compare: two to four units, methods, layers or stores side by side, and one image that is highlighted in all."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from lexplain_core.base.pages import Page
from lexplain_core.views.compare import Chosen, Slot, marks
from lexplain_core.views.opened import Opened
from pages.compare import charts, images, scores
from pages.compare import chosen as compare_chosen
from pages.compare import places as compare_places
from pages.ui import links
from pages.ui.bound import press, redraw, switch
from pages.ui.compare_link import filled, put
from pages.ui.front import asset
from pages.ui.plain_words import plain_words
from pages.ui.shell import Offer
from pages.ui.text import unusable

_SCALES = {"same": "One axis for all", "relative": "Percent of each largest", "own": "Each its own"}
_LEVELS = {"concepts": "Concepts", "classes": "Classes", "superclasses": "Superclasses"}
_PICKS = {"draw": "A random draw", "top": "The strongest"}


def render(view: links.Compare, opened: Opened, offer: Offer) -> None:
    st.html(f"<style>{asset('compare_page.css')}</style>")
    if not filled(view):
        view = _first(view, opened)
    shown, problems = compare_places.resolve(view, opened)
    view = put(view, [compare_places.short(view, one.place).text for one in shown])
    offer(view)
    unusable(*problems)
    if not shown:
        _nothing(view)
        return
    chosen = images.chosen_of(view, shown)
    _bar(view, shown)
    compare_places.pickers(view, shown)
    made = charts.compositions(shown, view.level)
    styles = charts.styles_of(shown, made, view.level)
    charts.words(view, shown, styles, chosen.ids if chosen else None)
    charts.areas(view, shown, made, styles, marks(shown, chosen))
    _images(view, shown, chosen)
    scores.weights(view, shown)
    scores.scores(shown)
    _what_is_this()


def _first(view: links.Compare, opened: Opened) -> links.Compare:
    """The view with something to start from, in the address, too."""
    places = [compare_places.short(view, place).text for place in compare_places.first_sight(opened)]
    view = put(view, places)
    st.query_params.from_dict(links.query(view))
    st.session_state[f"compare of {view.store}"] = links.query(view)
    return view


def _nothing(view: links.Compare) -> None:
    st.info("There is nothing to compare here.", icon=":material/info:")
    st.button(
        "Start with the best explained units",
        key="compare start",
        **press(put(replace(view, key=""), [])),
    )


def _bar(view: links.Compare, shown: list[Slot]) -> None:
    """The title and what holds for all columns."""
    with st.container(horizontal=True, vertical_alignment="center", key="lx_compare_bar"):
        st.header("Compare", anchor=False, width="content")
        compare_places.adding(view, shown)
        st.space("stretch")
        switch(view, "level", _LEVELS, "What the areas are")
        switch(view, "scale", _SCALES, "Axes of activations and weights")


def _images(view: links.Compare, shown: list[Slot], chosen: Chosen | None) -> None:
    st.subheader("The same images in each unit", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        switch(view, "pick", _PICKS, "Which images")
        if view.pick == "draw":
            redraw(view)
        st.html(
            '<span class="lx-muted">Every unit brings in a few images from each of its ranges, from all splits; each column '
            "sorts them all by what its own unit does. Below each: the activation.</span>",
            width="stretch",
        )
    compare_chosen.panel(view, shown, chosen)
    images.columns(view, shown, chosen)


def _what_is_this() -> None:
    plain_words(
        """
Each **column** is one unit as one method puts it in words. Two columns may hold two units of a layer, one unit in the words of two methods,
units of different layers, or the same unit in two stores: for instance one network before and after training. *Add …* proposes what
may come beside them, the fields at the top of each column change it.

The **stacked charts** show what each unit’s images are, from those that leave it at 0 (left) to those that move it most (right), in 8 ranges
of equal width. A colour means the same in all of them. With *one axis for all* an activation of 3 stands at the same place in each chart, and the dotted
line is where a weaker unit ends; with *percent of each largest* every chart is as wide as its unit’s range, and so is comparable between layers whose
activations are of different size; *each its own* keeps the activations as they are. The figures above the ranges count images.

The **images** are the same in every column: each unit brings in some from each of its ranges, and every column sorts all of them by its own unit’s activation.
An image that is high in one column and low in another is where the units part ways. *Percentile*: the share of the store’s images with a smaller activation.
*Simulated*: the activation that the words predict. Between stores an image is known by its path and its size.

The **weights** stand in rows, one a concept, so that shared concepts meet. The **scores** are those of each unit’s own page, with split, number of images and
95% interval. Scores of different stores are over different images where their probing sets or splits differ.

Keys: **D** draws other images; **Tab** goes to a column of images, the **arrow keys** move in it, **Enter** highlights, **Esc** lets go.
"""
    )


PAGE = Page("Compare", ":material/compare:", links.Compare, render, place=30)
