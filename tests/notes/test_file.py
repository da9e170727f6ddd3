"""Notes beside a store: lists, hidden images, explanations made by hand; in a file that may be missing or bad."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import stat
import threading
from contextlib import closing

import numpy as np
import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.notes import LARGEST_FILE, Notes, shared, unshared
from lexplain_core.store import Score, UserExplanation
from tests.conftest import ROOT
from tests.rotten import flipped


def made(method="mine", **changes) -> UserExplanation:
    score = Score("correlation", "label", "test", 400, 0.5, 0.4, 0.6, None)
    facts = {
        "layer": "block7",
        "unit": 3,
        "method": method,
        "terms": ((2.0, "class:dog"), (-0.5, "class:cat")),
        "bias": 0.1,
        "matrix": "label",
        "simulator": "label",
        "val_correlation": 0.55,
        "scores": (score,),
        "config": {"way": "refit", "from": "le-label"},
    }
    return UserExplanation(**facts | changes)


def test_a_missing_file_is_empty_and_reading_does_not_make_it(notes):
    assert notes.lists() == [] and notes.hidden() == [] and notes.explanations() == []
    assert notes.lists_of("a", 1) == {} and notes.version() == ""
    with pytest.raises(UserError, match="no list 'x'"):
        notes.units("x")
    assert not notes.path.exists()


def test_lists_hold_units_and_remarks_in_their_order(notes):
    notes.star("Animals", "block7", 5)
    notes.star("Animals", "block7", 2, "fur,\nnot eyes")
    notes.star("  Odd   ones ", "block4", 5)
    notes.star("Animals", "block7", 5)  # again: nothing changes
    assert [(x.name, x.count) for x in notes.lists()] == [("Animals", 2), ("Odd ones", 1)]
    units = notes.units("Animals")
    assert [(u.layer, u.unit, u.remark) for u in units] == [
        ("block7", 5, ""),
        ("block7", 2, "fur,\nnot eyes"),
    ]
    assert notes.lists_of("block7", 2) == {"Animals": "fur,\nnot eyes"}
    notes.star("Animals", "block7", 2)  # leaves the remark
    notes.remark("Animals", "block7", 5, " dogs ")
    assert [u.remark for u in notes.units("Animals")] == ["dogs", "fur,\nnot eyes"]
    assert notes.star_all("Animals", [("block7", 2), ("block7", 9)]) == 1
    notes.unstar("Animals", "block7", 2)
    assert [u.unit for u in notes.units("Animals")] == [5, 9]


def test_lists_are_renamed_and_deleted(notes):
    notes.star("A", "l", 1)
    notes.begin("B")
    assert notes.units("B") == []
    with pytest.raises(UserError, match="There is a list 'B' already"):
        notes.rename("A", "B")
    assert notes.rename("A", "A") == "A"
    assert notes.rename("A", "C") == "C"
    assert [u.unit for u in notes.units("C")] == [1]
    notes.delete("C")
    assert [x.name for x in notes.lists()] == ["B"] and notes.lists_of("l", 1) == {}
    for gone in (
        lambda: notes.delete("C"),
        lambda: notes.rename("C", "D"),
        lambda: notes.unstar("C", "l", 1),
    ):
        with pytest.raises(UserError, match="no list 'C'"):
            gone()


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\x00b", None, 3])
def test_bad_names_are_refused(notes, name):
    with pytest.raises(UserError, match="1 to 80 printable characters"):
        notes.begin(name)
    assert not notes.path.exists()


def test_a_remark_has_an_end(notes):
    with pytest.raises(UserError, match="2,000 characters; this one has 2,001"):
        notes.remark("A", "l", 1, "x" * 2001)


def test_hidden_images_and_made_explanations_change_the_version_and_stars_do_not(notes):
    notes.hide("b/1.png", "a/0.png")
    first = notes.version()
    notes.star("A", "l", 1)
    assert notes.version() == first
    notes.hide("b/1.png")
    assert sorted(h.key for h in notes.hidden()) == ["a/0.png", "b/1.png"]
    notes.unhide("b/1.png")
    assert [h.key for h in notes.hidden()] == ["a/0.png"] and notes.version() != first
    second = notes.version()
    notes.keep(made())
    third = notes.version()
    notes.forget("mine", "block7", 3)
    assert len({first, second, third, notes.version()}) == 4


def test_an_explanation_comes_back_as_it_was_kept(notes):
    kept = notes.keep(made())
    assert kept.made and kept == made(made=kept.made, store="1234")  # the notes know whose they are
    assert Notes(notes.path).explanations() == [kept]
    assert notes.keep(made("other", store="5678")).store == "5678" and notes.forget("other", "block7", 3)
    notes.keep(made(bias=np.float32(0.25), terms=((np.float64(1.5), "class:dog"),)))  # in its place
    assert [(m.bias, m.terms) for m in notes.explanations()] == [(0.25, ((1.5, "class:dog"),))]
    notes.keep(made(" other  name "))
    assert [m.method for m in notes.explanations()] == ["mine", "other name"]
    assert notes.forget("mine", "block7", 3) and not notes.forget("mine", "block7", 3)
    assert [m.method for m in notes.explanations()] == ["other name"]


def test_what_is_kept_is_not_read_again(notes, monkeypatch):
    monkeypatch.setattr(notes, "_rows", None)
    assert notes.keep(made(made="2026-11-20T10:00:00+00:00")).store == "1234"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("data = 'x'", "it isn't JSON"),
        ("data = '[]'", "it is not an object"),
        ("data = json_remove(data, '$.terms')", "its terms can't be None"),
        ("data = json_replace(data, '$.terms[0][1]', 5)", "its terms can't be"),
        ("data = json_replace(data, '$.bias', 'much')", "its bias can't be 'much'"),
        ("data = json_replace(data, '$.scores[0].n', 'all')", "its n can't be 'all'"),
        ("data = json_set(data, '$.scores[0].more', 1)", "more"),
        ("data = json_set(data, '$.more', 1)", "more"),
        ("data = json_replace(data, '$.config', 3)", "its config can't be 3"),
        ("unit = 'three'", "its unit can't be 'three'"),
    ],
)
def test_a_bad_row_leaves_the_others(notes, change, words):
    notes.keep(made("bad"))
    kept = notes.keep(made("good"))
    with sqlite3.connect(notes.path) as con:
        con.execute(f"UPDATE made SET {change} WHERE method = 'bad'")
        con.execute("PRAGMA user_version = 1")  # which has no digests
    con.close()
    found, (fault,) = notes.explanations_and_faults()
    assert found == notes.explanations() == [kept]
    assert fault.startswith("'bad' of block7, unit ") and words in fault and fault.endswith(".")


def test_a_row_that_does_not_say_of_which_store_it_is_is_of_another(notes):
    notes.keep(made())
    with sqlite3.connect(notes.path) as con:
        con.execute("UPDATE made SET data = json_remove(data, '$.store')")
        con.execute("PRAGMA user_version = 1")
    con.close()
    assert notes.explanations()[0].store not in ("", "1234")


@pytest.mark.parametrize(
    "bad", [{"terms": ()}, {"terms": ((float("nan"), "class:dog"),)}, {"bias": float("inf")}, {"method": " "}]
)
def test_what_is_no_explanation_is_not_kept(notes, bad):
    with pytest.raises(UserError):
        notes.keep(made(**bad))
    assert notes.explanations() == []


def test_a_list_travels_as_a_file(notes, tmp_path):
    notes.star("Tiere ♥", "block7", 5, "Fell, „weich“")
    notes.star("Tiere ♥", "a:b,c", 2)
    data = notes.to_json("Tiere ♥")
    assert json.loads(data)["store"] == {"id": "1234", "name": "a"}
    other = Notes(tmp_path / "b.notes.sqlite")
    assert other.from_json(data).name == "Tiere ♥"
    again = other.from_json(b"\xef\xbb\xbf" + data)
    assert (again.name, again.count, again.problems) == ("Tiere ♥ (2)", 2, ())
    rows = [(u.layer, u.unit, u.remark) for u in notes.units("Tiere ♥")]
    for name in ("Tiere ♥", "Tiere ♥ (2)"):
        assert [(u.layer, u.unit, u.remark) for u in other.units(name)] == rows


def _file(**changes) -> bytes:
    facts = {
        "kind": "lexplain list of units",
        "version": 1,
        "name": "A",
        "units": [{"layer": "l", "unit": 1}],
    }
    return json.dumps(facts | changes).encode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"x" * (LARGEST_FILE + 1), "1.0 MB; a list's file has at most 1 MB"),
        (b"\xff\xfe", "isn't JSON"),
        (b"[" * 200_000, "isn't JSON"),
        (b"1" * 5000, "isn't JSON"),
        (b'{"version": 2, "version": 1}', "has the key 'version' twice"),
        (b"[]", "doesn't say `kind`"),
        (_file(kind="x"), "doesn't say `kind`"),
        (_file(version=2), "list of version 2"),
        (_file(name=""), "can't be the name"),
        (_file(name=["x" * 500_000]), "can't be the name"),
        (_file(units={}), "no `units`"),
    ],
)
def test_foreign_files_are_refused_in_one_sentence(notes, data, words):
    with pytest.raises(UserError, match=words) as caught:
        notes.from_json(data)
    assert len(str(caught.value)) < 300 and str(caught.value).count(". ") == 0
    assert not notes.path.exists()


def test_bad_entries_of_a_file_are_left_out_and_told(notes):
    rows = [
        {"layer": "l", "unit": 1, "remark": "good"},
        {"layer": "l", "unit": 1},
        {"layer": "", "unit": 1},
        {"layer": "l", "unit": True},
        {"layer": "l", "unit": 2**31},
        {"layer": "l", "unit": 2, "remark": "x" * 2001},
        "l:3",
        None,
    ]
    brought = notes.from_json(_file(units=rows))
    assert brought.count == 1 and [u.remark for u in notes.units("A")] == ["good"]
    assert len(brought.problems) == 6  # five in words, and how many more
    assert brought.problems[0] == "Entry 2 was left out: l, unit 1, is there twice."
    assert brought.problems[-1] == "The same holds for 2 more."


def test_units_travel_in_an_address():
    units = [("block7", 3), ("a:b,c/ü %", 0), ("block7", 5)]
    assert unshared(shared(units)) == (units, [])
    assert unshared("") == ([], [])
    found, problems = unshared("block7:3,block7:3,block7,x:-1,:4,a:99999999999, b:2 ")
    assert found == [("block7", 3), ("b", 2)] and len(problems) == 4


# -- the file -------------------------------------------------------------------------------------


def test_another_programs_file_is_left_alone(notes):
    notes.path.write_bytes(b"no database at all, but long enough to be taken for one" * 20)
    before = notes.path.read_bytes()
    for use in (notes.lists, notes.version, lambda: notes.star("A", "l", 1)):
        with pytest.raises(UserError, match=r"a\.notes\.sqlite"):
            use()
    assert notes.path.read_bytes() == before
    notes.path.unlink()
    con = sqlite3.connect(notes.path)
    con.execute("CREATE TABLE t (a)")
    con.close()
    for use in (notes.lists, lambda: notes.star("A", "l", 1)):
        with pytest.raises(UserError, match="made by another program"):
            use()


def test_a_later_version_is_refused(notes):
    notes.begin("A")
    con = sqlite3.connect(notes.path)
    con.execute("PRAGMA user_version=3")
    con.close()
    with pytest.raises(UserError, match="schema 3 and this lexplain reads schemas 1 to 2"):
        notes.lists()


def test_a_folder_that_cannot_be_written_is_one_sentence():
    notes = Notes("/proc/self/a.notes.sqlite")  # not even root makes a file there
    assert notes.lists() == []
    with pytest.raises(
        UserError, match="The notes .* can't be kept: .*the folder /proc/self can't be written"
    ):
        notes.star("A", "l", 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_notes_in_a_read_only_folder_are_read(notes):
    notes.star("A", "l", 1)
    folder = notes.path.parent
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert [x.name for x in notes.lists()] == ["A"]
        with pytest.raises(UserError, match="can't be written"):
            notes.star("A", "l", 2)
    finally:
        folder.chmod(stat.S_IRWXU)


def test_reading_leaves_nothing_beside_the_file(notes):
    """A dashboard that only shows may not even touch what lies in the folder."""
    notes.star("A", "l", 1)
    before = os.stat(notes.path.parent).st_mtime_ns
    assert [one.name for one in notes.lists()] == ["A"] and notes.hidden() == [] and notes.version() == ""
    assert os.listdir(notes.path.parent) == [notes.path.name]
    assert os.stat(notes.path.parent).st_mtime_ns == before


def test_what_another_program_has_just_written_is_read(notes):
    """It lies in the log as long as that program has the file open."""
    notes.star("A", "l", 1)
    with closing(sqlite3.connect(notes.path)) as con:
        con.execute("INSERT INTO lists (name, begun) VALUES ('B', 'now')")
        con.execute("DELETE FROM meta WHERE key = 'digest lists'")
        con.execute("PRAGMA user_version = 1")
        con.commit()
        assert os.path.getsize(f"{notes.path}-wal")
        assert [one.name for one in notes.lists()] == ["A", "B"]


@pytest.mark.parametrize("value", ["9" * 400, "1e999", "-" + "9" * 400, "NaN"])
@pytest.mark.parametrize(
    "name", ["bias", "val_correlation", "scores[0].value", "scores[0].n", "scores[0].chance"]
)
def test_numbers_without_measure_are_refused(notes, name, value):
    notes.keep(made())
    with closing(sqlite3.connect(notes.path)) as con:
        (data,) = con.execute("SELECT data FROM made").fetchone()
        facts = json.loads(data)
        part, key = (facts, name) if "." not in name else (facts["scores"][0], name.split(".")[1])
        part[key] = "PLACE"
        changed = json.dumps(facts).replace('"PLACE"', value)
        con.execute("UPDATE made SET data = ?", (changed,))
        con.execute("PRAGMA user_version = 1")
        con.commit()
    found, faults = notes.explanations_and_faults()
    assert found == [] and len(faults) == 1 and "can't be" in faults[0]


def test_many_write_at_once(notes):
    problems = []

    def work(thread: int) -> None:
        try:
            for i in range(5):
                notes.star("A", f"layer{thread}", i)
                notes.hide(f"{thread}/{i}")
        except UserError as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert len(notes.units("A")) == 30 and len(notes.hidden()) == 30


# -- damage, and files of earlier versions ----------------------------------------------------------


def filled(notes: Notes) -> Notes:
    notes.star("Animals", "block7", 5)
    notes.star("Animals", "block7", 2, "fur,\nnot eyes")
    notes.hide("a/1.png", "a/2.png")
    notes.keep(made())
    return notes


def contents(notes: Notes) -> tuple:
    return (
        notes.lists(),
        [notes.units(each.name) for each in notes.lists()],
        notes.hidden(),
        notes.explanations_and_faults(),
    )


def test_no_flipped_byte_changes_a_note_silently(notes, tmp_path):
    written, whole = contents(filled(notes)), notes.path.read_bytes()
    refused = 0
    for number, data in enumerate(flipped(whole, 60, seed=0)):
        spoiled = Notes(tmp_path / f"{number}.notes.sqlite")
        spoiled.path.write_bytes(data)
        try:
            assert contents(spoiled) == written
        except UserError as error:
            refused += 1
            assert str(spoiled.path) in str(error) and len(str(error)) < 500
    assert refused  # most of so small a file is empty


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("UPDATE starred SET remark = 'none' WHERE unit = 2", "lists"),
        ("DELETE FROM starred WHERE unit = 5", "lists"),
        ("UPDATE hidden SET key = 'a/3.png' WHERE key = 'a/2.png'", "hidden images"),
        ("UPDATE made SET data = json_replace(data, '$.bias', 7)", "words"),
    ],
)
def test_a_part_that_somebody_changed_is_neither_read_nor_sealed_again(notes, change, part):
    uses = {"lists": filled(notes).lists, "hidden images": notes.hidden, "words": notes.explanations}
    with closing(sqlite3.connect(notes.path)) as con, con:
        con.execute(change)
    for name, use in uses.items():
        if name != part:
            use()
    for use in (uses[part], lambda: notes.star("B", "l", 1), lambda: notes.unhide("a/1.png")):
        with pytest.raises(UserError, match=f"its {part} are not what was written"):
            use()


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TRIGGER more AFTER INSERT ON hidden BEGIN DELETE FROM hidden; END",
        "CREATE VIEW more AS SELECT * FROM hidden",
        "DROP TABLE made",
        "ALTER TABLE hidden ADD COLUMN more GENERATED ALWAYS AS (abs(since))",
    ],
)
def test_notes_with_other_tables_than_ours_are_refused(notes, change):
    filled(notes)
    with closing(sqlite3.connect(notes.path)) as con, con:
        con.execute(change)
    for use in (notes.lists, notes.version, lambda: notes.hide("b")):
        with pytest.raises(UserError, match=r"a\.notes\.sqlite can't be read as a notes file \(it"):
            use()


@pytest.mark.parametrize("schema", [1, 2])
def test_notes_of_any_schema_are_read_and_go_on(notes, schema):
    notes.path.write_bytes(gzip.decompress((ROOT / "tests/old" / f"notes-{schema}.sqlite.gz").read_bytes()))
    lists = {1: [("Animals", 2), ("Empty", 0)], 2: [("Animals", 2), ("Starred", 1), ("Empty", 0)]}
    assert [(x.name, x.count) for x in notes.lists()] == lists[schema]
    assert [(u.unit, u.remark) for u in notes.units("Animals")] == [(5, ""), (2, "fur,\nnot eyes")]
    assert {h.key for h in notes.hidden()} == {"demo/00007.png", "demo/00009.png"}
    kept = {one.method: one for one in notes.explanations()}
    assert set(kept) == {1: {"mine"}, 2: {"mine", "Größe"}}[schema]
    for one in kept.values():
        assert (one.layer, one.unit, one.bias) == ("block7", 3, 0.1)
        assert one.terms == ((2.0, "class:dog"), (-0.5, "class:cat"))
        assert [(score.value, score.n) for score in one.scores] == [(0.41, 400)] * (schema - 1)
    notes.star("Animals", "block7", 9)
    notes.hide("demo/00001.png")
    notes.keep(made("second"))
    assert [u.unit for u in notes.units("Animals")] == [5, 2, 9]
    assert len(notes.hidden()) == 3 and len(notes.explanations()) == len(kept) + 1
    with closing(sqlite3.connect(notes.path)) as con:
        (version,) = con.execute("PRAGMA user_version").fetchone()
    assert version == schema  # the version that made them reads them, too
