"""The ranges of a unit: their names, their counts, and the slider over them."""

from types import SimpleNamespace

import numpy as np
import pytest

from lexplain_core.base.numbers import rounded
from lexplain_core.store.buckets import Buckets
from lexplain_core.views.ranges import images_in, numbered, range_words, ranges_of, slider_grid


def unit(values_):
    activations = np.array(values_, np.float32)
    return SimpleNamespace(
        activations=activations,
        maximum=float(activations.max()),
        minimum=float(activations.min()),
        buckets=Buckets.of(activations),
    )


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 3.127), (-1.318, -0.507), (1e-7, 0.0035), (-250.0, 9000.0), (0.139, 0.1391)]
)
def test_the_slider_ends_where_the_words_say(low, high):
    least, most, step = slider_grid(low, high)
    assert abs(least - low) <= 0.51 * step and abs(most - high) <= 0.51 * step
    assert 40 <= (high - low) / step <= 2000
    larger = (least, low) if abs(low) > abs(high) else (most, high)
    assert rounded(larger[0]) == rounded(larger[1])
    assert f"{step:e}".startswith("1.000000")
    assert (least / step) == pytest.approx(round(least / step), abs=1e-6)


def test_ranges_in_words_and_their_counts():
    found = unit([-1.0, 0.0, 0.1, 0.5, 0.8])
    assert ranges_of(found) == [7, 6, 5, 4, 3, 2, 1, 0, -1]
    assert [images_in(found, b) for b in (7, 4, 0, -1)] == [1, 1, 2, 1]
    assert range_words(found, 7) == "0.70 to 0.80" and numbered(found, 7) == "8: 0.70 to 0.80"
    assert numbered(found, -1) == range_words(found, -1) == "below 0"
    assert ranges_of(unit([0.0, 1.0])) == [7, 6, 5, 4, 3, 2, 1, 0]
