"""Which outputs of the network a unit pushes up and down."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from .base import axis, decimals, escape, figure, short, signed
from .palette import ORANGE, theme_of


def pushes_bar(pushes: pd.DataFrame, *, theme: str = "light", height: int = 380) -> go.Figure:
    """A bar an output, the one that is pushed up most on top; the sign stands at the bar's end.

    pushes: rows of one range, with columns output, change (in logits, less the mean over outputs) and
    rank (1, 2, … up; −1, −2, … down), as `Unit.pushes` gives them. What is pushed down is hatched.
    """
    look = theme_of(theme)
    frame = pushes.sort_values("change", ascending=False, kind="stable")
    changes = frame["change"].astype(float).tolist()
    rows = list(range(len(frame)))
    places = max(1, decimals(max((abs(c) for c in changes), default=1.0), 10))
    low, high = min(0.0, *changes, 0.0), max(0.0, *changes, 0.0)
    room = 0.24 * ((high - low) or 1.0)
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": changes,
        "y": rows,
        "width": 0.62,
        "text": [signed(change, places) for change in changes],
        "textposition": "outside",
        "textangle": 0,
        "cliponaxis": False,
        "textfont": {"color": look.text, "size": 13},
        "customdata": [[escape(name)] for name in frame["output"]],
        "hovertemplate": "<b>%{customdata[0]}</b><br>%{text} on average<extra></extra>",
        "marker": {
            "color": [look.accent if change >= 0 else ORANGE for change in changes],
            "pattern": {
                "shape": ["" if change >= 0 else "\\" for change in changes],
                "fgcolor": look.page,
                "size": 6,
                "solidity": 0.3,
            },
        },
    }
    return figure(
        look,
        height,
        [bars],
        margin={"l": 20, "r": 16, "t": 8, "b": 56},
        xaxis=axis(
            look,
            "mean change of the output (logit, less that of all outputs)",
            range=[low - (room if low < 0 else 0), high + (room if high > 0 else 0)],
            nticks=6,
            zeroline=True,
            zerolinecolor=look.muted,
        ),
        yaxis=axis(
            look,
            tickvals=rows,
            ticktext=[escape(short(str(name))) + "  " for name in frame["output"]],
            range=[max(4, len(frame)) - 0.5, -0.5],
            automargin=True,
            showgrid=False,
            zeroline=False,
        ),
    )
