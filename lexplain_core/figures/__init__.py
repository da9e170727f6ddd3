"""Charts for the pages: pure functions from the reader's data to plotly figures."""

from .activations import activation_histogram
from .area import area_chart
from .base import decimals, plain, plural
from .palette import DARK, LIGHT, Style, Theme, concept_styles, theme_of
from .scores import score_histogram, simulated_scatter
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
    "explanation_styles",
    "plain",
    "plural",
    "score_histogram",
    "simulated_scatter",
    "theme_of",
    "weights_bar",
]
