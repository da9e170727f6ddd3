"""What people answered: proportions with their intervals beside chance, units as points, response times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ..base.numbers import percent, plain, plural
from ..views.results import interval_words
from .base import axis, escape, figure, hatch, short
from .palette import ORANGE, Style, Theme, concept_styles, theme_of
from .top_impact import kinds_of_points, points

CHANCE = 0.5  # of two queries
_ROW = 30  # pixels of a bar
_NAMED = 48  # as many units at most have their names at the axis
_MANY = 6  # more layers than this are not told apart by colour
_BINS = 40


def proportion_bars(
    rows: pd.DataFrame, *, title: str = "answers that are right", theme: str = "light", unit: str = "answer"
) -> go.Figure:
    """Proportions correct as horizontal bars with their intervals, the first row on top, beside chance.

    rows: columns group (a name at the axis), series (bars side by side in a group, a colour and hatch each), mean,
    low, high (NaN where there is no interval) and n (of `unit`, in words beside the proportion).
    """
    look = theme_of(theme)
    groups, names = list(pd.unique(rows["group"])), list(pd.unique(rows["series"]))
    thick = 0.76 / max(1, len(names))
    # the bars of a group lie around its place, however many they are
    turn, many = rows.groupby("group").cumcount(), rows.groupby("group")["series"].transform("size")
    rows = rows.assign(place=rows["group"].map(groups.index) + (turn - (many - 1) / 2) * thick)
    styles, data = _series(names), []
    for name in names:
        own = rows[rows["series"] == name]
        style = styles[name]
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": escape(name),
                "y": own["place"].tolist(),
                "width": 0.94 * thick,
                "x": own["mean"].astype(float).tolist(),
                "marker": {
                    "color": style.color,
                    "opacity": 0.6,  # whiskers and the chance line are seen on it, in light and dark
                    "line": {"color": look.text, "width": 0.6},
                    "pattern": hatch(style.pattern, style.ink, fgopacity=0.35, size=7, solidity=0.2),
                },
                "text": [f"<b>{_percent(row.mean)}</b>" for row in own.itertuples()],
                "textposition": "inside",
                "insidetextanchor": "start",
                "textangle": 0,
                "textfont": {"color": look.text, "size": 13},
                "customdata": [
                    [escape(row.group), escape(name), interval_words(row), plural(int(row.n), unit)]
                    for row in own.itertuples()
                ],
                "hovertemplate": "%{customdata[0]}, %{customdata[1]}<br>%{x:.1%} right, %{customdata[2]}<br>"
                "%{customdata[3]}<extra></extra>",
            }
        )
    top = 56 if len(names) > 1 else 30  # the legend above the word "chance"
    inside = _ROW * max(2, len(groups) * max(1, len(names)))
    sure = rows[rows["low"].notna() & rows["high"].notna()]  # a bar's error of NaN is drawn as one of 0
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "95% interval",
            "x": sure["mean"].astype(float).tolist(),
            "y": sure["place"].tolist(),
            "marker": {"size": 1, "color": look.text},
            "error_x": _error(sure, look),
            "hoverinfo": "skip",
            "showlegend": False,
        }
    )
    return figure(
        look,
        top + inside + 50,
        data,
        margin={"l": 20, "r": 18, "t": top, "b": 50},
        barmode="overlay",
        xaxis=axis(look, title, range=[0, 1], tickvals=[0, 0.25, 0.5, 0.75, 1], tickformat=".0%"),
        yaxis=axis(
            look,
            tickvals=list(range(len(groups))),
            ticktext=[escape(short(group, 34)) + "  " for group in groups],
            range=[len(groups) - 0.5, -0.5],
            automargin=True,
            showgrid=False,
            zeroline=False,
        ),
        showlegend=len(names) > 1,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1 + 22 / inside,
            "yanchor": "bottom",
            "traceorder": "normal",
        },
        shapes=[_chance(look, "x")],
        annotations=[_chance_word(look, "x")],
    )


def unit_dots(frame: pd.DataFrame, *, theme: str = "light", height: int = 440) -> go.Figure:
    """Each unit's proportion correct with its interval, in the order of the rows.

    frame: columns layer, unit, label (what tells it apart), mean, low, high, n (answers). customdata of each point
    begin with layer, unit, "".
    """
    look = theme_of(theme)
    frame = frame.reset_index(drop=True).assign(place=lambda f: np.arange(len(f)))
    layers = sorted(pd.unique(frame["layer"]))  # whatever the order of units, a layer keeps its colour
    told_apart = len(layers) <= _MANY
    markers = kinds_of_points(look, layers if told_apart else ["unit"])
    data = []
    for name, own in frame.groupby("layer") if told_apart else [("unit", frame)]:
        told = [
            ["", escape(row.label), _percent(row.mean), interval_words(row), plural(int(row.n), "answer")]
            for row in own.itertuples()
        ]
        marker = markers[name]
        data.append(
            points(own, "place", "mean", marker | {"opacity": 1}, str(name), told)
            | {
                "type": "scatter",  # error bars
                "error_y": _error(own, look) | {"color": marker["color"], "width": 0},
                "hovertemplate": "%{customdata[3]}<br>%{customdata[4]} right, %{customdata[5]}<br>%{customdata[6]}<extra></extra>",
            }
        )
    named = len(frame) <= _NAMED
    return figure(
        look,
        height,
        data,
        margin={"l": 58, "r": 14, "t": 36, "b": 20 if named else 44},
        hovermode="closest",
        clickmode="event+select",
        dragmode=False,
        xaxis=axis(
            look,
            "" if named else f"{plural(len(frame), 'unit')}, in the order above",
            range=[-0.6, len(frame) - 0.4],
            showgrid=False,
            zeroline=False,
            automargin=True,
            **(
                {
                    "tickvals": frame["place"].tolist(),
                    "ticktext": [escape(short(label, 22)) for label in frame["label"]],
                    "tickangle": -45,
                }
                if named
                else {"showticklabels": False}
            ),
        ),
        yaxis=axis(look, "answers that are right", range=[-0.03, 1.03], tickformat=".0%", zeroline=False),
        showlegend=told_apart and len(layers) > 1,
        legend={"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom", "font": {"size": 12}},
        shapes=[_chance(look, "y")],
        annotations=[_chance_word(look, "y")],
    )


def human_scatter(
    frame: pd.DataFrame,
    x: str,
    title: str,
    *,
    by: str | None = None,
    theme: str = "light",
    height: int = 420,
) -> go.Figure:
    """Each unit's proportion correct (upwards) against a number of it, named by the column `x`.

    frame: columns layer, unit, label, mean, low, high, n and `x`; units without it are left out. by: a column whose
    values have a colour and symbol each. customdata of each point begin with layer, unit, "".
    """
    look = theme_of(theme)
    frame = frame[frame[x].notna() & frame["mean"].notna()]
    names = list(pd.unique(frame[by])) if by else ["unit"]
    markers, data = kinds_of_points(look, names), []
    for name in names:
        own = frame[frame[by] == name] if by else frame
        told = [
            [
                "",
                escape(row.label),
                plain(getattr(row, x)),
                _percent(row.mean),
                interval_words(row),
                plural(int(row.n), "answer"),
            ]
            for row in own.itertuples()
        ]
        data.append(
            points(own, x, "mean", markers[name], str(name), told)
            | {
                "hovertemplate": f"%{{customdata[3]}}<br>{escape(title)}: %{{customdata[4]}}<br>"
                "%{customdata[5]} right, %{customdata[6]}, %{customdata[7]}<extra></extra>"
            }
        )
    return figure(
        look,
        height,
        data,
        margin={"l": 58, "r": 14, "t": 36, "b": 52},
        hovermode="closest",
        clickmode="event+select",
        dragmode=False,
        xaxis=axis(look, title, zeroline=False),
        yaxis=axis(look, "answers that are right", range=[-0.03, 1.05], tickformat=".0%", zeroline=False),
        showlegend=len(names) > 1,
        legend={"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom", "font": {"size": 12}},
        shapes=[_chance(look, "y")],
        annotations=[_chance_word(look, "y")],
    )


def response_times(
    seconds: Sequence[float],
    right: Sequence[bool],
    *,
    locks: Sequence[float] = (),
    theme: str = "light",
    height: int = 320,
) -> go.Figure:
    """How long answers took, right ones and wrong ones stacked; the locks (in seconds) are dotted lines.

    seconds, right: (n,). The last bar holds the slowest 1 % and everything above, and says so.
    """
    look = theme_of(theme)
    taken, fits = np.asarray(seconds, float), np.asarray(right, bool)
    known = np.isfinite(taken)
    taken, fits = taken[known], fits[known]
    edges = time_edges(taken)
    data = []
    for name, own, style in (
        ("right", taken[fits], Style(look.accent)),
        ("wrong", taken[~fits], Style(ORANGE, "/")),
    ):
        heights, _ = np.histogram(np.minimum(own, edges[-1]), bins=edges)
        data.append(
            {
                "type": "bar",
                "name": f"{name} ({len(own):,})",
                "x": ((edges[:-1] + edges[1:]) / 2).tolist(),
                "y": heights.tolist(),
                "width": (np.diff(edges) * 0.94).tolist(),
                "marker": {
                    "color": style.color,
                    "pattern": hatch(style.pattern, style.ink, fgopacity=0.5),
                },
                "customdata": [
                    f"{plain(a, 1)} s to {plain(b, 1)} s"
                    + (" and more" if i == len(edges) - 2 and taken.max() > edges[-1] else "")
                    for i, (a, b) in enumerate(zip(edges[:-1], edges[1:], strict=True))
                ],
                "hovertemplate": f"%{{customdata}}: <b>%{{y:,}} {name}</b><extra></extra>",
            }
        )
    over = int((seconds > edges[-1]).sum())
    highest = max((sum(pair) for pair in zip(*(trace["y"] for trace in data), strict=True)), default=1)
    return figure(
        look,
        height,
        data,
        margin={"l": 58, "r": 14, "t": 36, "b": 52},
        barmode="stack",
        xaxis=axis(
            look,
            "seconds from the images to the answer"
            + (f"; the last bar holds {plural(over, 'slower one')}, too" if over else ""),
            range=[0, float(edges[-1])],
            zeroline=False,
        ),
        yaxis=axis(look, "answers", range=[0, 1.18 * max(1, highest)]),  # room for the lock's words
        showlegend=True,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.01,
            "yanchor": "bottom",
            "font": {"size": 12},
            "traceorder": "normal",
        },
        shapes=[
            {
                "type": "line", "x0": lock, "x1": lock, "y0": 0, "y1": 1, "yref": "paper",
                "line": {"color": look.text, "dash": "dot", "width": 1.4},
            }
            for lock in locks
        ],
        annotations=[
            {
                "x": lock, "y": 1, "yref": "paper", "yanchor": "top", "xanchor": "left", "xshift": 4,
                "text": f"locked until {lock:g} s", "showarrow": False, "font": {"size": 12, "color": look.muted},
            }
            for lock in locks
        ],
    )  # fmt: skip


def time_edges(seconds: np.ndarray) -> np.ndarray:
    """Edges of the bars of `response_times`: 40 equal ones from 0 to the 99th percentile."""
    high = float(np.quantile(seconds, 0.99)) if len(seconds) else 1.0
    return np.linspace(0, high if high > 0 else 1.0, _BINS + 1)


def queries_in_range(
    activations: np.ndarray,
    queries: Sequence[tuple[str, float]],
    *,
    quantity: str = "activation",
    theme: str = "light",
    height: int = 220,
) -> go.Figure:
    """Where two queries lie among all images' activations: (name, activation) each, as lines over a histogram."""
    look = theme_of(theme)
    values = np.asarray(activations, float)
    heights, edges = np.histogram(values, bins=_BINS)
    top = float(np.log10(max(2, heights.max()) * 8))
    bars = {
        "type": "bar",
        "x": ((edges[:-1] + edges[1:]) / 2).tolist(),
        "y": heights.tolist(),
        "width": (np.diff(edges) * 0.96).tolist(),
        "marker": {"color": look.other.color},
        "hovertemplate": "around %{x:.3g}: <b>%{y:,} images</b><extra></extra>",
    }
    middle = (values.min() + values.max()) / 2
    return figure(
        look,
        height,
        [bars],
        margin={"l": 64, "r": 14, "t": 8, "b": 50},
        xaxis=axis(look, escape(quantity), zeroline=False),
        yaxis=axis(
            look, f"images (of {len(values):,})", type="log", dtick=1, range=[float(np.log10(0.6)), top]
        ),
        shapes=[
            {
                "type": "line", "x0": float(value), "x1": float(value), "y0": 0, "y1": 1, "yref": "paper",
                "line": {"color": look.text, "width": 2, "dash": ("solid", "dash")[i % 2]},
            }
            for i, (_, value) in enumerate(queries)
        ],
        annotations=[
            {
                "x": float(value), "y": 1 - 0.16 * i, "yref": "paper", "yanchor": "top",
                "xanchor": "left" if value <= middle else "right", "xshift": 5 if value <= middle else -5,
                "text": f"<b>{escape(name)}</b>", "showarrow": False, "bgcolor": look.page,
                "font": {"size": 12, "color": look.text},
            }
            for i, (name, value) in enumerate(queries)
        ],
    )  # fmt: skip


