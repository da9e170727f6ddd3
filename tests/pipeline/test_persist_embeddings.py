"""What encoders saw, in the store: of all images and of every concept of the build's set."""

from __future__ import annotations

import sys

import duckdb
import numpy as np
import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.base.progress import Silent
from lexplain_core.concepts import Concept, EncoderView
from lexplain_core.pipeline import persist_embeddings
from lexplain_core.pipeline.persist import _write_concepts
from lexplain_core.store import StoreWriter

from .test_persist import LABELS, SET, N, make_results


def written(work, path, notes=None):
    progress = Silent()
    progress.note = (notes if notes is not None else []).append
    with StoreWriter(path) as store:
        _write_concepts(progress, work.config, work.vocabulary, work.methods, store)
    with duckdb.connect(str(path), read_only=True) as con:
        concepts = con.execute(
            "SELECT concept_id, key, name, origin FROM concepts ORDER BY concept_id"
        ).fetchall()
        pieces = con.execute(
            "SELECT matrix, kind, ids, width, data FROM embeddings ORDER BY matrix, kind, ids[1]"
        ).fetchall()
    found: dict = {}
    for matrix, kind, ids, width, data in pieces:
        vectors = np.frombuffer(data, np.float16).reshape(len(ids), width)
        found.setdefault((matrix, kind), []).append((ids, vectors))
    joined = {
        key: ([i for ids, _ in parts for i in ids], np.concatenate([v for _, v in parts]))
        for key, parts in found.items()
    }
    return concepts, joined


def test_every_concept_of_the_set_and_every_label_has_its_vectors(tmp_path):
    work = make_results(concepts=SET)
    concepts, found = written(work, tmp_path / "s.duckdb")
    keys = [key for _, key, _, _ in concepts]
    assert set(keys) == {c.key for c in (*LABELS, *SET)} and keys[-1] == "noun:car"  # dropped by the filter
    assert {key: origin for _, key, _, origin in concepts}["class:dog"] == "class, noun"
    assert set(found) == {(m, k) for m in ("eye", "other") for k in ("image", "concept")}
    for view in work.vocabulary.views.values():
        ids, vectors = found[view.name, "image"]
        assert ids == list(range(N)) and np.array_equal(vectors, view.images.astype(np.float16))
        ids, vectors = found[view.name, "concept"]
        assert ids == [i for i, *_ in concepts]
        assert np.array_equal(vectors, view.embed([name for _, _, name, _ in concepts]).astype(np.float16))


def test_without_embeddings_only_what_passed_the_filter_is_listed(tmp_path):
    work = make_results(concepts=SET)
    sections = {"concepts": work.config.concepts.model_copy(update={"embeddings": False})}
    work.config = work.config.model_copy(update=sections)
    concepts, found = written(work, tmp_path / "s.duckdb")
    assert not found and "noun:car" not in {key for _, key, _, _ in concepts}


def test_a_word_that_cannot_be_embedded_does_not_end_the_build(tmp_path, monkeypatch):
    monkeypatch.setattr(persist_embeddings, "_TEXTS_AT_ONCE", 3)
    work, notes = make_results(concepts=(*SET, Concept("noun:odd", "odd", "noun"))), []
    concepts, found = written(work, tmp_path / "s.duckdb", notes)  # the views know no "odd"
    odd = {key: i for i, key, _, _ in concepts}["noun:odd"]
    for name in ("eye", "other"):
        assert found[name, "concept"][0] == [i for i, *_ in concepts if i != odd]
    assert notes == [
        f"1 concept can't be embedded by {name}; the store has no vectors of it" for name in ("eye", "other")
    ]


@pytest.fixture(autouse=True)
def _refuses(monkeypatch):
    """An encoder that has no weights at hand refuses what it wasn't given."""

    def refuse(encoder, texts, *_):
        raise UserError(f"{texts} can't be embedded")

    monkeypatch.setattr(sys.modules[EncoderView.__module__], "embed_concepts", refuse)
