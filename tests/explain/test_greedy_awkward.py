"""The greedy search where it is easily wrong: all candidates, signs, ties, collinear concepts, few of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lexplain_core.explain import greedy as module
from lexplain_core.explain.exact import solve
from lexplain_core.explain.greedy import NO_CANDIDATE, greedy, ranking
from lexplain_core.explain.moments import Basis, Targets

from .helpers import awkward_problem, plain_greedy, plain_ranking
from .test_greedy import random_problem, run


def whole(P, q, train, val, l1=0.05, **options):
    """Both steps; the sparse weights and what the search finds."""
    basis = Basis.of(P, train, val)
    targets = Targets.of(basis, P, q, train, val)
    weights, _ = solve(basis, targets, l1, 0.99)
    return weights, greedy(basis, targets, weights, **options)


@pytest.mark.parametrize("candidates", [1, 10, 1000, "all"])
@pytest.mark.parametrize("signed", [False, True])
def test_it_is_algorithm_1_on_awkward_problems(candidates, signed):
    compared, negative = 0, 0
    for seed in range(12):
        n, m, k = [(300, 25, 2), (60, 12, 2), (90, 40, 1), (400, 14, 3)][seed % 4]
        P, q, train, val = awkward_problem(seed, n, m, k)
        q[0] -= 3 * P[-1] * q[0].std()  # falls with a concept
        epsilon = 0.001 if seed % 3 else 0.02
        weights, found = whole(P, q, train, val, candidates=candidates, signed=signed, epsilon=epsilon)
        tried = m if candidates == "all" else candidates
        for unit in range(k):
            ranked = weights[unit].abs() if signed else weights[unit]
            order = plain_ranking(ranked.numpy(), P[:, train], q[unit, train])
            plain = plain_greedy(order, P, q[unit], train, val, tried, epsilon)
            if plain.margin < 1e-7:
                continue
            where = (seed, unit)
            np.testing.assert_array_equal(
                P[list(found[unit].concepts)], P[plain.concepts], err_msg=str(where)
            )
            if plain.concepts:
                compared += 1
                negative += min(found[unit].weights) < 0
                assert found[unit].val_correlation == pytest.approx(plain.correlation, abs=1e-7), where
    assert compared >= 10 and (candidates == 1 and not signed or negative >= 4)


@pytest.mark.parametrize("epsilon", [0.0, 1e-6, 0.02])
@pytest.mark.parametrize("candidates", [3, "all"])
def test_what_the_chosen_ones_span_is_never_added(epsilon, candidates):
    """The sum of two classes, a copy, all classes (they sum to the intercept), a mix of soft values."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        n = 400
        classes = rng.integers(0, 4, n)
        P = np.zeros((14, n), np.float32)
        P[:4] = classes == np.arange(4)[:, None]
        P[4], P[5], P[6] = P[0] + P[1], P[2] + P[3], P[0]
        P[7:10] = rng.integers(0, 256, (3, n)) / 1024  # so that the mixes are exact in single precision
        P[10], P[11], P[12] = (P[7] + P[8]) / 2, 1 - P[9], P[7] + P[8] + P[9]
        P[13] = 0.5
        q = (rng.normal(0, 1, 14) @ P + 0.02 * rng.normal(0, 1, n)).astype(np.float32)
        train, val = np.arange(n) < 280, np.arange(n) >= 280
        (found,) = run(
            P, q, train, val, rng.permutation(14), epsilon=epsilon, candidates=candidates, max_terms=14
        )
        X = P[list(found.concepts)][:, train].astype(np.float64)
        assert np.linalg.matrix_rank(X - X.mean(1, keepdims=True)) == len(X), (seed, found)
        assert 1 <= len(X) <= 6 and 13 not in found.concepts  # the rank of all
        assert np.isfinite(found.weights).all() and np.abs(found.weights).max() < 1e3


def test_more_terms_and_candidates_than_concepts():
    rng = np.random.default_rng(0)
    P = rng.random((3, 500)).astype(np.float32)
    q = P.sum(0)
    train, val = np.arange(500) < 300, np.arange(500) >= 300
    for candidates in (1, 2, 3, 4, 50, "all"):
        for max_terms in (3, 4, 100):
            (found,) = run(P, q, train, val, [2, 0, 1], candidates=candidates, max_terms=max_terms)
            assert sorted(found.concepts) == [0, 1, 2] and found.val_correlation == pytest.approx(1)
            np.testing.assert_allclose(found.weights, 1, rtol=1e-5)
    (found,) = run(P[:1], q, train, val, [0], candidates="all", max_terms=5)
    assert found.concepts == (0,)


