"""Words made by hand: their fit is the greedy search's, their scores are the build's."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from lexplain_core.base.correlation import correlation
from lexplain_core.base.errors import UserError
from lexplain_core.live import editing
from lexplain_core.live.editing import fit, scored
from lexplain_core.store import Store, StoreError

from ..conftest import ROOT
from ..explain.helpers import fit as plain_fit
from ..explain.test_greedy import random_problem, run
from ..store.helpers import CONCEPTS, write


@pytest.fixture(scope="module")
def explained(store):
    """Units of the demo with all their explanations: the best explained one of each layer, and a poor one."""
    table = store.unit_table()
    table = table[table["correlation"].notna()].sort_values("correlation")
    rows = [*table.groupby("layer").tail(1).itertuples(), next(table.itertuples())]
    return [store.unit(row.layer, row.unit) for row in rows]


@pytest.mark.parametrize("block", range(3))
def test_a_refit_is_the_joint_fit_of_the_greedy_search(block):
    compared = 0
    for seed in range(block * 20, block * 20 + 20):
        P, q, train, val, rng = random_problem(seed)
        (found,) = run(P, q, train, val, rng.permutation(len(P)), candidates=5, epsilon=0.001)
        if found.reason:
            continue
        P = P[list(found.concepts)].astype(np.float64)
        weights, bias, notes = editing._fit(P[:, train], q[train].astype(np.float64), [None] * len(P), None)
        size = float(np.ptp(q))
        np.testing.assert_allclose(weights, found.weights, rtol=1e-6, atol=1e-7 * size, err_msg=str(seed))
        assert bias == pytest.approx(found.bias, rel=1e-6, abs=1e-6 * size) and notes == []
        assert np.corrcoef(weights @ P[:, val], q[val])[0, 1] == pytest.approx(
            found.val_correlation, abs=1e-6
        )
        compared += 1
    assert compared > 10


@pytest.mark.parametrize("seed", range(8))
def test_weights_that_are_given_hold_and_the_others_are_fitted_beside_them(seed):
    rng = np.random.default_rng(seed)
    P, q = rng.random((5, 80)), rng.normal(3, 2, 80)
    given = [None if rng.random() < 0.5 else float(w) for w in rng.normal(0, 3, 5)]
    free = [i for i, w in enumerate(given) if w is None]
    rest = q - sum(w * P[i] for i, w in enumerate(given) if w is not None)
    weights, bias, _ = editing._fit(P, q, given, None)
    plain = plain_fit(P, rest, free)
    np.testing.assert_allclose(weights[free], plain[:-1], rtol=1e-9, atol=1e-9)
    assert bias == pytest.approx(plain[-1])
    assert all(weights[i] == w for i, w in enumerate(given) if w is not None)
    weights, bias, _ = editing._fit(P, q, given, 0.5)  # and without an intercept of its own
    assert bias == 0.5
    through = np.linalg.lstsq(P[free].T, rest - 0.5, rcond=None)[0] if free else []
    np.testing.assert_allclose(weights[free], through, rtol=1e-9, atol=1e-9)


def test_weights_that_the_images_do_not_settle_are_told():
    rng = np.random.default_rng(0)
    P = rng.random((4, 50))
    P[1], P[3] = P[0], 0.25
    weights, _, notes = editing._fit(P, 2 * P[0] + P[2], [None] * 4, None)
    np.testing.assert_allclose(weights, [1, 1, 1, 0], atol=1e-9)
    assert "“{3}” is the same on every train image" in notes[0] and "arbitrary" in notes[1]


def test_the_words_of_a_method_are_found_and_scored_again_as_the_build_did(explained):
    compared = 0
    for unit in explained:
        for words in unit.explanations:
            if words.reason or not words.method.startswith("le-"):
                continue
            ids = [term.concept_id for term in words.terms]
            edited = fit(unit, ids, matrix=words.matrix, simulator=words.simulator)
            again = edited.explanation
            size = float(np.ptp(unit.activations))
            np.testing.assert_allclose(
                [t.weight for t in again.terms], [t.weight for t in words.terms], rtol=1e-4, atol=1e-5 * size
            )
            assert again.bias == pytest.approx(words.bias, rel=1e-4, abs=1e-4 * size)
            assert again.val_correlation == pytest.approx(words.val_correlation, abs=1e-5)
            assert [t.name for t in again.terms] == [t.name for t in words.terms]
            assert again.simulator == words.simulator
            for kept in (fit(unit, ids, [t.weight for t in words.terms], words.bias, words.matrix), edited):
                for score in words.scores:
                    if score.measure == "correlation":
                        mine = kept.score("test", score.by)
                        assert (mine.split, mine.n) == (score.split, score.n)
                        assert mine.value == pytest.approx(score.value, abs=1e-5)
                        assert (mine.low, mine.high) == pytest.approx((score.low, score.high), abs=1e-5)
            as_it_is = scored(unit, words)
            assert as_it_is.explanation.terms == words.terms
            assert as_it_is.score("test").value == pytest.approx(words.score().value, abs=1e-6)
            compared += 1
    assert compared >= 2 * len(explained)


def test_any_concept_that_a_matrix_can_say_may_be_added(store, explained):
    unit = explained[0]
    for matrix in store.matrices()["matrix"]:
        sayable = store.sayable(matrix)["concept"].tolist()
        ids = [sayable[0], sayable[len(sayable) // 2], sayable[-1]]
        edited = fit(unit, ids, matrix=matrix)
        train, val = unit.split == "train", unit.split == "val"
        P = store.concept_values(matrix, ids).astype(np.float64)
        plain = plain_fit(P[:, train], unit.activations[train].astype(np.float64), [0, 1, 2])
        simulated = plain[:-1] @ P + plain[-1]
        np.testing.assert_allclose(
            [*(t.weight for t in edited.explanation.terms), edited.explanation.bias],
            plain,
            rtol=1e-6,
            atol=1e-8,
        )
        np.testing.assert_allclose(unit.simulated(edited.explanation, matrix), simulated, atol=1e-6)
        mine, expected = (
            edited.score("val", matrix),
            correlation(unit.activations[val], simulated[val], "wider"),
        )
        assert (mine.split, mine.n) == ("val", int(val.sum()))
        assert (mine.value, mine.low, mine.high) == pytest.approx(
            (expected.value, expected.low, expected.high), abs=1e-7
        )


def test_the_headline_is_by_a_judge_that_the_weights_were_not_fitted_with(store, explained):
    unit = explained[0]
    ids = [term.concept_id for term in unit.explanation("le-label").terms]
    roles = store.matrices().set_index("matrix")["roles"]
    for matrix in roles.index:
        edited = fit(unit, ids, matrix=matrix)
        judge = edited.explanation.simulator
        assert judge != matrix and "simulator" in roles[judge]
        assert {score.by for score in edited.val} == set(roles.index)  # all know the labels
        assert edited.val[0].by == edited.test[0].by == judge
        assert edited.score("test") == edited.explanation.score()
        assert fit(unit, ids, matrix=matrix, simulator="no such").explanation.simulator == judge
        assert fit(unit, ids, matrix=matrix, simulator=matrix).explanation.simulator == matrix


def test_a_unit_that_never_changes_has_words_without_a_score(store):
    table = store.unit_table()
    rows = table[table["status"] != "alive"]
    for row in rows.drop_duplicates("status").itertuples():
        unit = store.unit(row.layer, row.unit)
        edited = fit(unit, [0, 1])
        assert all(np.isfinite(term.weight) for term in edited.explanation.terms)
        if row.status == "constant":
            assert edited.score("val").value is None and "same activation" in edited.score("val").reason


@pytest.mark.parametrize(
    ("ids", "more", "said"),
    [
        ([], {}, "no concepts"),
        ([0, 1, 0], {}, "twice"),
        ([10**6], {}, "has no concept 1000000"),
        (list(range(editing.MOST + 1)), {}, f"at most {editing.MOST}"),
        ([0, 1], {"weights": [1.0]}, "1 weights for 2 concepts"),
        ([0], {"weights": [float("nan")]}, "must be numbers"),
        ([0], {"bias": float("inf")}, "must be numbers"),
    ],
)
def test_what_cannot_be_fitted_is_said_in_a_sentence(explained, ids, more, said):
    with pytest.raises(UserError, match=said):
        fit(explained[0], ids, **more)


def test_a_matrix_that_does_not_know_a_concept_is_named(tmp_path):
    write(tmp_path / "small.duckdb", second=True)
    with Store.open(tmp_path / "small.duckdb") as small:
        unit, red = small.unit("layer1", 0), len(CONCEPTS) - 1
        with pytest.raises(StoreError, match="'eye'.*'red'"):
            fit(unit, [0, red], matrix="eye")
        assert [score.by for score in fit(unit, [0, red]).val] == ["label"]
        assert {score.by for score in fit(unit, [0, 3]).val} == {"label", "eye", "other eye"}
        with pytest.raises(StoreError, match="It is dead"):
            scored(small.unit("layer1", 2), small.unit("layer1", 2).explanation())


def test_it_needs_no_torch():
    code = (
        "import lexplain_core.live.editing, sys\n"
        "heavy = {'torch', 'torchvision', 'timm', 'open_clip', 'streamlit'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
