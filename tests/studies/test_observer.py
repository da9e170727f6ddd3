"""The machine observer: its answers are those of the definition, and noise is a coin to it."""

from __future__ import annotations

import numpy as np
import pytest

from lexplain_core.stimuli.observer import margins, observer_batch, observer_trials, score
from lexplain_core.stimuli.ranks import Indistinguishable, Refused, batch_size


def cosine(a, b) -> float:
    """In plain Python; 0 of a vector without a direction."""
    lengths = sum(x * x for x in a) ** 0.5 * sum(y * y for y in b) ** 0.5
    return sum(x * y for x, y in zip(a, b, strict=True)) / lengths if lengths else 0.0


def margin_by_hand(embeddings, low, high, without=None) -> float:
    """Δ₊ − Δ₋ of one trial, one image after the other."""
    rows = embeddings.astype(float).copy()
    if without is not None:
        rows = np.delete(rows, without, axis=1)

    def similar(query, references):
        return sum(cosine(rows[query], rows[image]) for image in references) / 9

    plus = similar(high[9], high[:9]) - similar(high[9], low[:9])
    minus = similar(low[9], high[:9]) - similar(low[9], low[:9])
    return plus - minus


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(5)
    embeddings = rng.normal(0.2, 1, (80, 7)).astype(np.float32) * rng.uniform(0.1, 9, (80, 1))
    embeddings[11] = 0
    ids = np.stack([rng.permutation(80)[:20] for _ in range(15)])
    ids[0, 0] = 11
    ids[1, 9] = 11
    return embeddings, ids[:, :10], ids[:, 10:]


@pytest.mark.parametrize("without", [False, True])
def test_margins_are_those_of_the_definition(drawn, without):
    embeddings, low, high = drawn
    left_out = np.arange(len(low)) % 7 if without else None
    found = margins(embeddings, low, high, left_out)
    by_hand = [
        margin_by_hand(embeddings, *sides, None if left_out is None else left_out[t])
        for t, sides in enumerate(zip(low, high, strict=True))
    ]
    assert found.shape == (15,) and found.dtype == np.float64
    np.testing.assert_allclose(found, by_hand, atol=1e-12)
    assert np.ptp(by_hand) > 0.1


def test_the_sides_turned_round_keep_the_margin_and_swapped_queries_turn_it(drawn):
    embeddings, low, high = drawn
    found = margins(embeddings, low, high)
    np.testing.assert_allclose(margins(embeddings, high, low), found, atol=1e-12)
    other_low, other_high = low.copy(), high.copy()
    other_low[:, 9], other_high[:, 9] = high[:, 9], low[:, 9]
    np.testing.assert_allclose(margins(embeddings, other_low, other_high), -found, atol=1e-12)


def test_queries_that_look_the_same_are_a_tie(drawn):
    embeddings, low, high = drawn
    embeddings = embeddings.copy()
    embeddings[high[3, 9]] = embeddings[low[3, 9]]
    assert margins(embeddings, low, high)[3] == 0


def test_score_is_a_mean_of_right_answers():
    found = np.array([0.2, -0.1, 0.0, 0.3])
    assert score(found) == 0.625
    for slope in (0.5, 10.0, 1000.0):
        by_hand = [1 / (1 + np.exp(-slope * m)) for m in found]
        assert score(found, slope) == pytest.approx(np.mean(by_hand), abs=1e-12)
    assert score(found, 1e9) == 0.625  # ever steeper, it becomes the hard one
    np.testing.assert_allclose(score(np.stack([found, -found])), [0.625, 0.375])


def test_batches_suit_the_number_of_images():
    sizes = {20: 1, 40: 1, 100: 2, 239: 5, 240: 6, 1500: 6, 2000: 8, 4999: 19, 5000: 20, 1_281_167: 20}
    assert {n: observer_batch(n) for n in sizes} == sizes
    for n in range(20, 30_000, 7):
        assert batch_size(n) <= observer_batch(n) and 20 * observer_batch(n) <= n


