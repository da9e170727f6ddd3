"""Damaged stores: every reader gives its answer or one sentence that names the file, whatever the damage is."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.store import Score, Store, StoreError, StoreWriter, UnitQuery, as_bytes
from lexplain_core.store.opening import columns
from lexplain_core.store.pictured import recorded
from lexplain_core.store.rows import score_row

from .helpers import SECOND, fill, make

FLIPS = (10, 100)  # how many bits are turned, and among the proofs


def readers(store: Store) -> dict:
    """All that pages and notebooks ask of a store, by name."""
    unit = lambda: store.unit("layer1", 1)  # noqa: E731
    explained = lambda: (unit(), unit().explanation())  # noqa: E731
    return {
        "info": store.info,
        "layers": store.layers,
        "methods": store.methods,
        "matrices": store.matrices,
        "concepts": store.concepts,
        "unit_table": store.unit_table,
        "find": lambda: store.find(
            UnitQuery(q="crane", sort="-correlation", by="le-label", ranges={"length": (1, None)})
        ),
        "surprise": lambda: store.surprise(UnitQuery()),
        "spans": store.spans,
        "score_column": store.score_column,
        "starting_points": store.starting_points,
        "export": lambda: as_bytes(store.export(UnitQuery(sort="correlation")), "json"),
        "concept_values": lambda: store.concept_values("eye", [0, 1, 2]),
        "embedded": lambda: store.concept_values("eye", [4]),
        "sayable": lambda: store.sayable("label"),
        "impacts": store.impacts,
        "top_impacts": store.top_impacts,
        "table1": store.table1,
        "score_pairs": store.score_pairs,
        "images": store.images,
        "thumbnails": lambda: store.thumbnails(range(60)),
        "crops": lambda: store.crops(range(60)),
        "picture": lambda: store.picture(3),
        "nearest": lambda: store.nearest(bytes(192)),
        "ranks": lambda: store.ranks("layer1", np.zeros(5)),
        "layer_neighbours": lambda: store.layer_neighbours("layer1", np.ones(5)),
        "recorded": lambda: recorded(store, "layer1", 3),
        "skipped": store.skipped,
        "activations": lambda: unit().activations,
        "composition": lambda: explained()[0].composition(explained()[1]),
        "classes": lambda: unit().composition(None, level="superclasses"),
        "residuals": lambda: unit().residuals(explained()[1]),
        "explanations": lambda: [unit().matrices(e) for e in unit().explanations],
        "impact": lambda: unit().impact(),
        "output_effects": lambda: unit().output_effects(),
        "maps": lambda: unit().maps(range(60)),
        "measures": lambda: store.measures,
        "scores": lambda: unit().scores,
        "similar": lambda: unit().similar(),
        "alike": lambda: unit().alike(),
        "class_means": lambda: (unit().class_means(), unit().superclass_means()),
        "examples": lambda: [unit().examples(bucket) for bucket in range(-1, 8)],
        "ends": lambda: (unit().top(), unit().bottom(), unit().between(-1, 1)),
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """The small store with something in every table."""
    path = tmp_path_factory.mktemp("whole") / "whole.duckdb"
    with StoreWriter(path) as store:
        fill(store, make(), ("label", "eye", "other eye"), second=True)
        of = {"layer_id": [0], "unit": [1]}
        store.rows("impacts", pd.DataFrame(of | {"to_value": ["zero"], "total": [2.0], "total_error": [0.1], "images": [60], "sampled": [False]}))  # fmt: skip
        store.rows("top_impacts", pd.DataFrame(of | {"to_value": ["zero"], "beta": [0.02], "value": [0.5], "error": [0.0]}))  # fmt: skip
        store.rows("output_effects", pd.DataFrame(of | {"bucket": [3], "output_id": [2], "change": [0.5], "rank": [1], "images": [9]}))  # fmt: skip
        store.maps(pd.DataFrame(of | {"image_id": [3], "kind": ["activation"], "height": [2], "width": [3], "low": [0.0], "high": [1.0], "data": [bytes(6)]}))  # fmt: skip
        store.rows(
            "scores", [score_row(Score("observer", "eye", "all", 9, 0.8, details={"soft": 0.7}), 0, 1)]
        )
        store.rows("similar_units", pd.DataFrame(of | {"other": [0], "rank": [1], "correlation": [0.3]}))
        vectors = np.eye(60, 64, dtype=np.float32)
        store.embeddings("eye", "image", range(60), vectors)
        store.embeddings("eye", "concept", [4], vectors[:1])
    return path


def answers(path: Path, said: list[str]) -> int:
    """Ask everything; how many answers came. said: the sentences in place of others."""
    try:
        store = Store.open(path)
    except StoreError as error:
        said.append(str(error))
        return 0
    good = 0
    with store:
        for ask in readers(store).values():
            try:
                ask()
                good += 1
            except StoreError as error:
                said.append(str(error))
    return good


def test_a_whole_store_answers_everything(whole):
    said = []
    with Store.open(whole) as store:
        assert answers(whole, said) == len(readers(store)) and said == []
    assert SECOND


@pytest.mark.parametrize("flips", [FLIPS[0], pytest.param(FLIPS[1], marks=pytest.mark.proofs)])
def test_flipped_bytes_are_sentences(whole, tmp_path, flips):
    data, draw = whole.read_bytes(), np.random.default_rng(12)
    used = np.flatnonzero(np.frombuffer(data, np.uint8))  # most of a small store is empty
    path, hurt = tmp_path / "flipped.duckdb", 0
    for place in draw.choice(used, flips, replace=False):
        flipped = bytearray(data)
        flipped[place] ^= 1 << int(draw.integers(8))
        path.write_bytes(flipped)
        said: list[str] = []
        answers(path, said)
        hurt += bool(said)
        for text in said:
            assert str(path) in text and text.isprintable() and text.endswith("."), text
    assert hurt > flips / 3


AS_OTHER = "CREATE TABLE other AS {}; DROP TABLE {{table}}; ALTER TABLE other RENAME TO {{table}}"
CHANGES = [
    "DROP TABLE {table}",
    "ALTER TABLE {table} RENAME TO other",
    "CREATE TABLE other AS FROM {table}; DROP TABLE {table}; CREATE VIEW {table} AS FROM other",
    AS_OTHER.format("SELECT * EXCLUDE ({column}) FROM {table}"),
    AS_OTHER.format('SELECT * RENAME ({column} AS "other") FROM {table}'),
    AS_OTHER.format("SELECT * REPLACE ({column}::VARCHAR::BLOB AS {column}) FROM {table}"),
    AS_OTHER.format("SELECT * FROM {table}"),  # without what may not be NULL, and without keys
]


@pytest.mark.parametrize(
    "table, change",
    [  # every table and every change; all pairs among the proofs
        pytest.param(table, change, marks=[pytest.mark.proofs] * (number % len(CHANGES) != kind))
        for number, table in enumerate(columns())
        for kind, change in enumerate(CHANGES)
    ],
)
def test_every_table_that_isnt_as_it_was_made_is_refused(whole, tmp_path, table, change):
    kinds = columns()[table]
    column = next(name for name, kind in reversed(kinds.items()) if not kind.endswith("[]"))
    path = tmp_path / "changed.duckdb"
    shutil.copyfile(whole, path)
    with duckdb.connect(str(path)) as con:
        for statement in change.format(table=table, column=f'"{column}"').split("; "):
            con.execute(statement)
    with pytest.raises(StoreError) as caught:
        Store.open(path)
    text = str(caught.value)
    assert f"`{table}`" in text and str(path) in text and text.endswith(".")


@pytest.mark.parametrize(
    "strange",
    [
        "CREATE VIEW heavy AS SELECT count(*) FROM range(100000000000) a, range(100000000000) b",
        "CREATE MACRO list_position(a, b) AS 1",
        "CREATE MACRO range(a) AS TABLE SELECT 1",
        "CREATE SCHEMA more",
        "CREATE TYPE mood AS ENUM ('a')",
        "CREATE SEQUENCE numbers",
        "CREATE INDEX i ON images (width)",
        "CREATE TABLE more (a INTEGER)",
        "ALTER TABLE classes ADD COLUMN g INTEGER",
        "ALTER TABLE classes ALTER name SET DEFAULT 'a'",
        "ALTER TABLE classes ALTER name DROP NOT NULL",
    ],
)
def test_nothing_else_may_lie_in_a_store(whole, tmp_path, strange):
    path = tmp_path / "s.duckdb"
    shutil.copyfile(whole, path)
    with duckdb.connect(str(path)) as con:
        con.execute(strange)
    start = time.process_time()
    with pytest.raises(StoreError):
        Store.open(path)
    assert time.process_time() - start < 5


INCONSISTENT = [
    "DELETE FROM activations WHERE unit = 1 AND image_id > 20",
    "DELETE FROM images WHERE image_id > 30",
    "DELETE FROM concepts WHERE concept_id < 3; UPDATE layers SET units = 50",
    "DELETE FROM layers; DELETE FROM classes",
    "DELETE FROM units; DELETE FROM method_configs",
    "UPDATE images SET descriptor = 'abc'::BLOB, predicted = 99, class_id = 99",
    "UPDATE maps SET width = 77; UPDATE embeddings SET width = 7",
    "UPDATE maps SET height = -1; UPDATE embeddings SET ids = [70000]",
    "UPDATE concept_values SET image_id = image_id + 1000; UPDATE embeddings SET data = 'a'::BLOB",
    "UPDATE concept_matrices SET a = NULL, config = '[', filter = 'x'; UPDATE units SET truth = '{', maximum = 'nan'",
    f"UPDATE method_configs SET config = '{'[' * 3000}'; UPDATE superclass_members SET class_id = 55, superclass_id = 66",
    "UPDATE terms SET weight = 'inf'; UPDATE activations SET value = 'nan'",
    "UPDATE terms SET concept_id = 77",
]


@pytest.mark.parametrize("change", INCONSISTENT, ids=lambda change: change[:60])
def test_what_doesnt_fit_together_is_a_sentence(whole, tmp_path, change):
    path = tmp_path / "s.duckdb"
    shutil.copyfile(whole, path)
    with duckdb.connect(str(path)) as con:
        for statement in change.split("; "):
            con.execute(statement)
    said: list[str] = []
    answers(path, said)
    with Store.open(path) as store:
        assert store.fault
    assert all(text.isprintable() and text.endswith(".") for text in said)


def test_a_mistake_of_ours_stays_one(whole):
    with Store.open(whole) as store:
        with pytest.raises(TypeError):
            store.unit("layer1", [1])
        with pytest.raises(duckdb.BinderException):
            store.rows("SELECT nothing FROM images")
        assert store.fault is None


def test_a_question_that_takes_too_long_is_stopped(tmp_path, monkeypatch):
    path, many = (
        tmp_path / "s.duckdb",
        4000,
    )  # explanations that say the same: comparing one with them takes many terms
    with StoreWriter(path) as store:
        fill(store, make())
        extra = {"explanation_id": np.arange(many) + 1000, "layer_id": 0, "unit": 1, "method": "le-label"}
        extra |= {
            "config_hash": [f"c{i}" for i in range(many)],
            "matrix": "label",
            "bias": 0.1,
            "length": 1000,
        }
        store.rows("explanations", pd.DataFrame(extra))
        store._con.execute(
            "INSERT INTO terms SELECT e.explanation_id, r.range, r.range % 5, 1.0 FROM explanations e, range(1000) r "
            "WHERE e.explanation_id >= 1000"
        )
    monkeypatch.setenv("LEXPLAIN_QUERY_SECONDS", "0.05")
    with Store.open(path) as store:
        start = time.monotonic()
        with pytest.raises(StoreError, match="was stopped after 0.05 s: LEXPLAIN_QUERY_SECONDS allows more"):
            store.unit("layer1", 0).alike()
        assert time.monotonic() - start < 10
        assert store.methods() and store.images([0]) is not None  # and goes on


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "nan", "inf"])
def test_a_limit_that_is_none_is_refused(whole, monkeypatch, seconds):
    monkeypatch.setenv("LEXPLAIN_QUERY_SECONDS", seconds)
    with pytest.raises(StoreError, match="LEXPLAIN_QUERY_SECONDS"):
        Store.open(whole)


def test_memory_is_limited(whole, monkeypatch):
    monkeypatch.setenv("LEXPLAIN_QUERY_MEMORY", "much")
    with pytest.raises(StoreError, match="LEXPLAIN_QUERY_MEMORY"):
        Store.open(whole)
    monkeypatch.setenv("LEXPLAIN_QUERY_MEMORY", "100MB")
    with Store.open(whole) as store:
        assert store.rows("SELECT current_setting('memory_limit'), current_setting('temp_directory')") == [
            ("95.3 MiB", "")
        ]
        with pytest.raises(StoreError, match="more memory than it may have"):
            store.rows("SELECT list(a) FROM range(100_000_000) t(a)")
        with suppress(UserError):
            assert len(store.layers()) == 2
