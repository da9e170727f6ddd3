"""The weights of a linear explanation as horizontal bars."""

from __future__ import annotations

import plotly.graph_objects as go

from .base import axis, decimals, escape, figure, plain, short, signed
from .palette import Style, concept_styles, theme_of

_ROWS = 5  # a short explanation gets the room of five terms, so that bars keep their thickness


def by_weight(explanation) -> list:
    """The explanation's terms, largest |weight| first, as its line of text has them."""
    return sorted(explanation.terms, key=lambda term: -abs(term.weight))


def explanation_styles(explanation) -> dict[int, Style]:
    """Concept id → style for every chart of an explanation, strongest term first."""
    return concept_styles(term.concept_id for term in by_weight(explanation))


def _three(value: float) -> str:
    """Three significant digits, as long as that is short."""
    return plain(value, min(6, decimals(abs(value), 10))) if value else "0"


def weights_bar(
    explanation, *, styles: dict[int, Style] | None = None, theme: str = "light", height: int = 400
) -> go.Figure:
    """One bar a term, largest |weight| on top; the sign stands at the bar's end.

    explanation: `.terms` (weight, concept_id, name, origin) and `.bias`. Weights are in units of
    activation per unit of concept (P from 0 to 1).
    """
    look = theme_of(theme)
    styles = styles or explanation_styles(explanation)
    terms = by_weight(explanation)
    largest = max((abs(term.weight) for term in terms), default=1.0) or 1.0
    places = max(1, decimals(largest, 10))
    low = min(0.0, min((t.weight for t in terms), default=0.0))
    high = max(0.0, max((t.weight for t in terms), default=1.0))
    room = (0.24 if low == 0 else 0.3) * (high - low)  # for the figures at the bars' ends
    bias = ""
    if explanation.bias is not None:
        bias = f"<br>bias {_three(explanation.bias)} (the value without any concept)"
    rows = list(range(len(terms)))
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [term.weight for term in terms],
        "y": rows,
        "width": 0.62,
        "text": [signed(term.weight, places) for term in terms],
        "textposition": "outside",
        "textangle": 0,
        "cliponaxis": False,
        "textfont": {"color": look.text, "size": 13},
        "customdata": [[escape(term.name), escape(term.origin)] for term in terms],
        "hovertemplate": "<b>%{customdata[0]}</b> (%{customdata[1]})<br>weight %{text}<extra></extra>",
        "marker": {
            "color": [styles[term.concept_id].color for term in terms],
            "line": {"color": look.text, "width": [1.2 if t.weight < 0 else 0 for t in terms]},
            "pattern": {
                "shape": ["\\" if t.weight < 0 else styles[t.concept_id].pattern for t in terms],
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
        margin={"l": 20, "r": 16, "t": 50, "b": 66},
        xaxis=axis(
            look,
            f"weight: activation per unit of concept{bias}",
            range=[low - (room if low < 0 else 0), high + (room if high > 0 else 0)],
            nticks=6,
            zeroline=True,
            zerolinecolor=look.muted,
        ),
        yaxis=axis(
            look,
            tickvals=rows,
            ticktext=[escape(short(term.name)) + "  " for term in terms],
            range=[max(_ROWS, len(terms)) - 0.5, -0.5],
            automargin=True,
            showgrid=False,
            zeroline=False,
        ),
    )
