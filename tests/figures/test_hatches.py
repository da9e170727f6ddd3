"""A hatched bar keeps its colour, in every chart of bars."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lexplain_core.figures import (
    activation_histogram,
    class_means_bar,
    explanation_styles,
    output_effects_bar,
    proportion_bars,
    response_times,
    weights_bar,
    weights_beside,
)

from .test_study import BARS
from .test_weights import EXPLANATION


def weights_side_by_side(theme):
    styles = {term.name: explanation_styles(EXPLANATION)[term.concept_id] for term in EXPLANATION.terms}
    return weights_beside([("a", EXPLANATION, 1.0), ("b", EXPLANATION, 2.0)], styles, theme=theme)


def output_effects(theme):
    frame = pd.DataFrame({"output": ["cat", "dog"], "change": [0.5, -1.0], "rank": [1, -1], "images": [9, 9]})
    return output_effects_bar(frame, theme=theme)


def means(theme):
    frame = pd.DataFrame({"label": ["a", "b"], "n": [5, 5], "mean": [1.0, -1.0], "std": [0.1, 0.1]})
    return class_means_bar(frame, 0.0, theme=theme)


def times(theme):
    return response_times(np.array([1.0, 2.0, 3.0]), np.array([True, False, True]), theme=theme)


FIGURES = [
    lambda theme: weights_bar(EXPLANATION, theme=theme),
    weights_side_by_side,
    output_effects,
    means,
    lambda theme: activation_histogram(np.linspace(-1, 3, 50), theme=theme),
    lambda theme: proportion_bars(BARS, theme=theme),
    times,
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("draw", FIGURES)
def test_a_hatched_bar_keeps_its_colour(draw, theme):
    """plotly's own choice, "replace", leaves the lines alone; and each line is seen on its bar."""
    hatched = 0
    for trace in draw(theme).data:
        if trace.type != "bar":
            continue
        pattern, colors = trace.marker.pattern, np.atleast_1d(trace.marker.color)
        shapes = np.broadcast_to(np.atleast_1d(pattern.shape), np.shape(trace.x))
        hatched += int((shapes != "").sum())
        assert pattern.fillmode == "overlay" and pattern.fgopacity
        assert pattern.fgcolor not in colors
    assert hatched
