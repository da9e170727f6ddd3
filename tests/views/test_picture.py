"""What a picture excites, in words."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lexplain_core.live.picture import Unusual
from lexplain_core.views.picture import heading, unit_facts, unit_words, units_summary


def found(above: int, under: int, living: int, others: int = 0) -> Unusual:
    none = pd.DataFrame({"unit": []})
    return Unusual(none, none, above, under, living, others)


def test_the_summary_says_what_chance_would_give():
    words = units_summary("layer_4", 4, found(30, 2, 800, 1))
    assert words.startswith("**30 of 800 living units** of ` layer_4 ` fire more than on 99% of the 4 images")
    assert "one expects about 8 at each end. 1 dead or constant unit is left out." in words
    assert "fewer than one at each end." in units_summary("a", 4, found(0, 0, 1))


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
    unit = pd.Series({"explanation": "1·<b>cat</b>", "correlation": 0.5, "correlation_n": 400})
    assert "&lt;b&gt;cat" in unit_words(unit) and "n = 400" in unit_words(unit)
    assert "no explanation" in unit_words(pd.Series({"explanation": None, "correlation": np.nan}))
