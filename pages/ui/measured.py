"""What a store knows of effects, read once for all sessions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from lexplain_core.views.effect import why_no_effects
from lexplain_core.views.markdown import code, md
from lexplain_core.views.opened import Opened
from pages.ui import links, shell
from pages.ui.cache import cached
from pages.ui.text import unusable


@cached("Reading the impacts …")
def table1(opened: Opened, to: str) -> pd.DataFrame:
    """`Store.table1`."""
    return opened.store.table1(to)


@cached("Reading the impacts …", most=4)
def impacts(opened: Opened, to: str) -> pd.DataFrame:
    """`Store.impacts` with each unit's Top Impact at 2 % as `value`."""
    top = opened.store.top_impacts(to)
    top = top[(top["beta"] - 0.02).abs() < 1e-9]
    return opened.store.impacts(to).merge(top[["layer", "unit", "value"]], on=["layer", "unit"], how="left")


@cached()
def impact_values(opened: Opened) -> list[str]:
    """`Store.impact_values`."""
    return opened.store.impact_values()


@cached("Reading the scores …")
def score_pairs(opened: Opened, measure: str) -> pd.DataFrame:
    """`Store.score_pairs` of a measure."""
    return opened.store.score_pairs(measure)


# -- in words ----------------------------------------------------------------------------------------


def layers_say_why(opened: Opened, otherwise: str = "The build did not measure it.") -> None:
    """A line a layer: why it has no effects."""
    for row in shell.layers(opened).itertuples():
        st.markdown(f"- {code(row.layer)}: {why_no_effects(row, otherwise)}")


# -- what is chosen ----------------------------------------------------------------------------------


def without(view: links.Importance, field: str, known: Any, words: str) -> links.Importance:
    """The view without a layer or method that has no rows here, after saying so."""
    if getattr(view, field) and getattr(view, field) not in set(known):
        unusable(md(words))
        return replace(view, **{field: ""})
    return view
