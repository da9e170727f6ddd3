"""Correlation against ablation score over all units and methods (the paper's Figure 5)."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.store import of_units
from lexplain_core.views.importance import FITS, together_words
from lexplain_core.views.opened import Opened
from lexplain_core.views.scores import ABLATIONS
from pages.ui import links, measured, plots, shell, tables
from pages.ui.bound import bind, labelled

_POINTS = "score points"


def show(view: links.Importance, opened: Opened) -> None:
    """The half of the page."""
    known = {fit: measured.score_pairs(opened, FITS[fit]) for fit in links.FITS}
    if all(frame.empty for frame in known.values()):
        _nothing(opened)
        return
    if known[view.fit].empty:
        other = next(fit for fit in known if not known[fit].empty)
        st.info(
            f"This store has no ablation scores by {view.fit}; those by {other} are shown.",
            icon=":material/info:",
        )
        view = replace(view, fit=other)
    everything = known[view.fit]
    view = measured.without(
        view,
        "layer",
        everything["layer"],
        f"No explanation of “{view.layer}” has both scores; all layers are shown.",
    )
    view = measured.without(
        view,
        "method",
        everything["method"],
        f"No explanation by “{view.method}” has both scores; all methods are shown.",
    )
    _filters(view, everything, [fit for fit in known if not known[fit].empty])
    frame = everything
    if view.layer:
        frame = frame[frame["layer"] == view.layer]
    if view.method:
        frame = frame[frame["method"] == view.method]
    if frame.empty:
        st.info("No explanation here has both scores.", icon=":material/filter_alt_off:")
        return
    st.markdown(together_words(frame, view.fit))
    figure = figures.scores_together(frame, fit=view.fit, theme=shell.theme())
    plots.of_units(figure, _POINTS, "Scatter of explanations: correlation against ablation score", view)
    tables.csv("Scores as CSV", frame, opened.store.name, f"correlation and ablation ({view.fit})")
    _means(opened, frame, view.fit)


def _nothing(opened: Opened) -> None:
    st.info(
        "**No explanation in this store has an ablation score.** Its layers say why:", icon=":material/info:"
    )
    measured.layers_say_why(opened, "The build made none.")


def _filters(view: links.Importance, frame: pd.DataFrame, fits: list[str]) -> None:
    layers, methods = list(pd.unique(frame["layer"])), sorted(frame["method"].unique())
    columns = st.container(key="lx_switches_together").columns([1, 1, 1.2], vertical_alignment="bottom")
    columns[0].selectbox(
        "Layer", ["", *layers], format_func=lambda x: x or "all layers", **bind(view, "layer")
    )
    columns[1].selectbox(
        "Method", ["", *methods], format_func=lambda x: x or "all methods", **bind(view, "method")
    )
    if len(fits) > 1:
        with columns[2]:
            labelled(
                view,
                "fit",
                {fit: fit for fit in fits},
                "c and d found by",
                help="; ".join(f"{name}: {meaning}" for name, meaning in ABLATIONS.values()),
            )


def _means(opened: Opened, frame: pd.DataFrame, fit: str) -> None:
    """Mean scores by method and layer (the paper's Tables 2 and 3)."""
    st.subheader("Means over units", anchor=False)
    table = (
        frame.groupby(["layer", "method", "simulator"], sort=False)
        .agg(units=("unit", "nunique"), correlation=("correlation", "mean"), ablation=("ablation", "mean"))
        .reset_index()
    )
    whole = shell.layers(opened).set_index("layer")
    table["mean_of"] = [
        of_units(
            row.units, whole.units[row.layer], dead=whole.dead[row.layer], constant=whole.constant[row.layer]
        )
        for row in table.itertuples()
    ]
    tables.show(
        table,
        "means",
        "Table of mean correlation and ablation by layer and method",
        {
            "layer": "Layer",
            "method": "Method",
            "simulator": tables.text("Seen by", help="Whose concept values simulated the unit"),
            "units": tables.number("Units", help="Those that have both scores"),
            "correlation": tables.number("Mean correlation", format="%.3f"),
            "ablation": tables.number("Mean ablation score", format="%.3f"),
            "mean_of": tables.text("Mean of", help="Units that have both scores; what the others are"),
        },
        tall=(12, 430),
    )
    tables.csv("Means as CSV", table, opened.store.name, f"mean scores ({fit})")
