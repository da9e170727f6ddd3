"""Range shift, alike units and means by class: each against its definition, one at a time."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest

from lexplain_core.measures.range_shift import range_shift
from lexplain_core.store import Store, StoreWriter

from .helpers import CLASSES, SECOND, fill, make, own_score
from .test_buckets import plain_winner


def ranges(*parts: tuple[int, int]) -> np.ndarray:
    """Activations of a unit with the maximum 8: (bucket, how many images), then one image at 8."""
    return np.concatenate([np.full(n, bucket + 0.5) for bucket, n in parts] + [[8.0]])


def test_what_has_nothing_in_common_is_1_and_the_same_is_0():
    q = ranges((2, 12), (6, 12))
    high = q > 4
    assert range_shift(q, np.stack([high, ~high]), [1, 1]) == (1.0, None)
    alternating = np.arange(len(q)) % 2 == 0
    value, reason = range_shift(q, np.stack([alternating, ~alternating]), [1, 1])
    assert value == pytest.approx(abs(7 / 13 - 6 / 12)) and reason is None
    assert range_shift(q, np.ones((1, len(q)), bool), [1]) == (0.0, None)


def test_ranges_1_and_below_and_images_of_no_concept_do_not_count():
    q = ranges((-1, 30), (0, 30), (1, 10), (7, 9))
    shown = np.zeros((2, len(q)), bool)
    shown[0, 60:70], shown[1, 70:] = True, True
    assert range_shift(q, shown, [1, 1]) == (1.0, None)
    shown[0, :60] = True  # silent images, all of the first concept
    assert range_shift(q, shown, [1, 1]) == (1.0, None)


@pytest.mark.parametrize(
    ("low", "high", "words"), [(9, 10, "Ranges 2 to 4 have 9"), (10, 8, "Ranges 5 to 8 have 9")]
)
def test_fewer_than_10_images_are_no_part(low, high, words):
    q = ranges((1, low), (4, high))
    value, reason = range_shift(q, np.ones((1, len(q)), bool), [1])
    assert value is None and reason.startswith(words) and "fewer than 10" in reason


def test_without_a_positive_range_there_is_no_shift():
    value, reason = range_shift(np.array([-1.0, -2.0]), np.ones((1, 2), bool), [1])
    assert value is None and "No activation is above 0" in reason


def test_range_shift_by_the_definition():
    rng = np.random.default_rng(3)
    for _ in range(20):
        q = rng.gamma(2, 1, 400)
        matches, weights = rng.random((3, 400)) < rng.random((3, 1)), rng.normal(size=3)
        edges = np.linspace(0, q.max(), 9)
        counts = np.zeros((2, 3))
        for image in range(400):
            bucket = next(b for b in range(8) if q[image] <= edges[b + 1] or b == 7)
            winner = plain_winner(matches[:, image], matches.sum(1), weights)
            if bucket > 0 and winner >= 0:
                counts[int(bucket > 3), winner] += 1
        value, reason = range_shift(q, matches, weights)
        if counts.sum(1).min() < 10:
            assert value is None and reason
            continue
        shares = counts / counts.sum(1, keepdims=True)
        assert value == pytest.approx(np.abs(shares[0] - shares[1]).sum() / 2)


# -- of a store ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("relations") / "s.duckdb"
    with StoreWriter(path) as store:
        fill(store, make(), second=True)
        rows = [
            (0, 0, 1, 1, 0.75),
            (0, 0, 4, 2, 0.5),
            (0, 0, 2, -2, -0.25),
            (0, 0, 3, -1, -0.5),
            (0, 1, 0, 1, 0.75),
        ]
        store.rows(
            "similar_units", pd.DataFrame(rows, columns=["layer_id", "unit", "other", "rank", "correlation"])
        )
    return path


@pytest.fixture
def store(path):
    with Store.open(path) as store:
        yield store


def test_the_most_alike_come_first_then_the_most_opposed(store):
    found = store.unit("layer1", 0).similar()
    assert list(found) == ["rank", "unit", "correlation", "explanation", "score"]
    assert found["rank"].tolist() == [1, 2, -1, -2] and found["unit"].tolist() == [1, 4, 3, 2]
    assert found["correlation"].tolist() == [0.75, 0.5, -0.5, -0.25]
    texts = {u: store.unit("layer1", u).explanation().text for u in range(5)}
    assert found["explanation"].tolist() == [texts[u] for u in (1, 4, 3, 2)] and texts[3] == ""
    assert found["score"].tolist()[:2] == pytest.approx([own_score(1, 0), own_score(4, 0)])
    assert found["score"].isna().tolist() == [False, False, True, True]
    other = store.unit("layer1", 0).similar(SECOND)
    assert other["explanation"][0] == store.unit("layer1", 1).explanation(SECOND).text != texts[1]
    assert store.unit("layer1", 4).similar().empty and list(store.unit("layer1", 4).similar()) == list(found)


def test_alike_is_the_cosine_of_the_weights_over_concepts(store, path):
    with duckdb.connect(str(path), read_only=True) as con:
        for method in ("le-label", SECOND):
            rows = con.execute(
                "SELECT unit, concept_id, weight FROM explanations JOIN terms USING (explanation_id) "
                "WHERE layer_id = 0 AND method = ?",
                [method],
            ).fetchall()
            vectors = np.zeros((5, 5))
            for unit, concept, weight in rows:
                vectors[unit, concept] += weight
            for unit in range(5):
                expected = {}
                for other in range(5):
                    lengths = np.linalg.norm(vectors[unit]) * np.linalg.norm(vectors[other])
                    if other != unit and lengths and vectors[unit] @ vectors[other] > 0:
                        expected[other] = vectors[unit] @ vectors[other] / lengths
                found = store.unit("layer1", unit).alike(method)
                assert list(found) == ["unit", "cosine", "explanation", "score"]
                assert dict(zip(found["unit"], found["cosine"], strict=True)) == pytest.approx(expected)
                assert found["cosine"].is_monotonic_decreasing
    assert not store.unit("layer1", 1).alike().empty
    assert len(store.unit("layer1", 1).alike(count=0)) == 0 and store.unit("layer1", 2).alike().empty


def test_means_by_class_and_superclass(store, made):
    unit, q = store.unit("layer1", 1), made.activations["layer1"][1].astype(float)
    found = unit.class_means()
    assert list(found) == ["class_id", "label", "n", "mean", "std"] and found["mean"].is_monotonic_decreasing
    for row in found.itertuples():
        mine = q[made.labels == row.class_id]
        assert (row.label, row.n) == (CLASSES[row.class_id], len(mine))
        assert (row.mean, row.std) == pytest.approx((mine.mean(), mine.std(ddof=1)))
    (one,) = unit.superclass_means().itertuples()
    mine = q[made.labels > 0]  # crane: crane and dog
    assert (one.superclass_id, one.superclass, one.n) == (0, "crane", len(mine))
    assert (one.mean, one.std) == pytest.approx((mine.mean(), mine.std(ddof=1)))
