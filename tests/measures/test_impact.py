"""Impact against its definition, worked out one image at a time."""

from __future__ import annotations

import numpy as np
import pytest

from lexplain_core.measures.impact import BETAS, measure_impact
from lexplain_core.store.buckets import Buckets

from .brute import KINDS, LAYER_OF, Brute

MANY = 1_000_000


def plain_impact(world, kind: str, unit: int, to: str):
    """Per image the two parts of eq. 1–3, by a hook on the network."""
    brute = Brute(world, LAYER_OF[kind], "whole")
    value = 0.0 if to == "zero" else brute.q[unit].astype(np.float64).mean()
    n = brute.q.shape[1]
    without = brute.rows(np.arange(n), np.full(n, unit), np.full(n, value))
    accuracy = (brute.right * 1.0 - without.right) / brute.right.sum()
    loss = (without.loss - brute.loss) / brute.loss.sum()
    return brute, accuracy, loss, abs(accuracy + loss) / 2


@pytest.mark.parametrize("to", ["zero", "mean"])
@pytest.mark.parametrize("kind", KINDS)
def test_impact_is_what_its_definition_says(world, kind, to):
    effects = KINDS[kind](world)
    found = measure_impact(effects, [2, 0], to, runs=MANY)
    assert list(found) == [2, 0]
    for unit, got in found.items():
        brute, accuracy, loss, impact = plain_impact(world, kind, unit, to)
        n = len(impact)
        assert (got.to, got.images, got.sampled, got.reason, got.total_error) == (to, n, False, None, 0)
        assert got.total == pytest.approx(impact.sum(), rel=1e-5)
        assert got.accuracy == pytest.approx(accuracy.sum(), abs=1e-9)
        assert got.loss == pytest.approx(loss.sum(), rel=1e-4, abs=1e-6)
        assert tuple(got.top.beta) == BETAS and set(got.top.error.dropna()) == {0}
        highest = sorted(range(n), key=lambda x: (-brute.q[unit, x], x))
        for beta, value in zip(got.top.beta, got.top.value, strict=True):
            count = round(beta * n)
            if count == 0:
                assert np.isnan(value)
            else:
                assert value == pytest.approx(impact[highest[:count]].sum() / impact.sum(), abs=1e-5)
        assert got.top.value.iloc[-1] == 1
        where = Buckets.of(brute.q[unit]).assign(brute.q[unit])
        assert got.buckets.bucket.tolist() == list(range(-1, 8))
        assert got.buckets.images.tolist() == [(where == b).sum() for b in range(-1, 8)]
        expected = [impact[where == b].sum() for b in range(-1, 8)]
        assert got.buckets.impact.to_numpy() == pytest.approx(np.array(expected), abs=1e-6)
        assert got.buckets.impact.sum() == pytest.approx(got.total, rel=1e-12)
        assert got.buckets.share.sum() == pytest.approx(1)


@pytest.mark.parametrize("kind", KINDS)
def test_sums_agree_for_all_units(world, kind):
    effects = KINDS[kind](world)
    for impact in measure_impact(effects, range(len(effects.q)), runs=MANY).values():
        if impact.reason is None:
            assert impact.top.value.iloc[-1] == 1
            assert impact.buckets.impact.sum() == pytest.approx(impact.total, rel=1e-12)
            assert (np.diff(impact.top.value.dropna()) >= 0).all()
            assert impact.buckets.images.sum() == effects.q.shape[1]


def test_ties_go_by_image(world):
    effects = Brute(world, "late", "closed")
    effects.q[1, :] = np.round(effects.q[1], 1)
    _, _, _, impact = plain_impact(world, "closed", 1, "zero")
    highest = sorted(range(len(impact)), key=lambda x: (-effects.q[1, x], x))[:24]
    got = measure_impact(effects, [1], runs=MANY)[1]
    assert got.top.value[BETAS.index(0.1)] == pytest.approx(impact[highest].sum() / impact.sum())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if LAYER_OF[kind] == "late"])
@pytest.mark.parametrize("to", ["zero", "mean"])
def test_a_unit_that_the_head_ignores_has_no_impact(world, kind, to):
    effects = KINDS[kind](world)
    last = len(effects.q) - 1
    got = measure_impact(effects, [last], to, runs=MANY)[last]
    assert (got.total, got.total_error, got.accuracy, got.loss) == (0, 0, 0, 0)
    assert got.top.value.isna().all() and got.buckets.share.isna().all()
    assert (got.buckets.impact == 0).all()
    assert got.reason.endswith(".") and "stays the same" in got.reason


