"""Bars of class means: the numbers of the frame, an interval of the mean, and no more bars than fit."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lexplain_core.figures import CLASS_BARS, DARK, LIGHT, class_means_bar


def means(count, shift=0.0):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "label": [f"class {i} <b>" for i in range(count)],
            "n": rng.integers(2, 90, count),
            "mean": np.sort(rng.random(count))[::-1] + shift,
            "std": rng.random(count),
        }
    )


@pytest.mark.parametrize("count", [1, 5, 40])
def test_bars_are_the_first_means_with_an_interval(count):
    frame = means(count)
    figure = class_means_bar(frame, 0.4)
    (bars,) = figure.data
    shown = min(count, CLASS_BARS)
    assert list(bars.x) == frame["mean"].head(shown).tolist()
    expected = stats.t.ppf(0.975, frame["n"] - 1) * frame["std"] / np.sqrt(frame["n"])
    assert list(bars.error_x.array) == pytest.approx(expected.head(shown).tolist())
    assert len(figure.layout.yaxis.ticktext) == shown
    assert all("<b>" not in text for text in figure.layout.yaxis.ticktext)
    assert f"({frame['n'][0]:,})" in figure.layout.yaxis.ticktext[0]
    (line,) = figure.layout.shapes
    assert line.x0 == line.x1 == 0.4
    low, high = figure.layout.xaxis.range
    assert low <= 0 and high > max(bars.x[i] + bars.error_x.array[i] for i in range(shown))


def test_means_below_zero_are_told_by_a_hatch_too():
    (bars,) = class_means_bar(means(4, shift=-2.0), -1.5).data
    assert list(bars.marker.pattern.shape) == ["/"] * 4


def test_one_image_has_no_spread():
    frame = means(3).assign(n=[1, 2, 3], std=[np.nan, 0.5, 0.5])
    figure = class_means_bar(frame, 0.1)
    none, two, three = figure.data[0].error_x.array
    assert none is None  # a whisker of length 0 would be drawn
    assert (two, three) == pytest.approx((12.706 * 0.5 / 2**0.5, 4.303 * 0.5 / 3**0.5), rel=1e-3)
    said = [note.text for note in figure.layout.annotations]
    assert said[0].endswith("(one image)") and not any("image" in text for text in said[1:])
    assert "no interval" in figure.data[0].customdata[0][3] and "±" in figure.data[0].customdata[1][3]


@pytest.mark.parametrize("look", [LIGHT, DARK])
def test_the_line_of_all_images_does_not_strike_the_figures(look):
    figure = class_means_bar(means(5), 0.4, theme=look.name)
    assert {note.bgcolor for note in figure.layout.annotations} == {look.page}
