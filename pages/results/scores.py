"""People against machines: the proportion right beside scores that need no people."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import plural, two
from lexplain_core.studies.results.analysis import Results
from lexplain_core.studies.results.export import no_formulas
from pages.results.overview import pick
from pages.results.units import at_hand, no_store, units_chart
from pages.ui import links, shell, studies
from pages.ui.studies import Study
from pages.ui.switch import changed
from pages.ui.text import md

NAMES = {
    "correlation": "test correlation of the explanation",
    "ablation": "test ablation score of the explanation (norm)",
    "observer": "machine observer’s score",
}
_SHORT = {"correlation": "Correlation", "ablation": "Ablation", "observer": "Machine observer"}


def show(view: links.Results, study: Study, results: Results) -> None:
    """The tab."""
    columns = st.columns([1, 1], vertical_alignment="bottom")
    with columns[0]:
        condition = pick(view, results)
    st.session_state["against"] = view.against
    columns[1].segmented_control(
        "Against", links.AGAINST, key="against", format_func=_SHORT.get, required=True, on_change=changed,
        args=(view, "against", "against"),
    )  # fmt: skip
    rows = studies.as_points(studies.of_condition(results.units, condition))
    known = rows[rows[view.against].notna()] if view.against in rows else rows.iloc[:0]
    found = studies.of_condition(results.correlations, condition)
    found = found[found["score"] == view.against]
    if known.empty:
        st.info(
            f"**No unit of this condition has this score.** {_why(study, view.against)}",
            icon=":material/info:",
        )
    else:
        row = found.iloc[0]
        store = at_hand(study)
        st.markdown(
            f"Each point is one of {plural(len(known), 'unit')}: to the right its {NAMES[view.against]}, upwards how often people were right. "
            + association_words(row)
            + (" **Click a unit to open it.**" if store else f" {no_store(study)}")
        )
        units_chart(
            figures.human_scatter(known, view.against, NAMES[view.against], theme=shell.theme()),
            "score scatter",
            f"Scatter of units: {NAMES[view.against]} against the proportion right",
            store,
        )
        st.caption(
            "Scores are those that the store had when the study was made; those of explanations are of the test split. Intervals are "
            "Fisher’s (for Spearman’s ρ by Bonett & Wright). A unit’s own proportion is uncertain, which pulls both correlations towards 0."
        )
    shell.csv_button(
        "Correlations as CSV",
        lambda: no_formulas(results.correlations),
        shell.file_name(study.stem, "correlations of the study"),
        "csv correlations",
    )


def association_words(row) -> str:
    """Spearman's and Pearson's correlation with intervals and n, or why there are none, as Markdown."""
    if pd.isna(row["spearman"]):
        return f"**No correlation:** {md(row['reason'])}"
    told = f"**Spearman’s ρ = {two(row['spearman'])}**{_interval(row, 'spearman')}"
    if "pearson" in row and pd.notna(row["pearson"]):
        told += f", Pearson’s r = {two(row['pearson'])}{_interval(row, 'pearson')}"
    n = row["n"] if "n" in row else row["units"]
    reason = f" {md(row['reason'])}" if row["reason"] else ""
    return f"{told}; n = {plural(int(n), 'unit')}.{reason}"


def _interval(row, name: str) -> str:
    low, high = (f"{name}_low", f"{name}_high") if f"{name}_low" in row else ("low", "high")
    return f" (95% interval {two(row[low])} to {two(row[high])})" if pd.notna(row[low]) else " (no interval)"


def _why(study: Study, score: str) -> str:
    if study.kind == "imported":
        return "Imported answers come without explanations and machine observers."
    if score == "observer":
        return "The store had no machine observer when the study was made."
    return "The store had no such score of these units when the study was made."
