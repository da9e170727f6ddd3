"""Top Impact: how much of a unit's effect its highest activations carry, by unit and by layer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ..base.numbers import percent, plain
from ..views.importance import quadratic
from .base import axis, escape, figure
from .palette import GREEN, ORANGE, PURPLE, VERMILION, Theme, theme_of

_DASHES = ("solid", "dot", "dashdot", "longdash")
SYMBOLS = ("circle", "square", "diamond", "cross", "x", "triangle-up")
_FLOOR = 1e-5  # shares below it lie below the chart
SVG_POINTS = 4000  # more than so many points are drawn by the graphics card


def top_impact_curves(
    curves: dict[str, pd.DataFrame], *, theme: str = "light", height: int = 380, first: str | None = None
) -> go.Figure:
    """Top Impact: what share of the effect lies in the images with the highest activation (paper, eq. 4).

    curves: name → columns beta, value and perhaps error (standard error) and spread (standard
    deviation over units, drawn as a band). Both axes are logarithmic; the dashed diagonal is where
    every image has the same effect. `first`: the curve that stands out. A curve has a dash and a
    symbol of its own beside its colour.
    """
    look = theme_of(theme)
    data, least = [], 1e-4
    colors, dashes, symbols = _looks(look, curves, first)
    for name, frame in curves.items():
        frame = frame[frame["value"] > 0].sort_values("beta")
        if frame.empty:
            continue
        least = min(least, float(frame["value"].min()))
        error = frame["error"].to_numpy(float) if "error" in frame else np.zeros(len(frame))
        spread = frame["spread"].to_numpy(float) if "spread" in frame else None
        told = [
            f"{percent(value)}"
            + (f" ± {percent(1.96 * e)}" if e > 0 else "")
            + (f", standard deviation over units {percent(spread[i])}" if spread is not None else "")
            for i, (value, e) in enumerate(zip(frame["value"], error, strict=True))
        ]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": escape(name),
                "x": frame["beta"].tolist(),
                "y": frame["value"].tolist(),
                "line": {"color": colors[name], "dash": dashes[name], "width": 2.4 if name == first else 1.8},
                "marker": {"symbol": symbols[name], "size": 8, "color": colors[name]},
                "customdata": [[percent(beta), text] for beta, text in zip(frame["beta"], told, strict=True)],
                "hovertemplate": "%{fullData.name}<br>the %{customdata[0]} highest images: %{customdata[1]} of the effect"
                "<extra></extra>",
            }
        )
        if error.any():
            data[-1]["error_y"] = {
                "type": "data", "array": (1.96 * error).tolist(), "color": colors[name], "thickness": 1.2,
                "width": 3,
            }  # fmt: skip
    betas = [beta for trace in data for beta in trace["x"]] or [1e-3, 1.0]
    start = min(betas)
    data.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "every image the same",
            "x": [start, 1],
            "y": [start, 1],
            "hoverinfo": "skip",
            "line": {"color": look.text, "dash": "dash", "width": 1.2},
        }
    )
    floor = max(_FLOOR, min(least, start)) * 0.7
    ticks = [t for t in (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1) if t >= floor]
    return _chart(
        look,
        height,
        data,
        xaxis=axis(
            look,
            "images with the highest activation, share of all (log scale)",
            type="log",
            range=[math.log10(start) - 0.1, 0.06],
            tickvals=[0.0003, 0.002, 0.02, 0.1, 0.5, 1],
            ticktext=["0.03%", "0.2%", "2%", "10%", "50%", "100%"],
        ),
        yaxis=axis(
            look,
            "share of the effect that lies in them (log scale)",
            type="log",
            range=[math.log10(floor), 0.08],
            tickvals=ticks,
            ticktext=[f"{t * 100:g}%" for t in ticks],
        ),
    )


def _chart(look: Theme, height: int, data: list[dict], **layout: Any) -> go.Figure:
    """The charts of this page: a legend above, hover text of the nearest point."""
    return figure(
        look,
        height,
        data,
        margin={"l": 66, "r": 12, "t": 36, "b": 52},
        hovermode="closest",
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom", "font": {"size": 12}},
        **layout,
    )


def _to_click(look: Theme, height: int, data: list[dict], **layout: Any) -> go.Figure:
    """One whose points can be clicked."""
    return _chart(look, height, data, clickmode="event+select", dragmode=False, **layout)


def _hues(look: Theme) -> list[str]:
    """The accent, and what is far from it on both grounds: blue and sky are too near each other."""
    return [look.accent, ORANGE, GREEN, VERMILION, PURPLE]


def _looks(look: Theme, curves: Iterable[str], first: str | None) -> tuple[dict, dict, dict]:
    """Colour, dash and symbol of each curve; the first one's, or that of `first`, is the accent."""
    hues = _hues(look)
    names = sorted(curves, key=lambda name: name != first)
    return (
        {name: hues[i % len(hues)] for i, name in enumerate(names)},
        {name: _DASHES[i % len(_DASHES)] for i, name in enumerate(names)},
        {name: SYMBOLS[i % len(SYMBOLS)] for i, name in enumerate(names)},
    )


