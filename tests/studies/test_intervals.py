"""Intervals against SciPy, against slow loops, and against simulated observers of known ability."""

from __future__ import annotations

import random
from math import atanh, isnan, sqrt, tanh

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lexplain_core.base.intervals import wilson
from lexplain_core.studies.results.intervals import (
    association,
    bootstrap_clustered,
    bootstrap_units,
    few_units,
    no_interval,
)


def test_wilson_is_scipys_for_every_count():
    for n in (1, 2, 3, 10, 30, 200):
        low, high = wilson(np.arange(n + 1), n)
        for k in range(n + 1):
            found = stats.binomtest(k, n).proportion_ci(method="wilson")
            assert low[k] == pytest.approx(found.low, abs=1e-12)
            assert high[k] == pytest.approx(found.high, abs=1e-12)
    found = stats.binomtest(7, 9).proportion_ci(0.8, method="wilson")
    assert np.allclose(wilson(7, 9, 0.8), found)


def test_wilson_of_nothing_is_undefined_and_its_ends_are_exact():
    low, high = wilson([0, 0, 5], [0, 5, 5])
    assert isnan(low[0]) and isnan(high[0])
    assert low[1] == 0 and high[2] == 1 and 0 < high[1] < 1 and 0 < low[2] < 1


@pytest.mark.parametrize("ability", [0.5, 0.75, 0.95])
def test_a_units_interval_holds_its_ability_19_times_in_20(ability):
    right = np.random.default_rng(1).binomial(30, ability, 4000)
    low, high = wilson(right, 30)
    # Wilson's coverage swings between counts, 0.93 to 0.98 at n = 30; the sample adds ±0.01.
    assert 0.92 < np.mean((low <= ability) & (ability <= high)) < 0.99


def test_the_mean_over_units_is_scipys_bootstrap():
    means = np.random.default_rng(2).binomial(30, 0.7, 84) / 30
    mean, low, high = bootstrap_units(means)
    found = stats.bootstrap((means,), np.mean, n_resamples=10_000, rng=np.random.default_rng(0))
    assert mean == pytest.approx(means.mean())
    assert (low, high) == pytest.approx(tuple(found.confidence_interval))
    assert bootstrap_units(means) == (mean, low, high)  # the same each time
    other = bootstrap_units(means, seed=1)
    assert other != (mean, low, high) and np.allclose(other, (mean, low, high), atol=0.003)


def test_many_units_are_resampled_in_pieces():
    means = np.random.default_rng(2).random(767)
    mean, low, high = bootstrap_units(means)
    error = means.std() / sqrt(len(means))
    assert (low, high) == pytest.approx((mean - 1.96 * error, mean + 1.96 * error), abs=0.1 * error)


def test_intervals_where_there_is_nothing_to_resample():
    assert all(isnan(x) for x in bootstrap_units([]))
    mean, low, high = bootstrap_units([0.7])
    assert mean == 0.7 and isnan(low) and isnan(high)
    assert bootstrap_units([0.7, 0.7, 0.7]) == (pytest.approx(0.7),) * 3
    mean, low, high = bootstrap_units([0.0, 1.0])
    assert (mean, low, high) == (0.5, 0, 1)
    assert not isnan(bootstrap_units([1.0] * 30 + [0.0])[1])
    assert "one unit" in no_interval(1, 5) and "one participant" in no_interval(5, 1)
    assert no_interval(0, 0) == "No answers." and no_interval(2, 2) == ""
    assert "2 units" in few_units(2) and few_units(1) == few_units(10) == ""


@pytest.mark.proofs
def test_simulated_units_come_out_within_the_interval_19_times_in_20():
    """84 units whose abilities are drawn from Beta(8, 3), 30 answers each: the mean ability is 8/11.

    BCa intervals are a little narrow at 84 units (about 0.94); 400 draws add ±0.025 (95 %)."""
    inside = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        means = rng.binomial(30, rng.beta(8, 3, 84)) / 30
        _, low, high = bootstrap_units(means, resamples=500, seed=seed)
        inside += low <= 8 / 11 <= high
    assert 0.91 < inside / 400 < 0.98


def answers(
    seed: int, people: int = 20, units: int = 20, each: int = 10, spread: float = 0.0
) -> pd.DataFrame:
    """A person's chance to be right is a unit's (0.6 ± 0.1) and what the person adds (± spread)."""
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.6 - 0.1, 0.6 + 0.1, units)
    rows = []
    for person in range(people):
        mine = rng.choice(units, each, replace=False)
        right = rng.random(each) < p[mine] + rng.uniform(-1, 1) * spread
        rows += [(f"p{person}", int(u), bool(r)) for u, r in zip(mine, right, strict=True)]
    return pd.DataFrame(rows, columns=["participant", "unit_id", "correct"])


