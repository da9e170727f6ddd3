"""A trial after its answer: whose images these were, what the unit did on them, and what its words say."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import rounded
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from lexplain_core.views.trials import Asked, observer_answer, verdict, words_answer
from lexplain_core.views.unit import quantity, unit_name
from pages.ui import go, links, plots, shell


def show(view: links.TryIt, opened: Opened, asked: Asked, button: int) -> None:
    """The explanation of a trial that was answered with a button."""
    unit = opened.store.unit(asked.layer, asked.unit)
    left, right = st.columns([1.2, 1], gap="large")
    with left:
        st.markdown(verdict(unit, asked, button))
        st.markdown(words_answer(unit, asked))
        if observed := observer_answer(unit):
            st.markdown(observed)
        there = links.Neuron(store=view.store, layer=unit.layer, unit=unit.unit)
        go.link(md(f"Open {unit_name(unit)}"), there, icon=":material/stacked_line_chart:")
    with right:
        upper, lower = (float(unit.activations[image]) for image in asked.queries)
        plots.chart(
            figures.queries_in_range(
                unit.activations,
                [("upper image", upper), ("lower image", lower)],
                quantity=quantity(unit),
                theme=shell.theme(),
            ),
            "queries",
            f"Histogram of the unit's activations; the upper image lies at {rounded(upper)}, the lower one at "
            f"{rounded(lower)}",
        )


def another(view: links.TryIt, opened: Opened) -> links.TryIt | None:
    """The view of the next unit that answers to images, for one that can't be asked about."""
    table = shell.units(opened)
    rows = table[(table["layer"] == view.layer) & (table["status"] == "alive")]
    later = [int(n) for n in rows["unit"] if n > (view.unit or 0)]
    found = later or [int(n) for n in rows["unit"] if n != view.unit]
    return replace(view, unit=found[0]) if found else None
