"""How a unit's effect on the network spreads over its range of activation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ..base.numbers import decimals, percent, plain
from ..views.effect import effect_shares
from .base import axis, escape, figure
from .palette import Theme, theme_of

_ROOM = 1.42  # of the tallest bar, so that its figure fits above it


def strip(
    shares: pd.DataFrame, edges: np.ndarray, look: Theme, **where: str
) -> tuple[list[dict], dict, list[dict]]:
    """Traces, y axis and annotations of the bars: a bar a range, as wide as it, its figure above it, a
    line where it would end if every image had the same effect.

    edges: (9,). where: plotly's `yaxis` of traces and annotations, such as 'y2'.
    """
    frame = effect_shares(shares)
    middles, widths = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    error = frame["error"].to_numpy(float)
    tops, part = (frame["share"] + 1.96 * error).to_numpy(float), frame["part"].to_numpy(float)
    tall = max(0.02, float(tops.max()), float(part.max()))
    struck = (part >= tops) & (part < tops + 0.3 * tall)  # a figure there would have the line through it
    places = np.where(struck, part, tops)
    told = [
        f"{percent(row.share)}" + (f" ± {percent(1.96 * row.error)}" if row.error > 0 else "")
        for row in frame.itertuples()
    ]
    bars = {
        "type": "bar",
        "name": "share of the effect",
        "x": middles.tolist(),
        "y": frame["share"].tolist(),
        "width": (widths * 0.9).tolist(),
        "marker": {"color": look.accent},
        "customdata": [[text, int(n)] for text, n in zip(told, frame["images"], strict=True)],
        "hovertemplate": "%{customdata[0]} of the effect",
        "showlegend": False,
        **where,
    }
    if error.any():
        bars["error_y"] = {
            "type": "data",
            "array": (1.96 * error).tolist(),
            "color": look.text,
            "thickness": 1.4,
            "width": 4,
        }
    even = {
        "type": "scatter",
        "mode": "markers",
        "name": "share of the images",
        "x": middles.tolist(),
        "y": frame["part"].tolist(),
        "marker": {"symbol": "line-ew", "size": 22, "line": {"width": 2, "color": look.text}},
        "customdata": [
            [percent(part), int(n)] for part, n in zip(frame["part"], frame["images"], strict=True)
        ],
        "hovertemplate": "%{customdata[0]} of the images",
        "showlegend": False,
        **where,
    }
    notes = [
        {
            "name": f"effect in bucket {bucket}",
            "text": percent(share) if images else "–",
            "x": float(middles[bucket]),
            "y": float(top),
            "yref": where.get("yaxis", "y"),
            "yanchor": "bottom",
            "yshift": 3,
            "showarrow": False,
            "font": {"size": 12, "color": look.text if images else look.muted},
        }
        for bucket, (share, images, top) in enumerate(
            zip(frame["share"], frame["images"], places, strict=True)
        )
    ]
    y = axis(
        look,
        "share of effect",
        range=[0, tall * _ROOM],
        nticks=4,
        tickformat=".0%",
        zeroline=True,
        zerolinecolor=look.muted,
    )
    return [bars, even], y, notes


def impact_strip(
    shares: pd.DataFrame,
    edges: np.ndarray,
    *,
    theme: str = "light",
    height: int = 200,
    quantity: str = "activation",
) -> go.Figure:
    """The bars alone, for units without a stacked chart to put them under.

    shares: columns bucket, images, share, error; edges: (9,), both as the reader has them.
    """
    look = theme_of(theme)
    edges = np.asarray(edges, float)
    places = decimals(edges[-1])
    data, y, notes = strip(shares, edges, look)
    return figure(
        look,
        height,
        data,
        margin={"l": 64, "r": 12, "t": 8, "b": 52},
        hovermode="x unified",
        annotations=notes,
        xaxis=axis(
            look,
            f"{escape(quantity)}, 8 equal ranges from 0 to the largest",
            range=[float(edges[0]), float(edges[-1])],
            tickvals=edges.tolist(),
            ticktext=[plain(e, places) for e in edges],
            unifiedhovertitle={"text": "activation around %{x:.3g}"},
        ),
        yaxis=y,
    )
