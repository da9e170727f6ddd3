"""A study at a glance: how far it is, and its models' and layers' means beside chance."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import plural
from lexplain_core.studies.results.analysis import Results
from lexplain_core.views.markdown import md
from lexplain_core.views.results import as_bars, mean_of, models_words
from lexplain_core.views.study import ALL, Study, chosen_condition, condition_words
from pages.ui import links, plots, shell, tables
from pages.ui.bound import bind, switch

_OVER = {"units": "units", "people": "people and units"}


def show(view: links.Results, study: Study, results: Results) -> None:
    """The tab."""
    with st.container(horizontal=True, vertical_alignment="center"):
        switch(
            view,
            "over",
            _OVER,
            words="Intervals of means are over",
            help="units: what other units would give (IMI’s interval). people and units: other people, too",
        )
    models = results.models
    st.subheader("Models", anchor=False)
    st.markdown(models_words(models, view.over))
    several = models["difficulty"].nunique(dropna=False) > 1
    plots.chart(
        figures.proportion_bars(
            as_bars(models, view.over, ["model", "difficulty"] if several else ["model"]),
            theme=shell.theme(),
            title=f"answers that are right, mean over units; whiskers: 95% interval over {_OVER[view.over]}",
        ),
        "model bars",
        "Bars of the proportion right by model and kind of references, beside chance",
    )
    notes(models)
    tables.csv("Models as CSV", models, study.stem, "models of the study")
    _layers(view, study, results)


def notes(frame: pd.DataFrame) -> None:
    """What is to be known of intervals: why there is none, or that one rests on few units."""
    for note, rows in frame[frame["note"].fillna("") != ""].groupby("note", sort=False):
        which = "" if len(rows) == len(frame) else f"{len(rows):,} of {len(frame):,}: "
        st.caption(f"{which}{md(note)}")


def _layers(view: links.Results, study: Study, results: Results) -> None:
    st.subheader("Layers", anchor=False)
    condition = pick(view, results, modes=False)
    rows = results.layers_of(condition[0], condition[2])
    rows = rows.assign(place=rows["depth"].fillna(2)).sort_values(["place", "layer", "mode"], kind="stable")
    names = rows["layer"].unique()
    st.markdown(
        f"{plural(len(names), 'layer')} of {md(condition[0])}, those nearest to the image first; means over each layer’s units."
    )
    with st.container(height=560 if len(names) > 14 else "content", border=False):
        plots.chart(
            figures.proportion_bars(as_bars(rows, view.over, ["layer"]), theme=shell.theme()),
            "layer bars",
            "Bars of the proportion right by layer, beside chance",
        )
    notes(rows)
    if left := [f"{row['layer']}: {mean_of(row)}" for _, row in rows.iterrows() if row["units"] < row["of"]]:
        st.caption(md(f"Means of {'; '.join(left[:5])}{'; …' if len(left) > 5 else ''}."))
    tables.csv("Layers as CSV", lambda: results.layers, study.stem, "layers of the study")


def pick(view: links.Results, results: Results, modes: bool = True) -> tuple:
    """The condition that is shown, with a picker where there are several. modes: whether natural and synthetic
    references are told apart."""
    known = list(results.models[ALL].itertuples(index=False, name=None))
    condition = chosen_condition(results, view.condition) or known[0]
    if not modes:  # the first of each model and difficulty stands for both
        known = list({(c[0], str(c[2])): c for c in reversed(known)}.values())[::-1]
        condition = next(c for c in known if c[0] == condition[0] and str(c[2]) == str(condition[2]))
    if len(known) > 1:
        labels = {condition_words(c): condition_words((c[0], c[1] if modes else "", c[2])) for c in known}
        st.selectbox(
            "Condition",
            list(labels),
            format_func=labels.__getitem__,
            width=420,
            **bind(view, "condition", shows=condition_words(condition)),
        )
    return condition
