"""The tab of values: how often the unit takes which, images of any range of them, and means by class."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import decimals, plain, plural, rounded, share
from lexplain_core.store import Unit
from lexplain_core.views.examples import IMAGES
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from lexplain_core.views.ranges import all_hidden, images_in, numbered, slider_grid
from lexplain_core.views.tables import of_unit
from lexplain_core.views.unit import quantity
from pages.neuron import ranges
from pages.neuron.examples import drawing
from pages.ui import hidden, links, plots, shell, tables, thumbs
from pages.ui.bound import Changes, bind, switch

_SCALES = {0: "Linear counts", 1: "Logarithmic counts"}


def show(view: links.Neuron, opened: Opened, unit: Unit) -> None:
    """The tab."""
    if unit.status == "constant":
        st.info(
            f"A constant unit: it is {rounded(unit.maximum)} for every image, so there is nothing to compare.",
            icon=":material/info:",
        )
        return
    _histogram(view, unit)
    _between(view, opened, unit)
    _means(unit)


# -- how often ------------------------------------------------------------------------------------


def _histogram(view: links.Neuron, unit: Unit) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        switch(view, "log", _SCALES, "Scale of the counts")
        words = f"All {len(unit.activations):,} images of the probing set, whatever their split."
        if unit.buckets is not None:
            words += " Click a range for its images; click it again for all."
        st.html(f'<span class="lx-muted">{words}</span>', width="content")
    figure = figures.activation_histogram(
        unit.activations,
        unit.buckets,
        theme=shell.theme(),
        quantity=quantity(unit),
        height=270,
        log=bool(view.log),
        chosen=ranges.chosen(view, unit),
        between=None if view.only is not None else _marked(view, unit),
        clickable=True,
    )
    ranges.chart(view, unit, figure, "histogram", "Histogram of the unit's activations")


def _marked(view: links.Neuron, unit: Unit) -> tuple[float, float] | None:
    """The span to mark in the chart; None where it is the whole range."""
    return None if view.above is None and view.below is None else _span(view, unit)


def _span(view: links.Neuron, unit: Unit) -> tuple[float, float]:
    """The activations between which images are shown."""
    low = unit.minimum if view.above is None else view.above
    high = unit.maximum if view.below is None else view.below
    return low, high


# -- images of a range ----------------------------------------------------------------------------


def _between(view: links.Neuron, opened: Opened, unit: Unit) -> None:
    st.subheader("Images of any range of activations", anchor=False)
    only = ranges.chosen(view, unit)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _slider(view, unit)
        drawing(view)
        if unit.buckets is not None:
            ranges.picker(view, unit)
    places = decimals(unit.maximum - unit.minimum, 50)
    top = view.pick == "top"
    if only is not None:
        total = images_in(unit, only)
        found = unit.examples(only, count=IMAGES, seed=view.draw, top=top)
        title = numbered(unit, only)
    else:
        low, high = _span(view, unit)
        if low > high:
            low, high = high, low
        found, total = unit.between(low, high, IMAGES, draw=view.draw, top=top)
        title = f"{plain(low, places)} to {plain(high, places)}"
    if not total:
        st.info(
            f"No image of the probing set is in this range of activations, {title}. Move the ends of the slider apart.",
            icon=":material/info:",
        )
        return
    if found.empty:
        st.info(all_hidden(total, title), icon=":material/visibility_off:")
        hidden.note(opened)
        return
    note = f"{plural(total, 'image')}, {share(total, len(unit.activations))}"
    if len(found) < total:
        note += f"; {len(found)} of them {'are the strongest' if top else f'by draw {view.draw}'}"
    thumbs.rows(opened.store, [(title, note, found)], places)


def _ends(view: links.Neuron, unit: Unit, low: float) -> tuple[float, float]:
    """The activations that the slider stands at, from the smallest that it has."""
    only = ranges.chosen(view, unit)
    if only is None or unit.buckets is None:
        first, last = sorted(_span(view, unit))
        return first, last
    return (low, 0.0) if only < 0 else unit.buckets.span(only)


def _slider(view: links.Neuron, unit: Unit) -> None:
    low, high, step = slider_grid(unit.minimum, unit.maximum)
    start, end = (min(max(float(end), low), high) for end in _ends(view, unit, low))
    if ranges.chosen(view, unit) is None:
        start, end = low if view.above is None else start, high if view.below is None else end
    places = max(0, -math.floor(math.log10(step)))

    def moved(ends: tuple[float, float]) -> Changes:
        above, below = ends
        return {
            "above": None if above <= low else above,
            "below": None if below >= high else below,
            "only": None,
        }

    st.slider(
        f"Range of activations, of {rounded(unit.minimum)} to {rounded(unit.maximum)} in all",
        low,
        high,
        step=step,
        format=f"%.{places}f",
        width=430,
        **bind(view, "above", moved, shows=(start, end), key=f"span {unit.layer} {unit.unit}", moving=True),
    )


# -- by class -------------------------------------------------------------------------------------


def _means(unit: Unit) -> None:
    st.subheader("Mean activation by what the images are", anchor=False)
    classes, superclasses = (
        unit.class_means(),
        unit.superclass_means().rename(columns={"superclass": "label"}),
    )
    with_super = len(superclasses) > 0
    left, *right = st.columns(2, gap="medium") if with_super else [st.container()]
    with left:
        _bars(unit, classes, "class", "classes")
    if with_super:
        with right[0]:
            _bars(unit, superclasses, "superclass", "superclasses")
    st.caption(
        "Labels say what an image is; all images of the probing set count, whatever their split"
        + (", and an image is in every superclass that its class is in." if with_super else ".")
        + " The number of images stands in brackets."
    )


def _bars(unit: Unit, means: pd.DataFrame, one: str, many: str) -> None:
    first, last = means.iloc[0], means.iloc[-1]
    places = decimals(unit.maximum - unit.minimum, 50)
    shown = min(len(means), figures.CLASS_BARS)
    st.markdown(
        f"**By {one}**, largest first"
        + (f" ({shown} of {len(means):,}; the CSV has all)" if shown < len(means) else "")
        + f": from **{md(first['label'])}** {plain(first['mean'], places)} to **{md(last['label'])}** "
        f"{plain(last['mean'], places)}; all images {plain(unit.mean, places)}."
    )
    plots.chart(
        figures.class_means_bar(means, unit.mean, theme=shell.theme(), quantity=quantity(unit)),
        f"{one} means",
        f"Bars of the mean activation by {one}, largest first: "
        + ", ".join(f"{r.label} {rounded(r.mean)}" for r in means.head(5).itertuples()),
    )
    tables.csv(f"{many.capitalize()} as CSV", means, *of_unit(unit), f"mean by {many}")