def test_fewer_candidates_than_asked_spoil_none():
    """Two units at different depth: where one has no candidate left, its empty places take no other's."""
    rng = np.random.default_rng(1)
    P = rng.integers(0, 2, (5, 600)).astype(np.float32)
    q = np.stack([P[3], P[:5].T @ [1, 0.9, 0.8, 0.7, 0.6], rng.normal(0, 1, 600)]).astype(np.float32)
    train, val = np.arange(600) < 400, np.arange(600) >= 400
    for candidates in (2, 4, 5, 9):
        together = run(P, q, train, val, [0, 1, 2, 3, 4], candidates=candidates, epsilon=0.005)
        for unit in range(3):
            plain = plain_greedy(range(5), P, q[unit], train, val, candidates, 0.005)
            assert plain.margin > 1e-7
            assert list(together[unit].concepts) == plain.concepts, (candidates, unit)
    assert sorted(together[1].concepts) == [0, 1, 2, 3, 4]


def test_of_equals_the_higher_ranked_is_taken():
    rng = np.random.default_rng(2)
    P = rng.integers(0, 2, (6, 300)).astype(np.float32)
    P[4], P[5] = P[1], P[2]
    q = 2 * P[1] + P[2]
    train, val = np.arange(300) < 200, np.arange(300) >= 200
    for order in ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [4, 2, 0, 1, 5, 3]):
        (found,) = run(P, q, train, val, order)
        assert found.concepts == (min(1, 4, key=order.index), min(2, 5, key=order.index))


def test_a_correlation_never_passes_one():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        P, q = rng.random((5, 40)).astype(np.float32), rng.random((3, 40)).astype(np.float32)
        q[2] = P[1]
        found = run(P, q, np.arange(40) < 30, np.isin(np.arange(40), [33, 37]), range(5))
        assert all(f.val_correlation is None or 0 < f.val_correlation <= 1 for f in found)
        assert any(f.val_correlation == pytest.approx(1) for f in found)  # of two images


@pytest.mark.parametrize("split", ["no val", "one val", "one train"])
def test_with_too_few_images_there_is_no_explanation(split):
    rng = np.random.default_rng(3)
    P, q = rng.random((4, 30)).astype(np.float32), rng.random((2, 30)).astype(np.float32)
    images = np.arange(30)
    train = images == 2 if split == "one train" else images < 20
    val = {"no val": images > 99, "one val": images == 25, "one train": images >= 20}[split]
    _, found = whole(P, q, train, val)
    assert [f.reason for f in found] == [NO_CANDIDATE] * 2


@pytest.mark.parametrize("floats", [1, 500, 5_000])
@pytest.mark.parametrize("candidates", [10, "all"])
def test_pieces_and_the_number_of_units_change_nothing(monkeypatch, floats, candidates):
    P, q, train, val = awkward_problem(5, 300, 90, 7)
    together = whole(P, q, train, val, candidates=candidates, epsilon=0.005)[1]
    alone = [
        whole(P, q[unit : unit + 1], train, val, candidates=candidates, epsilon=0.005)[1][0]
        for unit in range(7)
    ]
    monkeypatch.setattr(module, "_FLOATS", floats)
    pieces = whole(P, q, train, val, candidates=candidates, epsilon=0.005)[1]
    assert any(f.concepts for f in together)
    for others in (alone, pieces):
        for a, b in zip(together, others, strict=True):
            assert (a.concepts, a.reason) == (b.concepts, b.reason)
            np.testing.assert_allclose(a.weights, b.weights, rtol=1e-9)


def test_no_number_is_ever_undefined():
    for seed in range(40):
        n = [20, 30, 100][seed % 3]
        P, q, train, val = awkward_problem(seed, n, 16, 3)
        if seed % 4 == 0:
            P[12:] = 0
        if seed % 4 == 1:
            q[2, val] = 7
        for signed in (False, True):
            weights, found = whole(P, q, train, val, signed=signed, epsilon=0, candidates="all", max_terms=16)
            assert weights.isfinite().all()
            for f in found:
                assert bool(f.concepts) == (f.reason is None) == (f.bias is not None)
                assert np.isfinite([*f.weights, f.bias or 0, f.val_correlation or 0]).all()
                assert len(set(f.concepts)) == len(f.concepts) == len(f.weights)


def test_where_all_tie_the_first_ranks_are_by_id():
    """Hundreds of equal keys at the edge: more than the short cut of the ranking can hold."""
    P, q, train, val = random_problem(0)[:4]
    P = np.repeat(P[:1], 300, axis=0)
    basis = Basis.of(P, train, val)
    targets = Targets.of(basis, P, q[None], train, val)
    targets = Targets(
        targets.mean,
        targets.scale,
        torch.full_like(targets.cross, 0.5),
        targets.val_cross,
        targets.val_variance,
    )
    weights = torch.zeros(1, 300, dtype=torch.float64)
    assert ranking(basis, targets, weights, False, 20)[0].tolist() == list(range(20))
    weights[0, 200] = 0.1
    weights[0, 3] = -0.1
    assert ranking(basis, targets, weights, False, 4)[0].tolist() == [200, 0, 1, 2]
    assert ranking(basis, targets, weights, True, 4)[0].tolist() == [3, 200, 0, 1]
    assert ranking(basis, targets, weights, False, 300)[0].tolist()[-1] == 3
