"""How good explanations are: scores by layer, and simulated against actual activations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ..base.numbers import decimals, plain, plural
from .base import axis, escape, figure, short
from .palette import theme_of

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
    rows = max(1, len(layers))
    lowest = table["score"].min()
    start = 0 if pd.isna(lowest) else min(0, int(np.floor(lowest / _BIN + 1e-9)))
    edges = np.arange(start, round(1 / _BIN) + 1) * _BIN
    ranges = [[plain(a), plain(b)] for a, b in zip(edges[:-1], edges[1:], strict=True)]
    data, layout, notes, lines = [], {}, [], []
    for row, layer in enumerate(layers):
        scores = table.loc[table["layer"] == layer, "score"]
        found = scores.dropna().to_numpy(float)
        heights, _ = np.histogram(found, bins=edges)
        number = "" if row == 0 else str(row + 1)
        data.append(
            {
                "type": "bar",
                "x": ((edges[:-1] + edges[1:]) / 2).tolist(),
                "y": heights.tolist(),
                "width": _BIN * 0.94,
                "name": escape(layer),
                "marker": {"color": look.accent},
                "yaxis": f"y{number}",
                "customdata": ranges,
                "hovertemplate": "%{customdata[0]} to %{customdata[1]}: <b>%{y} units</b>"
                "<extra>%{fullData.name}</extra>",
            }
        )
        layout[f"yaxis{number}"] = axis(
            look,
            domain=[1 - (row + 1) / rows, 1 - (row + 0.14) / rows],
            showticklabels=False,
            showgrid=False,
            zeroline=True,
            zerolinecolor=look.muted,
            range=[0, max(1, int(heights.max())) * 1.04],
        )
        facts = (
            f"mean {plain(found.mean())}, {plural(len(found), 'unit')}"
            if len(found)
            else "no unit has a score"
        )
        if len(found) and len(found) < len(scores):
            facts += f"<br>{len(scores) - len(found):,} without score"
        notes.append(
            {
                "text": f"<b>{escape(short(layer, 24))}</b><br>{facts}",
                "xref": "paper",
                "x": 0,
                "xshift": -170,
                "xanchor": "left",
                "yref": f"y{number} domain",
                "y": 0.5,
                "align": "left",
                "showarrow": False,
                "font": {"size": 12, "color": look.text},
            }
        )
        if len(found):
            lines.append(
                {
                    "type": "line",
                    "x0": float(found.mean()),
                    "x1": float(found.mean()),
                    "y0": 0,
                    "y1": 1,
                    "yref": f"y{number} domain",
                    "line": {"color": look.text, "dash": "dash", "width": 1.5},
                }
            )
    last = "" if rows == 1 else str(rows)
    top, bottom = 6, 50
    return figure(
        look,
        top + bottom + (76 if rows <= 6 else 54) * rows,
        data,
        margin={"l": 172, "r": 12, "t": top, "b": bottom},
        xaxis=axis(
            look,
            f"{split} correlation (dashed: mean)",
            range=[float(edges[0]), float(edges[-1])],
            zeroline=False,
            dtick=0.2,
            tickformat=".1f",
            anchor=f"y{last}",
        ),
        annotations=notes,
        shapes=lines,
        **layout,
    )


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
    actual, simulated = np.asarray(actual, float), np.asarray(simulated, float)
    tested = np.asarray(split, object) == "test"
    test, rest = np.flatnonzero(tested), np.flatnonzero(~tested)
    shown_test, shown_rest = sample(test, rest)
    ends = [float(min(actual.min(), simulated.min())), float(max(actual.max(), simulated.max()))]
    places = decimals(ends[1] - ends[0], 100)
    faint = {
        "color": look.muted,
        "size": 5,
        "symbol": "x-thin-open",
        "opacity": 0.55,
        "line": {"width": 1, "color": look.muted},
    }
    strong = {
        "color": look.accent,
        "size": 7,
        "symbol": "circle",
        "opacity": 0.45,
        "line": {"width": 0.6, "color": look.page},
    }
    data = []
    for name, everything, shown, marker in (
        ("train and val", rest, shown_rest, faint),
        ("test", test, shown_test, strong),
    ):
        of = "" if len(shown) == len(everything) else f" of {len(everything):,}"
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "marker": marker,
                "name": f"{name} ({len(shown):,}{of} images)",
                "x": simulated[shown].tolist(),
                "y": actual[shown].tolist(),
                "customdata": [
                    [escape(keys[i]) if keys is not None else f"image {i}", split[i]] for i in shown
                ],
                "hovertemplate": f"%{{customdata[0]}} (%{{customdata[1]}})<br>simulated %{{x:.{places}f}}, "
                f"actual %{{y:.{places}f}}<extra></extra>",
            }
        )
    data.append(
        {
            "type": "scatter",
            "x": ends,
            "y": ends,
            "mode": "lines",
            "name": "simulated = actual",
            "hoverinfo": "skip",
            "line": {"color": look.text, "dash": "dash", "width": 1.2},
        }
    )
    return figure(
        look,
        height,
        data,
        margin={"l": 64, "r": 12, "t": 36, "b": 52},
        hovermode="closest",
        xaxis=axis(look, f"simulated {escape(quantity)}: what the explanation predicts"),
        yaxis=axis(look, f"actual {escape(quantity)}", automargin=True),
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom", "font": {"size": 12}},
    )


def sample(test: np.ndarray, rest: np.ndarray, points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """At most `points` ids in all, three quarters for the test split; sorted, always the same ones."""
    for_test = min(len(test), max(points * 3 // 4, points - len(rest)))
    for_rest = min(len(rest), points - for_test)
    draw = np.random.default_rng(_SEED)
    return (
        np.sort(draw.choice(test, for_test, replace=False)),
        np.sort(draw.choice(rest, for_rest, replace=False)),
    )
