"""Top Impact over the store: the paper's Table 1 by layer, its curves, and the units behind it."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import plural
from lexplain_core.store import FEW
from lexplain_core.views.effect import BETAS, SET_TO, why_no_effects
from lexplain_core.views.importance import (
    BETA,
    beta_words,
    counted,
    largest_words,
    mean_cell,
    not_drawn,
    row_at,
    top_impact_words,
)
from lexplain_core.views.markdown import code
from lexplain_core.views.opened import Opened
from pages.ui import go, links, measured, plots, shell, tables
from pages.ui.bound import bind, switch

_POINTS = "impact points"


def show(view: links.Importance, opened: Opened) -> None:
    """The half of the page."""
    table = measured.table1(opened, view.to)
    if table.empty:
        _nothing(opened)
        return
    view = measured.without(
        view, "layer", table["layer"], f"No impact was measured in “{view.layer}”; all layers are shown."
    )
    _switches(view, opened)
    images = shell.info(opened)["images"]
    st.markdown(top_impact_words(table, images, view.to))
    _table(opened, table, images, view)
    _missing(opened, table)
    frame = _units(view, opened)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("How much the highest activations carry", anchor=False)
        _curves(table)
    with right:
        st.subheader("The units behind it", anchor=False)
        _scatter(view, opened, frame)
    _list(view, opened, frame)


# -- nothing to show ------------------------------------------------------------------------------


def _nothing(opened: Opened) -> None:
    st.info("**No impact was measured in this store.** Its layers say why:", icon=":material/info:")
    measured.layers_say_why(opened)


def _missing(opened: Opened, table: pd.DataFrame) -> None:
    """The layers that aren't in the table, each with its reason."""
    layers = shell.layers(opened)
    for row in layers[~layers["layer"].isin(table["layer"])].itertuples():
        st.caption(f"Not in the table: {code(row.layer)}. {why_no_effects(row)}")


# -- the table ------------------------------------------------------------------------------------


def _switches(view: links.Importance, opened: Opened) -> None:
    known = measured.impact_values(opened)
    if len(known) > 1:
        with st.container(horizontal=True, vertical_alignment="center"):
            switch(view, "to", {to: SET_TO[to] for to in known}, words="Each unit is set to")


def _table(opened: Opened, table: pd.DataFrame, images: int, view: links.Importance) -> None:
    head = "".join(
        f'<th scope="col">top {beta_words(beta)}<br>{plural(round(beta * images), "image")}</th>'
        for beta in BETAS
    )
    body, estimates = [], False
    for layer, rows in table.groupby("layer", sort=False):
        rows = rows.set_index("beta")
        cells = "".join(mean_cell(row_at(rows, beta)) for beta in BETAS)
        sampled = bool(rows["sampled"].any())
        estimates |= sampled
        body.append(
            f'<tr{" class=now" if layer == view.layer else ""}><th scope="row">{escape(layer)}'
            f"{' <span class=lx-muted>(estimate)</span>' if sampled else ''}</th>{cells}"
            f"<td>{counted(rows)}</td></tr>"
        )
    st.html(
        f'<div class="lx-table"><table class="lx-compare lx-table1"><thead><tr><th scope="col">Layer</th>{head}'
        f'<th scope="col">Mean of</th></tr></thead><tbody>{"".join(body)}</tbody></table></div>'
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        tables.csv("Top Impact as CSV", table, opened.store.name, f"top impact ({view.to})")
        if estimates:
            st.html(
                '<span class="lx-muted">Estimates come from a sample of images; the standard error of each mean is in the '
                f"tooltip of its cell and in the CSV. Rough: half of the unit’s impact lies on {FEW} images or fewer.</span>"
            )


def _curves(table: pd.DataFrame) -> None:
    curves = {
        layer: rows.rename(columns={"mean": "value", "std": "spread"})
        for layer, rows in table.groupby("layer", sort=False)
    }
    plots.chart(
        figures.top_impact_curves(curves, theme=shell.theme(), height=430),
        "top impact curves",
        "Curves of mean Top Impact by layer",
    )


# -- units ----------------------------------------------------------------------------------------


def _units(view: links.Importance, opened: Opened) -> pd.DataFrame:
    """A row per unit: what `Store.impacts` says, and its Top Impact at 2 % (`value`); of one layer, or all."""
    frame = measured.impacts(opened, view.to)
    return frame[frame["layer"] == view.layer] if view.layer else frame


def _scatter(view: links.Importance, opened: Opened, frame: pd.DataFrame) -> None:
    layers = list(pd.unique(measured.table1(opened, view.to)["layer"]))
    st.selectbox(
        "Layer",
        ["", *layers],
        format_func=lambda x: x or "all layers",
        label_visibility="collapsed",
        **bind(view, "layer"),
    )
    known = frame[(frame["total"] > 0) & frame["value"].notna()]
    if known.empty:
        st.info(f"There is no unit to draw. {not_drawn(frame)}", icon=":material/info:")
        return
    st.markdown(
        f"Each point is one of {plural(len(known), 'unit')}; **click one to open it.** {not_drawn(frame)}"
    )
    figure = figures.impact_scatter(known, beta=BETA, theme=shell.theme(), height=350)
    plots.of_units(figure, _POINTS, "Scatter of units: total impact against Top Impact at 2%", view)


def _list(view: links.Importance, opened: Opened, frame: pd.DataFrame) -> None:
    st.subheader("Units by total impact", anchor=False)
    frame = frame.sort_values("total", ascending=False, kind="stable").reset_index(drop=True)
    st.markdown(
        f"{largest_words(frame)} Total impact sums |impact| over all images. **Click a row to open its unit.**"
    )
    clicked = tables.show(
        frame,
        "impact units",
        "Table of units: total impact, right answers lost, rise of the loss, Top Impact at 2%",
        _impact_columns(bool(frame["sampled"].any())),
        optional=("reason",),
        clicks=True,
    )
    tables.csv(
        "Impacts as CSV",
        lambda: frame.rename(columns={"value": "top_impact_2%"}),
        opened.store.name,
        f"impacts ({view.to})",
    )
    if clicked is not None:
        go.unit(view, *frame.loc[clicked, ["layer", "unit"]])


def _impact_columns(sampled: bool) -> dict[str, Any]:
    """The columns of the table of units. sampled: whether any of them is an estimate from a sample."""
    estimate = "; an estimate where the unit was sampled" if sampled else ""
    number = tables.number
    errors = {
        "total_error": number(
            "Standard error", format="%.4f", help="Of the total impact, of nothing else; 0 where exact"
        ),
        "rough": tables.check(
            "Rough",
            width=56,
            help=f"An estimate, half of which lies on {FEW} images or fewer: its error is rough, too",
        ),
    }
    return {
        "layer": tables.text("Layer", width=90),
        "unit": number("Unit", width=50),
        "total": number("Total impact", format="%.4f", help="Sum of |impact| over images"),
        **(errors if sampled else {}),
        "accuracy": number(
            "Right answers lost",
            format="percent",
            help="Share of the network’s right answers; negative: gained" + estimate,
        ),
        "loss": number("Loss rises by", format="percent", help="Negative: it falls" + estimate),
        "value": number(
            "In the top 2%",
            format="percent",
            help="Share of the total in the 2% of images with the highest activation",
        ),
        "images": number("Images measured", format="localized"),
        "reason": tables.text("Note"),
    }
