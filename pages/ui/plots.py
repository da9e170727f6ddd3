"""Charts of plotly on pages."""

from __future__ import annotations

from typing import Any

import pandas as pd  # noqa: F401 - before plotly: plotly.py issue 2433, a race of imports between threads
import plotly.graph_objects as go
import streamlit as st

from pages.ui.go import unit

LOOK: dict[str, Any] = {
    "theme": None,
    "config": {
        "displaylogo": False,
        "modeBarButtonsToRemove": ["select2d", "lasso2d"],
        "toImageButtonOptions": {"format": "svg"},
    },
}


def chart(figure: go.Figure, key: str, alt: str) -> None:
    """A figure as wide as its place, with a downloadable SVG and words for those who can't see it."""
    st.plotly_chart(figure, key=key, alt=alt, **LOOK)


def of_units(figure: go.Figure, key: str, alt: str, view: Any) -> None:
    """A chart of points, whose customdata begin with layer and unit: a click opens the unit, in the view's store."""
    picked = st.plotly_chart(figure, key=key, alt=alt, on_select="rerun", selection_mode="points", **LOOK)
    for point in picked.selection.points:
        unit(view, *point["customdata"][:3])
