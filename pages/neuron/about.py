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
from lexplain_core.views.tables import file_name, no_minus_zero
from lexplain_core.views.unit import quantity
from pages.ui import shell


def show(opened: Opened, unit: Unit, explanation: Explanation | None) -> None:
    """The tab."""
    left, right = st.columns(2, gap="large")
    with left:
        if unit.truth:
            _truth(unit)
        if unit.maximum > unit.minimum:
            st.subheader("How often it takes which value", anchor=False)
            shell.chart(
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
        facts = facts_table(
            unit, explanation, shell.matrix(opened, explanation.matrix) if explanation else None
        )
        st.dataframe(
            facts,
            hide_index=True,
            key="facts",
            height="content",
            alt="Facts about the unit",
            column_config={"fact": "What", "value": st.column_config.TextColumn("Value", width="medium")},
        )
        shell.csv_button(
            "Facts as CSV",
            lambda: facts,
            file_name(
                unit.store.name,
                unit.layer,
                f"unit {unit.unit}",
                explanation.method if explanation else "",
                "facts",
            ),
            "csv facts",
        )
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
    if not terms["same"].any():
        terms = terms.drop(columns="same")
    st.dataframe(
        no_minus_zero(terms, 4, "weight"),
        hide_index=True,
        key="terms",
        alt="Table of the explanation's terms",
        column_config={
            "concept": "Concept",
            "origin": "Origin",
            "same": "On the same images",
            "weight": st.column_config.NumberColumn("Weight", format="%.4f"),
            "chosen": st.column_config.NumberColumn("Chosen", help="1: the greedy search took it first"),
        },
    )
    shell.csv_button(
        "Terms as CSV",
        lambda: terms,
        file_name(unit.store.name, unit.layer, f"unit {unit.unit}", explanation.method, "terms"),
        "csv terms",
    )


def _scores(unit: Unit, explanation: Explanation) -> None:
    """Every score of the explanation with all that it was computed with."""
    st.subheader("Scores", anchor=False)
    columns = ["kind", "simulator", "value", "low", "high", "n", "split", "c", "d", "sampled", "reason"]
    scores = pd.DataFrame([{name: getattr(score, name) for name in columns} for score in explanation.scores])
    seen = [c for c in columns if c not in ("c", "d", "reason", "sampled") or scores[c].fillna(False).any()]
    number = st.column_config.NumberColumn
    st.dataframe(
        no_minus_zero(scores, 3, "value", "low", "high")[seen],
        hide_index=True,
        key="scores table",
        placeholder="",
        height="content",
        alt="Table of the explanation's scores",
        column_config={
            "kind": st.column_config.TextColumn("Score", width=104),
            "simulator": st.column_config.TextColumn("Seen by", width=100),
            "value": number("Value", format="%.3f", width=52),
            "low": number("Low", format="%.3f", width=52, help="Of the 95% interval"),
            "high": number("High", format="%.3f", width=52, help="Of the 95% interval"),
            "n": number("Images", format="localized", width=56),
            "split": st.column_config.TextColumn("Split", width=46),
            "c": number("c", format="%.4g", help="The unit was replaced by c·prediction + d"),
            "d": number("d", format="%.4g", help="The unit was replaced by c·prediction + d"),
            "sampled": st.column_config.CheckboxColumn("Estimate", help="From a random sample of the split"),
            "reason": st.column_config.TextColumn("Why there is none"),
        },
    )
    shell.csv_button(
        "Scores as CSV",
        lambda: scores,
        file_name(unit.store.name, unit.layer, f"unit {unit.unit}", explanation.method, "scores"),
        "csv scores",
    )


def _filter(opened: Opened, explanation: Explanation) -> None:
    """How many concepts of the explanation's matrix passed the concept filter, by where they came from."""
    matrix = shell.matrix(opened, explanation.matrix)
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
    st.dataframe(
        counts,
        hide_index=True,
        key="filter",
        height="content" if len(counts) <= 8 else 300,
        alt="Table of concepts kept and dropped by the concept filter, by origin",
        column_config={
            "origin": "Origin",
            "kept": st.column_config.NumberColumn("Kept", format="localized"),
            "dropped": st.column_config.NumberColumn("Dropped", format="localized"),
        },
    )
    shell.csv_button(
        "Concept filter as CSV",
        lambda: counts,
        file_name(opened.store.name, explanation.matrix, "concept filter"),
        "csv filter",
    )


def _truth(unit: Unit) -> None:
    st.subheader("What it was made of", anchor=False)
    truth = unit.truth
    bias, noise = truth.get("bias") or 0, truth.get("noise") or 0
    parts = [f"{rounded(weight)}·{name}" for weight, name in truth["terms"]]
    if bias or not parts:
        parts.append(rounded(bias))
    recipe = " + ".join(parts).replace("+ −", "− ")
    st.markdown(
        f"This unit was computed from the truth of the scenes, so its explanation can be checked:\n\n"
        f"{code(recipe)}"
        + (f", with noise of standard deviation {rounded(noise)}." if noise else ", without noise.")
    )
