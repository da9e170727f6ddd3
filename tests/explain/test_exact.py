"""The exact solver against coordinate descent and optimality conditions that see the images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lexplain_core.base.progress import Silent
from lexplain_core.concepts import Concept, ConceptMatrix
from lexplain_core.config import Explain
from lexplain_core.explain import Problem, exact, methods
from lexplain_core.explain.exact import kkt_violation, solve
from lexplain_core.explain.greedy import greedy
from lexplain_core.explain.moments import Basis, Targets
from lexplain_core.explain.sparse import Standardised, objective, solvers

from .helpers import (
    awkward_problem,
    plain_elastic_net,
    plain_objective,
    plain_standardise,
    plain_violation,
    splits,
)

SOLVED = 1e-7  # violation


def moments(P, q, train, val, dtype=None, device="cpu"):
    basis = Basis.of(P, train, val, device, dtype)
    return basis, Targets.of(basis, P, q, train, val)


def solved(P, q, train, val, l1=0.05, alpha=0.99, **options):
    return solve(*moments(P, q, train, val, **options), l1, alpha)


def images(P, q, train):
    return plain_standardise(P, train), plain_standardise(q, train)


def soft_problem(seed: int, n: int, m: int, k: int, rank: int = 40):
    """Values as an encoder gives them: a few directions explain most of all concepts."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(0, 1, (rank, n))
    P = 1 / (1 + np.exp(1 - 2 * rng.normal(0, 1, (m, rank)) @ hidden / np.sqrt(rank)))
    q = rng.normal(0, 1, (k, rank)) @ hidden + 0.5 * rng.normal(0, 1, (k, n))
    return P.astype(np.float32), q.astype(np.float32), *splits(n, rng)


# N, M, K; N may be smaller than M, and the sixth has fewer than 10 concepts
SIZES = [(120, 14, 3), (40, 60, 2), (25, 30, 1), (200, 20, 4), (60, 1, 3), (80, 7, 2)]


@pytest.mark.parametrize("alpha", [0.99, 1.0, 0.3])
@pytest.mark.parametrize("l1", [0.2, 0.05, 0.01])
def test_it_is_at_the_optimum_that_coordinate_descent_finds(l1, alpha):
    compared = 0
    for seed, (n, m, k) in enumerate(SIZES):
        P, q, train, val = awkward_problem(seed, n, m, k)
        weights, reported = solved(P, q, train, val, l1, alpha)
        weights = weights.numpy()
        assert weights.shape == (k, m) and np.isfinite(weights).all()
        X, Y = images(P, q, train)
        for unit, (w, y) in enumerate(zip(weights, Y.T, strict=True)):
            where = (seed, unit)
            assert plain_violation(X, y, w, l1, alpha) <= SOLVED, where
            assert reported[unit] == pytest.approx(plain_violation(X, y, w, l1, alpha), abs=1e-12), where
            assert (w[np.ptp(P[:, train], axis=1) == 0] == 0).all(), where
            best = plain_elastic_net(X, y, l1, alpha, sweeps=2000)
            reached = plain_objective(X, y, w, l1, alpha)
            assert reached <= plain_objective(X, y, best, l1, alpha) + 1e-9, where
            if plain_violation(X, y, best, l1, alpha) < 1e-9:  # else it was still crawling
                compared += 1
                assert reached == pytest.approx(plain_objective(X, y, best, l1, alpha), abs=1e-9), where
                if alpha < 1:  # else duplicates may share a weight as they like
                    np.testing.assert_allclose(w, best, atol=1e-5, err_msg=str(where))
                np.testing.assert_allclose(X @ w, X @ best, atol=1e-4, err_msg=str(where))
    assert compared >= 10


@pytest.mark.parametrize("seed", range(3))
def test_duplicates_share_a_weight(seed):
    """The ridge makes it so: the sum of squares is least where they are equal."""
    P, q, train, val = awkward_problem(seed, 300, 14, 3)
    q[2] += 3 * P[0]
    weights, _ = solved(P, q, train, val)
    assert weights[2, 0] > 0.05
    np.testing.assert_allclose(weights[:, 0], weights[:, 1], atol=1e-5)


def test_constant_units_and_concepts_have_no_weight():
    P, q, train, val = awkward_problem(0, 90, 12, 2)
    weights, reported = solved(P, q, train, val)
    assert (weights[1] == 0).all() and reported[1] == 0
    q[0, val] = 9.0  # constant on val alone is nothing to the fit
    assert torch.equal(solved(P, q, train, val)[0], weights)
    weights, reported = solved(np.full_like(P, 0.4), q, train, val)
    assert (weights == 0).all() and (reported == 0).all()


@pytest.mark.parametrize("l1", [1.0, 50.0])
def test_a_huge_penalty_leaves_no_weight(l1):
    P, q, train, val = awkward_problem(1, 100, 30, 3)
    weights, reported = solved(P, q, train, val, l1)
    assert (weights == 0).all() and (reported == 0).all()


