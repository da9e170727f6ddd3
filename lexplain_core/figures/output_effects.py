"""Which outputs of the network a unit pushes up and down."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from .bars import named_bars
from .palette import ORANGE, theme_of


def output_effects_bar(output_effects: pd.DataFrame, *, theme: str = "light", height: int = 380) -> go.Figure:
    """A bar an output, the one that is pushed up most on top; the sign stands at the bar's end.

    output_effects: rows of one range, with columns output, change (in logits, less the mean over outputs) and
    rank (1, 2, … up; −1, −2, … down), as `Unit.output_effects` gives them; with error, lines are 95 % intervals. What is
    pushed down is hatched.
    """
    look = theme_of(theme)
    frame = output_effects.sort_values("change", ascending=False, kind="stable")
    changes = frame["change"].astype(float).tolist()
    chart = named_bars(
        look,
        frame["output"].tolist(),
        changes,
        "mean change of the output (logit, less that of all outputs)",
        hover="<b>%{customdata[0]}</b><br>%{text} on average",
        marker={"color": [look.accent if change >= 0 else ORANGE for change in changes]},
        shapes=["" if change >= 0 else "\\" for change in changes],
        height=height,
        least=4,
        top=8,
        bottom=56,
    )
    if "error" in frame and frame["error"].gt(0).any():
        line = {"color": look.text, "thickness": 1.2, "width": 4}
        chart.data[0].error_x = {"type": "data", "array": (1.96 * frame["error"]).tolist()} | line
    return chart
