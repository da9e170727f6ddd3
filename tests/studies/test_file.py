"""The study's file: what is written can be read, foreign files are refused, a person can be deleted."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace

import pandas as pd
import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.stimuli.base import Picture
from lexplain_core.studies.file.study import Recorded, StudyFile, find_studies, studies_folder, study_path
from lexplain_core.studies.session.course import begin, resume

from .conftest import folder_bytes, make_plan, walk
from .damage import rewritten


def test_a_plan_is_read_as_it_was_written(tmp_path):
    plan = make_plan(tasks=2)
    plan = replace(plan, pictures=list(plan.pictures))
    with StudyFile.create(tmp_path / "a.sqlite", plan) as study:
        assert (study.name, study.kind, study.facts) == ("small", "study", plan.facts)
        assert study.settings == plan.settings
        assert abs(study.made - time.time()) < 60
        assert study.pictures(range(len(plan.pictures))) == dict(enumerate(plan.pictures))
        units = study.units()
        assert units.unit_id.tolist() == list(range(len(plan.units)))
        assert units.layer.tolist() == [u.layer for u in plan.units]
        assert units.correlation.tolist() == [u.correlation for u in plan.units]
        assert units.name.isna().all()
        trials = study.trials()
        assert trials.kind.tolist() == [t.kind for t in plan.trials]
        assert trials.obvious.tolist() == [t.obvious for t in plan.trials]
        assert trials.unit.tolist() == [plan.units[t.unit].unit for t in plan.trials]
        images = study.trial_images(3)
        for pole, side in (("min", plan.trials[3].low), ("max", plan.trials[3].high)):
            mine = images[images.pole == pole].set_index("place")
            assert mine.picture_id.tolist() == [shown.picture for shown in side]
            assert mine.activation.tolist() == [shown.activation for shown in side]
        assert len(study.trial_images()) == 20 * len(plan.trials)
        for number, task in enumerate(plan.tasks):
            for round_, placed in enumerate(task.practice, 1):
                read = [study.placed(number, "practice", round_, p) for p in range(len(placed))]
                assert tuple(read) == placed
            assert tuple(study.placed(number, "main", 1, p) for p in range(len(task.main))) == task.main
            assert study.placed(number, "main", 1, len(task.main)) is None
        assert study.tasks().name.tolist() == ["task-1", "task-2"]
        with pytest.raises(UserError, match="has no picture"):
            study.picture(10_000)


def test_creating_leaves_one_file_and_takes_pictures_one_by_one(tmp_path):
    alive, most = set(), []

    class Bytes(bytes):
        def __init__(self, *_):
            alive.add(id(self))
            most.append(len(alive))

        def __del__(self):
            alive.discard(id(self))

    plan = make_plan(pictures=lambda i: Picture("natural", f"image-{i}", "image/jpeg", 8, 8, Bytes(5000)))
    StudyFile.create(tmp_path / "a.sqlite", plan).close()
    assert [p.name for p in tmp_path.iterdir()] == ["a.sqlite"]
    assert len(most) == 140 and max(most) <= 3


def test_a_study_is_never_overwritten_and_a_failed_one_leaves_nothing(tmp_path, small_plan):
    path = tmp_path / "a.sqlite"
    path.write_bytes(b"mine")
    with pytest.raises(UserError, match="There is a study .*a.sqlite already"):
        StudyFile.create(path, small_plan)
    assert path.read_bytes() == b"mine"

    def broken(index):
        if index == 50:
            raise OSError("no such image")
        return Picture("natural", str(index))

    with pytest.raises(OSError, match="no such image"):
        StudyFile.create(tmp_path / "b.sqlite", make_plan(pictures=broken))
    wrong = replace(make_plan(), trials=(*make_plan().trials[:-1],))
    with pytest.raises(ValueError, match="isn't in the plan"):
        StudyFile.create(tmp_path / "c.sqlite", wrong)
    assert [p.name for p in tmp_path.iterdir()] == ["a.sqlite"]


@pytest.mark.parametrize("name", ["", "../a", "a/b", ".hidden", "a\\b", "x" * 90, "a\n", "a. ", "-a", None])
def test_names_that_no_file_can_have(tmp_path, name):
    with pytest.raises(UserError, match="can't be a study's name"):
        study_path(name, tmp_path)
    with pytest.raises(UserError, match="can't be a study's name"):
        StudyFile.create(tmp_path / "a.sqlite", replace(make_plan(), name=name))


def test_where_studies_lie(tmp_path, monkeypatch):
    monkeypatch.setenv("LEXPLAIN_STUDIES", str(tmp_path))
    assert studies_folder() == tmp_path
    assert study_path("Über 1 (b)") == tmp_path / "Über 1 (b).sqlite"
    monkeypatch.delenv("LEXPLAIN_STUDIES")
    assert studies_folder().parts == ("data", "studies")


def test_foreign_files_are_refused_in_one_sentence(tmp_path, small_plan):
    with pytest.raises(UserError, match="There is no study"):
        StudyFile.open(tmp_path / "none.sqlite")
    assert not (tmp_path / "none.sqlite").exists()
    with pytest.raises(UserError, match="There is no study"):
        StudyFile.open(tmp_path)
    (tmp_path / "empty.sqlite").touch()
    (tmp_path / "text.sqlite").write_text("What is this? " * 1000)
    con = sqlite3.connect(tmp_path / "foreign.sqlite")
    con.execute("CREATE TABLE meta (key, value)")
    con.close()
    StudyFile.create(tmp_path / "later.sqlite", small_plan).close()
    con = sqlite3.connect(tmp_path / "later.sqlite")
    con.execute("PRAGMA user_version=99")
    con.close()
    StudyFile.create(tmp_path / "cut.sqlite", make_plan(name="cut")).close()
    whole = (tmp_path / "cut.sqlite").read_bytes()
    (tmp_path / "cut.sqlite").write_bytes(whole[:4096])
    StudyFile.create(tmp_path / "good.sqlite", make_plan(name="good")).close()
    before = folder_bytes(tmp_path)
    sentences = {
        "empty": "was made by another program", "foreign": "was made by another program",
        "text": "can't be read as a study", "cut": "can't be read as a study", "later": "is of schema 99",
    }  # fmt: skip
    for name, sentence in sentences.items():
        with pytest.raises(UserError, match=sentence):
            StudyFile.open(tmp_path / f"{name}.sqlite")
    found = {entry.path.stem: entry for entry in find_studies(tmp_path)}
    assert found.keys() == {*sentences, "good"}
    assert all(sentence in found[name].error for name, sentence in sentences.items())
    assert (found["good"].name, found["good"].kind, found["good"].error) == ("good", "study", None)
    assert folder_bytes(tmp_path) == before  # looking changes nothing
    assert find_studies(tmp_path / "nowhere") == []


def test_a_damaged_file_is_said_in_one_sentence(tmp_path):
    path = tmp_path / "a.sqlite"
    with StudyFile.create(path, make_plan()) as study:
        walk(study, begin(study, "p"))
    with closing(sqlite3.connect(path)) as con:
        page = con.execute("SELECT rootpage FROM sqlite_master WHERE name = 'responses'").fetchone()[0]
        size = con.execute("PRAGMA page_size").fetchone()[0]
    with open(path, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with pytest.raises(
        UserError, match=rf"^The study {re.escape(str(path))} is damaged \(.*\): put a backup [^.]*\.$"
    ):
        StudyFile.open(path)
    sentence = rf"^The study {re.escape(str(path))} can't be read or written \(.*malformed.*\); [^.]*\.$"
    with StudyFile.open(path, check=False) as study:
        for use in (study.responses, lambda: begin(study, "p2").screen(), lambda: study.delete_person("p")):
            with pytest.raises(UserError, match=sentence):
                use()
        assert study.units().shape[0] == 7  # the rest can be read
    path.unlink()
    StudyFile.create(path, make_plan()).close()
    with rewritten(path) as con:
        con.execute("DELETE FROM meta WHERE key = 'facts'")
    with pytest.raises(UserError, match="can't be read as a study .it doesn't say its facts"):
        StudyFile.open(path)


def test_a_file_that_is_gone_is_said(small_study):
    with StudyFile.open(small_study.path) as fresh:
        small_study.close()
        small_study.path.rename(small_study.path.with_name("elsewhere.sqlite"))
        for use in (fresh.sessions, fresh.preview, lambda: begin(fresh, "p")):
            with pytest.raises(UserError, match="small.sqlite can't be read or written"):
                use()


def test_a_long_wait_for_another_writer_is_said(small_study, monkeypatch):
    from lexplain_core.studies.file import access

    monkeypatch.setattr(access.STUDY, "busy_s", 0.1)
    course = begin(small_study, "p")
    other = sqlite3.connect(small_study.path, isolation_level=None)
    with StudyFile.open(small_study.path) as study, closing(other):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            UserError, match="small.sqlite has been in use by another program for more than 0.1 s"
        ):
            resume(study, course.token).read()
        other.execute("ROLLBACK")
        resume(study, course.token).read()
    assert course.screen().kind == "trial"


def test_what_a_constraint_forbids_is_no_mistake_of_the_user(small_study):
    begin(small_study, "p")
    with pytest.raises(sqlite3.IntegrityError), small_study.writing() as con:
        con.execute("INSERT INTO sessions (token, pid, task_id, step) VALUES ('t', 'p', 0, 'main')")
    assert len(small_study.sessions()) == 1


def test_the_study_last_written_to_comes_first(tmp_path):
    for name in ("a", "b"):
        StudyFile.create(tmp_path / f"{name}.sqlite", make_plan(name=name)).close()
        os.utime(tmp_path / f"{name}.sqlite", (1000, 1000 + ord(name)))
    assert [e.name for e in find_studies(tmp_path)] == ["b", "a"]
    with StudyFile.open(tmp_path / "a.sqlite") as study:
        begin(study, "p")
        assert [e.name for e in find_studies(tmp_path)] == ["a", "b"]  # its log is newer


def test_a_path_with_odd_letters(tmp_path):
    path = tmp_path / "50% of #1? & more" / "größe.sqlite"
    with StudyFile.create(path, make_plan()) as study:
        walk(study, begin(study, "p"))
    with StudyFile.open(path) as study, study.preview() as preview:
        assert len(study.responses()) == len(preview.responses()) + 7


def test_previews_write_nothing_and_know_nothing_of_the_others(tmp_path, small_study):
    walk(small_study, begin(small_study, "real"))
    small_study.close()
    before = folder_bytes(tmp_path)
    with StudyFile.open(small_study.path) as study, study.preview() as preview:
        assert preview.previewing and preview.sessions().empty
        walk(preview, begin(preview, "real"))
        assert folder_bytes(tmp_path) == before
        assert len(preview.responses()) == 7 and preview.sessions().passed.all()
        assert preview.units().equals(make_units := preview.units()) and len(make_units)
        done = []

        def person(i):
            done.append(walk(preview, begin(preview, f"p{i}")))

        threads = [threading.Thread(target=person, args=(i,)) for i in range(2)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert [len(v) for v in done] == [7, 7]
        assert preview.delete_person("real") == 1
        assert sorted(preview.sessions().participant) == ["p0", "p1"]
        assert folder_bytes(tmp_path) == before
    assert folder_bytes(tmp_path) == before
    with StudyFile.open(small_study.path) as study:
        assert study.sessions().participant.tolist() == ["real"]
    with pytest.raises(UserError, match="was closed"):
        preview.units()


def test_codes_are_verified_however_they_are_typed(small_study):
    course = begin(small_study, "p")
    walk(small_study, course)
    code = course.screen().code
    for typed in (code, code.lower(), code.replace("-", ""), f" {code[:4]} {code[5:]} "):
        found = small_study.verify(typed)
        assert found["participant"] == "p" and found["passed"] and found["outcome"] == "completed"
    for typed in ("", "AAAA-AAAA", "'; DROP TABLE", "ÄÖ"):
        assert small_study.verify(typed) is None


def test_what_was_recorded_elsewhere_comes_along(tmp_path):
    plan = replace(make_plan(), kind="imported", pictures=[Picture("natural", f"i{i}") for i in range(140)])
    sessions = pd.DataFrame(
        {"session_id": [1, 2], "pid": ["P1", None], "task_id": [0, 0], "step": ["thanks", "thanks"], "passed": [True, None]}
    )  # fmt: skip
    responses = pd.DataFrame(
        {
            "session_id": 1,
            "phase": "main",
            "round": 1,
            "position": range(3),
            "trial_id": range(3),
            "upper": "max",
            "button": [0, 1, 5],
            "choice": ["max", "max", "min"],
            "confidence": [1, 2, 3],
            "correct": [True, True, False],
            "rt_ms": [1.5, None, 2.5],
        }
    )
    checks = pd.DataFrame(
        {"session_id": [1], "name": ["first_time"], "value": [None], "passed": [False], "details": [{"a": 1}]}
    )
    with StudyFile.create(tmp_path / "a.sqlite", plan, Recorded(sessions, responses, checks)) as study:
        assert study.sessions().participant.tolist() == ["P1", "session 2"]
        assert study.sessions().passed.isna().tolist() == [False, True]
        assert study.responses().correct.tolist() == [True, True, False]
        assert study.responses().rt_ms.isna().tolist() == [False, True, False]
        assert study.responses().hidden.isna().all() and study.responses().shown_times.isna().all()
        assert study.checks().details.tolist() == [{"a": 1}]
        assert study.picture(0).data is None
    with pytest.raises(ValueError, match="no columns"):
        StudyFile.create(
            tmp_path / "b.sqlite", make_plan(), Recorded(sessions.assign(age=30), responses, checks)
        )


def test_frames_of_a_large_study_are_quick(tmp_path):
    many = 69_000
    sessions = pd.DataFrame({"session_id": range(many // 50), "task_id": 0, "step": "thanks", "passed": True})
    responses = pd.DataFrame(
        {"session_id": [i // 50 for i in range(many)], "phase": "main", "round": 1,
         "position": [i % 50 for i in range(many)], "trial_id": [i % 5 for i in range(many)], "upper": "max",
         "button": 1, "choice": "max", "confidence": 2, "correct": True}
    )  # fmt: skip
    recorded = Recorded(sessions, responses, pd.DataFrame({"session_id": []}))
    with StudyFile.create(tmp_path / "a.sqlite", make_plan(), recorded) as study:
        start = time.perf_counter()
        assert len(study.responses()) == many
        assert time.perf_counter() - start < 15  # half a second on an idle core


def test_empty_frames_have_their_columns_and_types(small_study):
    full = StudyFile.open(small_study.path)
    empty = {name: getattr(full, name)() for name in ("sessions", "responses", "checks")}
    walk(small_study, begin(small_study, "p"))
    for name, frame in empty.items():
        assert frame.empty
        assert frame.dtypes.to_dict() == getattr(full, name)().dtypes.to_dict()
    full.close()
