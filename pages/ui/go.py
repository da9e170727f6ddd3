"""Ways from page to page."""

from __future__ import annotations

from typing import Any, NoReturn

import plotly.graph_objects as go
import streamlit as st

from pages.ui import links, shell


def link(label: str, view: Any, **more: Any) -> None:
    """A link to a view, of whatever page; `more` as `st.page_link` takes it."""
    st.page_link(f"{view.page}/page.py", label=label, query_params=links.query(view), **more)


def to(view: Any) -> NoReturn:
    """Go to a view."""
    st.switch_page(f"{view.page}/page.py", query_params=links.query(view))


def unit(view: Any, layer: str, number: int, method: str = "") -> NoReturn:
    """Go to a unit's page, in the store of a view."""
    to(links.Neuron(store=view.store, layer=str(layer), unit=int(number), method=method))


def clicked(figure: go.Figure, key: str, alt: str, view: Any) -> None:
    """A chart of points, whose customdata begin with layer and unit: a click opens the unit."""
    picked = st.plotly_chart(
        figure, theme=None, key=key, config=shell.CHART, alt=alt, on_select="rerun", selection_mode="points"
    )
    for point in picked.selection.points:
        unit(view, *point["customdata"][:3])
