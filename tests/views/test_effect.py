"""What a network loses without a unit, and how well words stand in for it, in words."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lexplain_core.base.numbers import plural
from lexplain_core.measures import measures
from lexplain_core.store import Explanation, Impact, Score
from lexplain_core.store.buckets import Buckets
from lexplain_core.views.effect import (
    carried,
    drawn_shares,
    effect_ranges,
    range_counts,
    strip_words,
    total_words,
)
from lexplain_core.views.scores import ablation_words, measure_cell, score_words

Q = np.concatenate([np.full(3, -1.0), np.linspace(0.01, 8, 97)]).astype(np.float32)
UNIT = SimpleNamespace(unit=5, activations=Q, buckets=Buckets.of(Q), effect_reason=None,
                       store=SimpleNamespace(measures={name: measures[name] for name in measures}))  # fmt: skip


def impact(**more):
    counts = [3, *UNIT.buckets.counts]
    shares = [0.02, 0.5, 0.2, 0.1, 0.1, 0.03, 0.02, 0.016, 0.014]
    buckets = pd.DataFrame(
        {"bucket": range(-1, 8), "images": counts, "impact": 0.1, "share": shares, "error": 0.0}
    )
    top = pd.DataFrame({"beta": [0.02, 1.0], "value": [0.01, 1.0], "error": 0.0})
    facts = {
        "to": "zero", "total": 0.0312, "total_error": 0.0, "accuracy": 0.008, "accuracy_error": 0.0, "loss": -0.031,
        "loss_error": 0.0, "half": 40, "images": 100,
        "sampled": False, "reason": None, "top": top, "buckets": buckets,
    } | more  # fmt: skip
    return Impact(**facts)


def test_the_last_range_and_the_band_below_zero():
    words = strip_words(UNIT, impact())
    last = UNIT.buckets.counts[-1]
    assert words.startswith(
        f"**The last range holds {plural(int(last), 'image')} ({last}%) and 1.4% of the effect.**"
    )
    assert "Below 0, not in the chart: 3.0% of the images, 2.0% of the effect." in words


def test_the_total_says_what_the_network_loses():
    assert total_words(UNIT, impact()) == (
        "With the unit at 0 the network loses 0.80% of its right answers and its loss falls by 3.1%; total impact "
        "**0.0312**, the sum of |impact| over all 100 images."
    )
    better = total_words(UNIT, impact(to="mean", accuracy=-0.02, loss=0.1))
    assert better.startswith(
        "With the unit at its mean the network gains 2.0% of its right answers and its loss rises by 10%"
    )


def test_a_sample_says_that_it_is_an_estimate_with_its_error():
    frame = impact().buckets.assign(error=0.001)
    words = strip_words(
        UNIT,
        impact(
            sampled=True, images=40, total_error=0.002, accuracy_error=0.001, loss_error=0.002, buckets=frame
        ),
    )
    assert "1.4% (± 0.20%) of the effect" in words
    assert (
        "the network loses 0.80% of its right answers (± 0.20%) and its loss falls by 3.1% (± 0.39%); "
        "total impact **0.0312** ± 0.00392. An **estimate** from a sample of 40 of 100 images; ± is about a 95% interval."
    ) in words
    alone = total_words(UNIT, impact(sampled=True, images=40, total_error=0.0, accuracy=None))
    assert "its loss falls by 3.1%; total impact **0.0312**. An" in alone
    assert alone.endswith("of 40 of 100 images.")  # no ± where there is none
    few = total_words(UNIT, impact(sampled=True, images=40, total_error=0.002, half=3))
    assert few.endswith(
        "**Half of it lies on 3 images, as far as these show: take it and its error as rough.**"
    )
    assert "rough" not in total_words(UNIT, impact(half=3))  # exact


def test_no_effect_and_no_measurement_say_why():
    none = impact(total=0.0, reason="It [changes] nothing.")
    assert strip_words(UNIT, none) == r"**Effect on the network:** none. It \[changes\] nothing\."
    assert drawn_shares(none) is None and drawn_shares(None) is None
    computed = SimpleNamespace(**vars(UNIT) | {"effect_reason": "the layer is computed."})
    assert strip_words(computed, None) == r"**Effect on the network:** unknown. The layer is computed\."
    assert "did not measure" in strip_words(UNIT, None)


@pytest.mark.parametrize("total", [None, np.nan])
def test_an_undefined_impact_is_unknown_not_none(total):
    few = impact(total=total, total_error=None, accuracy=None, loss=None, reason="Too few runs.")
    assert strip_words(UNIT, few) == r"**Effect on the network:** unknown. Too few runs\."
    assert carried(UNIT, few) == r"**The impact is unknown.** Too few runs\."
    none = impact(total=0.0, reason="Nothing changes.")
    assert carried(UNIT, none) == r"**No effect.** Nothing changes\."
    assert carried(UNIT, impact()) == total_words(UNIT, impact())


def test_a_unit_that_is_at_most_0_has_ranges_for_its_pushes():
    q = np.array([-2, -1, -0.5, 0, 0], np.float32)
    unit = SimpleNamespace(activations=q, buckets=Buckets.of(q), maximum=0.0)
    output_effects = pd.DataFrame({"bucket": [-1, -1, 0]})
    ranges, counts = effect_ranges(unit, output_effects), range_counts(unit)
    assert list(ranges.items()) == [(0, "0"), (-1, "below 0")] and counts == {-1: 3, 0: 2}
    assert sum(range_counts(SimpleNamespace(activations=Q, buckets=UNIT.buckets)).values()) == len(Q)


def score(kind="ablation", value=0.35, simulator="label", reason=None, **more):
    ends = (None, None) if value is None else (value - 0.05, value + 0.05)
    return Score(kind, simulator, "test", 840, value, *ends, reason, details={"c": 1.1, "d": -0.2}, **more)


def explanation(*found, simulator="label"):
    return Explanation(0, "m", "label", (), 0.0, None, None, {}, tuple(found), simulator)


def cell(one, measure="ablation"):
    return measure_cell(UNIT, one, measures[measure], "label")


def test_ablation_beside_correlation():
    correlation = Score("correlation", "label", "test", 840, 0.6, 0.5, 0.7, None)
    both = explanation(correlation, score(), score("ablation_optim", 0.4))
    words = ablation_words(UNIT, both)
    assert words.startswith("Test ablation score <span title=")
    assert "<b>0.35</b> by norm, 95% interval 0.30 to 0.40" in words
    assert "<b>0.40</b> by optim, 95% interval 0.35 to 0.45</span>, 840 images" in words
    assert "c = 1.1, d = −0.2." in words and "seen by the images’ labels" in words and "estimate" not in words
    assert "1: the words can stand in for the unit unnoticed" in words
    assert "ablation" not in score_words(UNIT, both)
    assert "0.60" not in words


def test_an_estimate_says_so():
    assert "840 images (an estimate from a random sample)" in ablation_words(
        UNIT, explanation(score(sampled=True))
    )
    assert "c 1.1, d −0.2, estimate" in cell(explanation(score(sampled=True)))


def test_an_undefined_ablation_says_why():
    none = explanation(score(value=None, reason="No <output>."))
    assert ablation_words(UNIT, none).endswith("<b>:</b> No &lt;output&gt;.")
    assert "none: No &lt;output&gt;." in cell(none)
    assert "not scored" in cell(explanation())
    mixed = explanation(score(), score("ablation_optim", None, reason="No “head”."))
    assert "<b>0.35</b> (0.30 to 0.40)" in cell(mixed) and "c 1.1, d −0.2" in cell(mixed)
    assert "none: No “head”." in cell(mixed, "ablation_optim")


def test_a_layer_without_ablations_says_why_and_a_store_without_is_silent():
    computed = SimpleNamespace(**vars(UNIT) | {"effect_reason": "The layer is computed."})
    assert ablation_words(computed, explanation()) == "<b>No test ablation score:</b> The layer is computed."
    assert ablation_words(UNIT, explanation()) == ""


@pytest.mark.parametrize(("main_only", "count"), [(True, 1), (False, 2)])
def test_the_main_simulator_alone_or_every_one(main_only, count):
    both = explanation(score(simulator="an <eye>", value=0.11), score(), simulator="label")
    words = ablation_words(UNIT, both, main_only)
    assert words.count("Test ablation score") == count and "<b>0.35</b>" in words
    assert ("<b>0.11</b>" in words) != main_only
