"""A study's units: each one's proportion right with its Wilson interval; a click opens the unit where its store is at hand."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.studies.results.analysis import Results
from lexplain_core.studies.results.export import no_formulas
from lexplain_core.views.opened import distinct
from lexplain_core.views.results import in_order, mean_of, no_store, units_words
from lexplain_core.views.study import Study, as_points, of_condition
from lexplain_core.views.tables import file_name, no_minus_zero
from pages.results.overview import pick
from pages.ui import links, shell
from pages.ui.measured import open_unit
from pages.ui.switch import changed

_ORDERS = {"right": "worst first", "-right": "best first", "layer": "by layer and number"}
_COLUMNS = [
    "layer", "unit", "unit_name", "proportion", "low", "high", "right", "responses", "participants", "correlation",
    "ablation", "observer", "explanation",
]  # fmt: skip
_OPTIONAL = ("unit_name", "correlation", "ablation", "observer", "explanation")


def show(view: links.Results, study: Study, results: Results) -> None:
    """The tab."""
    columns = st.columns([1, 1], vertical_alignment="bottom")
    with columns[0]:
        condition = pick(view, results)
    st.session_state["order"] = view.order
    columns[1].segmented_control(
        "Order", links.ORDERS, key="order", format_func=_ORDERS.get, required=True, on_change=changed,
        args=(view, "order", "order"),
    )  # fmt: skip
    rows = in_order(as_points(of_condition(results.units, condition)), view.order)
    store = at_hand(study)
    asked = of_condition(results.models, condition)
    st.markdown(
        units_words(rows, mean_of(asked.iloc[0]))
        + (" **Click a unit to open it.**" if store else f" {no_store(study)}")
    )
    units_chart(
        figures.unit_dots(rows, theme=shell.theme()),
        "unit dots",
        "Each unit's proportion right with its 95% Wilson interval, beside chance",
        store,
    )
    _table(rows, store)
    shell.csv_button(
        "Units as CSV",
        lambda: no_formulas(results.units),
        file_name(study.stem, "units of the study"),
        "csv study units",
    )


def at_hand(study: Study) -> str:
    """The id of the study's store, if it is among those that can be shown; else ''."""
    known = {entry.id for entry in distinct(shell.entries())[0]}
    return study.store if study.store in known else ""


def units_chart(figure, key: str, alt: str, store: str) -> None:
    """A chart of units, which a click opens in their store, if it is at hand."""
    if not store:
        shell.chart(figure, key, alt)
        return
    picked = st.plotly_chart(
        figure, theme=None, key=key, config=shell.CHART, alt=alt, on_select="rerun", selection_mode="points"
    )
    for point in picked.selection.points:
        layer, unit, *_ = point["customdata"]
        open_unit(links.Overview(store=store), layer, unit)


def _table(rows: pd.DataFrame, store: str) -> None:
    columns = [c for c in _COLUMNS if c in rows and (c not in _OPTIONAL or rows[c].notna().any())]
    clicks = {"on_select": "rerun", "selection_mode": "single-cell"} if store else {}
    number = st.column_config.NumberColumn
    picked = st.dataframe(
        no_minus_zero(rows[columns], 2, *{"correlation", "ablation"} & set(columns)).assign(
            **{c: 100 * rows[c] for c in ("proportion", "low", "high")}
        ),
        hide_index=True,
        height=400 if len(rows) > 10 else "content",
        placeholder="",
        key="study units",
        alt="Table of units: proportion right, Wilson interval, answers, and the scores of the unit's explanation",
        column_config={
            "layer": st.column_config.TextColumn("Layer", width=110),
            "unit": number("Unit", width=50),
            "unit_name": st.column_config.TextColumn("Name", width=90),
            "proportion": st.column_config.ProgressColumn(
                "Right", min_value=0, max_value=100, format="%.0f%%", width=110
            ),
            "low": number("from", format="%.0f%%", width=55, help="95% Wilson interval"),
            "high": number("to", format="%.0f%%", width=55, help="95% Wilson interval"),
            "right": number("Right answers", width=90),
            "responses": number("Answers", width=70),
            "participants": number("People", width=60),
            "correlation": number(
                "Test corr.", format="%.2f", width=75, help="Of the unit’s explanation, when the study was made"
            ),
            "ablation": number("Ablation", format="%.2f", width=70, help="Ablation score (norm) of the explanation"),
            "observer": number("Machine", format="%.2f", width=70, help="The machine observer’s share of such trials; chance 0.50"),
            "explanation": st.column_config.TextColumn("Explanation"),
        },
        **clicks,
    )  # fmt: skip
    if store and picked.selection.cells:
        row = rows.iloc[picked.selection.cells[0][0]]
        open_unit(links.Overview(store=store), row["layer"], row["unit"])
