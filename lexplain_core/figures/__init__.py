"""Charts for the pages: pure functions from the reader's data to plotly figures."""

from .activations import activation_histogram
from .area import area_chart
from .class_means import CLASS_BARS, class_means_bar
from .impact import impact_strip
from .output_effects import output_effects_bar
from .palette import DARK, LIGHT, Style, Theme, concept_styles, theme_of
from .scores import score_histogram, simulated_scatter
from .side import beside, marked, weights_beside
from .study import human_scatter, proportion_bars, queries_in_range, response_times, unit_dots
from .top_impact import impact_scatter, scores_together, top_impact_curves
from .weights import explanation_styles, weights_bar

__all__ = [
    "CLASS_BARS",
    "DARK",
    "LIGHT",
    "Style",
    "Theme",
    "activation_histogram",
    "area_chart",
    "beside",
    "class_means_bar",
    "concept_styles",
    "explanation_styles",
    "human_scatter",
    "impact_scatter",
    "impact_strip",
    "marked",
    "proportion_bars",
    "output_effects_bar",
    "queries_in_range",
    "response_times",
    "score_histogram",
    "scores_together",
    "simulated_scatter",
    "theme_of",
    "top_impact_curves",
    "unit_dots",
    "weights_bar",
    "weights_beside",
]
