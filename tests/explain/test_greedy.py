"""The greedy search on moments, against the plain one that fits and correlates every candidate."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lexplain_core.explain.greedy import NO_CANDIDATE, greedy, ranking
from lexplain_core.explain.moments import Basis, Targets

from .helpers import fit, plain_greedy, plain_ranking, splits


def random_problem(seed: int):
    """P (M, N), q (N,) of many sizes and kinds; about a third with awkward concepts."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(40, 300)), int(rng.integers(1, 40))
    share = rng.uniform(0.05, 0.6, (m, 1))
    P = (rng.random((m, n)) < share).astype(np.float32)
    if seed % 3 == 1:  # soft values, as an encoder's
        P = np.clip(0.7 * P + 0.3 * rng.random((m, n)), 0, 1).astype(np.float32)
    truth = np.where(rng.random(m) < 0.2, rng.normal(0, 1, m), 0)
    q = truth @ P + rng.choice([0.05, 0.5, 2]) * rng.normal(0, 1, n) + rng.choice([0, -5, 100])
    if seed % 3 == 2 and m >= 6:
        P[1] = P[0]  # duplicates
        P[2] = 1.0  # constants
        P[3] = 0.0
        P[4] = np.maximum(P[0], P[5])  # a superclass
        if m >= 9:
            P[6] = ((P[7] + P[8]) > 0) * 1  # and one that is the exact sum of its classes
            P[8] *= 1 - P[7]
            P[6] = P[7] + P[8]
    scale = rng.choice([1, 1e-3, 1e3])
    return P, (q * scale).astype(np.float32), *splits(n, rng), rng


def run(P, q, train, val, order, dtype=None, **options):
    """The search in the given order of concepts, which ranks them by weights that fall along it."""
    q = np.atleast_2d(q)
    basis = Basis.of(P, train, val, dtype=dtype)
    targets = Targets.of(basis, P, q, train, val)
    weights = torch.zeros(len(q), len(P), dtype=torch.float64)
    weights[:, torch.tensor(list(order))] = torch.linspace(1, 0.5, len(P), dtype=torch.float64)
    return greedy(basis, targets, weights, **options)


@pytest.mark.parametrize("block", range(6))
def test_greedy_is_algorithm_1(block):
    compared, lengths = 0, []
    for seed in range(block * 60, block * 60 + 60):
        P, q, train, val, rng = random_problem(seed)
        order = rng.permutation(len(P))
        options = {
            "candidates": int(rng.choice([1, 3, 10])),
            "epsilon": float(rng.choice([0.001, 0.02, 0.1])),
            "max_terms": int(rng.choice([1, 2, 10])),
        }
        plain = plain_greedy(order, P, q, train, val, **options)
        (found,) = run(P, q, train, val, order, **options)
        if plain.margin < 1e-7:  # a decision within rounding; either answer is right
            continue
        compared += 1
        lengths.append(len(plain.concepts))
        if not plain.concepts:
            assert found.concepts == () and found.bias is None and found.reason == NO_CANDIDATE, seed
            continue
        assert found.reason is None and len(found.concepts) == len(plain.concepts), seed
        # Equal columns are interchangeable; otherwise the very concepts, in the order of selection.
        np.testing.assert_array_equal(P[list(found.concepts)], P[plain.concepts], err_msg=str(seed))
        assert found.val_correlation == pytest.approx(plain.correlation, abs=1e-6)
        P64 = P.astype(np.float64)
        simulated = np.array(found.weights) @ P64[list(found.concepts)] + found.bias
        expected = np.array(plain.weights) @ P64[plain.concepts] + plain.bias
        # On the images that determine the fit (a concept may be constant on one of the splits).
        size = float(np.ptp(q))
        np.testing.assert_allclose(simulated[train], expected[train], atol=1e-6 * size, err_msg=str(seed))
        X = P64[plain.concepts][:, train]
        if np.linalg.matrix_rank(X - X.mean(1, keepdims=True)) == len(X):
            np.testing.assert_allclose(found.weights, plain.weights, rtol=1e-5, atol=1e-6 * size)
            assert found.bias == pytest.approx(plain.bias, rel=1e-5, abs=1e-6 * size)
    assert compared >= 50 and min(lengths) == 0 and max(lengths) >= 4  # the comparison had bite


