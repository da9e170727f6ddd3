"""The overview's right side: the layers, the distribution of scores, and who sees the concepts."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.store import Store
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from lexplain_core.views.overview import layer_mean_of, matrix_rows
from lexplain_core.views.tables import file_name, no_minus_zero
from pages.ui import shell


def layers_table(opened: Opened, layers: pd.DataFrame) -> None:
    """The layers: how many units of which status, mean scores."""
    st.subheader("Layers", anchor=False)
    columns = [
        "layer", "units", "alive", "dead", "constant", "negative", "mean_score", "mean_null_high", "mean_ablation",
    ]  # fmt: skip
    optional = ("constant", "negative", "mean_null_high", "mean_ablation")
    shown = [c for c in columns if c not in optional or layers[c].fillna(0).any()]
    shown.insert(shown.index("mean_score") + 1, "mean_of")
    rows = layers.assign(mean_of=[layer_mean_of(row) for row in layers.itertuples()])
    rows = rows.assign(mean_of=rows["mean_of"].str.partition(";")[0])  # the others stand beside it
    st.dataframe(
        no_minus_zero(rows, 2, "mean_score", "mean_null_high", "mean_ablation")[shown],
        hide_index=True,
        height="content" if len(layers) <= 6 else 236,
        placeholder="",
        key="layers",
        alt="Table of layers: units, alive, dead, constant, without positive range, mean score",
        column_config={
            "layer": st.column_config.TextColumn("Layer", width=64),
            "units": st.column_config.NumberColumn("Units", width=43),
            "alive": st.column_config.NumberColumn("Alive", width=41),
            "dead": st.column_config.NumberColumn(
                "Dead", width=41, help="Largest activation below the threshold"
            ),
            "constant": st.column_config.NumberColumn(
                "Const.", width=47, help="Constant: the same for every image"
            ),
            "negative": st.column_config.NumberColumn(
                "Neg.", width=40, help="Without a positive range: below zero for every image"
            ),
            "mean_score": st.column_config.NumberColumn(
                "Corr.", width=44, format="%.2f", help="Mean test correlation over the units that have one"
            ),
            "mean_of": st.column_config.TextColumn(
                "Mean of",
                width=110,
                help="Over how many units the mean correlation is, and what the others are",
            ),
            "mean_null_high": st.column_config.NumberColumn(
                "Chance", width=54, format="%.2f", help="Mean of the units’ chance: see the table of units"
            ),
            "mean_ablation": st.column_config.NumberColumn(
                "Abl.",
                width=42,
                format="%.2f",
                help="Mean test ablation score (norm) over the units that have one",
            ),
        },
    )
    shell.csv_button("Layers as CSV", lambda: rows, file_name(opened.store.name, "layers"), "csv layers")
    if unsteady := opened.store.meta.get("unsteady"):
        st.warning(
            md(f"{unsteady} The numbers of this store are of one pass each."), icon=":material/casino:"
        )


@st.cache_resource(max_entries=16, show_spinner=False)
def _scores(key: tuple, method: str, _store: Store) -> pd.DataFrame:  # noqa: ARG001 - the cache goes by it
    return _store.score_column(method or None)


def scores_chart(opened: Opened, method: str) -> None:
    """The distribution of scores by layer."""
    st.subheader("How well the words predict the units", anchor=False)
    table = _scores(opened.key, method, opened.store)
    figure = figures.score_histogram(table, theme=shell.theme())
    with st.container(height=420 if table["layer"].nunique() > 6 else "content", border=False):
        shell.chart(figure, "scores", "Histograms of the units' test correlations, one row a layer")


def matrices_table(opened: Opened) -> None:
    """Who says which concepts an image shows: labels and encoders, and what the concept filter kept."""
    everything = pd.DataFrame(shell.matrices(opened).values())
    if everything.empty:  # a store of imported explanations alone
        return
    st.subheader("Who sees the concepts", anchor=False)
    st.dataframe(
        matrix_rows(everything),
        hide_index=True,
        height="content",
        placeholder="",
        key="matrices",
        alt="Table of concept matrices: name, use, concepts kept and dropped, a and b, calibration loss",
        column_config={
            "matrix": st.column_config.TextColumn(
                "Seen by", width=104, help="The images’ labels, or an encoder"
            ),
            "does": st.column_config.TextColumn(
                "Used to", width=76, help="Find explanations with its values, or score them"
            ),
            "kept": st.column_config.NumberColumn(
                "Kept",
                width=50,
                format="localized",
                help="Concepts that pass the filter: they occur and vary",
            ),
            "dropped": st.column_config.NumberColumn(
                "Dropped", width=64, format="localized", help="Concepts that don’t pass the filter"
            ),
            "ab": st.column_config.TextColumn("a, b", width=78, help="P = sigmoid(a·(cos + b))"),
            "loss": st.column_config.NumberColumn(
                "Loss",
                width=46,
                format="%.2g",
                help="Cross-entropy of a and b against labels, train split",
            ),
        },
    )
    shell.csv_button(
        "Concept matrices as CSV",
        lambda: everything,
        file_name(opened.store.name, "concept matrices"),
        "csv matrices",
    )
    if opened.store.meta.get("same_encoder"):
        st.warning(
            "Explainer and simulator are the same model in this store: scores by the simulator flatter.",
            icon=":material/content_copy:",
        )
