"""Stratified samples: what they promise, and their standard errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexplain_core.base.sampling import allocate, draw


@settings(max_examples=150)
@given(
    seed=st.integers(0, 10_000),
    m=st.integers(1, 400),
    budget=st.integers(10, 200),
    heavy=st.sampled_from([0.0, 1.0, 4.0, 30.0]),
)
def test_a_sample_keeps_to_its_budget_and_stands_for_all(seed, m, budget, heavy):
    rng = np.random.default_rng(seed)
    ranks = np.sort(rng.choice(3 * m, m, replace=False))
    guess = np.exp(heavy * rng.normal(0, 1, m)) + 1e-30
    cuts = rng.integers(0, 3 * m, 12).tolist()
    sample = draw(ranks, guess, cuts, budget, rng)
    assert len(sample.chosen) == min(m, budget) == sample.counts.sum()
    assert (np.diff(sample.chosen) > 0).all() and sample.sizes.sum() == m
    assert (sample.counts >= np.minimum(sample.sizes, 2)).all() and (sample.counts <= sample.sizes).all()
    assert (np.bincount(sample.stratum, minlength=len(sample.sizes)) == sample.counts).all()
    assert sample.weights.sum() == pytest.approx(m)
    assert sample.whole == (m <= budget)


def test_the_top_is_taken_whole():
    rng = np.random.default_rng(0)
    sample = draw(np.arange(1000), np.full(1000, 1.0), [3, 20, 200], 100, rng)
    assert sample.chosen[:20].tolist() == list(range(20)) and sample.weights[:20].tolist() == [1] * 20
    assert sample.weights[20:].min() > 1


@pytest.mark.proofs
def test_estimates_are_unbiased_and_their_errors_are_not_too_small():
    rng = np.random.default_rng(1)
    values = np.repeat(rng.gamma(0.5, 1, (60, 1)), 2, axis=1)
    values[:, 1] *= np.arange(60) < 20
    guess = values[:, 0] ** 0.5 + 0.2
    sums, errors, ratios, ratio_errors = [], [], [], []
    for _ in range(2_000):
        sample = draw(np.arange(60), guess, [5, 20], 32, rng)
        got = values[sample.chosen]
        sums.append(sample.weights @ got)
        errors.append(sample.errors(got))
        ratios.append(sums[-1][1] / sums[-1][0])
        ratio_errors.append(sample.share_errors(got[:, 1:] > 0, got[:, 0])[0])
    sums, errors = np.array(sums), np.array(errors)
    spread = sums.std(axis=0, ddof=1)
    assert (abs(sums.mean(axis=0) - values.sum(axis=0)) < 4 * spread / np.sqrt(2_000)).all()
    # Strata borrow from each other where that makes the errors larger, so they are at least the truth.
    for found, truth in (
        ((errors**2).mean(axis=0), spread**2),
        (np.square(ratio_errors).mean(), np.var(ratios)),
    ):
        assert (0.88 < found / truth).all() and (found / truth < 3).all()


@pytest.mark.proofs
def test_errors_are_near_those_of_all_samples_where_strata_are_alike():
    rng = np.random.default_rng(2)
    values = rng.normal(5, 1, (60, 1))
    sums, errors = [], []
    for _ in range(2_000):
        sample = draw(np.arange(60), np.ones(60), [20], 30, rng)
        sums.append(sample.weights @ values[sample.chosen, 0])
        errors.append(sample.errors(values[sample.chosen])[0])
    assert 0.9 < np.mean(np.square(errors)) / np.var(sums) < 1.5


@pytest.mark.parametrize("heavy", [3, 7, 30])
def test_errors_reckon_with_the_few_that_hold_half_and_were_not_seen(heavy):
    """Half of each sum lies on a few things whose guess says nothing of it; many samples hold none of them."""
    rng, n = np.random.default_rng(heavy), 4_000
    samples = []
    for _ in range(100):
        guess = np.sqrt(rng.gamma(0.3, 1, n)) + 1e-3
        values = guess**2 * rng.gamma(1, 1, n)
        values[rng.choice(n, heavy, replace=False)] = values.sum() / heavy * rng.uniform(0.5, 1.5, heavy)
        samples.append((draw(np.arange(n), guess, [2, 20, 200], 400, rng), values))
    tail = np.quantile([sample.tail(values[sample.chosen]) for sample, values in samples], 0.9)
    z = [
        abs(sample.weights @ values[sample.chosen] - values.sum())
        / sample.errors(values[sample.chosen][:, None], tail)[0]
        for sample, values in samples
    ]
    assert np.mean(np.array(z) > 2) <= 0.05 and 0.1 < np.median(z)


def test_what_no_chosen_one_lies_in_is_not_known_to_hold_nothing():
    rng = np.random.default_rng(5)
    sample = draw(np.arange(500), np.ones(500), [], 20, rng)
    values, inside = rng.gamma(1, 1, 20), np.zeros((20, 1), dtype=bool)
    assert sample.share_errors(inside, values)[0] > 0.02


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 5), st.integers(0, 300)), min_size=1, max_size=30),
    st.integers(0, 2_000),
)
def test_budgets_are_shared_out_within_their_bounds(parts, budget):
    weights = np.array([w for w, _, _ in parts])
    least = np.array([low for _, low, _ in parts])
    most = least + np.array([more for _, _, more in parts])
    shares = allocate(weights, least, most, budget)
    assert shares.sum() <= budget
    if least.sum() <= budget:
        assert (shares >= least).all() and (shares <= most).all()
        assert shares.sum() == min(budget, most.sum())
