"""Units side by side: places in an address, percentiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexplain_core.views.compare import (
    Place,
    percentile,
    percentile_words,
)
from pages.ui import links

OTHER = "another-store"
words = st.text(max_size=12)
places = st.builds(
    Place, layer=st.text(min_size=1, max_size=12), unit=st.integers(0, 10**6), method=words, store=words
)


@given(places)
def test_a_place_survives_its_way_into_an_address(place):
    assert Place.of(place.text) == place
    assert links.parse("compare", {"a": place.text}) == (links.Compare(a=place.text), [])


@pytest.mark.parametrize(
    "text", ["", "layer", "layer:", ":3", "a:x", "a:-1", "a:1:m:s:more", "a:²", "a:99999999999"]
)
def test_what_names_no_unit_is_no_place(text):
    assert Place.of(text) is None


def test_percentile_and_its_words():
    q = np.float32([0, 0, 0, 1])
    assert percentile(q, 0) == 0.375 and percentile(q, 1) == 0.875
    assert percentile(q, 5) == 1 and percentile(q, -1) == 0
    assert percentile_words(0.9996) == "99.96%"
    assert percentile_words(0.5) == "50.0%" and percentile_words(1.0) == "100%"
