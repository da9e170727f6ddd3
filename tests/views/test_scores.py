"""Scores in words: every number beside what it means, and what chance gives."""

from types import SimpleNamespace

import pytest

from lexplain_core.base.measures import Description
from lexplain_core.measures import measures
from lexplain_core.store import Explanation, Score
from lexplain_core.views.scores import judge_line, null_words, other_judges, score_cell, score_words

UNIT = SimpleNamespace(unit=5, store=SimpleNamespace(measures={name: measures[name] for name in measures}))


def score(value=0.6, low=0.5, high=0.7, simulator="label", **null):
    facts = {"null_units": 79, "null_mean": 0.01, "null_high": 0.21, "null_above": 0} | null
    chance = facts.pop("null_high")
    return Score("correlation", simulator, "test", 840, value, low, high, None, chance, details=facts)


def explanation(*found, simulator="label"):
    return Explanation(0, "m", "label", (), 0.0, None, None, {}, tuple(found), simulator)


def test_a_score_says_split_interval_images_simulator_and_chance():
    words = score_words(UNIT, explanation(score()))
    assert words == (
        "Test correlation <b>0.60</b>, 95% interval 0.50 to 0.70, 840 images "
        '<span class="lx-muted">(concepts seen by the images’ labels)</span>. '
        '<span class="lx-muted">Chance: these words score below 0.21 on 95% of the layer’s other 79 units; '
        "none scores as high as unit 5.</span>"
    )


@pytest.mark.parametrize(
    ("above", "words"),
    [(0, "none scores as"), (1, "1 scores as"), (3, "3 score as"), (1234, "1,234 score as")],
)
def test_how_many_units_score_as_high(above, words):
    assert f"; {words} high as unit 5." in null_words(UNIT, score(null_above=above))


def test_negative_numbers_have_a_minus_sign():
    words = score_words(UNIT, explanation(score(-0.25, -0.3, -0.2, null_high=-0.5)))
    assert (
        "<b>−0.25</b>, 95% interval −0.30 to −0.20" in words and "below −0.50" in words and "-0" not in words
    )


def test_no_null_says_why():
    none = score(null_units=1, null_mean=None, null_high=None, null_above=None, null_reason="Only 1 <unit>.")
    assert "Chance: unknown. Only 1 &lt;unit&gt;." in score_words(UNIT, explanation(none))
    assert "chance" not in score_cell(UNIT, none).partition("</b>")[2]


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [(0.6, 0.5, 0.21, ""), (0.6, -0.1, 0.21, "the interval holds 0"), (0.6, 0.5, 0.61, "fit other units"),
     (0.6, 0.0, 0.9, "the interval holds 0"), (-0.6, -0.7, -0.9, "the interval lies below 0")],
)  # fmt: skip
def test_what_is_no_better_than_chance_is_flagged(value, low, high, words):
    one = score(value, low, value + 0.1, null_high=high)
    said, cell = score_words(UNIT, explanation(one)), score_cell(UNIT, one)
    assert ("⚠ No better than chance" in said) == ("no better than chance" in cell) == bool(words)
    assert words in said


def test_the_headline_alone_or_every_score():
    both = explanation(score(0.3, simulator="an <eye>"), score(0.6), simulator="label")
    assert "<b>0.60</b>" in score_words(UNIT, both, main_only=True)
    assert "<b>0.30</b>" not in score_words(UNIT, both, main_only=True)
    every = score_words(UNIT, both)
    assert "<b>0.30</b>" in every and "<b>0.60</b>" in every and "seen by an &lt;eye&gt;)" in every
    none = explanation(score(0.3, simulator="eye"), simulator="label")  # no main one: the others are told
    assert "<b>0.30</b>" in score_words(UNIT, none, main_only=True)
    assert score_words(UNIT, explanation()) == "This explanation has no score."


def test_a_score_without_a_value_says_why():
    none = Score("correlation", "label", "test", 12, None, None, None, "“<i>” is no label.")
    assert score_words(UNIT, explanation(none)).endswith("<b>:</b> “&lt;i&gt;” is no label.")
    assert "none: “&lt;i&gt;” is no label." in score_cell(UNIT, none)
    assert "not scored" in score_cell(UNIT, None)


def test_a_cell_has_value_interval_and_chance():
    cell = score_cell(UNIT, score(null_above=2))
    assert "<b>0.60</b> (0.50 to 0.70)" in cell and "chance 0.21; 2 of 79 others as high" in cell


def judge(**facts):
    own = {"name": "sharpness", "title": "sharpness", "short": "Sharp", "help": "How <sharp>.", "of": "unit"}
    return Description(**own | facts)


def test_a_measure_that_no_page_knows_has_a_line_of_its_own():
    one = judge(best="high", chance=0.5)
    by = [Score("sharpness", "eye", "all", 20, 0.75, 0.6, 0.9), Score("sharpness", "target", "all", 20, 0.25)]
    unit = SimpleNamespace(unit=5, scores=tuple(by), store=SimpleNamespace(measures={"sharpness": one}))
    line = judge_line(unit, one, by)
    assert (
        "<b>0.75</b>, 95% interval 0.60 to 0.90 by eye; <b>0.25</b> by the network’s own last layer, n = 20."
        in line
    )
    assert "Chance is 0.5." in line and "How &lt;sharp&gt;." in line and "⚠" not in line
    doubtful = [Score("sharpness", "", "all", 20, 0.55, 0.45, 0.65)]
    assert "the interval holds 0.5" in judge_line(unit, one, doubtful)
    low = judge(best="low", chance=0.5)
    unit.store.measures["sharpness"] = low
    assert "the interval lies above 0.5" in judge_line(
        unit, low, [Score("sharpness", "", "all", 20, 0.7, 0.6, 0.8)]
    )
    assert "⚠" not in judge_line(unit, low, [Score("sharpness", "", "all", 20, 0.2, 0.1, 0.3)])
    none = [Score("sharpness", "", "all", 0, reason="It is <silent>.")]
    assert judge_line(unit, one, none) == "<b>No sharpness:</b> It is &lt;silent&gt;."


def test_only_judges_have_lines():
    scores = (Score("sharpness", "", "all", 20, 0.75),)
    for is_judge, count in ((True, 1), (False, 0)):
        one = judge(judge=is_judge)
        unit = SimpleNamespace(unit=5, scores=scores, store=SimpleNamespace(measures={"sharpness": one}))
        assert len(list(other_judges(unit, None))) == count
