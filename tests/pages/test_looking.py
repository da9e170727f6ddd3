"""What the Neuron page's new parts say and link to, without a browser."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from lexplain_core.figures import LIGHT, concept_styles
from pages.neuron import charts, ranges, stepping
from pages.ui import links
from tests.views.test_ranges import unit


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
    found = replace(view, **stepping.other(unit=4))
    assert (found.unit, found.only, found.above, found.below) == (4, 6, None, None)
    assert (found.level, found.log) == ("classes", 0)


def test_a_colour_means_one_thing_in_areas_and_weights():
    terms = tuple(SimpleNamespace(weight=w, concept_id=c, name=n) for w, c, n in
                  [(2.0, 7, "dog"), (1.0, 9, "red"), (-0.5, 3, "boat")])  # fmt: skip
    styles = list(concept_styles(range(2)).values())
    areas = {"boat": styles[0], "dog": styles[1]}
    words = charts.words_like_areas(SimpleNamespace(terms=terms), areas, LIGHT.other)
    assert words == {7: areas["dog"], 9: LIGHT.other, 3: areas["boat"]}
