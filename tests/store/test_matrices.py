"""Several methods, simulators and concept matrices: which number is taken where, by its definition."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from lexplain_core.measures import measures
from lexplain_core.store import OTHER, Store, StoreError, StoreWriter
from lexplain_core.store.model import Score

from .helpers import CONCEPTS, SECOND, N, fill, make, own_score, write
from .test_buckets import plain_bucket, plain_winner

BOTH = ("label", "other eye")


@pytest.fixture(scope="module")
def two_path(tmp_path_factory, made):
    path = tmp_path_factory.mktemp("two") / "two.duckdb"
    write(path, made, simulators=BOTH, second=True, same_encoder=True)
    return path


@pytest.fixture
def two(two_path):
    with Store.open(two_path) as store:
        yield store


# -- headline scores -------------------------------------------------------------------------


@pytest.mark.parametrize("main", BOTH)
def test_the_headline_is_the_main_simulator_everywhere(tmp_path, main):
    path = tmp_path / "s.duckdb"
    write(path, simulators=BOTH, main=main)
    place = BOTH.index(main)
    with Store.open(path) as store:
        table = store.unit_table("planted")
        expected = [own_score(unit, place) for unit in range(2)]
        assert table["correlation"].tolist() == pytest.approx(expected)
        assert set(table["correlation_by"]) == {main} and set(table["correlation_chance"]) == {
            0.2 + 0.01 * place
        }
        for unit in range(2):
            details = store.unit("planted", unit).explanation().score().details
            assert (details["null_mean"], details["null_above"]) == (0.01 * place, 2)
        layers = store.layers().set_index("layer")
        assert layers["mean_correlation"]["planted"] == pytest.approx(np.mean(expected))
        assert layers["mean_correlation_chance"]["planted"] == pytest.approx(0.2 + 0.01 * place)
        found = store.unit("planted", 1).explanation()
        assert found.simulator == main and found.scores[0].by == main  # it comes first
        assert found.score().value == pytest.approx(own_score(1, place))
        for i, name in enumerate(BOTH):
            assert found.score(by=name).value == pytest.approx(own_score(1, i))
        rows = {r["layer"]: r for r in store.info()["explanations"]}
        assert rows["planted"]["simulator"] == main
        assert rows["planted"]["mean_correlation"] == pytest.approx(np.mean(expected))


def test_without_the_main_simulators_score_there_is_no_headline(tmp_path):
    path = tmp_path / "s.duckdb"
    write(path, simulators=("label",), main="other eye")
    with Store.open(path) as store:
        assert store.unit("planted", 0).explanation().score() is None
        assert store.unit_table()["correlation"].isna().all()
        row = store.info()["explanations"][0]
        assert (row["mean_correlation"], row["scored"], row["simulator"]) == (None, 0, "other eye")


def test_every_method_has_its_own_rows(two):
    assert two.methods() == [SECOND, "le-label"] and two.default_method == "le-label"
    unit = two.unit("planted", 1)
    assert [e.method for e in unit.explanations] == [SECOND, "le-label"]
    ours, other = unit.explanation(), unit.explanation(SECOND)
    assert (ours.simulator, ours.matrix, ours.source) == ("label", "label", None)
    assert (other.simulator, other.matrix, other.source) == ("other eye", "eye", "mine.csv, sha256 ab12")
    assert ours.kkt_violation == 1e-9 and other.config == {"l1": 0.5}
    assert [t.weight for t in other.terms] == [-t.weight for t in ours.terms]
    for method, place in ((SECOND, 1), ("le-label", 0)):
        table = two.unit_table("planted", method=method)
        assert table["correlation"].tolist() == pytest.approx([own_score(u, place) for u in range(2)])
        assert table["explanation"].tolist() == [
            two.unit("planted", u).explanation(method).text for u in (0, 1)
        ]
        mean = two.layers(method=method).set_index("layer")["mean_correlation"]["planted"]
        assert mean == pytest.approx(np.mean([own_score(u, place) for u in range(2)]))


def test_info_has_matrices_and_every_mean(two):
    info = json.loads(json.dumps(two.info(), allow_nan=False))
    assert info["same_encoder"] is True
    assert info["matrices"] == [
        {"matrix": "label", "kind": "label", "roles": ["explainer", "simulator"], "a": None, "b": None,
         "loss": None, "kept": 4, "dropped": 1, "filter": {"class": [3, 0], "colour": [1, 1]}, "same": {}},
        {"matrix": "eye", "kind": "encoder", "roles": ["explainer"], "a": 10.5, "b": -0.25, "loss": 0.125,
         "kept": 3, "dropped": 7, "filter": {"class, noun": [3, 7]}, "same": {}},
        {"matrix": "other eye", "kind": "encoder", "roles": ["simulator"], "a": 12.0, "b": 0.5, "loss": None,
         "kept": None, "dropped": None, "filter": None, "same": {}},
    ]  # fmt: skip
    keys = [(r["layer"], r["method"], r["by"], r["main"]) for r in info["scores"]]
    assert keys == [
        (layer, method, simulator, (simulator == "label") == (method == "le-label"))
        for layer in ("layer1", "planted") for method in (SECOND, "le-label") for simulator in (BOTH if method == "le-label" else BOTH[::-1])
    ]  # the main one comes first  # fmt: skip
    for row in info["scores"]:
        place, units = BOTH.index(row["by"]), (0, 1, 4) if row["layer"] == "layer1" else (0, 1)
        values = np.array([own_score(unit, place) for unit in units])
        assert (row["measure"], row["scored"]) == ("correlation", len(units))
        assert row["mean"] == pytest.approx(values.mean())
        assert row["mean_chance"] == pytest.approx(0.2 + 0.01 * place)
        assert row["doubtful"] == int(((values <= 0.2 + 0.01 * place) | (values - 0.1 <= 0)).sum())


@pytest.mark.parametrize(
    ("value", "low", "high", "doubt"),
    [(0.5, 0.1, 0.2, None), (0.5, 0.0, 0.2, "interval"), (0.5, -0.1, 0.9, "interval"), (-0.5, -0.6, -0.9, "interval"),
     (0.5, 0.1, 0.5, "null"), (0.5, 0.1, 0.6, "null"), (0.5, 0.1, None, None), (None, None, None, None)],
)  # fmt: skip
def test_scores_no_better_than_chance(value, low, high, doubt):
    score = Score("correlation", "label", "test", 12, value, low, 0.9, chance=high)
    assert score.doubt(measures["correlation"]) == doubt


# -- concept matrices ------------------------------------------------------------------------


def test_the_table_of_matrices(two):
    frame = two.matrices().set_index("matrix")
    assert frame.index.tolist() == ["label", "eye", "other eye"]
    assert frame["roles"].tolist() == [("explainer", "simulator"), ("explainer",), ("simulator",)]
    assert frame["filter"]["eye"] == {"class, noun": [3, 7]} and frame["filter"]["other eye"] is None
    assert frame["config"]["eye"] == {"calibration": {"source": "given"}}
    assert (frame["a"]["eye"], frame["b"]["eye"], frame["loss"]["eye"]) == (10.5, -0.25, 0.125)


def test_an_explanation_is_seen_by_the_matrices_that_have_all_its_concepts(two):
    full, partial = two.unit("planted", 1), two.unit("layer1", 1)  # the latter has the concept no encoder has
    assert full.matrices(full.explanation()) == ["label", "eye", "other eye"]
    assert full.matrices(full.explanation(SECOND)) == ["eye", "label", "other eye"]  # its own first
    assert partial.matrices(partial.explanation()) == ["label"]
    with pytest.raises(StoreError, match="matrix 'eye' of this store has no values of 'red'"):
        partial.simulated(partial.explanation(), "eye")
    with pytest.raises(StoreError, match="no values of"):
        full.values(full.explanation(), "nobody")


def test_a_concept_that_no_image_has_is_known_to_its_matrix(two, made):
    assert not made.seen["other eye"][3].any()
    unit = two.unit("layer1", 0)
    whole = unit.explanation()
    part = replace(whole, terms=tuple(t for t in whole.terms if t.concept_id != 4))
    assert {t.concept_id for t in part.terms} == {1, 3}
    assert unit.matrices(part) == ["label", "eye", "other eye"]
    np.testing.assert_array_equal(unit.values(part, "other eye"), made.seen["other eye"][[3, 1]])


@pytest.mark.parametrize("matrix", ["label", "eye", "other eye"])
@pytest.mark.parametrize("method", ["le-label", SECOND])
def test_simulation_and_composition_by_a_matrix_are_the_definition(two, made, matrix, method):
    unit = two.unit("planted", 1)
    found, q, p = unit.explanation(method), made.activations["planted"][1], made.p(matrix)
    terms = [(t.concept_id, t.weight) for t in found.terms]
    expected = [found.bias + sum(w * float(p[c, i]) for c, w in terms) for i in range(N)]
    np.testing.assert_allclose(unit.simulated(found, matrix), expected, rtol=1e-12)
    if matrix == found.matrix:
        np.testing.assert_array_equal(unit.simulated(found), unit.simulated(found, matrix))
    matches = [[bool(p[c, i] >= 0.5) for c, _ in terms] for i in range(N)]
    frequency = [sum(row[t] for row in matches) for t in range(len(terms))]
    counts: dict[tuple[int, int], int] = {}
    for i in range(N):
        winner = plain_winner(matches[i], frequency, [w for _, w in terms])
        key = (plain_bucket(q[i], q.max()), OTHER if winner < 0 else terms[winner][0])
        counts[key] = counts.get(key, 0) + 1
    frame = unit.composition(found, matrix).set_index(["bucket", "concept"])["count"]
    assert {k: v for k, v in frame.items() if v} == counts


@pytest.mark.parametrize("matrix", ["label", "other eye"])
@pytest.mark.parametrize("count", [3, 8, 100])
def test_residuals_are_the_largest_misses_in_both_directions(two, made, matrix, count):
    unit = two.unit("planted", 1)
    found, q, p = unit.explanation(), made.activations["planted"][1], made.p(matrix)
    predicted = [
        found.bias + sum(t.weight * float(p[t.concept_id, i]) for t in found.terms) for i in range(N)
    ]
    miss = [float(q[i]) - predicted[i] for i in range(N)]
    above = sorted((i for i in range(N) if miss[i] > 0), key=lambda i: (-miss[i], i))[:count]
    below = sorted((i for i in range(N) if miss[i] < 0), key=lambda i: (miss[i], i))[:count]
    more, less = unit.residuals(found, matrix, count)
    for frame, ids in ((more, above), (less, below)):
        assert [round(miss[i], 9) for i in frame["image"]] == [round(miss[i], 9) for i in ids]
        np.testing.assert_allclose(frame["residual"], [miss[i] for i in frame["image"]], rtol=1e-9)
        np.testing.assert_allclose(frame["simulated"], [predicted[i] for i in frame["image"]], rtol=1e-12)
        np.testing.assert_allclose(frame["activation"], q[frame["image"]].astype(float))
        assert frame["split"].tolist() == [made.splits[i] for i in frame["image"]]
    if count == 100:
        assert set(more["split"]) | set(less["split"]) == {"train", "val", "test"}
        assert len(more) + len(less) == sum(m != 0 for m in miss)


def test_values_come_back_exactly(tmp_path):
    """P of an encoder, down to the smallest numbers that a sigmoid gives."""
    made, path = make(), tmp_path / "s.duckdb"
    tiny = np.float32(1) / (1 + np.exp(np.linspace(-20, 80, N, dtype=np.float32)))
    made.seen["eye"][1] = tiny
    with StoreWriter(path) as writer:
        fill(writer, made)
    with Store.open(path) as store:
        unit = store.unit("planted", 1)
        found = unit.explanation()
        values = unit.values(found, "eye")
        assert [CONCEPTS[t.concept_id][0] for t in found.terms] == ["class:crane_bird", "class:crane_machine"]
        np.testing.assert_array_equal(values[0], tiny)
        assert values.dtype == np.float32 and 0 < values[0].min() < 1e-30
