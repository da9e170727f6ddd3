"""The tab of similar units: by what they do on the images, and by what is said of them."""

from __future__ import annotations

from dataclasses import replace
from html import escape

import pandas as pd
import streamlit as st

from lexplain_core.base.numbers import plural, two
from lexplain_core.store import Explanation, Unit
from lexplain_core.views.markdown import code, md
from lexplain_core.views.opened import Opened
from lexplain_core.views.tables import of_unit
from pages.ui import go, links, shell, tables
from pages.ui.compare_link import compare_link

_ALIKE = 10


def show(view: links.Neuron, opened: Opened, unit: Unit, explanation: Explanation | None) -> None:
    """The tab."""
    left, right = st.columns(2, gap="large")
    with left:
        _by_activation(view, opened, unit)
    with right:
        _by_words(view, opened, unit, explanation)


def _scored(opened: Opened) -> str:
    """What the scores in the rows were computed on."""
    count = (shell.info(opened).get("splits") or {}).get("test") or 0
    return f"*Test corr.*: of the unit’s own words, on the test split, {plural(count, 'image')}."


def _by_activation(view: links.Neuron, opened: Opened, unit: Unit) -> None:
    st.subheader("Alike in what they do", anchor=False)
    found = unit.similar(view.method)
    if found.empty:
        why = "no other unit of this layer varies" if unit.status in ("alive", "negative") else unit.reason
        st.info(
            f"There is nothing to correlate: {md(str(why).rstrip('.'))}.",
            icon=":material/info:",
        )
        return
    st.caption(
        f"Correlation of the activations of two units of {code(unit.layer)} over all {len(unit.activations):,} images of the "
        "probing set: 1, they rise and fall together; 0, one says nothing of the other; −1, one rises where the "
        f"other falls. {_scored(opened)}"
    )
    _rows(view, found[found["rank"] > 0], "correlation", "Correlation")
    opposed = found[found["rank"] < 0].sort_values("rank", ascending=False)
    if len(opposed):
        st.markdown("**Most opposed**")
        _rows(view, opposed, "correlation", "Correlation")
    tables.csv("Similar units as CSV", found, *of_unit(unit), "similar")


def _by_words(view: links.Neuron, opened: Opened, unit: Unit, explanation: Explanation | None) -> None:
    st.subheader("Alike in words", anchor=False)
    if explanation is None or explanation.reason:
        st.info("Without an explanation there are no words to compare.", icon=":material/info:")
        return
    found = unit.alike(explanation.method, count=_ALIKE)
    st.caption(
        f"Cosine between the weights that {md(explanation.method)} gives to concepts, each unit in its own scale: 1, the same "
        "concepts in the same proportions; 0, no concept in common. Only units above 0 are listed. "
        f"Biases are left out. {_scored(opened)}"
    )
    if found.empty:
        st.info(
            f"{md(explanation.method)} says nothing alike of any other unit of this layer.",
            icon=":material/info:",
        )
        return
    _rows(view, found, "cosine", "Cosine")
    tables.csv("Units alike in words as CSV", found, *of_unit(unit), "alike")


def _rows(view: links.Neuron, found: pd.DataFrame, column: str, name: str) -> None:
    """A line a unit: the way there, how alike it is, its words, and the way to the two side by side."""
    for row in found.itertuples():
        number, value = int(row.unit), float(getattr(row, column))
        there = replace(view, unit=number, only=None, above=None, below=None, image=None, tab="examples")
        score = "" if pd.isna(row.score) else f" · test corr. {two(row.score)}"
        with st.container(gap=None):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                go.link(f"unit {number}", there)
                st.html(f'{name} <b>{two(value)}</b><span class="lx-muted">{score}</span>', width="stretch")
                compare_link(view, number, label="Compare")
            words = row.explanation if isinstance(row.explanation, str) and row.explanation else None
            st.html(f'<p class="lx-said">{escape(words or "no explanation")}</p>')
