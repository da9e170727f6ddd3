"""What the Neuron page's new parts say and link to, without a browser."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from lexplain_core.base.numbers import rounded
from lexplain_core.figures import LIGHT, concept_styles
from lexplain_core.store.buckets import Buckets
from lexplain_core.views.ranges import images_in, numbered, range_words, ranges_of, slider_grid
from pages.neuron import charts, ranges, stepping
from pages.ui import links


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


def test_the_chosen_range_is_ignored_where_there_are_none():
    view = links.Neuron(only=3)
    assert ranges.chosen(view, unit([0.1, 0.8])) == 3
    assert ranges.chosen(view, unit([-3.0, -1.0])) is None


@pytest.mark.parametrize(
    ("tab", "shown"), [("examples", "examples"), ("values", "values"), ("similar", "examples"), ("about", "examples")]
)  # fmt: skip
def test_choosing_a_range_leads_to_where_its_images_are(tab, shown):
    view = links.Neuron(tab=tab, above=0.5, below=0.7)
    found = ranges.with_only(view, 4)
    assert found == {"only": 4, "tab": shown, "above": None, "below": None}
    assert ranges.with_only(view, None)["only"] is None


def test_another_unit_keeps_the_range_and_drops_the_span():
    view = links.Neuron(unit=3, only=6, above=1.0, below=2.0, level="classes", log=0)
    found = replace(view, **stepping._other(unit=4))
    assert (found.unit, found.only, found.above, found.below) == (4, 6, None, None)
    assert (found.level, found.log) == ("classes", 0)


def test_a_colour_means_one_thing_in_areas_and_weights():
    terms = tuple(SimpleNamespace(weight=w, concept_id=c, name=n) for w, c, n in
                  [(2.0, 7, "dog"), (1.0, 9, "red"), (-0.5, 3, "boat")])  # fmt: skip
    styles = list(concept_styles(range(2)).values())
    areas = {"boat": styles[0], "dog": styles[1]}
    words = charts.words_like_areas(SimpleNamespace(terms=terms), areas, LIGHT.other)
    assert words == {7: areas["dog"], 9: LIGHT.other, 3: areas["boat"]}
