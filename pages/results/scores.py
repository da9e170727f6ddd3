"""People against machines: the proportion right beside scores that need no people."""

from __future__ import annotations

import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import plural
from lexplain_core.studies.results.analysis import Results
from lexplain_core.views.results import association_words, no_store, why_no_score
from lexplain_core.views.study import Study, as_points, of_condition
from pages.results.overview import pick
from pages.results.units import at_hand, units_chart
from pages.ui import links, shell, tables
from pages.ui.bound import labelled

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
    with columns[1]:
        labelled(view, "against", _SHORT, "Against")
    rows = as_points(of_condition(results.units, condition))
    known = rows[rows[view.against].notna()] if view.against in rows else rows.iloc[:0]
    found = of_condition(results.correlations, condition)
    found = found[found["score"] == view.against]
    if known.empty:
        st.info(
            f"**No unit of this condition has this score.** {why_no_score(study, view.against)}",
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
    tables.csv(
        "Correlations as CSV",
        lambda: results.correlations,
        study.stem,
        "correlations of the study",
    )
