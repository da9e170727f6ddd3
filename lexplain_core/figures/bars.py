"""Horizontal bars with a name before each and its signed value at its end."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from ..base.numbers import decimals, signed
from .base import axis, escape, figure, hatch, short
from .palette import Theme


def named_bars(
    look: Theme,
    names: Sequence[str],
    values: Sequence[float],
    title: str,
    *,
    more: Sequence[str] | None = None,
    hover: str,
    marker: dict,
    shapes: Sequence[str],
    height: int,
    least: int,
    top: int,
    bottom: int,
) -> go.Figure:
    """A bar for each of `values`, the first on top.

    title: of the axis of values. more, hover: text for hovering, `%{customdata[0]}` is the whole name, [1] of `more`,
    `%{text}` the value. marker: colours. shapes: of the bars' hatches. least: so many bars
    get room at least, so that they keep their thickness. top, bottom: margins, in pixels.
    """
    values, rows = [float(value) for value in values], list(range(len(values)))
    places = max(1, decimals(max((abs(value) for value in values), default=1.0) or 1.0, 10))
    low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
    # for the figures at the bars' ends
    room = (0.24 if low == 0 or high == 0 else 0.3) * ((high - low) or 1.0)
    extra = [[escape(name), *rest] for name, *rest in zip(names, *([more] if more else []), strict=True)]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": values,
        "y": rows,
        "width": 0.62,
        "text": [signed(value, places) for value in values],
        "textposition": "outside",
        "textangle": 0,
        "cliponaxis": False,
        "textfont": {"color": look.text, "size": 13},
        "customdata": extra,
        "hovertemplate": f"{hover}<extra></extra>",
        "marker": marker | {"pattern": hatch(list(shapes), look.page)},
    }
    return figure(
        look,
        height,
        [bars],
        margin={"l": 20, "r": 16, "t": top, "b": bottom},
        xaxis=axis(
            look,
            title,
            range=[low - (room if low < 0 else 0), high + (room if high > 0 else 0)],
            nticks=6,
            zeroline=True,
            zerolinecolor=look.muted,
        ),
        yaxis=axis(
            look,
            tickvals=rows,
            ticktext=[escape(short(str(name))) + "  " for name in names],
            range=[max(least, len(values)) - 0.5, -0.5],
            automargin=True,
            showgrid=False,
            zeroline=False,
        ),
    )
