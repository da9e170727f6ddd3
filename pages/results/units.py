"""A study's units: each one's proportion right with its Wilson interval; a click opens the unit where its store is at hand."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from plotly.graph_objects import Figure

from lexplain_core import figures
from lexplain_core.studies.results.analysis import Results
from lexplain_core.views.results import in_order, mean_of, no_store, units_words
from lexplain_core.views.study import Study, as_points, of_condition
from pages.results.overview import pick
from pages.ui import go, links, plots, shell, tables
from pages.ui.bound import labelled

_ORDERS = {"right": "worst first", "-right": "best first", "layer": "by layer and number"}


def show(view: links.Results, study: Study, results: Results) -> None:
    """The tab."""
    columns = st.columns([1, 1], vertical_alignment="bottom")
    with columns[0]:
        condition = pick(view, results)
    with columns[1]:
        labelled(view, "order", _ORDERS, "Order")
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
    tables.csv("Units as CSV", lambda: results.units, study.stem, "units of the study")


def at_hand(study: Study) -> str:
    """The id of the study's store, if it is among those that can be shown; else ''."""
    return study.store if study.store in shell.stores() else ""


def units_chart(figure: Figure, key: str, alt: str, store: str) -> None:
    """A chart of units, which a click opens in their store, if it is at hand."""
    if store:
        plots.of_units(figure, key, alt, links.Overview(store=store))
    else:
        plots.chart(figure, key, alt)


def _table(rows: pd.DataFrame, store: str) -> None:
    number, text = tables.number, tables.text
    clicked = tables.show(
        rows.assign(**{c: 100 * rows[c] for c in ("proportion", "low", "high")}),
        "study units",
        "Table of units: proportion right, Wilson interval, answers, and the scores of the unit's explanation",
        {
            "layer": text("Layer", width=110),
            "unit": number("Unit", width=50),
            "unit_name": text("Name", width=90),
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
            "explanation": text("Explanation"),
        },
        optional=("unit_name", "correlation", "ablation", "observer", "explanation"),
        clicks=bool(store),
    )  # fmt: skip
    if clicked is not None:
        row = rows.iloc[clicked]
        go.unit(links.Overview(store=store), row["layer"], row["unit"])
