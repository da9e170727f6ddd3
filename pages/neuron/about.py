"""The facts about a unit, its explanation, and the concepts that it was found among."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import plural, rounded
from lexplain_core.store import Explanation, Unit
from lexplain_core.views.facts import facts_table
from lexplain_core.views.markdown import code, md
from lexplain_core.views.opened import Opened
from lexplain_core.views.scores import score_facts
from lexplain_core.views.tables import of_unit
from lexplain_core.views.unit import quantity
from pages.ui import plots, shell, tables


def show(opened: Opened, unit: Unit, explanation: Explanation | None) -> None:
    """The tab."""
    left, right = st.columns(2, gap="large")
    with left:
        if unit.truth:
            _truth(unit)
        if unit.maximum > unit.minimum:
            st.subheader("How often it takes which value", anchor=False)
            plots.chart(
                figures.activation_histogram(
                    unit.activations, unit.buckets, theme=shell.theme(), quantity=quantity(unit)
                ),
                "about activations",
                "Histogram of the unit's activations over the probing set",
            )
        if explanation is not None and not explanation.source:
            _filter(opened, explanation)
    with right:
        if explanation is not None and explanation.terms:
            _terms(unit, explanation)
        if explanation is not None and explanation.scores:
            _scores(unit, explanation)
        st.subheader("Facts", anchor=False)
        matrix = shell.matrices(opened).get(explanation.matrix) if explanation else None
        facts = facts_table(unit, explanation, matrix)
        tables.show(
            facts,
            "facts",
            "Facts about the unit",
            {"fact": "What", "value": tables.text("Value", width="medium")},
            tall=(100, 800),
        )
        method = explanation.method if explanation else ""
        tables.csv("Facts as CSV", facts, *of_unit(unit), method, "facts")
        if unit.note:
            st.caption(md(unit.note))


def _terms(unit: Unit, explanation: Explanation) -> None:
    st.subheader("Terms", anchor=False)
    terms = pd.DataFrame(
        [
            (t.name, t.weight, t.origin, ", ".join(t.same), rank)
            for rank, t in enumerate(explanation.terms, start=1)
        ],
        columns=["concept", "weight", "origin", "same", "chosen"],
    )
    tables.show(
        terms,
        "terms",
        "Table of the explanation's terms",
        {
            "concept": "Concept",
            "weight": tables.number("Weight", format="%.4f"),
            "origin": "Origin",
            "same": "On the same images",
            "chosen": tables.number("Chosen", help="1: the greedy search took it first"),
        },
        optional=("same",),
    )
    tables.csv("Terms as CSV", terms, *of_unit(unit), explanation.method, "terms")


def _scores(unit: Unit, explanation: Explanation) -> None:
    """Every score of the explanation and of the unit with all that it was computed with."""
    st.subheader("Scores", anchor=False)
    scores = pd.DataFrame([score_facts(score) for score in (*explanation.scores, *unit.scores)])
    scores.insert(0, "score", [unit.store.measures[name].title for name in scores["measure"]])
    number = tables.number
    tables.show(
        scores,
        "scores table",
        "Table of the scores of the explanation and of the unit",
        {
            "score": tables.text("Score", width=140),
            "by": tables.text("By", width=100),
            "value": number("Value", format="%.3f", width=52),
            "low": number("Low", format="%.3f", width=52, help="Of the 95% interval"),
            "high": number("High", format="%.3f", width=52, help="Of the 95% interval"),
            "chance": number(
                "Chance", format="%.3f", width=58, help="95% of what is meaningless scores less"
            ),
            "n": number("n", format="localized", width=56, help="Images or trials"),
            "split": tables.text("Split", width=46),
            "c": number("c", format="%.4g", help="The unit was replaced by c·prediction + d"),
            "d": number("d", format="%.4g", help="The unit was replaced by c·prediction + d"),
            "sampled": tables.check("Estimate", help="From a random sample of the split"),
            "reason": tables.text("Why there is none"),
        },
        optional=("c", "d", "chance", "sampled", "reason"),
        tall=(100, 800),
    )
    tables.csv("Scores as CSV", scores, *of_unit(unit), explanation.method, "scores")


def _filter(opened: Opened, explanation: Explanation) -> None:
    """How many concepts of the explanation's matrix passed the concept filter, by where they came from."""
    matrix = shell.matrices(opened).get(explanation.matrix)
    if not matrix or not matrix["filter"]:
        return
    counts = pd.DataFrame(
        [(origin, kept, dropped) for origin, (kept, dropped) in matrix["filter"].items()],
        columns=["origin", "kept", "dropped"],
    )
    total = matrix["kept"] + matrix["dropped"]
    st.subheader("Which concepts there were to choose from", anchor=False)
    st.markdown(
        f"**{matrix['kept']:,} of {plural(total, 'concept')}** passed the concept filter: they occur on the train "
        "split, and vary. A concept from several places counts for each."
    )
    number = tables.number
    tables.show(
        counts,
        "filter",
        "Table of concepts kept and dropped by the concept filter, by origin",
        {
            "origin": "Origin",
            "kept": number("Kept", format="localized"),
            "dropped": number("Dropped", format="localized"),
        },
        tall=(8, 300),
    )
    tables.csv("Concept filter as CSV", counts, opened.store.name, explanation.matrix, "concept filter")


def _truth(unit: Unit) -> None:
    st.subheader("What it was made of", anchor=False)
    truth = unit.truth or {}
    bias, noise = truth.get("bias") or 0, truth.get("noise") or 0
    parts = [f"{rounded(weight)}·{name}" for weight, name in truth.get("terms", ())]
    if bias or not parts:
        parts.append(rounded(bias))
    recipe = " + ".join(parts).replace("+ −", "− ")
    st.markdown(
        f"This unit was computed from the truth of the scenes, so its explanation can be checked:\n\n"
        f"{code(recipe)}"
        + (f", with noise of standard deviation {rounded(noise)}." if noise else ", without noise.")
    )
