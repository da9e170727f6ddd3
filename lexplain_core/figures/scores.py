"""How good explanations are: scores by layer, simulated against actual activations, activations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .base import decimals, escape, figure, plain, plural, short
from .palette import ORANGE, theme_of

_BIN = 0.05
POINTS = 2000  # at most so many points are sent to the browser
_SEED = 20


def score_histogram(table: pd.DataFrame, *, theme: str = "light", split: str = "test") -> go.Figure:
    """Distribution of the units' scores, a row of bars a layer over one common axis.

    table: columns layer and score (correlation, NaN where a unit has none), in the order of layers.
    Bars are 0.05 wide; a dashed line marks the mean. Units without a score are told in words.
    """
    look = theme_of(theme)
    layers = list(pd.unique(table["layer"]))
    scores = {layer: table.loc[table["layer"] == layer, "score"].dropna().to_numpy(float) for layer in layers}
    lowest = min((float(s.min()) for s in scores.values() if len(s)), default=0.0)
    start = min(0, int(np.floor(lowest / _BIN + 1e-9)))
    edges = np.arange(start, round(1 / _BIN) + 1) * _BIN
    row_height = 74 if len(layers) <= 6 else 52
    top, bottom = 6, 50
    height = top + bottom + row_height * max(1, len(layers))
    fig = make_subplots(
        rows=max(1, len(layers)), cols=1, shared_xaxes=True,
        vertical_spacing=0.0 if len(layers) < 2 else min(0.16 / len(layers), 1 / (len(layers) - 1)),
    )
    fig.update_layout(figure(look, height).layout)
    fig.update_layout(margin={"l": 172, "r": 12, "t": top, "b": bottom}, bargap=0.06)
    for row, layer in enumerate(layers, start=1):
        found = scores[layer]
        heights, _ = np.histogram(found, bins=edges)
        units = int((table["layer"] == layer).sum())
        missing = units - len(found)
        fig.add_trace(
            go.Bar(
                x=(edges[:-1] + edges[1:]) / 2, y=heights, width=_BIN * 0.94, name=escape(layer),
                marker_color=look.accent,
                customdata=[[plain(a), plain(b)] for a, b in zip(edges[:-1], edges[1:], strict=True)],
                hovertemplate="%{customdata[0]} to %{customdata[1]}: <b>%{y} units</b><extra>%{fullData.name}</extra>",
            ),
            row=row, col=1,
        )
        facts = f"mean {plain(found.mean())}, {plural(len(found), 'unit')}" if len(found) else "no unit has a score"
        facts += f"<br>{missing:,} without score" if missing and len(found) else ""
        fig.add_annotation(
            text=f"<b>{escape(short(layer, 24))}</b><br>{facts}", xref="paper", x=0, xshift=-170, xanchor="left",
            yref=f"y{'' if row == 1 else row} domain", y=0.5, align="left", showarrow=False,
            font={"size": 12, "color": look.text},
        )
        if len(found):
            fig.add_vline(x=float(found.mean()), row=row, col=1,
                          line={"color": look.text, "dash": "dash", "width": 1.5})
    fig.update_yaxes(showticklabels=False, showgrid=False, zeroline=True, zerolinecolor=look.muted, fixedrange=True)
    fig.update_xaxes(range=[edges[0], edges[-1]], gridcolor=look.grid, fixedrange=True, zeroline=False)
    fig.update_xaxes(
        title_text=f"{split} correlation (dashed: mean)",
        title_font={"size": 13, "color": look.muted}, title_standoff=8, dtick=0.2, tickformat=".1f",
        row=max(1, len(layers)), col=1,
    )
    return fig


def simulated_scatter(
    actual: np.ndarray,
    simulated: np.ndarray,
    split: Sequence[str],
    *,
    keys: Sequence[str] | None = None,
    theme: str = "light",
    height: int = 460,
    quantity: str = "activation",
) -> go.Figure:
    """Simulated (x) against actual (y) activations, one point an image; the test split stands out.

    actual, simulated, split, keys: (N,), by image. At most 2,000 points are sent: three quarters of
    them for test images, drawn by a fixed seed; the legend says how many of how many.
    """
    look = theme_of(theme)
    split = np.asarray(split, dtype=object)
    test = np.flatnonzero(split == "test")
    rest = np.flatnonzero(split != "test")
    shown_test, shown_rest = sample(test, rest)
    fig = figure(look, height, margin={"l": 64, "r": 12, "t": 36, "b": 52}, hovermode="closest")
    ends = [float(min(np.min(actual), np.min(simulated))), float(max(np.max(actual), np.max(simulated)))]
    places = decimals(ends[1] - ends[0], 100)
    for name, everything, shown, marker in (
        ("train and val", rest, shown_rest, {"color": look.muted, "size": 5, "symbol": "x-thin-open", "opacity": 0.55,
                                             "line": {"width": 1, "color": look.muted}}),
        ("test", test, shown_test, {"color": look.accent, "size": 7, "symbol": "circle", "opacity": 0.45,
                                    "line": {"width": 0.6, "color": look.page}}),
    ):
        count = f"{len(shown):,}" if len(shown) == len(everything) else f"{len(shown):,} of {len(everything):,}"
        fig.add_trace(
            go.Scatter(
                x=np.asarray(simulated, float)[shown], y=np.asarray(actual, float)[shown],
                mode="markers", marker=marker, name=f"{name} ({count} images)",
                customdata=[[escape(keys[i]) if keys is not None else f"image {i}", split[i]] for i in shown],
                hovertemplate=f"%{{customdata[0]}} (%{{customdata[1]}})<br>simulated %{{x:.{places}f}}, "
                f"actual %{{y:.{places}f}}<extra></extra>",
            )
        )
    fig.add_trace(
        go.Scatter(x=ends, y=ends, mode="lines", name="simulated = actual", hoverinfo="skip",
                   line={"color": look.text, "dash": "dash", "width": 1.2})
    )
    fig.update_xaxes(title_text=f"simulated {escape(quantity)}: what the explanation predicts")
    fig.update_yaxes(title_text=f"actual {escape(quantity)}", automargin=True)
    fig.update_layout(
        showlegend=True, legend={"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom", "font": {"size": 12}}
    )
    return fig


def sample(test: np.ndarray, rest: np.ndarray, points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """At most `points` ids in all, three quarters for the test split; sorted, always the same ones."""
    for_test = min(len(test), max(points * 3 // 4, points - len(rest)))
    for_rest = min(len(rest), points - for_test)
    draw = np.random.default_rng(_SEED)
    return (
        np.sort(draw.choice(test, for_test, replace=False)),
        np.sort(draw.choice(rest, for_rest, replace=False)),
    )


def activation_histogram(
    activations: np.ndarray, buckets=None, *, theme: str = "light", height: int = 260, quantity: str = "activation"
) -> go.Figure:
    """How often the unit takes which value: images per bin on a logarithmic axis.

    Between 0 and the maximum a bucket is five bins, so its edges (dotted) lie on bin edges; below 0
    the bins are as wide. Without buckets the range is cut into 40.
    """
    look = theme_of(theme)
    values = np.asarray(activations, dtype=float)
    low, high = float(values.min()), float(values.max())
    if buckets is not None:
        width = float(buckets.edges[-1]) / 40
        below = int(np.ceil(-low / width)) if low < 0 else 0
        edges = np.arange(-min(below, 200), 41) * width
        edges[-1] = high
        if below > 200:
            edges[0] = low
    else:
        edges = np.linspace(low, high if high > low else low + 1, 41)
    heights, _ = np.histogram(values, bins=edges)
    places = decimals(edges[-1] - edges[0], 40)
    fig = figure(look, height, margin={"l": 64, "r": 12, "t": 12, "b": 52}, bargap=0.02)
    fig.add_trace(
        go.Bar(
            x=(edges[:-1] + edges[1:]) / 2, y=heights, width=np.diff(edges) * 0.96,
            marker_color=[ORANGE if e < 0 else look.accent for e in edges[:-1]],
            marker_pattern_shape=["/" if e < 0 else "" for e in edges[:-1]],
            customdata=[[plain(a, places), plain(b, places)] for a, b in zip(edges[:-1], edges[1:], strict=True)],
            hovertemplate="%{customdata[0]} to %{customdata[1]}: <b>%{y:,} images</b><extra></extra>",
        )
    )
    if buckets is not None:
        for edge in buckets.edges:
            fig.add_vline(x=float(edge), line={"color": look.muted, "dash": "dot", "width": 1})
    fig.update_yaxes(type="log", title_text=f"images (of {len(values):,}), log scale", dtick=1,
                     range=[np.log10(0.6), np.log10(max(2, heights.max()) * 1.3)])
    fig.update_xaxes(title_text=escape(quantity) + (" (dotted: the 8 ranges; hatched: below 0)" if buckets else ""))
    return fig
