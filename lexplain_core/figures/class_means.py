"""The mean activation over the images of each class, largest first."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.special import stdtrit

from ..base.numbers import decimals, plain, plural
from .base import axis, escape, figure, hatch, short
from .palette import ORANGE, theme_of

CLASS_BARS = 12  # classes that are drawn; the others are in the CSV
_ROW = 25  # pixels


def class_means_bar(
    means: pd.DataFrame, overall: float, *, theme: str = "light", quantity: str = "activation"
) -> go.Figure:
    """A bar a class: the mean over its images, with a 95 % interval of the mean by Student's t (± t·std/√n).

    means: columns label, n (images), mean, std (of a sample, none for a single image), the first on top; at most
    `CLASS_BARS` rows are drawn. A mean of one image has no interval and says so.
    overall: the mean over all images, a dashed line. A bar below 0 is orange and hatched.
    """
    look = theme_of(theme)
    rows = means.head(CLASS_BARS)
    values, n = rows["mean"].to_numpy(float), rows["n"].to_numpy(int)
    half = interval(rows["std"].to_numpy(float), n)
    reach = np.nan_to_num(half)
    low, high = min(0.0, float((values - reach).min())), max(0.0, float((values + reach).max()))
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
            "pattern": hatch(["/" if value < 0 else "" for value in values], look.page),
        },
        "error_x": {
            "type": "data", "array": [h if np.isfinite(h) else None for h in half.tolist()], "color": look.text, "thickness": 1.3, "width": 3,
        },
        "customdata": [
            [escape(row.label), plural(int(row.n), "image"), plain(row.mean, places), _spread(row.std, h, places)]
            for row, h in zip(rows.itertuples(), half, strict=True)
        ],
        "hovertemplate": "<b>%{customdata[0]}</b>, %{customdata[1]}<br>mean %{customdata[2]}%{customdata[3]}<extra></extra>",
    }  # fmt: skip
    values_told = [
        {
            "text": plain(value, places) + (" (one image)" if count == 1 else ""), "x": float(max(value + h, 0.0)), "y": row,
            "xanchor": "left", "xshift": 5, "showarrow": False, "font": {"size": 12, "color": look.text},
            "bgcolor": look.page, "borderpad": 1,  # or the dashed line would run through the figures
        }
        for row, (value, h, count) in enumerate(zip(values, reach, n, strict=True))
    ]  # fmt: skip
    room *= 1.9 if (n == 1).any() else 1
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


def interval(std: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Half the 95 % interval of means of n images by Student's t; NaN for a single image, which has no spread."""
    freedom = np.maximum(n - 1, 1)
    return np.where(n > 1, stdtrit(freedom, 0.975) * std / np.sqrt(np.maximum(n, 1)), np.nan)


def _spread(std: float, half: float, places: int) -> str:
    """What hovering says after a mean."""
    if not np.isfinite(half):
        return "<br>of one image: no interval"
    return f" ± {plain(half, places)}<br>standard deviation over its images {plain(std, places)}"