def test_the_concepts_returned_are_those_selected_not_those_tested_last():
    # Three orthogonal concepts make the unit up; a fourth is tested after each and never helps.
    bits = np.array(np.meshgrid(*[[0, 1]] * 4)).reshape(4, -1)
    P = np.tile(bits, 10).astype(np.float32)
    q = 3 * P[0] + 2 * P[1] + 1 * P[2]
    train = np.arange(160) < 96
    val = ~train
    (found,) = run(P, q, train, val, [0, 1, 2, 3], max_terms=2)  # length is max_terms
    assert found.concepts == (0, 1)
    np.testing.assert_allclose(found.weights, [3, 2], atol=1e-9)
    assert found.bias == pytest.approx(0.5)
    (found,) = run(P, q, train, val, [3, 2, 1, 0])  # no candidate is left after the third
    assert found.concepts == (0, 1, 2)
    np.testing.assert_allclose(found.weights, [3, 2, 1], atol=1e-9)
    assert found.bias == pytest.approx(0, abs=1e-9) and found.val_correlation == pytest.approx(1)


def test_a_rejected_concept_never_comes_back():
    # Concept 1 is what clouds concept 2: useless beside 0 alone, and a great help once 2 is in.
    rng = np.random.default_rng(0)
    n = 4000
    a, x, y = rng.integers(0, 2, n), rng.random(n) / 2, rng.random(n) / 2
    P = np.stack([a, y, x + y]).astype(np.float32)
    q = (a + 2 * x).astype(np.float32)
    train, val = np.arange(n) < 2000, np.arange(n) >= 2000

    def reach(concepts):
        w = fit(P[:, train].astype(float), q[train].astype(float), concepts)
        return np.corrcoef(w[:-1] @ P[concepts][:, val] + w[-1], q[val])[0, 1]

    assert reach([0, 1]) - reach([0]) < 0.02 < reach([0, 2, 1]) - reach([0, 2])
    (found,) = run(P, q, train, val, [0, 1, 2])
    assert found.concepts == (0, 2)
    assert found.val_correlation == pytest.approx(reach([0, 2]))


def test_epsilon_does_not_apply_in_the_first_round():
    rng = np.random.default_rng(1)
    n = 20_000
    P = rng.integers(0, 2, (1, n)).astype(np.float32)
    q = (0.012 * P[0] + rng.normal(0, 1, n)).astype(np.float32)
    train, val = np.arange(n) < 10_000, np.arange(n) >= 10_000
    (found,) = run(P, q, train, val, [0], epsilon=0.5)
    assert found.concepts == (0,) and 0 < found.val_correlation < 0.02


def test_only_the_highest_ranked_are_tried():
    rng = np.random.default_rng(2)
    P = rng.integers(0, 2, (12, 400)).astype(np.float32)
    q = P[11] + 0.001 * rng.normal(0, 1, 400).astype(np.float32)
    train, val = np.arange(400) < 300, np.arange(400) >= 300
    (found,) = run(P, q, train, val, range(12), candidates=11, max_terms=1)
    assert 11 not in found.concepts  # it is the twelfth
    (found,) = run(P, q, train, val, range(12), candidates=12, max_terms=1)
    assert found.concepts == (11,)
    (found,) = run(P, q, train, val, range(12), candidates=11)
    assert found.concepts[1] == 11  # one was chosen, and it moves up


def test_a_unit_that_no_concept_follows_has_the_reason():
    rng = np.random.default_rng(3)
    P = rng.integers(0, 2, (8, 200)).astype(np.float32)
    train, val = np.arange(200) < 100, np.arange(200) >= 100
    q = np.where(train, P.sum(0), -P.sum(0)).astype(np.float32)  # what trains turns round on validation
    (found,) = run(P, q, train, val, range(8))
    assert (found.concepts, found.weights, found.bias, found.val_correlation) == ((), (), None, None)
    assert found.reason == NO_CANDIDATE


@pytest.mark.parametrize("constant", ["val", "everywhere"])
def test_a_unit_constant_on_validation_has_no_explanation(constant):
    rng = np.random.default_rng(4)
    P = rng.integers(0, 2, (4, 200)).astype(np.float32)
    train, val = np.arange(200) < 150, np.arange(200) >= 150
    q = P[0].copy()
    q[val if constant == "val" else slice(None)] = 0.3
    with np.errstate(all="raise"):
        (found,) = run(P, q, train, val, range(4))
    assert found.reason == NO_CANDIDATE


