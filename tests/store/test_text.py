"""Explanations as people read them."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexplain_core.store import explanation_text, of_units
from lexplain_core.store.text import number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (2.1, "2.1"), (2.04, "2"), (0.834, "0.83"), (13.2, "13"), (99.4, "99"), (99.6, "100"),
        (104, "100"), (1234, "1200"), (0.012, "0.012"), (0.00056, "0.00056"), (-0.5, "−0.5"), (-150, "−150"),
        (9.96, "10"), (0.996, "1"), (123456789, "120000000"),
    ],
)  # fmt: skip
def test_numbers_have_two_significant_digits(value, text):
    assert number(value) == text


@given(st.floats(1e-4, 1e9))
def test_a_number_is_never_in_powers_of_ten_and_within_5_percent(value):
    text = number(value)
    assert re.fullmatch(r"\d+(\.\d+)?", text)
    assert math.isclose(float(text), value, rel_tol=0.0501)


@pytest.mark.parametrize(
    ("terms", "bias", "text"),
    [
        ([(2.1, "snow"), (1.3, "dog")], 0.2, "2.1·snow + 1.3·dog + 0.2"),
        ([(1.3, "dog"), (2.1, "snow")], 0.2, "2.1·snow + 1.3·dog + 0.2"),
        ([(0.5, "a"), (-2, "b")], -0.25, "−2·b + 0.5·a − 0.25"),
        ([(1, "a"), (-1, "b")], 0.0, "1·a − 1·b"),
        ([(-1, "b"), (1, "a")], None, "−1·b + 1·a"),
        ([(2, "a")], 0.009, "2·a"),  # a bias that rounds to nothing beside the weights
        ([(2, "a")], 0.01, "2·a + 0.01"),
        ([], -0.3, "−0.3"),
        ([], 0.0, "0"),
        ([], None, "0"),
    ],
)
def test_an_explanation_is_one_line_strongest_first(terms, bias, text):
    assert explanation_text(terms, bias) == text
    assert explanation_text(iter(terms), bias) == text


@pytest.mark.parametrize(
    ("mean_of", "units", "why", "text"),
    [
        (512, 512, {}, "all 512 units"), (1, 1, {"dead": 0}, "1 unit"),
        (487, 512, {"dead": 25, "constant": 0}, "487 of 512 units; 25 dead"),
        (4_000, 4_100, {"dead": 60, "without_effect": 30}, "4,000 of 4,100 units; 60 dead, 30 without effect, 10 without a value"),
        (0, 3, {"dead": 5}, "0 of 3 units; 3 dead"), (5, 8, {}, "5 of 8 units; 3 without a value"),
    ],
)  # fmt: skip
def test_a_mean_says_over_how_many_units_it_is(mean_of, units, why, text):
    assert of_units(mean_of, units, **why) == text