def test_images_on_which_the_unit_is_off_need_no_run(world):
    effects = Brute(world, "early", "prefix")
    off = np.arange(effects.q.shape[1]) % 3 > 0
    effects.q[0, off] = 0
    got = measure_impact(effects, [0], runs=MANY)[0]
    assert effects.runs == (~off).sum() and got.images == len(off) and not got.sampled


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda e: e.right.fill(False), "right on none of the images"),
        (lambda e: e.loss.fill(0), "loss is 0 on all images"),
        (lambda e: e.loss.fill(np.inf), "not finite"),
    ],
)
def test_a_network_that_is_never_right_has_no_impacts(world, change, reason):
    effects = Brute(world, "late", "closed")
    change(effects)
    got = measure_impact(effects, [0], runs=MANY)[0]
    assert got.total is None and got.accuracy is None and reason in got.reason and got.reason[-1] == "."
    assert got.top.value.isna().all() and got.buckets.impact.isna().all()


def test_a_unit_that_is_never_above_zero_has_one_band(world):
    effects = Brute(world, "late", "closed")
    effects.q[0] = -1 - abs(effects.q[0])
    got = measure_impact(effects, [0], runs=MANY)[0]
    assert got.buckets.bucket.tolist() == [-1] and got.buckets.share.tolist() == pytest.approx([1])


def test_too_few_runs_are_said(world):
    effects = Brute(world, "late", "whole")
    got = measure_impact(effects, range(7), runs=69)
    assert got[6].total is None and "raise importance.runs" in got[6].reason
    assert effects.runs <= 69
    assert measure_impact(effects, range(7), runs=70)[6].total > 0
    with pytest.raises(ValueError, match="'zero' or its 'mean'"):
        measure_impact(effects, [0], "one", runs=100)
    assert measure_impact(effects, [], runs=100) == {}


# -- samples ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def estimates(world):
    """Exact impacts of some units, and estimates from samples of 60 of 240 images with many seeds."""
    effects = Brute(world, "late", "whole")
    exact = measure_impact(effects, range(3), runs=MANY)
    effects.runs = 0
    samples = [measure_impact(effects, range(3), runs=180, seed=seed) for seed in range(150)]
    assert effects.runs <= 150 * 180
    return exact, samples


def numbers(impact) -> tuple[np.ndarray, np.ndarray]:
    """What a sample estimates, and the standard errors that it says."""
    shown = impact.top.beta.between(0.01, 0.6).to_numpy()
    full = (impact.buckets.images >= 15).to_numpy()
    value = [[impact.total], impact.top.value[shown], impact.buckets.share[full]]
    error = [[impact.total_error], impact.top.error[shown], impact.buckets.error[full]]
    return np.concatenate(value), np.concatenate(error)


def test_samples_agree_with_the_truth_and_know_their_errors(world, estimates):
    exact, samples = estimates
    for unit, truth in exact.items():
        values, errors = zip(*(numbers(sample[unit]) for sample in samples), strict=True)
        values, errors, (expected, _) = np.array(values), np.array(errors), numbers(truth)
        spread = values.std(axis=0, ddof=1)
        bias = values.mean(axis=0) - expected
        assert (abs(bias) < 4 * spread / np.sqrt(len(samples)) + 0.1 * spread).all()
        ratio = spread / errors.mean(axis=0)
        assert (ratio > 0.02).all() and (ratio < 1.2).all()  # rather too large than too small
        impact = plain_impact(world, "whole", unit, "zero")[-1]
        of_plain_samples = len(impact) * np.sqrt((1 - 60 / len(impact)) / 60) * impact.std(ddof=1)
        assert spread[0] < 0.9 * of_plain_samples


def test_samples_say_that_they_are_and_are_fixed_by_the_seed(world, estimates):
    _, samples = estimates
    got = samples[5][1]
    assert got.sampled and got.images == 60 and 0 < got.total_error < got.total
    assert got.top.value.iloc[-1] == 1 and got.top.error.iloc[-1] == pytest.approx(0, abs=1e-12)
    assert got.buckets.impact.sum() == pytest.approx(got.total)
    again = measure_impact(Brute(world, "late", "whole"), [1], runs=60, seed=5)[1]
    assert again.total == got.total  # nor do other units matter
    assert samples[6][1].total != got.total


@pytest.mark.parametrize("kind", ["prefix", "whole"])
def test_samples_by_the_products_engines_are_the_same(world, kind):
    plain = measure_impact(Brute(world, LAYER_OF[kind], "whole"), [0, 3], runs=120, seed=2)
    got = measure_impact(KINDS[kind](world), [0, 3], runs=120, seed=2)
    for unit in plain:
        assert got[unit].sampled
        assert got[unit].total == pytest.approx(plain[unit].total, rel=1e-4)
        assert got[unit].top.value.to_numpy() == pytest.approx(
            plain[unit].top.value.to_numpy(), abs=1e-4, nan_ok=True
        )
