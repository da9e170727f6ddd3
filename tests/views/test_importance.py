"""Importance over the units of a layer, in words."""

import numpy as np
import pandas as pd
import pytest

from lexplain_core.views.importance import largest_words, not_drawn


def units(**columns):
    return pd.DataFrame({"layer": "one", "unit": range(len(columns["total"])), **columns})


def test_units_without_effect_are_told_from_those_of_unknown_impact():
    nan = np.nan
    frame = units(total=[0.3, 0.2, 0.0, 0.0, nan], value=[0.1, nan, nan, nan, nan])
    assert not_drawn(frame) == (
        "Not drawn: 2 units without effect; 1 unit whose Top Impact at 2% is undefined, as that is less than one image; "
        "1 unit whose impact is unknown."
    )
    assert not_drawn(frame[:1]) == ""


@pytest.mark.parametrize(
    ("total", "words"),
    [
        ([0.3, 0.0], "` one ` · unit 0 has the largest total impact, 0.3."),
        ([0.0, 0.0], "No unit has an effect."),
        ([0.0, np.nan], "No unit whose impact is known has an effect."),
        ([np.nan, np.nan], "The impact of these units is unknown; the notes say why."),
    ],
)
def test_the_first_unit_by_impact(total, words):
    assert largest_words(units(total=total)) == words