# -- pieces ------------------------------------------------------------------------------------------


def _percent(share: float) -> str:
    return percent(share) if pd.notna(share) else "–"


def _error(rows: pd.DataFrame, look: Theme) -> dict:
    """Asymmetric error bars of rows that have intervals."""
    up = (rows["high"] - rows["mean"]).clip(lower=0)
    down = (rows["mean"] - rows["low"]).clip(lower=0)
    return {
        "type": "data",
        "symmetric": False,
        "array": up.astype(float).tolist(),
        "arrayminus": down.astype(float).tolist(),
        "color": look.text,
        "thickness": 1.4,
        "width": 4,
    }


def _series(names: Sequence[str]) -> dict[str, Style]:
    """A colour and a hatch for each: told apart without colours, too."""
    patterns, base = ("", "/", ".", "x"), concept_styles(range(len(names)))
    return {
        name: Style(base[i].color, patterns[i % len(patterns)] if len(names) > 1 else "")
        for i, name in enumerate(names)
    }


def _chance(look: Theme, along: str) -> dict:
    other = "y" if along == "x" else "x"
    return {
        "type": "line", f"{along}0": CHANCE, f"{along}1": CHANCE, f"{other}0": 0, f"{other}1": 1,
        f"{other}ref": "paper", "line": {"color": look.text, "dash": "dash", "width": 1.4},
    }  # fmt: skip


def _chance_word(look: Theme, along: str) -> dict:
    place = (
        {"x": CHANCE, "y": 1, "yref": "paper", "yanchor": "bottom", "xanchor": "left", "xshift": 2}
        if along == "x"
        else {"x": 1, "xref": "paper", "y": CHANCE, "yanchor": "bottom", "xanchor": "right"}
    )
    return place | {"text": "chance", "showarrow": False, "font": {"size": 12, "color": look.muted}}
