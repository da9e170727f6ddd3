"""The mean activation over the images of each class, largest first."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from .base import axis, decimals, escape, figure, plain, plural, short
from .palette import ORANGE, theme_of

CLASS_BARS = 12  # classes that are drawn; the others are in the CSV
_ROW = 25  # pixels


def class_means_bar(
    means: pd.DataFrame, overall: float, *, theme: str = "light", quantity: str = "activation"
) -> go.Figure:
    """A bar a class: the mean over its images, with a 95 % interval of the mean (± 1.96·std/√n).

    means: columns label, n (images), mean, std, the first on top; at most `CLASS_BARS` rows are drawn.
    overall: the mean over all images, a dashed line. A bar below 0 is orange and hatched.
    """
    look = theme_of(theme)
    rows = means.head(CLASS_BARS)
    values, n = rows["mean"].to_numpy(float), rows["n"].to_numpy(int)
    half = 1.96 * np.nan_to_num(rows["std"].to_numpy(float)) / np.sqrt(np.maximum(n, 1))
    low, high = min(0.0, float((values - half).min())), max(0.0, float((values + half).max()))
    places = decimals(high - low, 50)
    room = 0.14 * ((high - low) or 1.0)
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": values.tolist(),
        "y": list(range(len(rows))),
        "width": 0.66,
        "marker": {
            "color": [ORANGE if value < 0 else look.accent for value in values],
            "pattern": {
                "shape": ["/" if value < 0 else "" for value in values], "fgcolor": look.page, "size": 6, "solidity": 0.3,
                "fillmode": "overlay", "fgopacity": 1,
            },
        },
        "error_x": {
            "type": "data", "array": half.tolist(), "color": look.text, "thickness": 1.3, "width": 3,
        },
        "customdata": [
            [escape(row.label), plural(int(row.n), "image"), plain(row.mean, places), plain(h, places), plain(row.std, places)]
            for row, h in zip(rows.itertuples(), half, strict=True)
        ],
        "hovertemplate": "<b>%{customdata[0]}</b>, %{customdata[1]}<br>mean %{customdata[2]} ± %{customdata[3]}"
        "<br>standard deviation over its images %{customdata[4]}<extra></extra>",
    }  # fmt: skip
    values_told = [
        {
            "text": plain(value, places), "x": float(max(value + h, 0.0)), "y": row, "xanchor": "left", "xshift": 5,
            "showarrow": False, "font": {"size": 12, "color": look.text},
        }
        for row, (value, h) in enumerate(zip(values, half, strict=True))
    ]  # fmt: skip
    return figure(
        look,
        66 + _ROW * max(len(rows), 3),
        [bars],
        margin={"l": 20, "r": 16, "t": 8, "b": 56},
        annotations=values_told,
        shapes=[
            {
                "type": "line", "name": "overall", "x0": float(overall), "x1": float(overall), "y0": 0, "y1": 1, "yref": "paper",
                "line": {"color": look.text, "dash": "dash", "width": 1.4},
            }
        ],
        xaxis=axis(
            look,
            f"mean {escape(quantity)} ± 95% interval; dashed: all images",
            range=[low - (room if low < 0 else 0), high + room],
            nticks=6,
            zeroline=True,
            zerolinecolor=look.muted,
        ),
        yaxis=axis(
            look,
            tickvals=list(range(len(rows))),
            ticktext=[
                f"{escape(short(str(row.label), 22))} <span style='font-size:11px'>({int(row.n):,})</span>  "
                for row in rows.itertuples()
            ],
            range=[max(3, len(rows)) - 0.5, -0.5],
            automargin=True,
            showgrid=False,
            zeroline=False,
        ),
    )  # fmt: skip
