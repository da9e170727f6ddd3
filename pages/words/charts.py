"""The charts of edited words: what the ranges hold in their concepts, now and before, and their weights."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from lexplain_core import figures
from lexplain_core.live.editing import Edited
from lexplain_core.store import Explanation, StoreError, Unit
from lexplain_core.views.explanations import by_weight
from lexplain_core.views.markdown import md
from lexplain_core.views.ranges import interval_words
from lexplain_core.views.scores import seen_by
from lexplain_core.views.unit import quantity
from pages.ui import plots, shell
from pages.ui.text import message

_AREA, _BELOW = 380, 300  # pixels


def styles(ids: tuple[int, ...], before: Explanation | None) -> dict[int, figures.Style]:
    """Concept id → style: those that are edited in their order, which no weight changes, then those that were."""
    old = [term.concept_id for term in by_weight(before)] if before else []
    return figures.concept_styles(dict.fromkeys([*ids, *old]))


def area(
    unit: Unit,
    words: Explanation,
    matrix: str,
    look: Mapping[int, figures.Style],
    key: str,
    height: int = _AREA,
) -> None:
    """The stacked area of an explanation's concepts, or why there is none."""
    if unit.buckets is None:
        st.info(
            f"There is no stacked chart: {md(unit.reason or 'no activation is above 0, so the unit has no ranges.')}",
            icon=":material/info:",
        )
        return
    try:
        composition = unit.composition(words, matrix)
    except StoreError as error:
        st.info(message(error), icon=":material/info:")
        return
    plots.chart(
        figures.area_chart(
            composition,
            unit.buckets,
            styles=dict(look),
            theme=shell.theme(),
            quantity=quantity(unit),
            height=height,
        ),
        key,
        f"Stacked area: share of the concepts of {words.method}, seen by {seen_by(matrix)}, in 8 ranges of activation. "
        f"{interval_words(unit)}",
    )


def below(
    unit: Unit, edited: Edited, before: Edited | None, matrix: str, look: Mapping[int, figures.Style]
) -> None:
    """The weights, and beside them the area of the words before."""
    words = edited.explanation
    columns = st.columns([1, 1.35], gap="medium") if before else [st.container()]
    with columns[0]:
        st.subheader("Your weights", anchor=False)
        plots.chart(
            figures.weights_bar(words, styles=dict(look), theme=shell.theme(), height=_BELOW),
            "weights",
            f"Bars of your weights: {words.text}",
        )
    if before:
        with columns[1]:
            st.subheader(f"Before: the concepts of {md(before.explanation.method)}", anchor=False)
            area(unit, before.explanation, matrix, look, "area before", _BELOW)
