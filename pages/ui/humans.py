"""What people have made of a store's units, for the table of units; read anew when a study changes."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lexplain_core.studies.file.study import find_studies
from lexplain_core.studies.results.humans import human_scores
from lexplain_core.views.study import signature


def of_unit(store: str, layer: str, unit: int) -> pd.Series | None:
    """What people made of one unit, as `human_scores` has it; None where nobody was asked."""
    found = _scores(store, _key())
    rows = found[(found["layer"] == layer) & (found["unit"] == unit)]
    return None if rows.empty else rows.iloc[0]


def people(store: str) -> pd.DataFrame:
    """What people scored, as `human_scores` has it: a row a unit that they were asked about."""
    return _scores(store, _key())


def _key() -> tuple:
    return tuple(signature(entry.path) for entry in find_studies() if entry.error is None)


@st.cache_resource(max_entries=8, show_spinner=False)
def _scores(store: str, key: tuple) -> pd.DataFrame:  # noqa: ARG001 - the cache goes by it
    frame = human_scores(store)
    return frame.astype({"layer": object, "unit": "int64", "human": float, "answers": float})
