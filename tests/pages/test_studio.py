"""What a click in the figure studio does to the choice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lexplain_core import Store
from lexplain_core.figures import print as prints
from lexplain_core.figures.print import FigureChoice, Pin, gather
from pages.studio.images import changed
from pages.ui import links


@pytest.fixture(scope="module")
def panel(demo_store):
    with Store.open(demo_store) as store:
        return gather(store, FigureChoice("ranges", (("planted", 1), ("planted", 2)), per=2)).panels[0]


def test_a_palette_that_there_is_not_is_said():
    assert links.PALETTES == prints.PALETTES
    view, problems = links.parse("studio", {"palette": "foo"})
    assert view.palette == "default" and "default, bright, muted, grey" in problems[0]


def test_a_click_pins_and_a_second_one_unpins(panel):
    start = FigureChoice("ranges", (("planted", 1),), per=2, pins=(Pin("planted", 2, 0, 7),))
    pinned = changed(start, panel, "pin", 5, 0)
    assert pinned.pins == (*start.pins, Pin("planted", 1, 0, 5))
    assert changed(pinned, panel, "unpin", 5, 0) == start


def test_the_oldest_pin_makes_room(panel):
    choice = FigureChoice("ranges", (("planted", 1),), per=2)
    for image in (5, 6, 7):
        choice = changed(choice, panel, "pin", image, 0)
    choice = changed(choice, panel, "pin", 8, 1)
    assert [(p.bucket, p.image) for p in choice.pins] == [(0, 6), (0, 7), (1, 8)]


def test_an_image_that_is_left_out_is_no_pin_any_more(panel):
    start = FigureChoice("ranges", (("planted", 1),), per=2, without=(9,))
    pinned = replace(start, pins=(Pin("planted", 1, 0, 5), Pin("planted", 2, 3, 5), Pin("planted", 1, 0, 6)))
    out = changed(pinned, panel, "out", 5, 0)
    assert out.without == (5, 9) and out.pins == (Pin("planted", 1, 0, 6),)
    assert changed(out, panel, "back", 9, -1).without == (5,)
    assert changed(out, panel, "dance", 1, 0) == out