def kinds_of_points(look: Theme, names: Sequence[str]) -> dict[str, dict]:
    """A marker for each name: a colour and a symbol of its own."""
    hues = _hues(look)
    return {
        name: {
            "color": hues[i % len(hues)], "symbol": SYMBOLS[i % len(SYMBOLS)], "size": 8, "opacity": 0.7,
            "line": {"width": 0.6, "color": look.page},
        }
        for i, name in enumerate(names)
    }  # fmt: skip


def points(frame: pd.DataFrame, x: str, y: str, marker: dict, name: str, told: list[list]) -> dict:
    """A trace of units to click.

    frame: columns layer, unit, x and y. told: a list for each point, its method first ("" for none), then what the
    hover text shows. customdata of each point: layer, unit, then these.
    """
    custom = [
        [str(layer), int(unit), *more]
        for layer, unit, more in zip(frame["layer"], frame["unit"], told, strict=True)
    ]
    return {
        "type": "scattergl" if len(frame) > SVG_POINTS else "scatter",
        "mode": "markers",
        "name": f"{escape(name)} ({len(frame):,})",
        "x": frame[x].astype(float).tolist(),
        "y": frame[y].astype(float).tolist(),
        "marker": marker,
        "customdata": custom,
    }


def impact_scatter(
    frame: pd.DataFrame, *, beta: float = 0.02, theme: str = "light", height: int = 420
) -> go.Figure:
    """Units by total impact (log scale) and by Top Impact at `beta`, one point a unit.

    frame: columns layer, unit, total, value (Top Impact), sampled. Units without effect have no place on a
    logarithmic axis and are left out. customdata of each point begin with layer, unit, "".
    """
    look = theme_of(theme)
    frame = frame[(frame["total"] > 0) & frame["value"].notna()]
    names = list(pd.unique(frame["layer"]))
    markers = kinds_of_points(look, names)
    data = []
    for name in names:
        rows = frame[frame["layer"] == name]
        told = [
            [
                "",
                escape(row.layer),
                f"{row.total:.3g}",
                percent(row.value),
                " (an estimate)" if row.sampled else "",
            ]
            for row in rows.itertuples()
        ]
        data.append(
            points(rows, "total", "value", markers[name], name, told)
            | {
                "hovertemplate": "%{customdata[3]} · unit %{customdata[1]}<br>total impact %{customdata[4]}"
                f"%{{customdata[6]}}<br>%{{customdata[5]}} of it in the {100 * beta:g}% highest images<extra></extra>"
            }
        )
    return _to_click(
        look,
        height,
        data,
        xaxis=axis(look, "total impact (log scale)", type="log", **_one_two_five(frame["total"])),
        yaxis=axis(look, f"share of it in the {100 * beta:g}% highest images", tickformat=".0%", rangemode="tozero"),
        shapes=[
            {
                "type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": beta, "y1": beta,
                "line": {"color": look.text, "dash": "dash", "width": 1.2},
            }
        ],
    )  # fmt: skip


def _one_two_five(values: pd.Series) -> dict:
    """Ticks at 1, 2, 5, 10, … of a logarithmic axis over values above 0, each written out."""
    if values.empty:
        return {}
    low, high = math.floor(math.log10(values.min())), math.ceil(math.log10(values.max()))
    steps = (1, 2, 5) if high - low <= 3 else (1,)
    ticks = [step * 10.0**power for power in range(low, high + 1) for step in steps]
    return {"tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}


def scores_together(
    pairs: pd.DataFrame, *, fit: str = "norm", theme: str = "light", height: int = 520
) -> go.Figure:
    """Correlation against ablation score (paper, Figure 5), one point an explanation, with the quadratic fit.

    pairs: columns layer, unit, method, correlation, ablation, explanation, as `Store.score_pairs` has
    them. fit: 'norm' or 'optim', for the axis. customdata of each point begin with layer, unit, method.
    """
    look = theme_of(theme)
    names = sorted(pairs["method"].unique())
    markers = kinds_of_points(look, names)
    data = []
    for name in names:
        rows = pairs[pairs["method"] == name]
        told = [
            [
                row.method,
                escape(row.layer),
                plain(row.correlation),
                plain(row.ablation),
                escape(_cut(row.explanation)),
            ]
            for row in rows.itertuples()
        ]
        data.append(
            points(rows, "correlation", "ablation", markers[name], name, told)
            | {
                "hovertemplate": "%{customdata[3]} · unit %{customdata[1]}<br>correlation %{customdata[4]}, ablation "
                f"%{{customdata[5]}} ({fit})<br>%{{customdata[6]}}<br>%{{fullData.name}}<extra></extra>"
            }
        )
    found = quadratic(pairs["correlation"], pairs["ablation"])
    if found:
        x = np.linspace(pairs["correlation"].min(), pairs["correlation"].max(), 60)
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": "quadratic fit",
                "x": x.tolist(),
                "y": np.polyval(found[0], x).tolist(),
                "hoverinfo": "skip",
                "line": {"color": look.text, "width": 2, "dash": "dash"},
            }
        )
    return _to_click(
        look,
        height,
        data,
        xaxis=axis(look, "test correlation", zeroline=True, zerolinecolor=look.muted),
        yaxis=axis(look, f"test ablation score ({fit})", zeroline=True, zerolinecolor=look.muted),
    )


def _cut(text: str, length: int = 70) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
