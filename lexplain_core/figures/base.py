"""What all charts share: transparent ground, text in the theme's colour and quiet axes."""

from __future__ import annotations

from typing import Any

import pandas  # noqa: F401  (before plotly: plotly.py issue 2433, a race of imports between threads)
import plotly.graph_objects as go

from .palette import Theme

FONT = '"Source Sans", "Source Sans Pro", "Segoe UI", system-ui, sans-serif'
CLEAR = "rgba(0,0,0,0)"


def axis(theme: Theme, title: str = "", **more: Any) -> dict:
    """An axis in the theme; `more` are plotly's own names."""
    return {
        "gridcolor": theme.grid,
        "zerolinecolor": theme.grid,
        "linecolor": theme.muted,
        "tickfont": {"color": theme.text, "size": 12},
        "title": {"text": title, "font": {"color": theme.muted, "size": 13}, "standoff": 8},
        "fixedrange": True,
        **more,
    }


def figure(theme: Theme, height: int, data: list[dict], **layout: Any) -> go.Figure:
    """A figure in the theme, `height` pixels tall, made in one go.

    Traces, axes, annotations and shapes come as plain dicts: plotly checks each once, where adding
    them to a figure one by one costs a page some 100 ms.
    """
    return go.Figure(
        data,
        {
            "template": "none",
            "height": height,
            "paper_bgcolor": CLEAR,
            "plot_bgcolor": CLEAR,
            "font": {"family": FONT, "color": theme.text, "size": 13},
            "hoverlabel": {"bgcolor": theme.page, "bordercolor": theme.muted, "font": {"color": theme.text}},
            "modebar": {"bgcolor": CLEAR, "color": theme.muted, "activecolor": theme.text},
            "showlegend": False,
            **layout,
        },
    )


def hatch(shape: str | list[str], color: str, **more: Any) -> dict:
    """The hatch of bars (plotly's `marker.pattern`): lines of a colour over the bar's own.

    "replace", plotly's choice, drops a hatched bar's colour and leaves its lines alone. `more` are plotly's own names.
    """
    return {
        "shape": shape,
        "fgcolor": color,
        "fillmode": "overlay",
        "fgopacity": 1,
        "size": 6,
        "solidity": 0.3,
    } | more


def short(text: str, length: int = 26) -> str:
    """A label that fits an axis; the hover text carries the whole of it."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def escape(text: str) -> str:
    """Text that plotly must not read as markup."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
