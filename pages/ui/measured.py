"""What a store knows of effects, read once for all sessions; and charts of units whose points open them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from lexplain_core.store import Store
from lexplain_core.views.effect import why_no_effects
from lexplain_core.views.markdown import code, md
from lexplain_core.views.opened import Opened
from pages.ui import links, shell
from pages.ui.shell import CHART


@st.cache_resource(max_entries=8, show_spinner="Reading the impacts …")
def _table1(key: tuple, to: str, _store: Store) -> pd.DataFrame:  # noqa: ARG001 - the cache goes by it
    return _store.table1(to)


@st.cache_resource(max_entries=4, show_spinner="Reading the impacts …")
def _impacts(key: tuple, to: str, _store: Store) -> pd.DataFrame:  # noqa: ARG001 - the cache goes by it
    top = _store.top_impacts(to)
    top = top[(top["beta"] - 0.02).abs() < 1e-9]
    return _store.impacts(to).merge(top[["layer", "unit", "value"]], on=["layer", "unit"], how="left")


@st.cache_resource(max_entries=8, show_spinner="Reading the scores …")
def _score_pairs(key: tuple, kind: str, _store: Store) -> pd.DataFrame:  # noqa: ARG001 - the cache goes by it
    return _store.score_pairs(kind)


@st.cache_resource(max_entries=8, show_spinner=False)
def _impact_values(key: tuple, _store: Store) -> list[str]:  # noqa: ARG001 - the cache goes by it
    return _store.impact_values()


def table1(opened: Opened, to: str) -> pd.DataFrame:
    """`Store.table1`, read once. Shared between sessions: not to be changed."""
    return _table1(opened.key, to, opened.store)


def impacts(opened: Opened, to: str) -> pd.DataFrame:
    """`Store.impacts` with each unit's Top Impact at 2 % as `value`, read once. Not to be changed."""
    return _impacts(opened.key, to, opened.store)


def impact_values(opened: Opened) -> list[str]:
    """`Store.impact_values`, read once."""
    return _impact_values(opened.key, opened.store)


def score_pairs(opened: Opened, kind: str) -> pd.DataFrame:
    """`Store.score_pairs` of a kind, read once. Not to be changed."""
    return _score_pairs(opened.key, kind, opened.store)


# -- in words ----------------------------------------------------------------------------------------


def layers_say_why(opened: Opened, otherwise: str = "The build did not measure it.") -> None:
    """A line a layer: why it has no effects."""
    for row in shell.layers(opened).itertuples():
        st.markdown(f"- {code(row.layer)}: {why_no_effects(row, otherwise)}")


# -- what is chosen ----------------------------------------------------------------------------------


def without(view: links.Importance, field: str, known: Any, words: str) -> links.Importance:
    """The view without a layer or method that has no rows here, after saying so."""
    if getattr(view, field) and getattr(view, field) not in set(known):
        st.warning(md(words), icon=":material/link_off:")
        return replace(view, **{field: ""})
    return view


# -- to a unit's page --------------------------------------------------------------------------------


def open_unit(view: Any, layer: str, unit: int, method: str = "") -> None:
    """Go to a unit's page."""
    there = links.Neuron(store=view.store, layer=str(layer), unit=int(unit), method=method)
    st.switch_page("neuron/page.py", query_params=links.query(there))


def open_clicked(figure: go.Figure, key: str, alt: str, view: Any) -> None:
    """A chart of points, whose customdata begin with layer, unit and method: a click opens the unit."""
    picked = st.plotly_chart(
        figure, theme=None, key=key, config=CHART, alt=alt, on_select="rerun", selection_mode="points"
    )
    for point in picked.selection.points:
        layer, unit, method, *_ = point["customdata"]
        open_unit(view, layer, unit, method)