@pytest.mark.parametrize("l1", [1e-4, 1e-6])
def test_a_tiny_penalty_gives_least_squares(l1):
    rng = np.random.default_rng(0)
    P, (train, val) = rng.random((6, 300)).astype(np.float32), splits(300, rng)
    q = (rng.normal(0, 1, (2, 6)) @ P + 0.1 * rng.normal(0, 1, (2, 300))).astype(np.float32)
    X, Y = images(P, q, train)
    weights, reported = solved(P, q, train, val, l1)
    assert reported.max() <= SOLVED
    np.testing.assert_allclose(weights, np.linalg.lstsq(X, Y, rcond=None)[0].T, atol=20 * l1 + 1e-6)


@pytest.mark.parametrize("l1", [1e-3, 1e-6])
@pytest.mark.parametrize("seed", range(3))
def test_with_a_tiny_penalty_on_collinear_concepts_the_violation_says_how_far_it_is(seed, l1):
    """More concepts than images and next to no penalty: that may be out of reach, but is not hidden."""
    P, q, train, val = awkward_problem(seed, 60, 75, 2)
    weights, reported = solved(P, q, train, val, l1, 1.0)
    X, Y = images(P, q, train)
    for unit in range(2):
        w, y = weights[unit].numpy(), Y[:, unit]
        assert reported[unit] == pytest.approx(plain_violation(X, y, w, l1, 1.0), abs=1e-11)
        # convexity: no optimum is lower by more than violation × distance
        best = plain_elastic_net(X, y, l1, 1.0, sweeps=60)
        gap = plain_objective(X, y, w, l1, 1.0) - plain_objective(X, y, best, l1, 1.0)
        assert gap <= float(reported[unit]) * np.abs(w - best).sum() + 1e-9


@pytest.mark.parametrize("alpha", [0.99, 1.0])
def test_supports_larger_than_the_first_working_set(alpha):
    P, q, train, val = soft_problem(0, 900, 260, 3, rank=200)
    l1 = 0.004
    weights, reported = solved(P, q, train, val, l1, alpha)
    assert ((weights != 0).sum(1) > exact._FIRST).all() and (weights == 0).any()
    X, Y = images(P, q, train)
    for w, y, missed in zip(weights.numpy(), Y.T, reported.tolist(), strict=True):
        assert plain_violation(X, y, w, l1, alpha) <= SOLVED
        assert missed == pytest.approx(plain_violation(X, y, w, l1, alpha), abs=1e-11)


def test_what_is_outside_the_first_working_set_is_found(monkeypatch):
    """A concept that correlates with the unit only once others are in (they cloud it)."""
    rng = np.random.default_rng(1)
    n = 2000
    P = rng.random((150, n)).astype(np.float32)
    q = P[:1] - 0.5 * P[140:141]
    P[1:140] = P[:1] + 0.8 * P[1:140]  # all of them go with the unit more than 140 does
    train, val = splits(n, rng)
    P[140] += P[0] * 0.45
    monkeypatch.setattr(exact, "_FIRST", 4)
    weights, reported = solved(P, q.astype(np.float32), train, val, 0.02)
    assert weights[0, 140] < -0.05 and reported.max() <= SOLVED
    order = moments(P, q.astype(np.float32), train, val)[1].cross[0].abs().argsort(descending=True)
    assert (order == 140).nonzero().item() > 4  # not in the set at first


def test_the_reported_violation_is_that_of_any_weights():
    rng = np.random.default_rng(2)
    for seed, share in enumerate((0.0, 0.05, 0.5, 1.0)):  # through sparse and dense products
        P, q, train, val = awkward_problem(seed, 100, 40, 3)
        weights = rng.normal(0, 1, (3, 40)) * (rng.random((3, 40)) < share)
        weights[:, np.ptp(P[:, train], axis=1) == 0] = 0
        basis, targets = moments(P, q, train, val)
        got = kkt_violation(basis, targets, torch.from_numpy(weights), 0.05, 0.05 * 0.3 / 0.7)
        X, Y = images(P, q, train)
        expected = [plain_violation(X, y, w, 0.05, 0.7) for w, y in zip(weights, Y.T, strict=True)]
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_sparse_and_dense_products_give_the_same_gradient(dtype):
    P, q, train, val = soft_problem(3, 200, 80, 5)
    basis, targets = moments(P, q, train, val, dtype)
    weights = torch.zeros(5, 80, dtype=torch.float64)
    weights[:, ::20] = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)).double()
    dense = (weights.to(dtype) @ basis.gram).double() - targets.cross + 0.1 * weights
    got = exact._gradient(basis, targets.cross, weights, 0.1)  # 4 of 80: the sparse one
    assert got.dtype == torch.float64
    np.testing.assert_allclose(got, dense, atol=1e-13 if dtype == torch.float64 else 1e-6)


