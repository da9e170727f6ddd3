"""What people add to a store: explanations made by hand among its own, and images that are shown no more."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from lexplain_core.notes import Notes, take_in
from lexplain_core.store import Made, Score, Store, StoreError, Wanted
from lexplain_core.store.overlay import Added
from lexplain_core.store.search.table import Tables


@pytest.fixture
def store(demo_store, tmp_path):
    """A copy of the demo store, with no notes beside it."""
    with Store.open(shutil.copy(demo_store, tmp_path / "copy.duckdb")) as opened:
        yield opened


def made(method="mine", **changes) -> Made:
    scores = (
        Score("label", "correlation", "test", 400, 0.5, 0.4, 0.6, None),
        Score("demo/simulator", "correlation", "test", 400, None, None, None, "It is constant."),
    )
    facts = {
        "layer": "block7",
        "unit": 3,
        "method": method,
        "terms": ((1.5, "class:dog"), (-0.5, "class:cat")),
        "bias": 0.1,
        "matrix": "label",
        "simulator": "label",
        "val_correlation": 0.55,
        "scores": scores,
        "config": {"way": "refit", "from": "le-label"},
        "made": "2026-11-20T10:00:00+00:00",
    }
    return Made(**facts | changes)


def test_a_made_explanation_stands_beside_the_stores_own(store):
    own, before = store.methods(), store.unit_table(method="le-label")
    # "aaa" would come first by name; machine methods stay first, and the default one
    assert store.take_in([made("aaa")], []) == []
    assert store.methods() == [*own, "aaa"] and store.default_method == "le-label"
    assert store.by_hand == {"aaa"}
    unit = store.unit("block7", 3)
    assert {e.method for e in unit.explanations} == {*own, "aaa"}
    one = unit.explanation("aaa")
    assert [(t.weight, t.name) for t in one.terms] == [(1.5, "dog"), (-0.5, "cat")]
    assert (one.bias, one.matrix, one.simulator, one.val_correlation) == (0.1, "label", "label", 0.55)
    assert one.source is None and one.reason is None
    assert one.config == {
        "by": "hand",
        "made": "2026-11-20T10:00:00+00:00",
        "way": "refit",
        "from": "le-label",
    }
    assert one.score() == made().scores[0]
    assert one.score(simulator="demo/simulator") == made().scores[1]
    assert one.score("ablation-norm").reason == "Explanations made by hand get no ablation scores."
    # it counts as a method: in tables, in the search, in what the store says of itself
    row = store.unit_table(method="aaa").set_index(["layer", "unit"]).loc[("block7", 3)]
    assert row["explanation"] == "1.5·dog − 0.5·cat + 0.1" and row["score"] == 0.5 and row["length"] == 2
    facts = next(e for e in store.info()["explanations"] if e["method"] == "aaa")
    assert facts["explained"] == 1 and facts["mean_correlation"] == 0.5
    assert store.unit_table(method="le-label").equals(before)


def test_it_is_simulated_and_drawn_like_any_other(store):
    store.take_in([made()], [])
    unit = store.unit("block7", 3)
    one = unit.explanation("mine")
    dog, cat = unit.values(one)
    assert np.allclose(unit.simulated(one), 1.5 * dog - 0.5 * cat + 0.1, atol=1e-6)
    shares = unit.composition(one)
    assert shares.groupby("bucket")["count"].sum().tolist() == unit.buckets.counts.tolist()


def test_what_was_taken_in_is_replaced(store):
    store.take_in([made("one"), made("two")], [])
    ids = {e.id for e in store.unit("block7", 3).explanations}
    store.take_in([made("two", bias=0.2)], [])
    assert store.by_hand == {"two"}
    assert store.unit("block7", 3).explanation("two").bias == 0.2
    assert not {store.unit("block7", 3).explanation("two").id} & ids  # whoever kept it by id sees the change
    store.take_in([], [])
    assert store.by_hand == frozenset() and "two" not in store.methods()
    for number in range(6):
        store.take_in([made(bias=number)], [])
    left = store.rows("SELECT schema_name FROM duckdb_schemas() WHERE schema_name LIKE 'made_%'")
    assert len(left) == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layer": "nope"}, "no layer 'nope'"),
        ({"unit": 10_000}, "no unit 10000"),
        ({"method": "le-label"}, "a method of the store has that name"),
        ({"matrix": "nope"}, "no concept matrix 'nope'"),
        ({"terms": ((1.0, "class:dog"), (1.0, "nope"))}, "no concept 'nope'"),
        ({"terms": ()}, "no concepts"),
    ],
)
def test_what_the_store_cannot_hold_is_left_out_in_a_sentence(store, changes, words):
    problems = store.take_in([made(**changes), made("good")], [])
    assert len(problems) == 1 and words in problems[0] and problems[0].endswith(".")
    assert store.by_hand == {"good"}


def test_hidden_images_are_shown_nowhere_and_counted_everywhere(store):
    unit = store.unit("block7", 3)
    counts, top = unit.buckets.counts.tolist(), unit.top(9)
    one = unit.explanation("le-label")
    more, less = unit.residuals(one)
    keys = [*top["key"][:3], more["key"].iloc[0], less["key"].iloc[0], "no such image"]
    assert store.take_in([], keys) == []
    assert len(store.hidden) == len({*keys}) - 1
    unit = store.unit("block7", 3)
    assert unit.buckets.counts.tolist() == counts and len(unit.activations) == 2000
    assert unit.top(6)["key"].tolist() == [k for k in top["key"] if k not in keys][:6]
    shown = [
        unit.bottom(9),
        *unit.residuals(one),
        *(unit.examples(b, top=t) for b in range(8) for t in (0, 1)),
    ]
    assert not {k for frame in shown for k in frame["key"]} & {*keys}
    store.take_in([], [])
    assert store.unit("block7", 3).top(9)["key"].tolist() == top["key"].tolist()


def test_hiding_an_image_leaves_the_tables_for_finding_as_they_are(store):
    problems = store.take_in([made(), made("le-label")], [])
    wanted = Wanted(q="dog", method="mine")
    found = store.find(wanted)
    use, tables = store.use, [*store.kept(Tables)._tables.values()]
    key = store.images([0])["key"][0]
    assert store.take_in([made(), made("le-label")], [key]) == problems and store.hidden == {0}
    assert store.find(wanted).rows.equals(found.rows)
    assert store.use == use and [*store.kept(Tables)._tables.values()] == tables
    assert store.take_in([made(bias=0.3)], []) == [] and store.hidden == frozenset() and store.use != use
    assert store.find(wanted).total == found.total


def test_a_table_being_made_keeps_nobody_from_another(store, monkeypatch):
    store.find(Wanted())
    begun, go, asked = threading.Event(), threading.Event(), Store.cursor
    slow = threading.Thread(target=lambda: store.spans("le-siglip"))

    class Slow:
        """A cursor that makes tables only when it is let."""

        def __init__(self, real):
            self.real = real

        def __getattr__(self, name):
            return getattr(self.real, name)

        def execute(self, query, *parameters):
            if query.startswith("CREATE TABLE memory.main.finding"):
                begun.set()
                assert go.wait(20)
            return self.real.execute(query, *parameters)

    @contextmanager
    def own(self, use=None):
        with asked(self, use) as cursor:
            yield Slow(cursor) if threading.current_thread() is slow else cursor

    monkeypatch.setattr(Store, "cursor", own)
    slow.start()
    assert begun.wait(20)
    assert store.find(Wanted()).total and slow.is_alive()
    go.set()
    slow.join()


def test_notes_are_taken_in_when_they_change_and_only_then(store):
    notes = Notes.of(store)
    assert take_in(store) == ("", ())
    notes.keep(made())
    notes.keep(made("le-siglip"))
    version, problems = take_in(store)
    assert version == notes.version() and store.by_hand == {"mine"}
    assert len(problems) == 1 and "a method of the store has that name" in problems[0]
    laid = list(store.kept(Added).laid)
    notes.star("A", "block7", 3)
    assert take_in(store) == (version, problems) and store.kept(Added).laid == laid
    notes.hide(store.images([0])["key"][0])
    assert take_in(store)[0] != version and store.hidden == {0} and store.by_hand == {"mine"}
    notes.path.unlink()
    assert take_in(store) == ("", ()) and store.hidden == frozenset() and store.by_hand == frozenset()


def test_threads_read_while_notes_are_taken_in(store):
    problems, stop = [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                store.unit("block7", 3).explanation("le-label")
                store.layers()
            except Exception as error:
                problems.append(error)
                return

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(8):
        store.take_in([made(bias=number)] if number % 3 else [], [])
    stop.set()
    for thread in threads:
        thread.join()
    assert not problems


def _spoil(notes: Notes, statement: str) -> None:
    con = sqlite3.connect(notes.path)
    con.execute(statement)
    con.commit()
    con.close()


def test_images_stay_hidden_whatever_is_wrong_with_words(store):
    notes = Notes.of(store)
    notes.keep(made("good"))
    notes.keep(made("bad"))
    notes.hide(store.images([0])["key"][0])
    _spoil(notes, "UPDATE made SET data = 'x' WHERE method = 'bad'")
    version, problems = take_in(store)
    assert version != notes.version() and store.hidden == {0} and not store.by_hand
    assert len(problems) == 1 and "its words are not what was written" in problems[0]
    _spoil(
        notes, "PRAGMA user_version = 1"
    )  # which has no digests; with no change of the version: it is tried again
    version, problems = take_in(store)
    assert version == notes.version() and store.hidden == {0} and store.by_hand == {"good"}
    assert len(problems) == 1 and "'bad'" in problems[0] and "isn't JSON" in problems[0]


def test_a_store_whose_hidden_images_are_unknown_is_not_shown(store, monkeypatch):
    notes = Notes.of(store)
    notes.hide(store.images([0])["key"][0])
    monkeypatch.setattr("lexplain_core.notes.file._BUSY_S", 0.1)
    con = sqlite3.connect(notes.path, isolation_level=None)
    con.execute("PRAGMA journal_mode=DELETE")  # with a log, readers wait for nobody
    con.execute("BEGIN EXCLUSIVE")
    con.execute("UPDATE meta SET value = value || 'x'")
    try:
        with pytest.raises(StoreError, match="isn't shown: images may be hidden"):
            take_in(store)
    finally:
        con.execute("ROLLBACK")
        con.close()
    take_in(store)
    assert store.hidden == {0}
    notes.path.write_bytes(b"another program's file, and long enough to be taken for one" * 20)
    with pytest.raises(StoreError, match="isn't shown: images may be hidden"):
        take_in(store)


def test_scores_of_another_build_are_not_shown(store):
    assert store.take_in([made("here", store=store.id), made("there", store="another")], []) == []
    unit = store.unit("block7", 3)
    here, there = unit.explanation("here"), unit.explanation("there")
    assert here.score().value == 0.5 and here.val_correlation == 0.55
    assert (there.terms, there.bias) == (here.terms, here.bias) and there.val_correlation is None
    assert there.score().value is None and "keep it again" in there.score().reason
    assert all(score.value is None and score.reason for score in there.scores)
    row = store.unit_table(method="there").set_index(["layer", "unit"]).loc[("block7", 3)]
    assert np.isnan(row["score"]) and "keep it again" in row["score_reason"]


def test_scores_by_a_matrix_that_the_store_lacks_are_left_out(store):
    gone = Score("gone", "correlation", "test", 400, 0.9, 0.8, 1.0, None)
    store.take_in([made(simulator="gone", scores=(gone, *made().scores))], [])
    one = store.unit("block7", 3).explanation("mine")
    assert one.simulator == "label" and one.score().value == 0.5
    assert "gone" not in {score.simulator for score in one.scores}
