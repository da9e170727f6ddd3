"""The two charts of the Neuron page: what the images of each range are, and the weights."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.figures import Style
from lexplain_core.store import OTHER, Explanation, Unit
from lexplain_core.views.effect import drawn_shares, effect_alt, impact_of, strip_words
from lexplain_core.views.explanations import by_weight
from lexplain_core.views.opened import Opened
from lexplain_core.views.ranges import interval_words, numbered
from lexplain_core.views.scores import seen_by
from lexplain_core.views.unit import quantity, why_no_ranges
from pages.neuron import ranges
from pages.ui import links, plots, shell
from pages.ui.bound import switch
from pages.ui.text import unusable

_COLUMNS = [1.75, 1]
_LABELS = {"classes": "Classes", "superclasses": "Superclasses"}
UNSEEN = (
    "Nobody can say which images show these concepts: they are no labels, and no encoder has looked for them. So "
    "there is no stacked chart of them, and nothing is simulated."
)


@dataclass(frozen=True)
class Drawn:
    """What the stacked chart draws. level: whose areas; seen: whether those of concepts can be drawn. composition:
    None where a histogram is drawn instead. areas, words: styles of the areas, and of the terms in the line and
    the weights, which are the same thing only where the areas are the terms."""

    level: str
    seen: bool
    composition: pd.DataFrame | None
    areas: dict[int, Style]
    words: dict[int, Style]


def drawn(view: links.Neuron, opened: Opened, unit: Unit, explanation: Explanation | None) -> Drawn:
    """What to draw of a unit.

    view.matrix: the concept matrix that says which concepts an image shows, "" where none can. view.level: whose
    areas are drawn; "concepts" stands for a histogram where the unit has no words, or nobody sees them.
    """
    explanation = explanation if explanation and not explanation.reason else None
    words = figures.explanation_styles(explanation) if explanation else {}
    seen = explanation is not None and bool(view.matrix) and unit.buckets is not None
    level = _level(view, opened, unit)
    if level == "concepts":
        found = unit.composition(explanation, view.matrix) if seen else None
        return Drawn(level, seen, found, words, words)
    found = unit.composition(None, level=level)
    groups = found[found["concept"] != OTHER].drop_duplicates("concept")
    areas = figures.concept_styles(groups["concept"].astype(int))
    if explanation:
        grey = figures.theme_of(shell.theme()).other
        words = words_like_areas(explanation, dict(zip(groups["name"], areas.values(), strict=True)), grey)
    return Drawn(level, seen, found, areas, words)


def words_like_areas(explanation: Explanation, areas: dict[str, Style], grey: Style) -> dict[int, Style]:
    """Concept id → style: that of the area of the same name, so that a colour means one thing on the page, else grey."""
    return {term.concept_id: areas.get(term.name, grey) for term in by_weight(explanation)}


def show(
    view: links.Neuron, opened: Opened, unit: Unit, explanation: Explanation | None, what: Drawn
) -> None:
    """The stacked area and the weights; units without ranges or words explain themselves instead."""
    impact = impact_of(unit)
    shares = drawn_shares(impact)
    height = 370 if shares is None else 470
    explanation = explanation if explanation and not explanation.reason else None
    left, *right = st.columns(_COLUMNS, gap="medium") if explanation else [st.container()]
    with left:
        _head(view, opened, unit, what)
        if not what.seen:
            st.markdown(UNSEEN if explanation and not view.matrix else why_no_ranges(unit))
        if what.composition is not None:
            _areas(view, unit, what, shares, height)
        elif unit.status != "constant":
            _histogram(view, unit, shares)
        st.markdown(_click_words(view, unit) + strip_words(unit, impact))
    if explanation:
        with right[0]:
            st.subheader("Weights", anchor=False)
            plots.chart(
                figures.weights_bar(explanation, styles=what.words, theme=shell.theme(), height=height),
                "weights",
                f"Bars of the explanation's weights: {explanation.text}",
            )


def _click_words(view: links.Neuron, unit: Unit) -> str:
    """What a click on a range does, or did: the images are further down than a small screen shows."""
    if unit.buckets is None or unit.status == "constant":  # there is no chart
        return ""
    only = ranges.chosen(view, unit)
    if only is None:
        return "**Click a range to see its images.** "
    return f"**The images below are those of range {numbered(unit, only)}**; a click on it shows all ranges again. "


# -- what the areas are -----------------------------------------------------------------------------


def _levels(opened: Opened, unit: Unit) -> list[str]:
    """What labels can be drawn by: nothing for a unit without ranges."""
    if unit.buckets is None or unit.status == "constant":
        return []
    return ["classes", *(["superclasses"] if shell.info(opened)["superclasses"] else [])]


def _level(view: links.Neuron, opened: Opened, unit: Unit) -> str:
    """The level that is drawn; says so where the store has no superclasses."""
    known = _levels(opened, unit)
    if view.level == "superclasses" and known == ["classes"]:
        unusable("This store has no superclasses.")
    return view.level if view.level in known else "concepts"


def _head(view: links.Neuron, opened: Opened, unit: Unit, what: Drawn) -> None:
    """The heading, and the switch between concepts and labels."""
    areas = what.composition is not None
    title = "What is in the images, by activation" if areas else "How often it takes which value"
    levels = _levels(opened, unit)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if areas or unit.status != "constant":
            st.subheader(title, anchor=False, width="content")
        if levels:
            titles = {"concepts": "Its concepts" if what.seen else "Histogram"} | {
                n: _LABELS[n] for n in levels
            }
            switch(view, "level", titles, "Areas of the chart")


def _areas(view: links.Neuron, unit: Unit, what: Drawn, shares: pd.DataFrame | None, height: int) -> None:
    if what.composition is None or unit.buckets is None:
        return
    figure = figures.area_chart(
        what.composition,
        unit.buckets,
        styles=what.areas,
        theme=shell.theme(),
        quantity=quantity(unit),
        height=height,
        effect=shares,
        chosen=ranges.chosen(view, unit),
        clickable=True,
    )
    by = f"concepts, seen by {seen_by(view.matrix)}"
    if what.level != "concepts":
        by = f"{what.level}, by the images’ labels"
    alt = f"Stacked area: share of {by}, in 8 ranges of activation. {interval_words(unit)}"
    ranges.chart(view, unit, figure, "area", alt + effect_alt(shares))


# -- without areas ----------------------------------------------------------------------------------


def _histogram(view: links.Neuron, unit: Unit, shares: pd.DataFrame | None) -> None:
    figure = figures.activation_histogram(
        unit.activations,
        unit.buckets,
        theme=shell.theme(),
        quantity=quantity(unit),
        height=280,
        chosen=ranges.chosen(view, unit),
        clickable=True,
    )
    ranges.chart(view, unit, figure, "activations", "Histogram of the unit's activations")
    if shares is not None and unit.buckets is not None:
        plots.chart(
            figures.impact_strip(shares, unit.buckets.edges, theme=shell.theme(), quantity=quantity(unit)),
            "strip",
            "Bars: how much of the unit's effect lies in each range." + effect_alt(shares),
        )
