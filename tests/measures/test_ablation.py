"""Ablation scores: the identities they must have, and a plain version on a small network."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from lexplain_core.base.sampling import draw
from lexplain_core.concepts import Concept
from lexplain_core.concepts.simulators import Unsupported
from lexplain_core.measures import Words, ablation
from lexplain_core.measures.ablation import score_ablation
from lexplain_core.measures.matching import normalise

from ..measures.brute import KINDS, LAYER_OF, Brute, make_world

MANY = 10_000_000


@dataclass
class Told:
    """A simulator whose P of each concept is given."""

    values_of: dict[str, np.ndarray]
    name: str = "told"
    asked: list = field(default_factory=list)

    def values(self, concepts):
        for concept in concepts:
            if concept.name not in self.values_of:
                raise Unsupported(f"“{concept.name}” is not known here.")
        return np.array([self.values_of[c.name] for c in concepts])


def words(name: str, weight: float = 1.0, bias: float = 0.0) -> Words:
    return Words(((weight, Concept(f"x:{name}", name, "x")),), bias)


@pytest.fixture(scope="module")
def world():
    return make_world(seed=3)


@pytest.fixture(scope="module")
def splits(world):
    draw = np.random.default_rng(0).random(len(world.labels))
    return draw < 0.3, draw > 0.6  # val, test


def noisy(effects, seed: int = 1) -> Told:
    """A simulator that sees something of each unit, on a scale and with a curve of its own."""
    rng = np.random.default_rng(seed)
    q = np.asarray(effects.q, dtype=np.float64)
    spread = q.std(axis=1, keepdims=True) + 1e-3
    z = (q - q.mean(axis=1, keepdims=True)) / spread + 0.6 * rng.normal(0, 1, q.shape)
    return Told({str(k): (1 / (1 + np.exp(-2 * row))).astype(np.float32) for k, row in enumerate(z)}, "noisy")


def plain_score(brute: Brute, unit: int, simulated, c: float, d: float, val, test):
    """Eq. 11–12, a run of the network for each image; and the standard error of the ratio."""
    images = np.flatnonzero(test)
    mean = brute.q[unit, val].astype(np.float64).mean()
    a = np.array([brute.rows([x], [unit], [c * simulated[x] + d]).loss[0] for x in images])
    b = np.array([brute.rows([x], [unit], [mean]).loss[0] for x in images])
    a, b = abs(a - brute.loss[images]), abs(b - brute.loss[images])
    score, n = 1 - a.sum() / b.sum(), len(images)
    residual = a - a.sum() / b.sum() * b
    return score, np.sqrt(n / (n - 1) * (residual**2).sum()) / b.sum()


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_the_plain_way(world, splits, kind):
    val, test = splits
    effects, brute = KINDS[kind](world), Brute(world, LAYER_OF[kind], "whole")
    simulator = noisy(effects)
    found = {unit: words(str(unit), -3.0, 0.7) for unit in (2, 0)}
    got = score_ablation(found, [simulator], effects, val, test, modes=["norm"], runs=MANY)
    assert list(got) == ["noisy"] and list(got["noisy"]) == [2, 0]
    for unit, by_mode in got["noisy"].items():
        score = by_mode["norm"]
        s = -3.0 * simulator.values_of[str(unit)].astype(np.float64) + 0.7
        q = brute.q[unit].astype(np.float64)
        rho = np.corrcoef(q[val], s[val])[0, 1]
        assert score.c == pytest.approx(rho * q[val].std() / s[val].std(), rel=1e-6)
        assert score.d == pytest.approx(q[val].mean() - score.c * s[val].mean(), rel=1e-6, abs=1e-9)
        value, error = plain_score(brute, unit, s, score.c, score.d, val, test)
        assert score.n == test.sum() and score.reason is None and not score.sampled
        assert score.value == pytest.approx(value, abs=1e-4) and 0.02 < value < 0.99
        assert score.low == pytest.approx(value - 1.959964 * error, abs=1e-4)
        assert score.high == pytest.approx(value + 1.959964 * error, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_simulating_with_the_true_activations_scores_1(world, splits, kind):
    effects = KINDS[kind](world)
    truth = Told({str(k): np.asarray(row) for k, row in enumerate(effects.q)})
    found = {unit: words(str(unit), 5.0, -2.0) for unit in range(5)}
    modes = ["norm", "optim"] if effects.intervention == "closed" else ["norm"]
    got = score_ablation(found, [truth], effects, *splits, modes=modes, runs=MANY)["told"]
    for by_mode in got.values():
        for score in by_mode.values():
            assert score.value == pytest.approx(1, abs=1e-4) and score.value <= 1
            assert score.c == pytest.approx(0.2, abs=1e-5) and score.d == pytest.approx(0.4, abs=1e-5)
            assert score.high - score.low < 1e-4
    plain = score_ablation({0: words("0")}, [truth], effects, *splits, runs=MANY)["told"][0]["norm"]
    assert (plain.c, plain.d) == pytest.approx((1, 0), abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_simulating_with_the_mean_scores_0(world, splits, kind):
    """A simulation without any correlation on val says no more than the mean."""
    effects, (val, test) = KINDS[kind](world), splits
    q = np.asarray(effects.q, dtype=np.float64)
    values = {}
    for unit in range(3):
        s, at = np.random.default_rng(unit).normal(0, 1, q.shape[1]), q[unit, val] - q[unit, val].mean()
        s[val] -= s[val].mean()
        s[val] -= at * (at @ s[val]) / (at @ at)
        values[str(unit)] = s
    found = {unit: words(str(unit)) for unit in range(3)}
    for by_mode in score_ablation(found, [Told(values)], effects, val, test, runs=MANY)["told"].values():
        score = by_mode["norm"]
        assert score.c == pytest.approx(0, abs=1e-12) and score.value == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if LAYER_OF[kind] == "late"])
def test_a_unit_that_the_head_ignores_has_no_score(world, splits, kind):
    effects = KINDS[kind](world)
    last = len(effects.q) - 1
    modes = ["norm", "optim"] if effects.intervention == "closed" else ["norm"]
    got = score_ablation({last: words("0")}, [noisy(effects)], effects, *splits, modes=modes, runs=MANY)
    for mode in modes:
        score = got["noisy"][last][mode]
        assert (score.value, score.low, score.high) == (None, None, None)
        assert "stays the same" in score.reason and score.reason[-1] == "."


def val_error(brute: Brute, unit: int, simulated, c: float, d: float, val) -> float:
    images = np.flatnonzero(val)
    values = c * simulated[images] + d
    loss = brute.rows(images, np.full(len(images), unit), values).loss
    return abs(loss - brute.loss[images]).sum()


@pytest.mark.parametrize(("kind", "seed"), [("brute-closed", 0), ("closed", 0), ("closed", 1)])
def test_on_val_optim_is_at_least_as_good_as_norm_the_mean_and_the_published_start(world, splits, kind, seed):
    val, test = splits
    effects, brute = KINDS[kind](world), Brute(world, "late", "whole")
    simulators = [noisy(effects, seed), noisy(effects, 10 + seed)]
    simulators[1].name = "other"
    found = {unit: words(str(unit)) for unit in range(6 if kind == "closed" else 2)}
    got = score_ablation(found, simulators, effects, val, test, modes=["norm", "optim"], runs=MANY)
    gained = 0
    for simulator in simulators:
        for unit in found:
            s = simulator.values_of[str(unit)].astype(np.float64)
            norm, optim = got[simulator.name][unit]["norm"], got[simulator.name][unit]["optim"]
            reached = val_error(brute, unit, s, optim.c, optim.d, val)
            mean = brute.q[unit, val].astype(np.float64).mean()
            for c, d in ((norm.c, norm.d), (0, mean), (1, 0)):
                assert reached <= val_error(brute, unit, s, c, d, val) * (1 + 1e-4)
            gained += reached < 0.999 * val_error(brute, unit, s, norm.c, norm.d, val)
    assert gained >= len(found)


def plain_optim(brute: Brute, unit: int, simulated, val, steps=300):
    """Adam on c and d of the exact loss, long and from several starts; the best it ever saw."""
    images = np.flatnonzero(val)
    curves = brute.curves(np.array([unit]), images, None, None)
    s = torch.from_numpy(simulated[images])
    norm = normalise(brute.q[[unit]][:, images].astype(np.float64), simulated[None, images])
    spread, mean = float(s.std()), float(s.mean())
    best = np.inf, None
    for start in ((norm.c[0], norm.d[0]), (0.0, brute.q[unit, images].mean())):
        at = torch.tensor([start[0] * spread, start[0] * mean + start[1]], dtype=torch.float64)
        at.requires_grad_()
        adam = torch.optim.Adam([at], lr=0.02)
        fall = torch.optim.lr_scheduler.LinearLR(adam, 1.0, 0.0, steps)
        for _ in range(steps):
            error = (curves.loss((at[0] * (s - mean) / spread + at[1])[None]) - curves.base).abs().sum()
            if error.item() < best[0]:
                c = at[0].item() / spread
                best = error.item(), (c, at[1].item() - c * mean)
            adam.zero_grad()
            error.backward()
            adam.step()
            fall.step()
    return best


@pytest.mark.parametrize("unit", [0, 4])
def test_optim_is_as_good_as_a_long_plain_descent(world, splits, unit):
    val, test = splits
    effects, brute = KINDS["closed"](world), Brute(world, "late", "whole")
    simulator = noisy(effects)
    got = score_ablation({unit: words(str(unit))}, [simulator], effects, val, test, modes=["optim"], runs=1)
    optim = got["noisy"][unit]["optim"]
    s = simulator.values_of[str(unit)].astype(np.float64)
    error, (c, d) = plain_optim(brute, unit, s, val)
    mean = val_error(brute, unit, s, 0, brute.q[unit, val].astype(np.float64).mean(), val)
    assert val_error(brute, unit, s, optim.c, optim.d, val) / mean <= error / mean + 0.01
    value, _ = plain_score(brute, unit, s, c, d, val, test)
    assert optim.value == pytest.approx(value, abs=0.03)  # on other images than those of the descent


@pytest.mark.parametrize("kind", ["brute-whole", "prefix"])
def test_optim_by_runs_of_the_network_is_about_as_good(world, splits, kind):
    val, test = splits
    effects, brute = KINDS[kind](world), Brute(world, "early", "whole")
    simulator, found = noisy(effects), {unit: words(str(unit)) for unit in (0, 1)}
    got = score_ablation(found, [simulator], effects, val, test, modes=["norm", "optim"], runs=MANY)
    for unit, scores in got["noisy"].items():
        s = simulator.values_of[str(unit)].astype(np.float64)
        norm = val_error(brute, unit, s, scores["norm"].c, scores["norm"].d, val)
        assert val_error(brute, unit, s, scores["optim"].c, scores["optim"].d, val) <= 1.01 * norm


def test_reasons(world, splits, monkeypatch):
    val, test = splits
    effects = KINDS["closed"](world)
    n = effects.q.shape[1]
    rng = np.random.default_rng(0)
    values = {"a": rng.random(n), "flat": np.where(val, 0.5, rng.random(n)), "wild": np.full(n, np.nan)}
    found = {
        0: words("a"),
        1: words("flat"),
        2: words("wild"),
        3: words("unheard"),
        4: Words(()),
        5: words("a"),
    }
    effects.q[5, val] = 0.25
    for at_once in (ablation._AT_ONCE, 1):
        monkeypatch.setattr(ablation, "_AT_ONCE", at_once)
        monkeypatch.setattr(ablation, "_FITTED_AT_ONCE", at_once)
        got = score_ablation(found, [Told(values)], effects, val, test, modes=["norm", "optim"], runs=MANY)
        for mode in ("norm", "optim"):
            scores = {unit: by_mode[mode] for unit, by_mode in got["told"].items()}
            assert list(scores) == list(found) and scores[0].value is not None
            for unit, part in {
                1: "same activation for all images of the validation",
                2: "not finite",
                3: "“unheard” is not known here",
                4: "no concepts",
                5: "unit has the same activation",
            }.items():
                assert part in scores[unit].reason and scores[unit].reason.endswith(".")
                assert scores[unit].value is None and scores[unit].n == test.sum()


def test_too_few_images_are_said(world, splits):
    val, test = splits
    effects = KINDS["closed"](world)
    few = np.zeros(len(val), dtype=bool)
    few[np.flatnonzero(test)[:3]] = True
    found, simulator = {0: words("0")}, noisy(effects)
    score = score_ablation(found, [simulator], effects, val, few, runs=MANY)["noisy"][0]["norm"]
    assert score.value is None and score.n == 3 and score.reason.startswith("Only 3 images")
    score = score_ablation(found, [simulator], effects, few, test, runs=MANY)["noisy"][0]["norm"]
    assert score.value is None and score.reason.startswith("Only 3 validation images")
    assert score_ablation({}, [simulator], effects, val, test, runs=MANY) == {"noisy": {}}


@pytest.mark.parametrize("modes", [["norm"], ["norm", "optim"]])
def test_samples_of_test_images_keep_to_the_runs(world, splits, modes):
    val, test = splits
    effects = Brute(world, "early", "whole")
    simulators = [noisy(effects), Told({"0": noisy(effects, 2).values_of["0"]})]
    found = {unit: words(str(unit)) for unit in range(3)}
    got = score_ablation(found, simulators, effects, val, test, modes=modes, runs=600)
    assert 450 < effects.runs <= 600
    jobs = 4 * len(modes)  # the second simulator knows one of the units
    most = 600 // (3 + jobs) if modes == ["norm"] else 300 // (3 + jobs)
    for mode in modes:
        score = got["noisy"][0][mode]
        assert score.sampled and score.n == most < test.sum() and score.low < score.value < score.high
        assert got["told"][1][mode].value is None and "not known" in got["told"][1][mode].reason
    again = score_ablation(found, simulators, effects, val, test, modes=modes, runs=600)
    assert again["noisy"][2]["norm"] == got["noisy"][2]["norm"]
    few = score_ablation(found, simulators, effects, val, test, modes=modes, runs=25)["noisy"][0]
    assert all(s.value is None and "raise ablation.runs." in s.reason for s in few.values())


def test_the_interval_is_right_about_how_much_samples_differ(world, splits):
    """95 of 100 intervals from samples of images hold the score over very many."""
    val, test = splits
    rng = np.random.default_rng(0)
    a, b = rng.gamma(0.5, 1, 100_000), None
    b = a * rng.random(len(a)) + 0.5 * rng.gamma(0.5, 1, len(a))
    truth, held = 1 - a.sum() / b.sum(), 0
    job = ablation._Job(0, 0, "norm", 1.0, 0.0)
    for _ in range(1_000):
        some = rng.choice(len(a), 400)
        whole = draw(some, np.ones(400), [], 400, rng)
        score = ablation._ratio(a[some], b[some], job, whole)
        held += score.low <= truth <= score.high
    assert 925 <= held <= 970


def test_the_interval_of_a_sample_is_wider_and_as_right(world, splits):
    """Of a split of 2,000 images 200 are run, more of the unsure ones; the score over very many is held."""
    rng = np.random.default_rng(1)
    unsure = rng.beta(0.5, 3, 100_000)
    b = unsure * rng.gamma(1, 1, len(unsure))
    a = b * rng.random(len(b)) + 0.3 * unsure * rng.gamma(1, 1, len(b))
    truth, held, widths = 1 - a.sum() / b.sum(), 0, []
    job = ablation._Job(0, 0, "norm", 1.0, 0.0)
    for _ in range(600):
        split = rng.choice(len(a), 2_000)
        some = split[(sample := draw(np.arange(2_000), np.sqrt(unsure[split]), [], 200, rng)).chosen]
        score = ablation._ratio(a[some], b[some], job, sample)
        whole = ablation._ratio(a[split], b[split], job, draw(split, np.ones(2_000), [], 2_000, rng))
        held += score.low <= truth <= score.high
        widths.append((score.high - score.low) / (whole.high - whole.low))
        assert score.sampled and not whole.sampled
    assert 550 <= held <= 600 and np.median(widths) > 1.2
