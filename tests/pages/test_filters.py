"""The filters of the table of units keep the right rows, and say which."""

import numpy as np
import pandas as pd
import pytest

from pages.links import SORTS, STATUSES, Overview
from pages.parts import filters

TABLE = pd.DataFrame(
    {
        "layer": ["a", "a", "a", "b", "b"],
        "unit": [0, 1, 2, 0, 1],
        "name": [None, None, None, "the Boat unit", None],
        "status": ["alive", "dead", "alive", "alive", "negative"],
        "terms": [["dog", "snow"], [], ["Hot dog (food)"], ["ship"], ["snowman"]],
        "length": [2, 0, 1, 1, 1],
        "score": [0.5, np.nan, -0.1, 0.9, 0.5],
        "maximum": [1.0, 0.001, 3.0, 2.0, -1.0],
        "ablation": [0.1, np.nan, -0.2, np.nan, 0.4],
        "impact": [0.02, 0.0, np.nan, 0.01, 0.03],
    }
)


@pytest.mark.parametrize(
    ("view", "rows"),
    [
        (Overview(), [0, 1, 2, 3, 4]),
        (Overview(layer="b"), [3, 4]),
        (Overview(status="dead"), [1]),
        (Overview(q="DOG"), [0, 2]),
        (Overview(q="dog  snow"), [0]),
        (Overview(q="(food"), [2]),
        (Overview(q="boat"), [3]),
        (Overview(low=0.5), [0, 3, 4]),
        (Overview(high=0.5), [0, 2, 4]),
        (Overview(low=0.2, high=0.6, q="snow"), [0, 4]),
        (Overview(sort="-score"), [3, 0, 4, 2, 1]),
        (Overview(sort="score"), [2, 0, 4, 3, 1]),
        (Overview(sort="-maximum"), [2, 3, 0, 1, 4]),
        (Overview(sort="-ablation"), [4, 0, 2, 1, 3]),
        (Overview(sort="-impact"), [4, 0, 3, 1, 2]),
        (Overview(sort="length"), [1, 2, 3, 4, 0]),
        (Overview(q="nothing like it"), []),
    ],
)
def test_rows(view, rows):
    assert list(filters.chosen(TABLE, view)[0].index) == rows


def test_the_sentence_names_every_filter():
    view = Overview(layer="a", q="dog", low=-0.25, high=0.75, status="alive")
    assert filters.chosen(TABLE, view)[1] == (
        "2 of 5 units: in a, alive, whose concepts contain “dog”, score at least −0.25, score at most 0.75."
    )
    assert filters.chosen(TABLE, Overview())[1] == "All 5 units."


def test_every_choice_has_words():
    assert set(filters.SORT_WORDS) == set(SORTS)
    assert set(filters.STATUS_WORDS) == set(STATUSES)
