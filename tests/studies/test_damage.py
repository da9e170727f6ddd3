"""A study that isn't what was written says so: flipped bytes, foreign tables, logs left over; old files open for ever."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.studies.file.backup import backup_study
from lexplain_core.studies.file.study import StudyFile, find_studies
from lexplain_core.studies.session.course import NotAdmitted, admit, begin, resume

from ..rotten import flipped
from .conftest import ROOT, make_plan, walk

OLD = ROOT / "tests" / "old"


def contents(path) -> dict:
    """All that a study gives back: its plan, its pictures, what people did."""
    with StudyFile.open(path) as study:
        names = ("units", "trials", "trial_images", "tasks", "task_trials", "sessions", "responses", "checks")
        found = {name: getattr(study, name)().to_dict("list") for name in names}
        pictures = sorted(set(found["trial_images"]["picture_id"]))
        return json.loads(json.dumps(found, default=str)) | {
            "pictures": study.pictures(pictures), "invited": study.invited(), "settings": study.settings,
            "facts": study.facts, "name": study.name, "made": study.made,
        }  # fmt: skip


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """A small study: one is through, one under way."""
    path = tmp_path_factory.mktemp("study") / "a.sqlite"
    with StudyFile.create(path, make_plan(tasks=2, trials=2, catch=1, practice=1, rounds=2)) as study:
        study.invite(["ann", "bob"])
        walk(study, begin(study, "ann"), comment="Thanks")
        walk(study, begin(study, "bob"), steps=5)
    return path


def test_no_flipped_byte_changes_a_picture_or_an_answer_silently(answered, tmp_path):
    whole, written = answered.read_bytes(), contents(answered)
    refused = 0
    for number, data in enumerate(flipped(whole, 60, seed=0)):
        path = tmp_path / f"{number}.sqlite"
        path.write_bytes(data)
        try:
            found = contents(path)
            find_studies(tmp_path)
        except UserError as error:
            refused += 1
            assert str(path) in str(error) and len(str(error)) < 600
        else:
            assert found == written
        path.unlink()
    assert refused > 15


def test_a_flipped_byte_in_an_old_study_is_never_a_traceback(tmp_path):
    whole = gzip.decompress((OLD / "study-1.sqlite.gz").read_bytes())
    for number, data in enumerate(flipped(whole, 20, seed=1)):
        path = tmp_path / f"{number}.sqlite"
        path.write_bytes(data)
        try:
            contents(path)
        except UserError as error:
            assert str(path) in str(error)
        path.unlink()


@pytest.fixture
def copy(answered, tmp_path):
    return shutil.copy(answered, tmp_path / "copy.sqlite")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE responses SET correct = 1 - correct WHERE position = 0 AND phase = 'main'",
        "UPDATE sessions SET comment = 'No thanks' WHERE pid = 'ann'",
        "UPDATE sessions SET passed = 1 - passed WHERE pid = 'ann'",
        "UPDATE checks SET value = value + 1",
        "DELETE FROM responses WHERE position = 1",
        "UPDATE shown SET times = 7",
        "UPDATE sessions SET seal = NULL",
    ],
)
def test_what_is_kept_of_a_person_was_changed(copy, change):
    with closing(sqlite3.connect(copy)) as con, con:
        con.execute(change)
    with StudyFile.open(copy) as study:
        for use in (study.responses, study.sessions, study.checks, study.tasks):
            with pytest.raises(UserError, match=r"is damaged \(what is kept of '(ann|bob)' \(session \d\)"):
                use()
        assert study.damaged()
        study.leave_out_damaged = True
        assert not set(study.responses().session_id) & {int(who.split()[-1][:-1]) for who in study.damaged()}


def test_the_others_go_on_and_what_is_damaged_is_not_sealed_again(copy):
    with StudyFile.open(copy) as study:
        with study.writing() as con:
            con.execute("UPDATE responses SET button = 5 - button WHERE session_id = 2")
            token = con.execute("SELECT token FROM sessions WHERE session_id = 1").fetchone()[0]
            con.execute("UPDATE sessions SET token = token || 'x' WHERE session_id = 1")
        assert len(study.damaged()) == 2
        [key] = study.keys(["bob"])
        bob = admit(study, "bob", key)
        for move in (bob.screen, bob.go_on, lambda: bob.say("x")):
            with pytest.raises(UserError, match="'bob' .session 2. is not what was written"):
                move()
        assert token and len(study.damaged()) == 2
        study.leave_out_damaged = True
        assert study.sessions().empty and study.responses().empty


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE pictures SET data = zeroblob(length(data)) WHERE picture_id = 3", "picture 3 is not what was written"),
        ("UPDATE pictures SET type = 'image/png' WHERE picture_id = 3", "picture 3 is not what was written"),
        ("UPDATE trial_images SET picture_id = 0 WHERE trial_id = 1", "its units, trials or tasks are not"),
        ("UPDATE task_trials SET upper = CASE upper WHEN 'min' THEN 'max' ELSE 'min' END", "its units, trials or"),
        ("DELETE FROM trials WHERE trial_id = 0", "its units, trials or tasks are not what was written"),
        ("UPDATE invited SET pid = 'eve' WHERE pid = 'bob'", "an invitation is not what was written"),
        ("""UPDATE meta SET value = replace(value, '"catch":', '"caught":') WHERE key = 'settings'""", "of itself is not"),
        ("UPDATE meta SET value = '[]' WHERE key = 'facts'", "of itself is not what was written"),
        ("CREATE TRIGGER more AFTER INSERT ON responses BEGIN DELETE FROM responses; END", "has the trigger 'more'"),
        ("CREATE VIEW more AS SELECT * FROM sessions", "has the view 'more'"),
        ("CREATE INDEX more ON responses (abs(button))", "has the index 'more'"),
        ("DROP TABLE shown", "lacks the table 'shown'"),
        ("ALTER TABLE responses ADD COLUMN more GENERATED ALWAYS AS (abs(button))", "'responses' has other columns"),
        ("PRAGMA user_version = 1", "has other columns than it should"),
    ],
)  # fmt: skip
def test_a_study_that_somebody_changed_is_refused_in_one_sentence(copy, change, said):
    with closing(sqlite3.connect(copy)) as con, con:
        con.execute(change)
    with pytest.raises(UserError, match=said.replace("(", r"\(")) as error:
        contents(copy)
    assert str(copy) in str(error.value) and "\n" not in str(error.value)


def test_a_view_in_place_of_a_table_is_never_run(tmp_path):
    """It would count for ever, wherever studies are listed."""
    path = tmp_path / "a.sqlite"
    StudyFile.create(path, make_plan()).close()
    with closing(sqlite3.connect(path)) as con, con:
        con.execute("DROP TABLE meta")
        con.execute(
            "CREATE VIEW meta AS WITH RECURSIVE c(key, value) AS (SELECT 'name', '1' UNION ALL SELECT key, value FROM c) SELECT * FROM c"
        )
    [entry] = find_studies(tmp_path)
    assert "meta" in entry.error and entry.kind is None


def test_a_log_left_over_from_another_study_is_not_taken_for_ones_own(answered, tmp_path):
    path = tmp_path / "a.sqlite"
    path.with_name("a.sqlite-wal").write_bytes(b"old")
    with pytest.raises(UserError, match="a.sqlite-wal is left over"):
        StudyFile.create(path, make_plan())
    with pytest.raises(UserError, match="a.sqlite-wal is left over"):
        backup_study(answered, path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.sqlite-wal"]


# -- files of earlier versions -----------------------------------------------------------------------


def kept(tmp_path, schema: int):
    """A study as an earlier version wrote it, and what it should be found to hold (tests/old)."""
    path = tmp_path / "old.sqlite"
    path.write_bytes(gzip.decompress((OLD / f"study-{schema}.sqlite.gz").read_bytes()))
    return path, json.loads((OLD / f"study-{schema}.json").read_text("utf-8"))


@pytest.fixture
def old(tmp_path):
    return kept(tmp_path, 1)


@pytest.mark.parametrize("schema", [1, 2])
def test_a_study_of_any_schema_is_read_and_goes_on(tmp_path, schema):
    path, facts = kept(tmp_path, schema)
    columns = ["participant", "phase", "position", "button", "correct"]
    with StudyFile.open(path) as study:
        assert study.responses()[columns].values.tolist() == facts["answers"]
        assert study.sessions().set_index("participant").comment["ann"] == "Schön, thanks"
        assert study.verify(facts["code"])["participant"] == "ann"
        assert study.invited() == ["ann", "bob", "dora"]
        assert resume(study, facts["tokens"]["ann"]).screen().code == facts["code"]
        bob = resume(study, facts["tokens"]["bob"])  # the address in his browser
        assert bob.screen().trial.number == 3
        walk(study, bob)
        with pytest.raises(NotAdmitted) as refused:
            admit(study, "cara")
        assert refused.value.reason == "begun"
        [key] = study.keys(["cara"])
        assert key == facts.get("keys", {"cara": key})["cara"]  # a link that was sent out goes on working
        walk(study, admit(study, "cara", key))
        study.invite(["emil", "dora"])
        new = begin(study, "emil")
        walk(study, resume(study, new.token))
        assert new.token.encode() not in path.with_name("old.sqlite-wal").read_bytes()
        for stolen in ("", "x", f"sha256:{'0' * 64}"):
            with pytest.raises(NotAdmitted):
                resume(study, stolen)
    with StudyFile.open(path) as study:
        assert study.invited() == ["ann", "bob", "dora", "emil"]
        course = study.settings.course
        whole = 1 + course.trials + course.catch  # answers of a person who needs one round of practice
        assert len(study.responses()) == len(facts["answers"]) + (whole - 3) + 2 * whole
        assert study.damaged() == []
        assert study.keys(["cara"]) == [key]
        with study.preview() as preview:
            walk(preview, begin(preview, "p"))
        assert study.delete_person("bob") == 1
    with closing(sqlite3.connect(path)) as con:
        (version,) = con.execute("PRAGMA user_version").fetchone()
    assert version == schema  # the version that made it reads it, too


def test_a_name_that_an_earlier_version_kept_decomposed_is_the_same_person(old):
    path, _ = old
    with closing(sqlite3.connect(path)) as con, con:
        con.execute("UPDATE sessions SET pid = 'Ka\u0308the' WHERE pid = 'bob'")
    with StudyFile.open(path) as study:
        for name in ("K\u00e4the", "Ka\u0308the", " K\u00e4the "):
            with pytest.raises(NotAdmitted) as refused:
                begin(study, name)
            assert refused.value.reason == "begun"


# -- backups -----------------------------------------------------------------------------------------


def test_a_backup_holds_what_is_only_in_the_log(tmp_path):
    folder = tmp_path / "studies"
    with StudyFile.create(folder / "a.sqlite", make_plan()) as study:
        course = begin(study, "ann")
        walk(study, course, steps=5)
        shutil.copy(study.path, tmp_path / "copied.sqlite")  # what people do
        made = backup_study(study.path, tmp_path / "there" / "b.sqlite")
        answers, sessions = study.responses(), study.sessions()
    assert [p.name for p in made.parent.iterdir()] == ["b.sqlite"]
    with StudyFile.open(made) as copy:
        assert copy.responses().equals(answers) and copy.sessions().equals(sessions)
        walk(copy, resume(copy, course.token))  # and can be gone on with
        assert copy.sessions().outcome.tolist() == ["completed"]
    with StudyFile.open(tmp_path / "copied.sqlite") as copied:
        assert len(copied.responses()) < len(answers)
    before = made.read_bytes()
    with pytest.raises(UserError, match="There is a file .*b.sqlite already"):
        backup_study(folder / "a.sqlite", made)
    assert made.read_bytes() == before


def test_a_backup_among_the_studies_would_count_twice(answered, tmp_path, monkeypatch):
    monkeypatch.setenv("LEXPLAIN_STUDIES", str(tmp_path / "s"))
    for to in (answered.with_name("b.sqlite"), tmp_path / "s" / "b.sqlite"):
        with pytest.raises(UserError, match="counted twice"):
            backup_study(answered, to)
    assert backup_study(answered, answered.with_name("b.backup")).exists()


def test_no_backup_is_made_of_a_damaged_study(copy, tmp_path):
    with closing(sqlite3.connect(copy)) as con, con:
        con.execute("UPDATE pictures SET data = zeroblob(9) WHERE picture_id = 3")
    with pytest.raises(UserError, match="picture 3 is not what was written"):
        backup_study(copy, tmp_path / "there" / "b.sqlite")
    assert not list((tmp_path / "there").iterdir())
