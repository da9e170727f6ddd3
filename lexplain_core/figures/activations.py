"""How often a unit takes which value."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from .base import axis, decimals, escape, figure, plain
from .palette import ORANGE, theme_of

_PER_BUCKET = 5
_MOST_BELOW = 200  # bins below 0


def activation_histogram(
    activations: np.ndarray,
    buckets=None,
    *,
    theme: str = "light",
    height: int = 260,
    quantity: str = "activation",
) -> go.Figure:
    """Images per bin of activation, on a logarithmic axis.

    activations: (N,). Between 0 and the maximum a bucket is five bins, so that its edges (dotted)
    lie on bin edges; bins below 0 are as wide and hatched. Without buckets the range is cut into 40.
    """
    look = theme_of(theme)
    values = np.asarray(activations, dtype=float)
    edges = _edges(values, buckets)
    heights, _ = np.histogram(values, bins=edges)
    places = decimals(edges[-1] - edges[0], 40)
    bars = {
        "type": "bar",
        "x": ((edges[:-1] + edges[1:]) / 2).tolist(),
        "y": heights.tolist(),
        "width": (np.diff(edges) * 0.96).tolist(),
        "marker": {
            "color": [ORANGE if edge < 0 else look.accent for edge in edges[:-1]],
            "pattern": {"shape": ["/" if edge < 0 else "" for edge in edges[:-1]]},
        },
        "customdata": [
            [plain(a, places), plain(b, places)] for a, b in zip(edges[:-1], edges[1:], strict=True)
        ],
        "hovertemplate": "%{customdata[0]} to %{customdata[1]}: <b>%{y:,} images</b><extra></extra>",
    }
    lines = (
        []
        if buckets is None
        else [
            {
                "type": "line",
                "x0": edge,
                "x1": edge,
                "y0": 0,
                "y1": 1,
                "yref": "paper",
                "line": {"color": look.muted, "dash": "dot", "width": 1},
            }
            for edge in np.asarray(buckets.edges, float).tolist()
        ]
    )
    notes = [
        *(["dotted: the 8 ranges"] if buckets is not None else []),
        *(["hatched: below 0"] if edges[0] < 0 else []),
    ]
    return figure(
        look,
        height,
        [bars],
        margin={"l": 64, "r": 12, "t": 12, "b": 52},
        xaxis=axis(look, escape(quantity) + (f" ({'; '.join(notes)})" if notes else "")),
        yaxis=axis(
            look,
            f"images (of {len(values):,}), log scale",
            type="log",
            dtick=1,
            range=[float(np.log10(0.6)), float(np.log10(max(2, heights.max()) * 1.3))],
        ),
        shapes=lines,
    )


def _edges(values: np.ndarray, buckets) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    if buckets is None:
        return np.linspace(low, high if high > low else low + 1, 41)
    bins = _PER_BUCKET * (len(buckets.edges) - 1)
    width = float(buckets.edges[-1]) / bins
    below = int(np.ceil(-low / width)) if low < 0 else 0
    edges = np.arange(-min(below, _MOST_BELOW), bins + 1) * width
    edges[0], edges[-1] = min(low, edges[0]), high
    return edges
