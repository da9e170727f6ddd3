"""Bars of class means: the numbers of the frame, an interval of the mean, and no more bars than fit."""

import numpy as np
import pandas as pd
import pytest

from lexplain_core.figures import CLASS_BARS, class_means_bar


def means(count, shift=0.0):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "label": [f"class {i} <b>" for i in range(count)],
            "n": rng.integers(1, 90, count),
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
    expected = 1.96 * frame["std"] / np.sqrt(frame["n"])
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
    assert bars.marker.pattern.fillmode == "overlay"  # "replace" would drop the bar's colour


def test_one_image_has_no_spread():
    frame = means(2).assign(std=[np.nan, 0.5])
    assert class_means_bar(frame, 0.1).data[0].error_x.array[0] == 0
