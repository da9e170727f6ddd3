"""What people add to a store: their explanations among its own, and images that are shown no more."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from lexplain_core.notes import Noted, Notes, with_notes
from lexplain_core.store import Score, Store, StoreError, UnitQuery, UserExplanation
from lexplain_core.store.search.table import Tables


@pytest.fixture
def store(demo_store, tmp_path):
    """A copy of the demo store, with no notes beside it."""
    with Store.open(shutil.copy(demo_store, tmp_path / "copy.duckdb")) as opened:
        yield opened


def made(method="mine", **changes) -> UserExplanation:
    scores = (
        Score("correlation", "label", "test", 400, 0.5, 0.4, 0.6, None),
        Score("correlation", "demo/simulator", "test", 400, None, None, None, "It is constant."),
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
    return UserExplanation(**facts | changes)


def test_an_explanation_stands_beside_the_stores_own(store):
    bare, own, before = store, store.methods(), store.unit_table(method="le-label")
    # "aaa" would come first by name; machine methods stay first, and the default one
    store = bare.with_notes([made("aaa")])
    assert store.overlay.problems == ()
    assert store.methods() == [*own, "aaa"] and store.default_method == "le-label"
    assert store.user_methods == {"aaa"}
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
    assert one.score(by="demo/simulator") == made().scores[1]
    assert one.score("ablation").reason == "Explanations made by hand get no ablation score."
    # it counts as a method: in tables, in the search, in what the store says of itself
    row = store.unit_table(method="aaa").set_index(["layer", "unit"]).loc[("block7", 3)]
    assert (
        row["explanation"] == "1.5·dog − 0.5·cat + 0.1" and row["correlation"] == 0.5 and row["length"] == 2
    )
    facts = next(e for e in store.info()["explanations"] if e["method"] == "aaa")
    assert facts["explained"] == 1 and facts["mean_correlation"] == 0.5
    assert store.unit_table(method="le-label").equals(before)
    # the store itself stays as it is
    assert bare.methods() == own and bare.user_methods == frozenset()
    assert {e.method for e in bare.unit("block7", 3).explanations} == {*own}
    with pytest.raises(StoreError, match="no explanations by 'aaa'"):
        bare.find(UnitQuery(method="aaa"))


def test_it_is_simulated_and_drawn_like_any_other(store):
    unit = store.with_notes([made()]).unit("block7", 3)
    one = unit.explanation("mine")
    dog, cat = unit.values(one)
    assert np.allclose(unit.simulated(one), 1.5 * dog - 0.5 * cat + 0.1, atol=1e-6)
    shares = unit.composition(one)
    assert shares.groupby("bucket")["count"].sum().tolist() == unit.buckets.counts.tolist()


def test_notes_stand_alone_whatever_store_they_are_put_over(store):
    first = store.with_notes([made("one"), made("two")], [store.images([0])["key"][0]])
    second = first.with_notes([made("two", bias=0.2)])
    assert second.user_methods == {"two"} and second.hidden == frozenset()
    ids = {e.id for e in first.unit("block7", 3).explanations if e.method in first.user_methods}
    assert second.unit("block7", 3).explanation("two").bias == 0.2
    assert second.unit("block7", 3).explanation("two").id not in ids  # whoever kept it by id sees the change
    assert first.unit("block7", 3).explanation("two").bias == 0.1 and first.hidden == {0}
    assert second.with_notes().methods() == store.methods()


def test_what_is_read_of_the_file_is_shared(store):
    noted = store.with_notes([made()])
    assert noted.concept_labels is store.concept_labels and noted.image_frame is store.image_frame
    assert noted.kept(Tables) is store.kept(Tables)
    noted.unreadable[3] = "it is grey"
    assert store.with_notes().unreadable == {3: "it is grey"}


def _laid(store: Store) -> int:
    """How many overlays have tables in memory."""
    return store.rows(
        "SELECT count(*) FROM duckdb_schemas() WHERE database_name = 'memory' AND schema_name LIKE 'notes_%'"
    )[0][0]


def test_tables_go_with_the_last_store_that_shows_them(store):
    first = store.with_notes([made()])
    hiding = first.with_notes([made()], [store.images([0])["key"][0]])
    unit = hiding.unit("block7", 3)
    second = store.with_notes([made(bias=0.3)])
    assert _laid(store) == 2
    del first
    assert _laid(store) == 2 and hiding.unit("block7", 3).explanation("mine").bias == 0.1
    del hiding
    assert unit.explanation("mine").bias == 0.1 and _laid(store) == 2  # a unit holds on to its store
    del unit
    assert _laid(store) == 1 and second.unit("block7", 3).explanation("mine").bias == 0.3
    del second
    assert _laid(store) == 0


def test_many_changes_of_notes_pile_nothing_up(store):
    notes = Notes.of(store)
    for number in range(1, 16):
        notes.keep(made(bias=number))
        found = with_notes(store).store.find(UnitQuery(method="mine", by="mine")).rows
        assert found["explanation"].tolist() == [f"1.5·dog − 0.5·cat + {number}"]
        assert _laid(store) == 1
    tables = store.rows("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'finding_%'")[0][0]
    assert tables <= 10


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
    store = store.with_notes([made(**changes), made("good")])
    problems = store.overlay.problems
    assert len(problems) == 1 and words in problems[0] and problems[0].endswith(".")
    assert store.user_methods == {"good"}


def test_hidden_images_are_shown_nowhere_and_counted_everywhere(store):
    unit = store.unit("block7", 3)
    counts, top = unit.buckets.counts.tolist(), unit.top(9)
    one = unit.explanation("le-label")
    more, less = unit.residuals(one)
    keys = [*top["key"][:3], more["key"].iloc[0], less["key"].iloc[0], "no such image"]
    noted = store.with_notes(hidden_keys=keys)
    assert len(noted.hidden) == len({*keys}) - 1
    unit = noted.unit("block7", 3)
    assert unit.buckets.counts.tolist() == counts and len(unit.activations) == 2000
    assert unit.top(6)["key"].tolist() == [k for k in top["key"] if k not in keys][:6]
    shown = [
        unit.bottom(9),
        *unit.residuals(one),
        *(unit.examples(b, top=t) for b in range(8) for t in (0, 1)),
    ]
    assert not {k for frame in shown for k in frame["key"]} & {*keys}
    assert store.unit("block7", 3).top(9)["key"].tolist() == top["key"].tolist()


def test_hiding_an_image_leaves_the_tables_for_finding_as_they_are(store):
    noted = store.with_notes([made(), made("le-label")])
    wanted = UnitQuery(q="dog", method="mine")
    found, tables = noted.find(wanted), [*store.kept(Tables)._tables.values()]
    hiding = noted.with_notes([made(), made("le-label")], [store.images([0])["key"][0]])
    assert hiding.overlay is noted.overlay and hiding.hidden == {0}
    assert hiding.find(wanted).rows.equals(found.rows) and [*store.kept(Tables)._tables.values()] == tables
    other = hiding.with_notes([made(bias=0.3)])
    assert other.hidden == frozenset() and other.use != noted.use and other.find(wanted).total == found.total


def test_a_table_being_made_keeps_nobody_from_another(store, monkeypatch):
    store.find(UnitQuery())
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
    assert store.find(UnitQuery()).total and slow.is_alive()
    go.set()
    slow.join()


def test_notes_are_read_when_they_change_and_only_then(store):
    notes = Notes.of(store)
    assert with_notes(store) == Noted(store)
    notes.keep(made())
    notes.keep(made("le-siglip"))
    noted = with_notes(store)
    assert noted.version == notes.version() and noted.store.user_methods == {"mine"}
    assert len(noted.problems) == 1 and "a method of the store has that name" in noted.problems[0]
    notes.star("A", "block7", 3)
    assert with_notes(store) is noted is with_notes(noted.store)
    notes.hide(store.images([0])["key"][0])
    hiding = with_notes(store)
    assert (
        hiding.version != noted.version and hiding.store.hidden == {0} and noted.store.hidden == frozenset()
    )
    assert hiding.store.overlay is noted.store.overlay and hiding.problems == noted.problems
    notes.path.unlink()
    without = with_notes(store)
    assert (without.version, without.problems, without.store.hidden) == ("", (), frozenset())
    assert without.store.methods() == store.methods()


def test_threads_read_while_notes_change(store):
    """Each sees the notes that it began with, and all that it asks for agree."""
    notes, problems, stop = Notes.of(store), [], threading.Event()
    notes.keep(made(bias=0))

    def read() -> None:
        while not stop.is_set():
            try:
                seen = with_notes(store).store
                bias = seen.unit("block7", 3).explanation("mine").bias
                seen.layers("mine")
                row = seen.find(UnitQuery(layer="block7", method="mine", among=(("block7", 3),))).rows.iloc[0]
                assert row["explanation"] == "1.5·dog − 0.5·cat" + (f" + {bias:g}" if bias else "")
                assert seen.unit("block7", 3).explanation("mine").bias == bias
            except BaseException as error:
                problems.append(error)
                return

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1, 13):
        notes.keep(made(bias=number))
        with_notes(store)
    stop.set()
    for thread in threads:
        thread.join()
    assert not problems
    assert _laid(store) <= 1


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
    noted = with_notes(store)
    assert noted.version != notes.version() and noted.store.hidden == {0} and not noted.store.user_methods
    assert len(noted.problems) == 1 and "its words are not what was written" in noted.problems[0]
    _spoil(
        notes, "PRAGMA user_version = 1"
    )  # which has no digests; with no change of the version: it is tried again
    noted = with_notes(store)
    assert noted.version == notes.version() and noted.store.hidden == {0}
    assert noted.store.user_methods == {"good"}
    assert len(noted.problems) == 1 and "'bad'" in noted.problems[0] and "isn't JSON" in noted.problems[0]


def test_a_store_whose_hidden_images_are_unknown_is_not_shown(store, monkeypatch):
    notes = Notes.of(store)
    notes.hide(store.images([0])["key"][0])
    monkeypatch.setattr("lexplain_core.notes.file.NOTES.busy_s", 0.1)
    con = sqlite3.connect(notes.path, isolation_level=None)
    con.execute("PRAGMA journal_mode=DELETE")  # with a log, readers wait for nobody
    con.execute("BEGIN EXCLUSIVE")
    con.execute("UPDATE meta SET value = value || 'x'")
    try:
        with pytest.raises(StoreError, match="isn't shown: images may be hidden"):
            with_notes(store)
    finally:
        con.execute("ROLLBACK")
        con.close()
    assert with_notes(store).store.hidden == {0}
    notes.path.write_bytes(b"another program's file, and long enough to be taken for one" * 20)
    with pytest.raises(StoreError, match="isn't shown: images may be hidden"):
        with_notes(store)


def test_scores_of_another_build_are_not_shown(store):
    store = store.with_notes([made("here", store=store.id), made("there", store="another")])
    assert store.overlay.problems == ()
    unit = store.unit("block7", 3)
    here, there = unit.explanation("here"), unit.explanation("there")
    assert here.score().value == 0.5 and here.val_correlation == 0.55
    assert (there.terms, there.bias) == (here.terms, here.bias) and there.val_correlation is None
    assert there.score().value is None and "keep it again" in there.score().reason
    assert all(score.value is None and score.reason for score in there.scores)
    row = store.unit_table(method="there").set_index(["layer", "unit"]).loc[("block7", 3)]
    assert np.isnan(row["correlation"]) and "keep it again" in row["correlation_reason"]


def test_scores_by_a_matrix_that_the_store_lacks_are_left_out(store):
    gone = Score("correlation", "gone", "test", 400, 0.9, 0.8, 1.0, None)
    one = (
        store.with_notes([made(simulator="gone", scores=(gone, *made().scores))])
        .unit("block7", 3)
        .explanation("mine")
    )
    assert one.simulator == "label" and one.score().value == 0.5
    assert "gone" not in {score.by for score in one.scores}
