"""The sparse fit against coordinate descent in float64, written out plainly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lexplain_core.base.errors import UserError
from lexplain_core.base.progress import Silent
from lexplain_core.concepts import Concept, ConceptMatrix
from lexplain_core.config import Explain
from lexplain_core.explain import Problem
from lexplain_core.explain.sparse import Standardised, objective, solvers

from .helpers import plain_elastic_net, plain_objective

# Long steps, so that small problems converge in a second; the default step is for the real ones.
QUICK = {"step": 0.2, "batch": 256, "epochs": 120}


def problem(seed: int, n: int = 240, m: int = 8, k: int = 3) -> Standardised:
    rng = np.random.default_rng(seed)
    P = (rng.random((m, n)) < rng.uniform(0.2, 0.6, (m, 1))).astype(np.float32)
    truth = np.where(rng.random((k, m)) < 0.4, rng.normal(0, 2, (k, m)), 0)
    q = truth @ P + rng.normal(0, 0.5, (k, n)) + 7
    return Standardised.of(P, q.astype(np.float32), np.ones(n, bool))


def solve(name: str, data: Standardised, seed: int = 0, **options) -> np.ndarray:
    # standardised already; to standardise again changes nothing
    concepts = tuple(Concept(f"c{i}", f"c{i}", "class") for i in range(data.concepts.shape[1]))
    everything = np.ones(len(data.units), bool)
    matrix = ConceptMatrix("label", concepts, data.concepts.T, {})
    posed = Problem(data.units.T, matrix, everything, everything, seed)
    return solvers[name](posed, Explain(**QUICK | options), Silent()).numpy()


def test_standardised_uses_the_train_split_alone():
    rng = np.random.default_rng(0)
    P, q = rng.random((4, 90)).astype(np.float32), (1000 + rng.random((2, 90))).astype(np.float32)
    P[3] = 0.25  # constant
    train = np.arange(90) % 3 > 0
    data = Standardised.of(P, q, train)
    P_train, q_train = P[:, train].astype(np.float64), q[:, train].astype(np.float64)
    for got, rows in ((data.concepts, P_train[:3]), (data.units, q_train)):
        assert got.dtype == np.float32 and len(got) == 60  # images first
        expected = (rows - rows.mean(1, keepdims=True)) / rows.std(1, keepdims=True)
        np.testing.assert_allclose(got[:, : len(rows)], expected.T, atol=1e-5)
    assert (data.concepts[:, 3] == 0).all()


def test_the_objective_is_the_stated_one():
    data = problem(1)
    w = np.random.default_rng(1).normal(0, 1, (3, 8)).astype(np.float32)
    got = objective(data, w, 0.05, 0.99)
    for unit in range(3):
        expected = plain_objective(data.concepts, data.units[:, unit], w[unit], 0.05, 0.99)
        assert got[unit] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("name", list(solvers))
@pytest.mark.parametrize(
    ("seed", "l1", "alpha"), [(0, 0.05, 0.99), (1, 0.2, 0.99), (2, 0.1, 0.5), (3, 0.02, 1.0)]
)
def test_every_solver_reaches_the_optimum_of_small_problems(name, seed, l1, alpha):
    data = problem(seed)
    weights = solve(name, data, l1=l1, alpha=alpha)
    assert weights.shape == (3, 8)
    for unit in range(3):
        y = data.units[:, unit]
        best = plain_elastic_net(data.concepts, y, l1, alpha)
        optimum = plain_objective(data.concepts, y, best, l1, alpha)
        reached = plain_objective(data.concepts, y, weights[unit], l1, alpha)
        assert optimum - 1e-6 <= reached <= optimum + 2e-4
        np.testing.assert_allclose(weights[unit], best, atol=0.02)
        # Exact zeros where the optimum has them with room to spare, and nowhere that it is large.
        pull = np.abs(data.concepts.T.astype(np.float64) @ (y - data.concepts @ best)) / len(y)
        assert (weights[unit][(best == 0) & (pull < l1 - 0.01)] == 0).all()
        assert (weights[unit][np.abs(best) > 0.03] != 0).all()


@pytest.mark.parametrize("name", list(solvers))
def test_a_huge_penalty_leaves_no_weight_and_lambda_is_not_lambda_max(name):
    data = problem(4)
    largest = np.abs(data.concepts.T @ data.units / len(data.units)).max(0)  # λ_max·α of each unit
    assert (solve(name, data, l1=float(largest.max()) * 1.01) == 0).all()
    assert (solve(name, data, l1=float(largest.min()) * 0.8) != 0).any(axis=1).all()


def test_saga_gives_a_unit_the_same_whatever_the_others_are():
    """The package's stop rule mixes a mean over units with a sum: among many, all stop early."""
    rng = np.random.default_rng(5)
    n, m = 400, 6
    P = (rng.random((m, n)) < 0.4).astype(np.float32)
    strong = rng.normal(0, 1, m) @ P + 0.2 * rng.normal(0, 1, n)
    noise = rng.normal(0, 1, (24, n))
    q = np.concatenate([noise[:12], strong[None], noise[12:]]).astype(np.float32)
    everything = np.ones(n, bool)
    options = {"step": 0.02, "batch": 400, "epochs": 250}
    together = solve("glm-saga", Standardised.of(P, q, everything), **options)
    for unit in (0, 12, 24):
        alone = solve("glm-saga", Standardised.of(P, q[unit : unit + 1], everything), **options)[0]
        np.testing.assert_allclose(together[unit], alone, atol=1e-3)
    data = Standardised.of(P, q[12:13], everything)
    best = plain_elastic_net(data.concepts, data.units[:, 0], 0.05, 0.99)
    reached = objective(data, together[12:13], 0.05, 0.99)[0]
    assert reached <= plain_objective(data.concepts, data.units[:, 0], best, 0.05, 0.99) + 0.01


def test_pieces_of_units_change_nothing(monkeypatch):
    from lexplain_core.explain import sparse

    data = problem(6, k=5)
    whole = solve("glm-saga", data)
    monkeypatch.setattr(sparse, "_SAGA_PRODUCT", 2 * 256 * 8)
    np.testing.assert_allclose(solve("glm-saga", data), whole, atol=1e-5)
    monkeypatch.setattr(sparse, "_SAGA_PRODUCT", 1)
    np.testing.assert_allclose(solve("glm-saga", data), whole, atol=1e-5)


@pytest.mark.parametrize("name", list(solvers))
def test_a_seed_fixes_the_weights_whatever_torch_draws_beside(name):
    data = problem(7, n=600)
    torch.manual_seed(1)
    first, drawn = solve(name, data, seed=3, epochs=5), torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), drawn)  # nor does it draw from torch's own state
    torch.manual_seed(2)
    np.testing.assert_array_equal(first, solve(name, data, seed=3, epochs=5))
    if name == "glm-saga":
        assert not np.array_equal(first, solve(name, data, seed=4, epochs=5))


def test_saga_prints_nothing(capsys):
    solve("glm-saga", problem(8), epochs=3)
    assert capsys.readouterr().out == ""


def test_an_unknown_solver_is_said():
    with pytest.raises(UserError, match="no solver named 'glmsaga'.*Did you mean 'glm-saga'"):
        solvers["glmsaga"]
