"""The trials of the Try it page: those that the address says, with what they show said right afterwards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lexplain_core.store import Store
from lexplain_core.views import trials
from lexplain_core.views.opened import Opened
from lexplain_core.views.trials import verdict, words_answer
from pages.try_it import explained, tried
from pages.ui import links


@pytest.fixture(scope="module")
def opened(demo_store):
    with Store.open(demo_store) as store:
        yield Opened(store, (str(demo_store), "try it"))


@pytest.fixture(scope="module")
def view(opened):
    layer = opened.store.layers().query("source == 'network'")["layer"].iloc[-1]
    return links.TryIt(store=opened.store.id, layer=layer)


@pytest.mark.parametrize("unit", [None, 3])
@pytest.mark.parametrize("difficulty", links.DIFFICULTIES)
def test_sides_are_what_they_are_said_to_be(opened, view, unit, difficulty):
    drawn = tried.draw(replace(view, unit=unit, difficulty=difficulty), opened)
    assert bool(drawn.trials) != bool(drawn.problem)
    for asked in drawn.trials:
        q = opened.store.unit(asked.layer, asked.unit).activations
        assert len({*asked.low, *asked.high}) == 20
        assert q[list(asked.low)].max() < q[list(asked.high)].min()
        order = np.sort(q)
        assert q[asked.low[9]] == order[asked.low_rank] and q[asked.high[9]] == order[asked.high_rank]
        assert (
            sorted(asked.left) == sorted(asked.right) == list(range(9))
            and asked.left[0] == asked.right[0] == 8
        )
        upper, lower = asked.queries
        assert asked.correct(0) == (q[upper] > q[lower]) != asked.correct(5)


def test_the_address_says_which_trials(opened, view):
    for unit in (None, 3):
        wanted = replace(view, unit=unit, seed=7)
        first = tried._draw.__wrapped__(opened, wanted)
        again = tried._draw.__wrapped__(opened, wanted)
        other = tried.draw(replace(wanted, seed=8), opened)
        same = [vars(a) == vars(b) for a, b in zip(first.trials, again.trials, strict=True)]
        assert all(same) and first.trials
        assert [vars(a) for a in first.trials] != [vars(a) for a in other.trials]


def test_any_unit_is_another_one_each_time_and_the_row_is_a_coins(opened, view):
    drawn = tried.draw(replace(view, count=20), opened)
    assert len({asked.unit for asked in drawn.trials}) == 20
    upper = sum(
        asked.upper == "max"
        for s in range(5)
        for asked in tried.draw(replace(view, count=20, seed=s), opened).trials
    )
    assert 30 <= upper <= 70  # of 100


def test_one_unit_brings_what_it_has_and_says_so(opened, view):
    easy = tried.draw(replace(view, unit=3, count=5), opened)
    assert (
        len(easy.trials) == 5 and not easy.short
    )  # more batches than IMI's are there where the queries come next
    shown = [image for asked in easy.trials for image in (*asked.low, *asked.high)]
    assert len(shown) == len(set(shown)) == 100
    few = tried.draw(replace(view, unit=3, count=5, difficulty="medium"), opened)
    assert 0 < len(few.trials) < 5 and f"{len(few.trials)} of the 5 trials" in few.short


def test_units_that_can_not_be_told_apart_say_why_and_lead_to_another(opened):
    table = opened.store.unit_table()
    constant = table[table["status"] == "constant"].iloc[0]
    view = links.TryIt(layer=constant["layer"], unit=int(constant["unit"]))
    drawn = tried.draw(view, opened)
    assert not drawn.trials and "told apart" in drawn.problem and not drawn.refused
    other = explained.another(view, opened)
    assert other.unit != view.unit and tried.draw(other, opened).trials


def test_a_difficulty_that_needs_more_images_is_refused(opened, view, monkeypatch):
    def too_few(*_, **__):
        raise trials.Refused("Too few images.")

    monkeypatch.setattr(trials, "stimuli", too_few)
    drawn = tried._draw.__wrapped__(opened, view)
    assert drawn.refused and drawn.problem == "Too few images."


def test_all_pictures_are_of_one_size_and_nameless(opened, view):
    (asked, *_) = tried.draw(view, opened).trials
    pictures = tried.pictures(opened, asked.low + asked.high)
    assert len(pictures) == 20 and {p.key for p in pictures.values()} == {""}
    assert len({(p.width, p.height) for p in pictures.values()}) == 1


def test_words_say_whether_they_would_have_answered_right(opened, view):
    told = {True: 0, False: 0}
    for seed in range(4):
        for asked in tried.draw(replace(view, seed=seed, difficulty="hard"), opened).trials:
            unit = opened.store.unit(asked.layer, asked.unit)
            explanation = unit.explanation()
            upper, lower = unit.simulated(explanation, explanation.simulator)[list(asked.queries)]
            words = words_answer(unit, asked)
            if upper == lower:
                assert "can’t tell" in words
                continue
            right = (upper > lower) == (asked.upper == "max")
            assert f"answered **{'right' if right else 'wrong'}**" in words
            told[right] += 1
    assert told[True]


def test_the_verdict_names_the_unit_and_both_activations(opened, view):
    asked = tried.draw(view, opened).trials[0]
    unit = opened.store.unit(asked.layer, asked.unit)
    right = 0 if asked.upper == "max" else 4
    words = verdict(unit, asked, right)
    assert "✓ Right" in words and f"unit {unit.unit}" in words
    assert "✗ Not right" in verdict(unit, asked, (right + 3) % 6)
    for rank in (asked.low_rank, asked.high_rank):
        assert f"place {len(unit.activations) - rank:,} of" in words