@pytest.mark.parametrize("floats", [1, 5_000, 40_000])
def test_units_in_pieces_change_nothing(monkeypatch, floats):
    P, q, train, val = awkward_problem(3, 400, 150, 9)
    moment = moments(P, q, train, val)
    whole, whole_missed = solve(*moment, 0.01, 0.99)
    monkeypatch.setattr(exact, "_FLOATS", floats)
    advanced = []
    weights, missed = solve(*moment, 0.01, 0.99, advanced.append)
    assert sum(advanced) == 9 and (floats > 5_000 or len(advanced) == 9)
    np.testing.assert_allclose(weights, whole, atol=1e-6)
    assert max(missed.max(), whole_missed.max()) <= SOLVED
    np.testing.assert_array_equal(weights != 0, whole != 0)


def test_a_unit_gets_the_same_whatever_the_others_are():
    P, q, train, val = awkward_problem(5, 300, 120, 6)
    together, _ = solved(P, q, train, val, 0.01)
    for unit in range(6):
        alone, _ = solved(P, q[unit : unit + 1], train, val, 0.01)
        np.testing.assert_allclose(alone[0], together[unit], atol=1e-6)
        np.testing.assert_array_equal(alone[0] != 0, together[unit] != 0)


def test_no_units_are_no_problem():
    P, q, train, val = awkward_problem(0, 60, 12, 1)
    weights, reported = solved(P, q[:0], train, val)
    assert weights.shape == (0, 12) and reported.shape == (0,)


@pytest.mark.parametrize("seed", range(3))
def test_single_precision_is_as_good_as_its_rounding(seed):
    P, q, train, val = soft_problem(seed, 600, 200, 4)
    P[1], P[2] = P[0], 0.25
    double, _ = solved(P, q, train, val)
    single, reported = solved(P, q, train, val, dtype=torch.float32)
    assert single.dtype == reported.dtype == torch.float64
    assert reported.max() <= exact._SINGLE
    X, Y = images(P, q, train)
    for a, b, y in zip(double.numpy(), single.numpy(), Y.T, strict=True):
        assert plain_violation(X, y, b, 0.05, 0.99) <= 2 * exact._SINGLE
        np.testing.assert_allclose(
            plain_objective(X, y, b, 0.05, 0.99), plain_objective(X, y, a, 0.05, 0.99), atol=1e-6
        )
        np.testing.assert_allclose(b, a, atol=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_saga_is_never_lower_and_explains_alike_where_it_converged(seed):
    P, q, train, val = awkward_problem(seed, 500, 14, 3)
    concepts = tuple(Concept(f"c{i}", f"c{i}", "class") for i in range(len(P)))
    problem = Problem(q, ConceptMatrix("label", concepts, P, {}), train, val, seed)
    data = Standardised.of(P, q, train)
    for epochs in (2, 150):
        options = Explain(step=0.05, batch=256, epochs=epochs)
        slow = solvers["glm-saga"](problem, options, Silent()).numpy()
        fast = solvers["exact"](problem, options, Silent()).numpy()
        assert (objective(data, slow, 0.05, 0.99) >= objective(data, fast, 0.05, 0.99) - 1e-7).all()
    published = methods["le-label"].explain(
        problem, Explain(step=0.05, batch=256, epochs=150, solver="glm-saga"), Silent()
    )
    exactly = methods["le-label"].explain(problem, Explain(), Silent())
    compared = 0
    for unit, (a, b) in enumerate(zip(published, exactly, strict=True)):
        assert b.kkt_violation <= SOLVED and b.kkt_violation <= a.kkt_violation + 1e-9
        if np.abs(slow[unit] - fast[unit]).max() < 1e-2 and a.concepts:
            compared += 1
            np.testing.assert_array_equal(P[list(a.concepts)], P[list(b.concepts)])
            assert a.val_correlation == pytest.approx(b.val_correlation, abs=1e-9)
    assert compared >= 1


def test_it_runs_on_a_gpu_and_finds_the_same():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    P, q, train, val = awkward_problem(4, 400, 150, 6)
    here, there = moments(P, q, train, val), moments(P, q, train, val, device="cuda")
    weights, _ = solve(*here, 0.01, 0.99)
    on_gpu, reported = solve(*there, 0.01, 0.99)
    assert on_gpu.device.type == "cuda" and reported.max() <= SOLVED
    np.testing.assert_allclose(on_gpu.cpu(), weights, atol=1e-6)
    for a, b in zip(greedy(*here, weights), greedy(*there, on_gpu), strict=True):
        np.testing.assert_array_equal(P[list(a.concepts)], P[list(b.concepts)])
        if a.concepts:
            assert a.val_correlation == pytest.approx(b.val_correlation, abs=1e-9)
