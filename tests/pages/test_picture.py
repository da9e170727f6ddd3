"""What the page By picture says of a picture, and which images of the store it takes."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from lexplain_core.store import UnitMap
from lexplain_core.views.opened import Opened
from pages.picture import page as picture
from pages.picture import taken
from pages.ui import links, shell

FOUR = pd.DataFrame({"width": [32] * 4, "height": [32] * 4})


@pytest.fixture
def four(monkeypatch):
    """An open store of 4 images, two of which are hidden."""
    monkeypatch.setattr(shell, "images", lambda opened: FOUR)
    return SimpleNamespace(store=SimpleNamespace(hidden=frozenset({0, 2})))


def test_a_hidden_image_is_neither_shown_nor_drawn(four):
    drawn = [taken._random(links.Picture(image=1), four) for _ in range(30)]
    assert {to["image"] for to in drawn} == {3}

    def page():
        from types import SimpleNamespace

        from pages.picture import taken
        from pages.ui import links

        opened = SimpleNamespace(store=SimpleNamespace(hidden=frozenset({0, 2})))
        for image in (2, 9):
            assert taken.current(links.Picture(image=image), opened) is None

    said = [warning.value for warning in AppTest.from_function(page).run(timeout=30).warning]
    assert said == ["Image 2 is hidden in this store, so it isn’t shown here.", "This store has no image 9."]


def test_the_words_below_a_map(store):
    signed, opened = {3: UnitMap("activation", np.array([[-1.0, 2.0]]))}, Opened(store, ())

    def words(maps, unit):
        return picture._map_words(maps, opened, "block7", unit)

    assert words(signed, 3).startswith("Orange is above 0")
    assert words({3: UnitMap("activation", np.ones((1, 2)))}, 3).startswith("The brighter")
    assert words(signed, 4).startswith("There is no map of unit 4")
    assert words({}, None) == ""
