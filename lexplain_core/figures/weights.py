"""The weights of a linear explanation as horizontal bars."""

from __future__ import annotations

import plotly.graph_objects as go

from ..base.numbers import decimals, plain
from ..store import Explanation
from ..views.explanations import by_weight
from .bars import named_bars
from .base import escape
from .palette import Style, concept_styles, theme_of

_ROWS = 5  # a short explanation gets the room of five terms, so that bars keep their thickness


def explanation_styles(explanation: Explanation) -> dict[int, Style]:
    """Concept id → style for every chart of an explanation, strongest term first."""
    return concept_styles(term.concept_id for term in by_weight(explanation))


def _three(value: float) -> str:
    """Three significant digits, as long as that is short."""
    return plain(value, min(6, decimals(abs(value), 10))) if value else "0"


def weights_bar(
    explanation: Explanation,
    *,
    styles: dict[int, Style] | None = None,
    theme: str = "light",
    height: int = 400,
) -> go.Figure:
    """One bar a term, largest |weight| on top; the sign stands at the bar's end.

    explanation: `.terms` (weight, concept_id, name, origin, same) and `.bias`. Weights are in units of
    activation per unit of concept (P from 0 to 1).
    """
    look = theme_of(theme)
    styles = styles or explanation_styles(explanation)
    terms = by_weight(explanation)
    bias = ""
    if explanation.bias is not None:
        bias = f"<br>bias {_three(explanation.bias)} (the value without any concept)"
    return named_bars(
        look,
        [term.name for term in terms],
        [term.weight for term in terms],
        f"weight: activation per unit of concept{bias}",
        more=[escape(", ".join((term.origin, *(f"= {name}" for name in term.same)))) for term in terms],
        hover="<b>%{customdata[0]}</b> (%{customdata[1]})<br>weight %{text}",
        marker={
            "color": [styles[term.concept_id].color for term in terms],
            "line": {"color": look.text, "width": [1.2 if t.weight < 0 else 0 for t in terms]},
        },
        shapes=["\\" if t.weight < 0 else styles[t.concept_id].pattern for t in terms],
        height=height,
        least=_ROWS,
        top=50,
        bottom=66,
    )
