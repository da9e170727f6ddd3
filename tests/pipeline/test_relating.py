"""Alike units and two faces as the build finds them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lexplain_core.measures.range_shift import range_shift
from lexplain_core.pipeline.stages import relating
from lexplain_core.pipeline.stages.relating import similar_units
from lexplain_core.store import MATCH, Store
from lexplain_core.store.concept_values import ConceptValues

CPU = torch.device("cpu")


@pytest.mark.parametrize("block", [10**9, 700])  # all units at once, or 7 at a time
def test_they_are_the_units_with_the_largest_correlation(monkeypatch, block):
    monkeypatch.setattr(relating, "_BLOCK", block)
    rng = np.random.default_rng(0)
    values = (rng.normal(size=(25, 4)) @ rng.normal(size=(4, 100)) * 1e3 + 1e5).astype(np.float32)
    units = np.array([u for u in range(25) if u not in (3, 11)])
    done = []
    found = similar_units(values, units, CPU, done.append)
    assert sum(done) == len(units) and set(found["unit"]) == set(units)
    correlations = np.corrcoef(values.astype(np.float64))
    for unit, mine in found.groupby("unit"):
        others = [u for u in units if u != unit]
        order = sorted(others, key=lambda u: -correlations[unit, u])
        alike = [u for u in order if correlations[unit, u] > 0][:10]
        opposed = [u for u in order[::-1] if correlations[unit, u] < 0][:3]
        expected = dict(
            zip([*range(1, len(alike) + 1), *range(-1, -len(opposed) - 1, -1)], alike + opposed, strict=True)
        )
        assert dict(zip(mine["rank"], mine["other"], strict=True)) == expected
        assert np.allclose(mine["correlation"], correlations[unit, mine["other"]], atol=2e-5)


def test_copies_are_equal_and_what_does_not_vary_is_like_nothing():
    rng = np.random.default_rng(1)
    one = rng.random(50)
    values = np.stack([one, 3 * one + 1, -one, np.full(50, 0.3), 2 * one]).astype(np.float32)
    found = similar_units(values, np.arange(5), CPU)
    of_first = found[found["unit"] == 0]
    assert of_first[["other", "rank"]].values.tolist() == [[1, 1], [4, 2], [2, -1]]
    assert (
        of_first["correlation"].tolist() == pytest.approx([1, 1, -1])
        and found["correlation"].abs().max() <= 1
    )
    assert 3 not in set(found["unit"]) | set(found["other"])
    assert similar_units(values, np.arange(0), CPU).empty and similar_units(values, np.arange(1), CPU).empty


def test_the_demos_store_has_them(demo_store):
    with Store.open(demo_store) as store:
        unit = store.unit("block7", 5)
        similar = unit.similar()
        q = np.stack([store.unit("block7", u).activations for u in range(unit.units)]).astype(np.float64)
        alive = [
            u for u in range(unit.units) if store.unit("block7", u).status in ("alive", "negative") and u != 5
        ]
        correlations = {u: np.corrcoef(q[5], q[u])[0, 1] for u in alive}
        best = sorted(alive, key=lambda u: -correlations[u])[:10]
        assert similar["unit"].tolist()[:10] == best
        assert similar["correlation"].tolist()[:10] == pytest.approx(
            [correlations[u] for u in best], abs=1e-5
        )
        seen = 0
        for layer in ("block7", "planted"):
            for number in range(16):
                one = store.unit(layer, number)
                for explanation in one.explanations:
                    shift = explanation.score("range_shift")
                    if explanation.reason is not None:
                        why = f"There is no explanation to score: {explanation.reason}"
                        assert (shift.value, shift.reason) == (None, why)
                        continue
                    matches = one.values(explanation) >= MATCH
                    expected = range_shift(one.activations, matches, [t.weight for t in explanation.terms])
                    assert shift.value == pytest.approx(expected[0])
                    assert shift.reason == expected[1]
                    seen += shift.value is not None
        assert seen > 20


def test_every_concept_of_the_set_can_be_said_by_the_demos_encoders(demo_store):
    with Store.open(demo_store) as store:
        ids = set(store.concepts()["concept"])
        for row in store.matrices().itertuples():
            assert set(store.sayable(row.matrix)["concept"]) == ids
            if row.kind == "label":
                continue
            kept = {
                r[0]
                for r in store.rows(
                    "SELECT DISTINCT concept_id FROM concept_values WHERE matrix = ?", [row.matrix]
                )
            }
            some = sorted(kept)[:5]
            exact = store.concept_values(row.matrix, some)
            computed = store.kept(ConceptValues)._computed(row.matrix, some)  # as if no row of them were kept
            assert max(np.abs(exact[i] - computed[c]).max() for i, c in enumerate(some)) < 5e-3
