"""Charts for the pages: pure functions from the reader's data to plotly figures."""

from .activations import activation_histogram
from .area import area_chart
from .base import decimals, percent, plain, plural, signed
from .impact import effect_shares, impact_strip
from .palette import DARK, LIGHT, Style, Theme, concept_styles, theme_of
from .pushes import pushes_bar
from .scores import score_histogram, simulated_scatter
from .top_impact import impact_scatter, quadratic, scores_together, top_impact_curves
from .weights import by_weight, explanation_styles, weights_bar

__all__ = [
    "DARK",
    "LIGHT",
    "Style",
    "Theme",
    "activation_histogram",
    "area_chart",
    "by_weight",
    "concept_styles",
    "decimals",
    "effect_shares",
    "explanation_styles",
    "impact_scatter",
    "impact_strip",
    "percent",
    "plain",
    "plural",
    "pushes_bar",
    "quadratic",
    "score_histogram",
    "scores_together",
    "signed",
    "simulated_scatter",
    "theme_of",
    "top_impact_curves",
    "weights_bar",
]
