"""Simulation and Pearson correlation with its interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexplain_core.base.correlation import correlation, simulate


@pytest.mark.parametrize("seed", range(30))
def test_correlation_is_numpys(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 300))
    a = rng.normal(rng.choice([0, 1e4]), 1, n)
    b = rng.uniform(-1, 1) * a + rng.normal(0, 1, n)
    scored = correlation(a.astype(np.float32), b * rng.choice([1e-6, 1, 1e6]))
    assert scored.n == n and scored.reason is None
    assert scored.value == pytest.approx(np.corrcoef(a.astype(np.float32), b)[0, 1], abs=1e-8)
    assert -1 <= scored.low < scored.value < scored.high <= 1


def test_the_interval_is_fishers():
    rng = np.random.default_rng(0)
    a = rng.normal(0, 1, 50)
    scored = correlation(a, a + rng.normal(0, 1, 50))
    z, half = math.atanh(scored.value), 1.959964 / math.sqrt(47)
    assert scored.low == pytest.approx(math.tanh(z - half), abs=1e-6)
    assert scored.high == pytest.approx(math.tanh(z + half), abs=1e-6)


@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.3, 0.85])
@pytest.mark.proofs
def test_the_interval_holds_the_truth_95_times_in_100(rho):
    rng = np.random.default_rng(int(100 * rho) % 97)
    runs, held = 1500, 0
    for _ in range(runs):
        a = rng.normal(0, 1, 60)
        scored = correlation(a, rho * a + math.sqrt(1 - rho**2) * rng.normal(0, 1, 60))
        held += scored.low <= rho <= scored.high
    assert 0.93 < held / runs < 0.97  # ± 3.5 standard errors


def test_a_perfect_correlation_has_an_interval_of_itself():
    a = np.arange(20.0)
    assert correlation(a, 3 * a - 7).value == pytest.approx(1)
    down = correlation(a, -a)
    assert (
        down.value == pytest.approx(-1) and down.low == pytest.approx(-1) and down.high == pytest.approx(-1)
    )


@pytest.mark.parametrize(
    ("actual", "simulated", "reason"),
    [
        ([1, 2, 3], [1, 2, 3], "Only 3 images"),
        ([], [], "Only 0 images"),
        ([5, 5, 5, 5, 5], [1, 2, 3, 4, 5], "The unit has the same activation"),
        ([1, 2, 3, 4, 5], [0.3] * 5, "The explanation predicts the same"),
        (
            [1, 2, 3, 4, 5],
            [0.1 + 0.2, 0.3, 0.3, 0.3, 0.3],
            "The explanation predicts the same",
        ),  # but rounding
        ([1e9] * 5, [0] * 5, "The unit has the same activation"),
        ([1, 2, 3, 4, 5], [1, 2, np.inf, 4, 5], "The explanation predicts activations that are not finite"),
        ([1, 2, 3, 4, 5], [np.nan] * 5, "The explanation predicts activations that are not finite"),
        (
            [1, 2, 3, 4, 5],
            [1e200, 2e200, 0, 0, 0],
            "The explanation predicts activations that are not finite",
        ),
    ],
)
def test_what_is_undefined_has_a_reason_and_no_number(actual, simulated, reason):
    scored = correlation(np.array(actual), np.array(simulated))
    assert (scored.value, scored.low, scored.high) == (None, None, None)
    assert scored.n == len(actual) and scored.reason.startswith(reason)


@settings(max_examples=200)
@given(st.lists(st.tuples(*[st.floats(-(2.0**100), 2.0**100, width=32)] * 2), min_size=0, max_size=30))
def test_a_score_is_a_number_in_its_interval_or_has_a_reason(pairs):
    scored = correlation(np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs]))
    if scored.value is None:
        assert scored.reason and scored.low is None and scored.high is None
    else:
        assert scored.reason is None and -1 <= scored.low <= scored.value <= scored.high <= 1


def test_simulation_is_the_weighted_sum():
    values = np.array([[0, 1, 0.5], [1, 1, 0]], dtype=np.float32)
    got = simulate(np.array([2.0, -3.0]), 0.25, values)
    assert got.dtype == np.float64 and got.tolist() == [-2.75, -0.75, 1.25]
    assert simulate(np.zeros(0), 1.5, np.zeros((0, 3))).tolist() == [1.5] * 3


def sparse(rng, n: int) -> tuple[np.ndarray, np.ndarray]:
    """A unit that a rare concept drives, with activations of very different strength, and its label."""
    present = rng.random(n) < 0.05
    return np.maximum(0, present * rng.exponential(2, n) + rng.normal(0, 1, n)), present.astype(float)


def soft(rng, n: int) -> tuple[np.ndarray, np.ndarray]:
    """A rectified unit and an encoder's soft P of what drives it."""
    s = rng.normal(0, 1, n)
    return np.maximum(0, s + rng.normal(0, 1, n) - 1), 1 / (1 + np.exp(-4 * (s - 1)))


def unrelated(rng, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two rare things that have nothing to do with each other."""
    return rng.exponential(1, n) * (rng.random(n) < 0.05), (rng.random(n) < 0.02).astype(float)


@pytest.mark.proofs
def test_the_wider_interval_holds_the_truth_for_sparse_units_where_fishers_fails():
    rng = np.random.default_rng(0)
    covered = {}
    for draw in (sparse, soft, unrelated):
        truth = np.corrcoef(*draw(rng, 3_000_000))[0, 1]
        held = {"fisher": 0, "wider": 0}
        for _ in range(600):
            a, s = draw(rng, 800)
            for interval in held:
                scored = correlation(a, s, interval)
                held[interval] += scored.low <= truth <= scored.high
        covered[draw.__name__] = {interval: count / 600 for interval, count in held.items()}
    for name in covered:
        assert covered[name]["wider"] > 0.9, covered
    assert covered["sparse"]["fisher"] < 0.8 and covered["soft"]["fisher"] < 0.9, covered


@pytest.mark.parametrize("draw", [sparse, soft])
@pytest.mark.proofs
def test_the_wider_interval_is_about_as_wide_as_a_bootstraps(draw):
    rng = np.random.default_rng(1)
    ratios = []
    for _ in range(12):
        a, s = draw(rng, 800)
        drawn = rng.integers(0, 800, (400, 800))
        low, high = np.percentile([np.corrcoef(a[i], s[i])[0, 1] for i in drawn], [2.5, 97.5])
        scored = correlation(a, s, interval="wider")
        ratios.append((scored.high - scored.low) / (high - low))
    assert 0.9 < np.mean(ratios) < 1.1


@settings(max_examples=150)
@given(st.lists(st.tuples(*[st.floats(-(2.0**100), 2.0**100, width=32)] * 2), min_size=4, max_size=30))
def test_the_wider_interval_holds_fishers(pairs):
    a, s = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    fisher, wider = correlation(a, s), correlation(a, s, interval="wider")
    assert (fisher.value, fisher.reason) == (wider.value, wider.reason)
    if fisher.value is not None:
        assert -1 <= wider.low <= fisher.low <= fisher.value <= fisher.high <= wider.high <= 1
