"""What the page By picture says of a picture, and which images of the store it takes."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from lexplain_core.live.picture import Unusual
from lexplain_core.store import UnitMap
from lexplain_core.views.opened import Opened
from lexplain_core.views.picture import heading, unit_facts, unit_words, units_summary
from pages.picture import page as picture
from pages.picture import taken
from pages.ui import links, shell

FOUR = pd.DataFrame({"width": [32] * 4, "height": [32] * 4})


@pytest.fixture
def four(monkeypatch):
    """An open store of 4 images, two of which are hidden."""
    monkeypatch.setattr(shell, "images", lambda opened: FOUR)
    return SimpleNamespace(store=SimpleNamespace(hidden=frozenset({0, 2})))


def found(above: int, under: int, living: int, others: int = 0) -> Unusual:
    none = pd.DataFrame({"unit": []})
    return Unusual(none, none, above, under, living, others)


def test_the_summary_says_what_chance_would_give():
    words = units_summary("layer_4", 4, found(30, 2, 800, 1))
    assert words.startswith("**30 of 800 living units** of ` layer_4 ` fire more than on 99% of the 4 images")
    assert "one expects about 8 at each end. 1 dead or constant unit is left out." in words
    assert "fewer than one at each end." in units_summary("a", 4, found(0, 0, 1))


def test_a_hidden_image_is_neither_shown_nor_drawn(four, monkeypatch):
    drawn = []
    monkeypatch.setattr(shell, "change", lambda view, **to: drawn.append(to["image"]))
    for _ in range(30):
        taken._random(links.Picture(image=1), four)
    assert set(drawn) == {3}

    def page():
        from types import SimpleNamespace

        from pages.picture import taken
        from pages.ui import links

        opened = SimpleNamespace(store=SimpleNamespace(hidden=frozenset({0, 2})))
        for image in (2, 9):
            assert taken.current(links.Picture(image=image), opened) is None

    said = [warning.value for warning in AppTest.from_function(page).run(timeout=30).warning]
    assert said == ["Image 2 is hidden in this store, so it isn’t shown here.", "This store has no image 9."]


def test_an_activation_beyond_all_that_were_recorded_is_said():
    row = SimpleNamespace(below=1.0, value=9.0, maximum=8.0)
    html = unit_facts(row, 2000, None)
    assert "more than all 2,000" in html and "beyond the largest so far, 8" in html
    usual = unit_facts(SimpleNamespace(below=0.975, value=3.0, maximum=8.0), 2000, 2.5)
    assert "more than 97.5%" in usual and "(largest 8)" in usual and "its words predict 2.5" in usual


@pytest.mark.parametrize(
    ("above", "count", "said"),
    [
        (0, 12, "**The 12 units highest in their own range**: none of them is unusual"),
        (1, 12, "1 of them is unusual, above the line at 99%"),
        (5, 12, "5 of them are unusual"),
        (40, 12, "all of them are unusual"),
        (0, 1, "**The unit highest in its own range**"),
    ],
)
def test_the_list_says_what_it_is_and_whose_words(above, count, said):
    high = pd.DataFrame({"unit": range(count)})
    words = heading(Unusual(high, high, above, 0, 90, 0), "le-label_x")
    assert said in words and words.endswith("Words by the method le\\-label\\_x.")


def test_words_from_a_store_are_no_markup():
    unit = pd.Series({"explanation": "1·<b>cat</b>", "score": 0.5, "score_n": 400})
    assert "&lt;b&gt;cat" in unit_words(unit) and "n = 400" in unit_words(unit)
    assert "no explanation" in unit_words(pd.Series({"explanation": None, "score": np.nan}))


def test_the_words_below_a_map(store):
    signed, opened = {3: UnitMap("activation", np.array([[-1.0, 2.0]]))}, Opened(store, ())

    def words(maps, unit):
        return picture._map_words(maps, opened, "block7", unit)

    assert words(signed, 3).startswith("Orange is above 0")
    assert words({3: UnitMap("activation", np.ones((1, 2)))}, 3).startswith("The brighter")
    assert words(signed, 4).startswith("There is no map of unit 4")
    assert words({}, None) == ""
