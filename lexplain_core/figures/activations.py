"""How often a unit takes which value."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from ..base.numbers import decimals, plain
from ..store import Buckets
from .base import axis, escape, figure, hatch
from .palette import ORANGE, Theme, theme_of
from .ranges import chosen_range, click_points

_PER_BUCKET = 5
_MOST_BELOW = 200  # bins below 0


def activation_histogram(
    activations: np.ndarray,
    buckets: Buckets | None = None,
    *,
    theme: str = "light",
    height: int = 260,
    quantity: str = "activation",
    log: bool = True,
    chosen: int | None = None,
    between: tuple[float, float] | None = None,
    clickable: bool = False,
) -> go.Figure:
    """Images per bin of activation, on a logarithmic axis or, without `log`, a linear one.

    activations: (N,). Between 0 and the maximum a bucket is five bins, so that its edges (dotted)
    lie on bin edges, and the number of its images stands above it; bins below 0 are as wide and hatched.
    Without buckets the range is cut into 40. chosen: a bucket to point out, or -1 for what is below 0.
    between: a span of activations to mark at the foot of the chart. clickable: a click anywhere selects a point inside the bucket that was hit,
    so that `Buckets.assign` of the point's x gives the bucket.
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
            "pattern": hatch(["/" if edge < 0 else "" for edge in edges[:-1]], look.page),
        },
        "customdata": [
            [plain(a, places), plain(b, places)] for a, b in zip(edges[:-1], edges[1:], strict=True)
        ],
        "hovertemplate": "%{customdata[0]} to %{customdata[1]}: <b>%{y:,} images</b><extra></extra>",
    }
    ranges = None if buckets is None else np.asarray(buckets.edges, float)
    notes = [
        *(["dotted: the 8 ranges, the number of images above each"] if buckets is not None else []),
        *(["hatched: below 0"] if edges[0] < 0 else []),
    ]
    most = max(2, int(heights.max()))
    counts: dict[str, Any] = {
        "title": f"images (of {len(values):,}), log scale",
        "type": "log",
        "dtick": 1,
        "range": [float(np.log10(0.6)), float(np.log10(most * 1.3))],
    }
    if not log:
        counts = {"title": f"images (of {len(values):,})", "range": [0, most * 1.05], "tickformat": ",d"}
    return figure(
        look,
        height,
        [bars] if ranges is None or not clickable else [click_points(ranges), bars],
        margin={"l": 64, "r": 12, "t": 12 if ranges is None else 28, "b": 64},
        xaxis=axis(
            look,
            "<br>".join([escape(quantity), *(["; ".join(notes)] if notes else [])]),
            range=[float(edges[0]), float(edges[-1])],
        ),
        yaxis=axis(look, **counts),
        shapes=[
            *([] if ranges is None else _lines(ranges, look)),
            *_chosen(ranges, edges, chosen, look),
            *_between(between, look),
        ],
        annotations=[] if buckets is None else _counts(buckets, look),
        # a click anywhere in a column counts, not only on its bar, which may be low
        **({"hovermode": "x"} if clickable else {}),
    )


def _edges(values: np.ndarray, buckets: Buckets | None) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    if buckets is None:
        return np.linspace(low, high if high > low else low + 1, 41)
    bins = _PER_BUCKET * (len(buckets.edges) - 1)
    width = float(buckets.edges[-1]) / bins
    below = int(np.ceil(-low / width)) if low < 0 else 0
    edges = np.arange(-min(below, _MOST_BELOW), bins + 1) * width
    edges[0], edges[-1] = min(low, edges[0]), high
    return edges


def _lines(ranges: np.ndarray, look: Theme) -> list[dict]:
    """A dotted line at each edge of the ranges."""
    line = {"color": look.muted, "dash": "dot", "width": 1}
    return [
        {"type": "line", "x0": edge, "x1": edge, "y0": 0, "y1": 1, "yref": "paper", "line": line}
        for edge in ranges.tolist()
    ]


def _counts(buckets: Buckets, look: Theme) -> list[dict]:
    """The number of images above each range, and above what is below 0."""
    ranges = np.asarray(buckets.edges, float)
    places = [(i, (a + b) / 2, int(n)) for i, (a, b, n) in enumerate(zip(ranges, ranges[1:], buckets.counts, strict=False))]  # fmt: skip
    return [
        {
            "name": f"images in bucket {bucket}",
            "text": f"{count:,}",
            "x": float(x),
            "y": 1,
            "yref": "paper",
            "yanchor": "bottom",
            "yshift": 3,
            "showarrow": False,
            "font": {"size": 12, "color": look.text if count else look.muted},
        }
        for bucket, x, count in places
    ]


def _chosen(ranges: np.ndarray | None, edges: np.ndarray, chosen: int | None, look: Theme) -> list[dict]:
    """The frame round a range; the one below 0 is as wide as its bins."""
    if ranges is None or chosen is None or (chosen < 0 and edges[0] >= 0):
        return []
    if chosen >= 0:
        whole = [*([float(edges[0])] if edges[0] < 0 else []), *ranges.tolist()]
        return chosen_range(np.array(whole), chosen + len(whole) - len(ranges), look)
    return chosen_range(np.array([edges[0], 0.0, edges[-1]]), 0, look)


def _between(span: tuple[float, float] | None, look: Theme) -> list[dict]:
    """A thick line at the foot of the chart over a span of activations."""
    if span is None:
        return []
    low, high = (float(end) for end in span)
    return [
        {
            "type": "rect",
            "name": "between",
            "x0": low,
            "x1": high,
            "y0": 0,
            "y1": 1,
            "yref": "paper",
            "fillcolor": look.text,
            "opacity": 0.12,
            "line": {"width": 0},
        }
    ]
