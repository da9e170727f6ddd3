"""P of any concept: the rows that a store keeps, else from an encoder's embeddings."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lexplain_core.store import Store, StoreError, StoreWriter, concept_values, writer
from lexplain_core.store.concept_values import ConceptValues

from .helpers import CONCEPTS, N, fill, make

A, B = 10.5, -0.25  # of "eye" in the small store
RED = 4  # the encoders have no rows of it


def unit_vectors(seed: int, rows: int, width: int = 7) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(rows, width))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


IMAGES, TEXTS = unit_vectors(0, N), unit_vectors(1, len(CONCEPTS))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("values") / "s.duckdb"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "_VECTORS_PER_PIECE", 16)  # several pieces
        with StoreWriter(path) as store:
            fill(store, make(), second=True)
            store.embeddings("eye", "image", range(N), IMAGES)
            store.embeddings("eye", "concept", [2, RED], TEXTS[[2, RED]])
    return path


@pytest.fixture
def store(path):
    with Store.open(path) as store:
        yield store


def test_kept_rows_come_as_they_are_and_others_from_embeddings(store, made):
    found = store.concept_values("eye", [RED, 2, 0, RED])
    assert found.dtype == np.float32 and found.shape == (4, N)
    assert np.array_equal(found[1], made.seen["eye"][2])  # though there is an embedding, too
    assert np.array_equal(found[2], made.seen["eye"][0])
    expected = 1 / (1 + np.exp(-A * (IMAGES @ TEXTS[RED] + B)))
    assert np.abs(found[0] - expected).max() < 3e-3 and np.array_equal(found[0], found[3])
    assert np.corrcoef(found[0], expected)[0, 1] > 0.9999
    found[:] = 7  # what is handed out is one's own
    assert np.array_equal(store.concept_values("eye", [0])[0], made.seen["eye"][0])


def test_zeros_that_are_not_stored_are_zeros(store, made):
    assert np.array_equal(store.concept_values("label", range(len(CONCEPTS))), made.values)
    assert not store.concept_values("other eye", [3]).any()


@pytest.mark.parametrize(
    ("matrix", "ids", "words"),
    [
        ("other eye", [0, RED], "'other eye' of this store has no values of 'red'"),
        ("nobody", [0], "no values of"),
        ("eye", [99], "a concept 99"),
    ],
)
def test_what_a_matrix_has_neither_way_is_said(store, matrix, ids, words):
    with pytest.raises(StoreError, match=words):
        store.concept_values(matrix, ids)


def test_what_can_be_said(store):
    found = store.sayable("eye")
    assert list(found) == ["concept", "name", "origin", "same"] and set(found["concept"]) == {0, 1, 2, 3, RED}
    assert found["name"].tolist() == sorted(found["name"], key=str.casefold)
    assert dict(zip(found["concept"], found["name"], strict=True))[1] == "crane (class:crane_bird)"
    assert set(store.sayable("other eye")["concept"]) == {0, 1, 2, 3}
    assert len(store.sayable("label")) == len(CONCEPTS) and store.sayable("nobody").empty


def test_an_explanation_is_seen_by_every_matrix_that_has_its_concepts_either_way(store):
    unit = store.unit("layer1", 1)  # boat and red
    explanation = unit.explanation()
    assert {t.concept_id for t in explanation.terms} == {0, RED}
    assert unit.matrices(explanation) == ["label", "eye"]
    expected = store.concept_values("eye", [0, RED])
    assert np.array_equal(unit.values(explanation, "eye"), expected)
    simulated = np.array([t.weight for t in explanation.terms]) @ expected.astype(float) + explanation.bias
    assert np.allclose(unit.simulated(explanation, "eye"), simulated)
    with pytest.raises(ValueError, match="read-only"):
        unit.values(explanation, "eye")[:] = 0


def test_little_is_kept_for_the_next_question(store, made, monkeypatch):
    monkeypatch.setattr(concept_values, "_BYTES", 2 * 4 * N)  # two rows
    for i in range(4):
        assert np.array_equal(store.concept_values("eye", [i])[0], made.seen["eye"][i])
    assert list(store.kept(ConceptValues)._rows) == [("eye", 2), ("eye", 3)]
    assert np.array_equal(store.concept_values("eye", [3, 0, 1, 2]), made.seen["eye"][[3, 0, 1, 2]])


def test_many_may_ask_at_once(path, made):
    with Store.open(path) as store, ThreadPoolExecutor(8) as pool:
        asked = [[i % 4, RED] for i in range(40)]
        for ids, found in zip(
            asked, pool.map(lambda ids: store.concept_values("eye", ids), asked), strict=True
        ):
            assert np.array_equal(found[0], made.seen["eye"][ids[0]])
            assert np.array_equal(found[1], store.concept_values("eye", [RED])[0])


def test_products_of_float16_are_those_of_float32(monkeypatch):
    rng = np.random.default_rng(0)
    images = (rng.normal(size=(700, 48)) / 7).astype(np.float16)
    images[0], images[1, ::2], images[2] = 0, 6e-8, -1  # zeros, the smallest that there are, the largest
    words = (rng.normal(size=(3, 48)) / 7).astype(np.float16)
    expected = words.astype(np.float64) @ images.T.astype(np.float64)
    for block in (512, 100, 5000):
        monkeypatch.setattr(concept_values, "_BLOCK", block)
        assert np.abs(concept_values._cosines(words, images) - expected).max() < 1e-6
    assert concept_values._cosines(words, images[:0]).shape == (3, 0)


def test_vectors_of_images_are_kept_as_small_as_they_are_stored(store):
    store.concept_values("eye", [RED])
    assert store.kept(ConceptValues)._images["eye"].dtype == np.float16
