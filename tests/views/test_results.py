"""Results of a study in words."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from lexplain_core.views.results import (
    association_words,
    difference_line,
    in_order,
)


def test_orders_of_units():
    units = pd.DataFrame(
        {
            "layer": ["b", "a", "c"],
            "unit": [1, 2, 3],
            "depth": [0.0, 1.0, np.nan],
            "proportion": [0.5, 0.2, 0.9],
        }
    )
    assert in_order(units, "right")["unit"].tolist() == [2, 1, 3]
    assert in_order(units, "-right")["unit"].tolist() == [3, 1, 2]
    assert in_order(units, "layer")["unit"].tolist() == [1, 2, 3]


def test_correlations_in_words():
    row = pd.Series(
        {"n": 40, "spearman": 0.5, "spearman_low": 0.2, "spearman_high": 0.7, "pearson": -0.1, "pearson_low": np.nan,
         "pearson_high": np.nan, "reason": ""}
    )  # fmt: skip
    assert association_words(row) == (
        "**Spearman’s ρ = 0.50** (95% interval 0.20 to 0.70), Pearson’s r = −0.10 (no interval); n = 40 units."
    )


def test_differences_in_words():
    row = SimpleNamespace(model="a*b", mode="natural", easier="easy", harder="hard", difference=-0.1, low=-0.2, high=0.0,
                          units=12, reason="")  # fmt: skip
    assert difference_line(row) == (
        "- a\\*b, natural: hard less easy **−10.0 points** (95% interval −20.0 to +0.0), over 12 units judged at both."
    )
