"""The overview's right side: the layers, the distribution of scores, and who sees the concepts."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from lexplain_core.views.overview import layer_mean_of, matrix_rows
from pages.ui import plots, shell, tables
from pages.ui.cache import cached


def layers_table(opened: Opened, layers: pd.DataFrame) -> None:
    """The layers: how many units of which status, mean scores."""
    st.subheader("Layers", anchor=False)
    rows = layers.assign(mean_of=[layer_mean_of(row).partition(";")[0] for row in layers.itertuples()])
    number, text = tables.number, tables.text
    means = {
        f"mean_{name}": number(
            one.short, width=58, format="%.2f", help=f"Mean over the units that have one. {one.help}"
        )
        for name, one in opened.store.measures.items()
        if one.judge and f"mean_{name}" in layers
    }
    first = {"mean_correlation": means.pop("mean_correlation")}
    tables.show(
        rows,
        "layers",
        "Table of layers: units, alive, dead, constant, without positive range, mean scores",
        {
            "layer": text("Layer", width=64),
            "units": number("Units", width=43),
            "alive": number("Alive", width=41),
            "dead": number("Dead", width=41, help="Largest activation below the threshold"),
            "constant": number("Const.", width=47, help="Constant: the same for every image"),
            "negative": number("Neg.", width=40, help="Without a positive range: below zero for every image"),
        }
        | first
        | {
            "mean_of": text(
                "Mean of",
                width=92,
                help="Over how many units the mean correlation is, and what the others are",
            ),
            "mean_correlation_chance": number(
                "Chance", width=54, format="%.2f", help="Mean of the units’ chance: see the table of units"
            ),
        }
        | means,
        optional=("constant", "negative", "mean_correlation_chance", *means),
        tall=(6, 236),
    )
    tables.csv("Layers as CSV", rows, opened.store.name, "layers")
    if unsteady := opened.store.meta.get("unsteady"):
        st.warning(
            md(f"{unsteady} The numbers of this store are of one pass each."), icon=":material/casino:"
        )


@cached(most=16)
def _scores(opened: Opened, method: str) -> pd.DataFrame:
    return opened.store.score_column(method or None)


def scores_chart(opened: Opened, method: str) -> None:
    """The distribution of scores by layer."""
    st.subheader("How well the words predict the units", anchor=False)
    table = _scores(opened, method)
    figure = figures.score_histogram(table, theme=shell.theme())
    with st.container(height=420 if table["layer"].nunique() > 6 else "content", border=False):
        plots.chart(figure, "scores", "Histograms of the units' test correlations, one row a layer")


def matrices_table(opened: Opened) -> None:
    """Who says which concepts an image shows: labels and encoders, and what the concept filter kept."""
    everything = pd.DataFrame(shell.matrices(opened).values())
    if everything.empty:  # a store of imported explanations alone
        return
    st.subheader("Who sees the concepts", anchor=False)
    number, text = tables.number, tables.text
    tables.show(
        matrix_rows(everything),
        "matrices",
        "Table of concept matrices: name, use, concepts kept and dropped, a and b, calibration loss",
        {
            "matrix": text("Seen by", width=104, help="The images’ labels, or an encoder"),
            "does": text("Used to", width=76, help="Find explanations with its values, or score them"),
            "kept": number(
                "Kept",
                width=50,
                format="localized",
                help="Concepts that pass the filter: they occur and vary",
            ),
            "dropped": number(
                "Dropped", width=64, format="localized", help="Concepts that don’t pass the filter"
            ),
            "ab": text("a, b", width=78, help="P = sigmoid(a·(cos + b))"),
            "loss": number(
                "Loss",
                width=46,
                format="%.2g",
                help="Cross-entropy of a and b against labels, train split",
            ),
        },
        tall=(100, 800),
    )
    tables.csv("Concept matrices as CSV", everything, opened.store.name, "concept matrices")
    if opened.store.meta.get("same_encoder"):
        st.warning(
            "Explainer and simulator are the same model in this store: scores by the simulator flatter.",
            icon=":material/content_copy:",
        )