def slow_clustered(frame: pd.DataFrame, pooled: bool, resamples: int = 3000) -> tuple[float, float, float]:
    """What `bootstrap_clustered` does, answer by answer."""
    rng = random.Random(0)
    rows = list(frame.itertuples(index=False))
    people, units = sorted({r.participant for r in rows}), sorted({r.unit_id for r in rows})
    cell = {(r.participant, r.unit_id): [] for r in rows}
    for r in rows:
        cell[r.participant, r.unit_id].append(r.correct)

    def value(who, what):
        shares, right, asked = [], 0, 0
        for u in what:
            found = [c for p in who for c in cell.get((p, u), [])]
            right, asked = right + sum(found), asked + len(found)
            if found:
                shares.append(sum(found) / len(found))
        return right / asked if pooled else sum(shares) / len(shares)

    drawn = sorted(
        value(rng.choices(people, k=len(people)), rng.choices(units, k=len(units))) for _ in range(resamples)
    )
    return value(people, units), drawn[int(0.025 * resamples)], drawn[int(0.975 * resamples)]


@pytest.mark.parametrize("pooled", [False, True])
def test_the_clustered_bootstrap_is_the_slow_one(pooled):
    frame = answers(3, people=6, units=7, each=4, spread=0.3)
    frame = pd.concat([frame, frame.iloc[:5]])  # some units twice by the same person
    mean, low, high = bootstrap_clustered(frame, pooled=pooled)
    slow = slow_clustered(frame, pooled)
    assert mean == pytest.approx(slow[0])
    assert (low, high) == pytest.approx(slow[1:], abs=0.02)


def test_the_clustered_bootstrap_in_pieces_and_of_too_little():
    frame = answers(4, people=900, units=40, each=5)  # more weights than are held at once
    mean, low, high = bootstrap_clustered(frame, resamples=5000)
    assert mean == pytest.approx(frame.groupby("unit_id").correct.mean().mean())
    assert low < mean < high and high - low < 0.12
    assert bootstrap_clustered(frame, resamples=5000) == (mean, low, high)
    for few in (frame[frame.participant == "p0"], frame[frame.unit_id == 0]):
        mean, low, high = bootstrap_clustered(few)
        assert 0 <= mean <= 1 and isnan(low) and isnan(high)
    assert all(isnan(x) for x in bootstrap_clustered(frame.iloc[:0]))


@pytest.mark.proofs
def test_where_people_differ_only_the_clustered_interval_is_wide_enough():
    """20 people who differ by up to ±0.4. The clustered interval may be wider than need be, never narrower
    than 0.92 of the time; the one over units alone holds the truth far less often."""
    plain = clustered = 0
    widths = []
    for seed in range(150):
        frame = answers(seed, spread=0.4)
        _, low, high = bootstrap_units(frame.groupby("unit_id").correct.mean(), resamples=300, seed=seed)
        _, wide_low, wide_high = bootstrap_clustered(frame, resamples=300, seed=seed)
        plain += low <= 0.6 <= high
        clustered += wide_low <= 0.6 <= wide_high
        widths.append((wide_high - wide_low) / (high - low))
    assert plain / 150 < 0.9 and clustered / 150 > 0.92
    assert np.median(widths) > 1.3


def test_correlations_are_scipys():
    rng = np.random.default_rng(5)
    x = rng.normal(size=40)
    y = x + rng.normal(size=40)
    y[3] = np.nan
    found = association(x, y)
    keep = np.isfinite(y)
    pearson = stats.pearsonr(x[keep], y[keep])
    assert found.n == 39 and found.reason == ""
    assert found.pearson == pytest.approx(pearson.statistic)
    assert (found.pearson_low, found.pearson_high) == pytest.approx(tuple(pearson.confidence_interval()))
    # Spearman's ρ is Pearson's r of ranks; its interval by hand.
    rho = np.corrcoef(stats.rankdata(x[keep]), stats.rankdata(y[keep]))[0, 1]
    half = 1.959964 * sqrt((1 + rho**2 / 2) / 36)
    assert found.spearman == pytest.approx(rho)
    assert found.spearman_low == pytest.approx(tanh(atanh(rho) - half))
    assert found.spearman_high == pytest.approx(tanh(atanh(rho) + half))


@pytest.mark.proofs
def test_spearmans_interval_holds_the_truth():
    """Normal pairs with r = 0.6, whose ρ is 6/π·asin(r/2); 1,000 draws of 30 add ±0.014."""
    rho = 6 / np.pi * np.arcsin(0.3)
    inside = 0
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        x, noise = rng.normal(size=(2, 30))
        found = association(x, 0.6 * x + 0.8 * noise)
        inside += found.spearman_low <= rho <= found.spearman_high
    assert 0.92 < inside / 1000 < 0.97


def test_correlations_that_are_undefined_say_why():
    assert association([1, 2], [1, 2]).reason == "2 units with both scores; 3 are the least."
    assert association([], []).reason.startswith("No units")
    assert association([1, np.nan, 2, 3], [1, 2, np.nan, 3]).n == 2
    same = association([1, 1, 1, 1], [1, 2, 3, 4], names=("People's score", "The depth"))
    assert isnan(same.pearson) and same.reason == "People's score is the same for all 4 units."
    assert association([1, 2, 3], [2, 2, 2], names=("People's score", "The depth")).reason.startswith(
        "The depth"
    )
    three = association([1, 2, 4], [1, 3, 2])
    assert three.spearman == pytest.approx(0.5) and isnan(three.spearman_low) and "4 units" in three.reason
    line = association([1, 2, 3, 4], [2, 4, 6, 8])
    assert line.pearson == line.pearson_low == line.pearson_high == 1
