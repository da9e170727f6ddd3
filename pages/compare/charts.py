"""The words and the stacked charts of the Compare page, on shared axes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import rounded
from lexplain_core.figures import Style
from lexplain_core.figures.palette import swatch
from lexplain_core.store import OTHER
from lexplain_core.views.compare import Slot, unit_words
from lexplain_core.views.explanations import by_weight
from lexplain_core.views.ranges import interval_words
from pages.ui import go, links, plots, shell

HEIGHT = 300


def compositions(shown: Sequence[Slot], level: str) -> list[pd.DataFrame | None]:
    """What the ranges of each unit hold, at a level; None of those of which nobody can say."""
    found: list[pd.DataFrame | None] = []
    for one in shown:
        words = one.in_words if one.matrix else None
        if one.unit.buckets is None or (level == "concepts" and words is None):
            found.append(None)
        else:
            found.append(one.unit.composition(words, one.matrix or None, level))
    return found


def styles_of(shown: Sequence[Slot], made: Sequence[pd.DataFrame | None], level: str) -> dict[str, Style]:
    """How each concept (class, superclass) is drawn wherever it comes: by name, as ids differ between stores."""
    names: list[str] = []
    if level == "concepts":
        for one in shown:
            if one.in_words is not None:
                names += [term.name for term in by_weight(one.in_words)]
    for composition in made:
        if composition is not None:
            names += list(composition.loc[composition["concept"] != OTHER, "name"].unique())
    return figures.concept_styles(dict.fromkeys(names))


def words(
    view: links.Compare,
    shown: Sequence[Slot],
    styles: dict[str, Style],
    images: Sequence[int | None] | None = None,
) -> None:
    """Each unit's words with their score, and the way to its own page, where `images` are looked at closely."""
    own = styles if view.level == "concepts" else word_styles(shown)
    images = images or [None] * len(shown)
    for column, one, image in zip(st.columns(max(2, len(shown)), gap="small"), shown, images, strict=False):
        with column, st.container(gap="xsmall"):
            st.html(unit_words(one, own))
            go.link(
                f"Open {one.letter}",
                links.Neuron(
                    store=one.place.store,
                    layer=one.place.layer,
                    unit=one.place.unit,
                    method=one.place.method,
                    image=image,
                ),
                icon=":material/open_in_new:",
                help="This unit on its own page",
            )


def word_styles(shown: Sequence[Slot]) -> dict[str, Style]:
    """How the concepts of the explanations are drawn, by name."""
    return styles_of(shown, [], "concepts")


# -- areas --------------------------------------------------------------------------------------------


def areas(
    view: links.Compare,
    shown: Sequence[Slot],
    made: Sequence[pd.DataFrame | None],
    styles: dict[str, Style],
    marks: Sequence[float | None],
) -> None:
    """A chart for each unit, with a mark for the highlighted image's activation."""
    theme = shell.theme()
    reach = max(
        (one.unit.maximum for one, areas in zip(shown, made, strict=True) if areas is not None), default=0.0
    )
    for column, one, composition, mark in zip(
        st.columns(max(2, len(shown)), gap="small"), shown, made, marks, strict=False
    ):
        with column:
            key = f"area {one.letter}"
            if composition is None or one.unit.buckets is None:
                _histogram(one, key, theme, mark)
                continue
            ids = composition.drop_duplicates("concept").set_index("concept")["name"].drop(OTHER)
            order = {name: place for place, name in enumerate(styles)}
            drawn = {int(i): styles[ids[i]] for i in sorted(ids.index, key=lambda i: order[ids[i]])}
            chart = figures.area_chart(
                composition, one.unit.buckets, styles=drawn, theme=theme, height=HEIGHT
            )
            plots.chart(
                figures.beside(
                    chart,
                    one.unit.buckets,
                    scale=view.scale,
                    reach=reach,
                    mark=mark,
                    charts=len(shown),
                    theme=theme,
                ),
                key,
                f"{one.name}: stacked area, share of {view.level} in 8 ranges of activation. {interval_words(one.unit)}"
                + ("" if mark is None else f" The highlighted image is at {rounded(mark)}."),
            )
    if view.scale == "same" and (narrow := _narrow(shown, made, reach)):
        st.html(f'<p class="lx-facts lx-muted">{escape(narrow)}</p>')
    shown_names = {name for composition in made if composition is not None for name in composition["name"]}
    st.html(legend({name: style for name, style in styles.items() if name in shown_names}))


def _narrow(shown: Sequence[Slot], made: Sequence[pd.DataFrame | None], reach: float) -> str:
    """What to do where one axis for all squeezes a unit; empty where it squeezes none."""
    small = [
        one.letter
        for one, areas in zip(shown, made, strict=True)
        if areas is not None and one.unit.maximum < reach / 4
    ]
    if not small:
        return ""
    return (
        f"On one axis for all there is little room for {' and '.join(small)}, whose activations are much smaller. "
        "“Percent of each largest” compares the shapes."
    )


def _histogram(one: Slot, key: str, theme: str, mark: float | None) -> None:
    """Of a unit without areas: why, and how often it takes which value."""
    if one.unit.buckets is None:
        why = "No ranges: this unit has no activation above 0."
    elif one.in_words is None:
        why = "Without an explanation there are no concepts to show; classes can be shown."
    else:
        why = "Nobody can say which images show these concepts; classes can be shown."
    st.html(f'<p class="lx-facts lx-muted">{why}</p>')
    if one.unit.status != "constant":
        histogram = figures.activation_histogram(
            one.unit.activations, one.unit.buckets, theme=theme, height=HEIGHT - 40
        )
        histogram.layout.xaxis.title.text = "activation"
        if mark is not None:
            figures.marked(histogram, mark, theme=theme)
        plots.chart(histogram, key, f"{one.name}: histogram of the unit's activations")


def legend(styles: dict[str, Style]) -> str:
    """Every colour of the charts with its name (HTML)."""
    items = "".join(
        f'<span class="lx-key"><i style="{swatch(style)}"></i>{escape(name)}</span>'
        for name, style in styles.items()
    )
    grey = figures.theme_of(shell.theme()).other
    return f'<p class="lx-legend">{items}<span class="lx-key"><i style="{swatch(grey)}"></i>other</span></p>'