@pytest.mark.parametrize("n", [20, 39, 60, 400, 799, 2000, 50_000])
@pytest.mark.parametrize("trials", [20, 33])
def test_trials_are_fair_batches_of_the_most_extreme_images(n, trials):
    values = np.random.default_rng(n).normal(size=n).astype(np.float32)
    low, high = observer_trials(values, trials, (n, 1))
    assert low.shape == high.shape == (trials, 10)
    batch = observer_batch(n)
    ascending = np.argsort(values, kind="stable")
    for side, order in ((low, ascending), (high, ascending[::-1])):
        for column in range(10):
            first = 9 * batch if column == 9 else (8 - column) * batch
            bin_ = set(order[first : first + batch].tolist())
            assert set(side[:, column].tolist()) <= bin_
            for start in range(0, trials - batch + 1, batch):  # a round takes each image once
                assert set(side[start : start + batch, column].tolist()) == bin_
    again = observer_trials(values, trials, (n, 1))
    assert np.array_equal(again[0], low) and np.array_equal(again[1], high)
    if batch > 1:
        other = observer_trials(values, trials, (n, 2))
        assert not np.array_equal(other[0], low)
        assert batch >= trials or not np.array_equal(low[:batch], low[batch : 2 * batch])


def test_zeros_of_a_rectified_unit_are_drawn():
    values = np.zeros(2000, np.float32)
    values[:300] = np.linspace(1, 2, 300)
    chosen = [set(observer_trials(values, 20, seed)[0].ravel().tolist()) for seed in range(50)]
    assert all(len(ids) == 80 and min(ids) >= 300 for ids in chosen)
    assert len(set.union(*chosen)) > 1400  # of 1,700: no zero is preferred
    assert np.mean([np.mean(list(ids)) for ids in chosen]) == pytest.approx(1150, abs=40)


def test_a_unit_that_rarely_fires_gets_smaller_batches():
    values = np.zeros(2000, np.float32)
    values[5:48] = np.linspace(1, 2, 43)
    low, high = observer_trials(values, 20, 0)
    assert len(np.unique(high)) == 40 and values[high].min() > 0 and values[low].max() == 0
    assert values[high[:, 9]].max() < values[high[:, :9]].min()


@pytest.mark.parametrize(
    "values",
    [np.full(2000, 0.5), np.r_[np.zeros(1990), np.ones(10)], np.r_[np.zeros(1000), np.full(1000, 1e-9)]],
    ids=["constant", "10 images", "apart by too little"],
)
def test_sides_that_cannot_be_told_apart(values):
    with pytest.raises(Indistinguishable) as error:
        observer_trials(values.astype(np.float32), 20, 0)
    assert "told apart" in error.value.reason


def test_too_few_images():
    with pytest.raises(Refused, match="19 images"):
        observer_trials(np.arange(19.0), 20, 0)


def test_what_shows_is_told_apart_and_noise_is_not():
    """Units of noise score ½ on average, whatever the embedding; a direction of the embedding scores 1."""
    rng = np.random.default_rng(7)
    kinds = rng.integers(0, 5, 2000)
    embeddings = rng.normal(size=(5, 16))[kinds] + 0.3 * rng.normal(size=(2000, 16))  # in clusters
    noise = [
        score(margins(embeddings, *observer_trials(rng.normal(size=2000), 20, (1, unit))))
        for unit in range(300)
    ]
    assert np.mean(noise) == pytest.approx(0.5, abs=0.05)
    assert np.std(noise) == pytest.approx((0.25 / 20) ** 0.5, rel=0.2)  # as of 20 tosses of a coin
    seen = (kinds == 2) + 0.1 * rng.normal(size=2000)
    found = margins(embeddings, *observer_trials(seen, 20, 0))
    assert score(found) == 1 and 0.5 < score(found, 1.0) < score(found, 10.0) <= 1
