"""LE as a whole: a sparse fit's ranking, then the greedy search."""

from __future__ import annotations

import numpy as np
import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.base.progress import Silent
from lexplain_core.concepts import Concept, ConceptMatrix
from lexplain_core.config import Explain
from lexplain_core.explain import ConfiguredMethod, Problem, methods
from lexplain_core.explain.greedy import NO_CANDIDATE
from lexplain_core.explain.sparse import solvers

from .helpers import plain_greedy, plain_ranking, splits

SOLVE = {"step": 0.1, "batch": 1000, "epochs": 30}
QUICK = Explain(**SOLVE)


def problem(P, q, seed: int = 0) -> Problem:
    P, q = np.asarray(P, np.float32), np.asarray(q, np.float32)
    concepts = tuple(Concept(f"c{i}", f"c{i}", "class") for i in range(len(P)))
    train, val = splits(P.shape[1], np.random.default_rng(99))
    return Problem(q, ConceptMatrix("label", concepts, P, {}), train, val, seed)


def explain(p: Problem, options: Explain = QUICK):
    return methods["le-label"].explain(p, options, Silent())


def random_p(seed: int, m: int, n: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.random((m, n)) < rng.uniform(0.2, 0.5, (m, 1))).astype(np.float32)


def test_a_planted_combination_is_recovered():
    rng = np.random.default_rng(0)
    P = random_p(0, 20, 1500)
    q = np.stack([0.8 * P[3] + 0.5 * P[7], -2 * P[4] + 3 * P[5] + 1 * P[6] - 40, 0.01 * P[9] + 5])
    q += np.array([[0.05], [0.2], [0.0005]]) * rng.normal(0, 1, q.shape)
    first, second, third = explain(problem(P, q))
    assert set(first.concepts) == {3, 7}
    assert dict(zip(first.concepts, first.weights, strict=True)) == pytest.approx({3: 0.8, 7: 0.5}, rel=0.05)
    assert first.bias == pytest.approx(0, abs=0.02)
    # Throughout negative, and still explained.
    assert (q[1] < 0).all() and second.reason is None and 5 in second.concepts
    assert second.bias < -35
    assert third.concepts == (9,) and third.weights == pytest.approx((0.01,), rel=0.05)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("solver", "signed"), [("exact", False), ("glm-saga", False), ("exact", True)])
def test_le_is_the_plain_ranking_then_the_plain_search(seed, solver, signed):
    rng = np.random.default_rng(seed)
    m, n, k = int(rng.integers(1, 25)), int(rng.integers(60, 400)), int(rng.integers(1, 5))
    P = random_p(seed, m, n)
    if m > 5 and seed % 2:
        P[1], P[2] = P[0], np.maximum(P[3], P[4])
    q = (
        np.where(rng.random((k, m)) < 0.3, rng.normal(0, 1, (k, m)), 0) @ P + rng.normal(0, 0.3, (k, n))
    ).astype(np.float32)
    p = problem(P, q, seed)
    options = Explain(**SOLVE, solver=solver, signed=signed)
    weights = solvers[solver](p, options, Silent()).numpy()
    for unit, found in enumerate(explain(p, options)):
        ranked = abs(weights[unit]) if signed else weights[unit]
        order = plain_ranking(ranked, P[:, p.train], q[unit, p.train])
        plain = plain_greedy(order, P, q[unit], p.train, p.val)
        if plain.margin < 1e-7:
            continue
        np.testing.assert_array_equal(P[list(found.concepts)], P[plain.concepts])
        if plain.concepts:
            assert found.val_correlation == pytest.approx(plain.correlation, abs=1e-6)


def test_a_unit_that_falls_with_the_only_concept_is_explained_by_a_negative_weight():
    P = random_p(1, 1, 300)
    (found,) = explain(problem(P, 1 - P))
    assert found.concepts == (0,) and found.weights == pytest.approx((-1,)) and found.bias == pytest.approx(1)


def test_noise_is_explained_or_has_the_reason():
    rng = np.random.default_rng(2)
    for found in explain(problem(random_p(2, 10, 200), rng.normal(0, 1, (12, 200)))):
        assert (found.reason is None) == bool(found.concepts) == (found.bias is not None)
        assert found.reason in (None, NO_CANDIDATE)
        assert found.reason or found.val_correlation > 0


def test_options_reach_the_search():
    rng = np.random.default_rng(3)
    P = random_p(3, 30, 800)
    q = rng.uniform(0.5, 1, (1, 30)) @ P
    p = problem(P, q)
    assert len(explain(p, Explain(**SOLVE, epsilon=0.001))[0].concepts) == 10
    assert len(explain(p, Explain(**SOLVE, max_terms=3))[0].concepts) == 3
    assert len(explain(p, Explain(**SOLVE, epsilon=0.9))[0].concepts) == 1


def test_without_any_concept_it_is_said():
    with pytest.raises(UserError, match="no concept of “label”"):
        explain(problem(np.zeros((0, 100)), np.ones((1, 100))))


@pytest.mark.parametrize("name", list(methods))
def test_every_method_names_its_matrix_and_options(name):
    method = methods[name]
    assert method.matrix in ("label", "explainer")
    config = ConfiguredMethod(name, Explain()).config
    assert (config["method"], config["matrix"]) == (name, method.matrix)
    filter = {"min_top5_mean", "min_std"}
    assert set(config) == {"method", "matrix", *filter, *method.Options.model_fields}
    changed = ConfiguredMethod(name, Explain(epsilon=0.5)).config
    assert (changed != config) == ("epsilon" in method.Options.model_fields)