def test_several_units_are_what_each_is_alone():
    rng = np.random.default_rng(5)
    P = rng.integers(0, 2, (15, 300)).astype(np.float32)
    q = (rng.normal(0, 1, (6, 15)) @ P + rng.normal(0, 0.3, (6, 300))).astype(np.float32)
    train, val = splits(300, rng)
    together = run(P, q, train, val, range(15))
    for unit in range(6):
        (alone,) = run(P, q[unit], train, val, range(15))
        assert alone.concepts == together[unit].concepts
        np.testing.assert_allclose(alone.weights, together[unit].weights, rtol=1e-9)


def test_ranking_is_by_signed_weight_then_train_correlation_then_id():
    rng = np.random.default_rng(6)
    for seed in range(100):
        rng = np.random.default_rng(seed)
        m, n = int(rng.integers(1, 30)), 60
        P = rng.integers(0, 2, (m, n)).astype(np.float32)
        if m > 4:
            P[3] = P[1]
            P[4] = 1
        q = rng.normal(0, 1, (2, n)).astype(np.float32)
        weights = (rng.normal(0, 1, m) * (rng.random(m) < 0.4)).astype(np.float32)
        weights[rng.random(m) < 0.2] = -0.0
        got = rank(np.stack([weights, weights]), P, q)[1]
        expected = plain_ranking(weights, P, q[1])
        # Equal columns have the same correlation up to rounding, which may swap them.
        assert weights[got].tolist() == weights[expected].tolist()
        np.testing.assert_array_equal(P[got], P[expected])
    P = np.array([[0, 1, 0, 1], [0, 0, 1, 1], [1, 0, 1, 0]], dtype=np.float32)
    q = np.array([[0, 1, 0, 1.5]], dtype=np.float32)
    assert rank(np.zeros((1, 3)), P, q)[0].tolist() == [0, 2, 1]  # equal |r|: by id
    assert rank(np.array([[-0.1, 0, 0]]), P, q)[0].tolist() == [2, 1, 0]  # a negative one comes last
    assert rank(np.array([[0, 0.1, -0.1]]), P, q)[0].tolist() == [1, 0, 2]
    assert rank(np.array([[0, 0.1, -0.2]]), P, q, signed=True)[0].tolist() == [2, 1, 0]


def rank(weights, P, q, signed=False, count=None):
    everything = np.ones(P.shape[1], bool)
    basis = Basis.of(P, everything, everything)
    targets = Targets.of(basis, P, q, everything, everything)
    return ranking(basis, targets, torch.from_numpy(weights).double(), signed, count or len(P)).numpy()


def test_the_first_ranks_are_those_of_the_whole_ranking():
    rng = np.random.default_rng(0)
    P, q = rng.integers(0, 2, (200, 60)).astype(np.float32), rng.normal(0, 1, (8, 60)).astype(np.float32)
    P[150:160] = P[3]  # ties by correlation
    weights = rng.normal(0, 1, (8, 200)) * (rng.random((8, 200)) < 0.02)
    whole = rank(weights, P, q)
    np.testing.assert_array_equal(rank(weights, P, q, count=20), whole[:, :20])


@pytest.mark.parametrize("seed", range(20))
def test_all_candidates_are_tried_in_every_round(seed):
    P, q, train, val, rng = random_problem(seed)
    plain = plain_greedy(range(len(P)), P, q, train, val, candidates=len(P))
    (found,) = run(P, q, train, val, range(len(P)), candidates="all")
    if plain.margin > 1e-7:
        np.testing.assert_array_equal(P[list(found.concepts)], P[plain.concepts])


def test_single_precision_finds_the_same():
    rng = np.random.default_rng(7)
    P = np.clip(rng.random((80, 2000)) ** 3, 0, 1).astype(np.float32)
    q = (rng.random((10, 80)) * (rng.random((10, 80)) < 0.1)) @ P + 0.1 * rng.normal(0, 1, (10, 2000))
    train, val = splits(2000, rng)
    double = run(P, q.astype(np.float32), train, val, range(80))
    single = run(P, q.astype(np.float32), train, val, range(80), dtype=torch.float32)
    for a, b in zip(double, single, strict=True):
        assert a.concepts == b.concepts
        np.testing.assert_allclose(a.weights, b.weights, rtol=1e-3)
        assert a.val_correlation == pytest.approx(b.val_correlation, abs=1e-5)
