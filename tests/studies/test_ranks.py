"""Ranks of the images in trials: what IMI's numbers say, and what must hold for any numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexplain_core.stimuli.ranks import (
    DIFFICULTIES,
    Indistinguishable,
    Refused,
    batch_size,
    obvious,
    query_start,
    stimuli,
)

SHARES = {"medium": 1, "hard": 5, "very hard": 15}


def test_imi_s_numbers():
    n = 1_281_167
    assert batch_size(n) == 20
    starts = {d: query_start(n, d) for d in DIFFICULTIES}
    assert starts == {"easy": 180, "medium": 12_811, "hard": 64_058, "very hard": 192_175}
    stops = {d: n - start for d, start in starts.items()}
    assert stops == {"easy": 1_280_986 + 1, "medium": 1_268_356, "hard": 1_217_109, "very hard": 1_088_992}


@pytest.mark.parametrize(("n", "size"), [(50, 1), (999, 1), (1999, 1), (2000, 2), (4200, 4), (50_000, 20)])
def test_the_number_of_batches(n, size):
    assert batch_size(n) == size


def test_shares_of_the_images_are_exact():
    for difficulty, percent in SHARES.items():  # floating point must not fall below a whole number
        for n in range(1000, 30_000, 20):
            assert query_start(n, difficulty, 1) == percent * n // 100


def test_a_unit_of_known_order():
    """Image i has rank i: every image is where the docstring says."""
    n, size = 4200, 4
    for difficulty, start in (("easy", 36), ("medium", 42), ("hard", 210), ("very hard", 630)):
        sides = stimuli(np.arange(n), difficulty, 3)
        np.testing.assert_array_equal(sides.low, sides.low_ranks)
        np.testing.assert_array_equal(sides.high, sides.high_ranks)
        for j in range(9):  # column 8 is the most extreme
            first = (8 - j) * size
            assert sorted(sides.low[:, j]) == list(range(first, first + size))
            assert sorted(n - 1 - sides.high[:, j]) == list(range(first, first + size))
        assert sorted(sides.low[:, 9]) == list(range(start, start + size))
        assert sorted(sides.high[:, 9]) == list(range(n - start - size, n - start))
    sides = obvious(np.arange(n), 3)
    for j in range(10):
        first = (9 - j) * size
        assert sorted(sides.low[:, j]) == list(range(first, first + size))
        assert sorted(n - 1 - sides.high[:, j]) == list(range(first, first + size))


@settings(max_examples=150)
@given(
    n=st.integers(20, 6000),
    difficulty=st.sampled_from(["obvious", *DIFFICULTIES]),
    levels=st.one_of(st.none(), st.integers(2, 3000)),
    batches=st.one_of(st.none(), st.integers(1, 25)),
    seed=st.integers(0, 2**40),
)
def test_any_unit(n, difficulty, levels, batches, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=n) if levels is None else rng.integers(0, levels, n) / 7
    values = values.astype(np.float32)
    size = batch_size(n) if batches is None else batches

    def draw(seed):
        return (
            obvious(values, seed, batches)
            if difficulty == "obvious"
            else stimuli(values, difficulty, seed, batches)
        )

    share = SHARES.get(difficulty)
    start = 9 * size if share is None else share * n // 100
    possible = n >= 20 * size and start >= 9 * size and 2 * (start + size) <= n
    if not possible:
        with pytest.raises(Refused, match="can't be (had|made) of"):
            draw(seed)
        return
    ordered = np.sort(values).astype(np.float64)
    low_end, high_end = ordered[start + size - 1], ordered[n - start - size]
    if not high_end > low_end + 1e-8:
        with pytest.raises(Indistinguishable, match="told apart"):
            draw(seed)
        return
    sides = draw(seed)
    assert (
        sides.low.shape == sides.high.shape == sides.low_ranks.shape == sides.high_ranks.shape == (size, 10)
    )
    assert len(np.unique(np.concatenate([sides.low.ravel(), sides.high.ravel()]))) == 20 * size
    np.testing.assert_array_equal(values[sides.low], ordered[sides.low_ranks].astype(np.float32))
    np.testing.assert_array_equal(values[sides.high], ordered[sides.high_ranks].astype(np.float32))
    queries = slice(0, size) if difficulty == "obvious" else slice(start, start + size)
    taken = np.arange(n)
    references = np.r_[0 : 10 * size] if difficulty == "obvious" else np.r_[0 : 9 * size]
    references = np.setdiff1d(references, taken[queries])
    assert sorted(sides.low_ranks[:, 9]) == list(taken[queries])
    assert sorted(n - 1 - sides.high_ranks[:, 9]) == list(taken[queries])
    assert sorted(sides.low_ranks[:, :9].ravel()) == list(references)
    assert sorted(n - 1 - sides.high_ranks[:, :9].ravel()) == list(references)
    assert (np.diff(sides.low_ranks[:, :9]) < 0).all() and (np.diff(sides.high_ranks[:, :9]) > 0).all()
    assert values[sides.high].min() > values[sides.low].max()
    again = draw(seed)
    for name in ("low", "high", "low_ranks", "high_ranks"):
        np.testing.assert_array_equal(getattr(sides, name), getattr(again, name))


@settings(max_examples=25)
@given(seed=st.integers(0, 2**40))
def test_ties_are_broken_by_the_seed(seed):
    """A rectified unit: 0 on nine of ten images, of which each is as likely to be shown."""
    rng = np.random.default_rng(seed)
    values = np.where(rng.random(4000) < 0.9, 0.0, rng.random(4000))
    zeros = np.flatnonzero(values == 0)
    one, other = (stimuli(values, "easy", s) for s in (seed, seed + 1))
    assert set(one.low.ravel()) <= set(zeros) and set(other.low.ravel()) <= set(zeros)
    assert set(one.low.ravel()) != set(other.low.ravel())
    assert set(one.high.ravel()) == set(other.high.ravel())  # no ties at this end
    assert one.low.min() < 3000 and one.low.max() > 1000  # not the first zeros by id


def test_zeros_are_drawn_evenly():
    values = np.r_[np.zeros(900), np.arange(1, 101)]
    counts = np.zeros(1000)
    for seed in range(400):
        np.add.at(counts, stimuli(values, "easy", seed).low.ravel(), 1)
    assert counts.sum() == 4000 and counts[900:].sum() == 0
    expected = 4000 / 900  # chi square, 899 degrees of freedom: mean 899, standard deviation 42
    assert abs(((counts[:900] - expected) ** 2 / expected).sum() - 899) < 5 * 42.4


def test_difficulties_share_their_references():
    values = np.random.default_rng(0).normal(size=5000)
    drawn = [stimuli(values, difficulty, 11) for difficulty in DIFFICULTIES]
    for sides in drawn[1:]:
        np.testing.assert_array_equal(sides.low[:, :9], drawn[0].low[:, :9])
        np.testing.assert_array_equal(sides.high[:, :9], drawn[0].high[:, :9])
        assert not set(sides.low[:, 9]) & set(drawn[0].low[:, 9])


def test_each_batch_is_a_fair_draw_of_every_bin():
    """The i-th batch takes any image of a bin, and bins are shuffled apart from each other."""
    first = np.array([stimuli(np.arange(4000), "easy", seed).low_ranks[0] for seed in range(800)]) % 4
    for column in first.T:
        assert (np.abs(np.bincount(column, minlength=4) - 200) < 5 * np.sqrt(800 * 3 / 16)).all()
    assert np.abs(np.corrcoef(first.T) - np.eye(10)).max() < 5 / np.sqrt(800)


def test_units_that_can_t_be_told_apart():
    with pytest.raises(Indistinguishable) as error:
        stimuli(np.full(1000, 0.25), "easy", 0)
    assert "0.25" in error.value.reason
    few = np.zeros(1000)
    few[:9] = 1  # the references differ, the high query is a zero like all others
    with pytest.raises(Indistinguishable):
        stimuli(few, "easy", 0)
    few[:10] = 1
    assert len(stimuli(few, "easy", 0)) == 1
    with pytest.raises(Indistinguishable):
        stimuli(few * 1e-9, "easy", 0)  # differences below 1e-8 are none
    with pytest.raises(Indistinguishable, match="finite"):
        stimuli(np.r_[np.nan, np.arange(999)], "easy", 0)


def test_what_is_refused():
    with pytest.raises(Refused, match="'medium' can't be had of 899 images.* 900 images at least"):
        query_start(899, "medium")
    assert query_start(900, "medium") == 9
    with pytest.raises(Refused, match="of 19 images"):
        stimuli(np.arange(19), "easy", 0)
    with pytest.raises(Refused, match="5 trials.* 100 of them"):
        obvious(np.arange(99), 0, batches=5)
    assert len(obvious(np.arange(100), 0, batches=5)) == 5
    with pytest.raises(ValueError, match="harder"):
        stimuli(np.arange(1000), "harder", 0)
    with pytest.raises(ValueError, match="\\(N,\\)"):
        stimuli(np.zeros((2, 100)), "easy", 0)


@pytest.mark.parametrize(
    "make", [lambda q, **k: stimuli(q, "hard", 3, 4, **k), lambda q, **k: obvious(q, 3, 4, **k)]
)
def test_hidden_images_are_in_no_trial(make):
    q = np.random.default_rng(0).normal(size=3000)
    before = make(q)
    used = {*before.low.ravel().tolist(), *before.high.ravel().tolist()}
    hidden = frozenset(sorted(used)[::2])
    sides = make(q, hidden=hidden)
    assert not hidden & {*sides.low.ravel().tolist(), *sides.high.ravel().tolist()}
    # as if there had never been such images: the same trials, by other ids
    ids = np.array([i for i in range(len(q)) if i not in hidden])
    alone = make(q[ids])
    assert np.array_equal(ids[alone.low], sides.low) and np.array_equal(ids[alone.high], sides.high)
    assert np.array_equal(alone.low_ranks, sides.low_ranks) and sides.high_ranks.max() < len(ids)
