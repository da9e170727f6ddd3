"""A person who asks for it leaves no trace in the file or its log."""

from __future__ import annotations

import random
import sqlite3

import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.studies.file.sessions import hashed
from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.session.course import begin

from .conftest import folder_bytes, make_plan, walk


@pytest.mark.parametrize("others", [0, 40])
def test_a_deleted_person_leaves_no_trace(tmp_path, others):
    plan = make_plan(tasks=others + 2)
    with StudyFile.create(tmp_path / "a.sqlite", plan) as study:
        secret = "Theodora-Kallipyge"
        for i in range(others // 2):
            walk(study, begin(study, f"early-{i}"), comment="c" * 90)
        course = begin(study, secret)
        token = hashed(course.token)  # as the file has it
        for i in range(others // 2):
            walk(study, begin(study, f"late-{i}"), comment="d" * 300)
        walk(study, course, comment="The third image showed my aunt. " * 200)
        code = course.screen().code
        watching = StudyFile.open(study.path)  # another reader, as a page is
        watching.sessions()
        assert study.sessions().set_index("pid").outcome[secret] == "completed"
        everything = b"".join(folder_bytes(tmp_path).values())
        assert all(s.encode() in everything for s in (secret, token, code, "my aunt"))
        assert course.token.encode() not in everything
        tables = [len(study.responses()), len(study.checks())]

        assert study.delete_person(secret) == 1
        left = folder_bytes(tmp_path)
        assert {"a.sqlite", "a.sqlite-wal"} <= left.keys()
        for data in left.values():
            assert not any(s.encode() in data for s in (secret, "Kallipyge", token, code, "my aunt"))
        assert [len(study.responses()), len(study.checks())] == [tables[0] - 7, tables[1] - 6]
        assert study.tasks().passed_people.sum() == others
        assert study.verify(code) is None
        assert study.delete_person(secret) == 0
        freed = begin(study, secret)
        assert freed.task_id == course.task_id and hashed(freed.token) != token  # offered again
        assert sum(watching.sessions().pid == secret) == 1
        watching.close()
    with sqlite3.connect(tmp_path / "a.sqlite") as con:
        assert con.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_log_that_cannot_be_emptied_is_said(small_study, monkeypatch):
    from lexplain_core.studies.file import access

    walk(small_study, begin(small_study, "p"))
    monkeypatch.setattr(access.STUDY, "busy_s", 0.1)
    with StudyFile.open(small_study.path) as impatient, small_study.reading() as con:
        con.execute("BEGIN")
        con.execute("SELECT * FROM sessions").fetchall()
        with pytest.raises(UserError, match="delete them once more"):
            impatient.delete_person("p")
        con.execute("COMMIT")
        assert impatient.delete_person("p") == 0
    assert b"early" not in small_study.path.read_bytes()
    assert small_study.path.with_name("small.sqlite-wal").stat().st_size == 0


def test_whatever_was_moved_about_in_the_file_leaves_no_trace(tmp_path):
    """60 people in turn: SQLite moves their rows within pages and between them, and copies stay behind."""
    draw = random.Random(4)  # the rows of these lengths left 7 such copies when they were deleted one by one
    plan = make_plan(tasks=60, trials=1, catch=0, practice=0, overrides=["checks.row_share=1"])
    with StudyFile.create(tmp_path / "a.sqlite", plan) as study:
        waiting = [f"person-{i}-" + "q" * draw.randrange(120) for i in range(60)]
        active, through = {}, {}
        while waiting or active:
            if waiting and (draw.random() < 0.5 or not active):
                pid = waiting.pop()
                active[pid] = begin(study, pid)
            pid = draw.choice(list(active))
            walk(study, active[pid], steps=1, comment=f"I am {pid}! " * draw.randrange(1, 6))
            screen = active[pid].screen()
            if screen.kind == "thanks":
                through[pid] = (pid, f"I am {pid}!", hashed(active.pop(pid).token), screen.code)
        people = draw.sample(list(through), 50)
        for pid in people:
            assert study.delete_person(pid) == 1
            everything = b"".join(folder_bytes(tmp_path).values())
            assert [trace for trace in through[pid] if trace.encode() in everything] == []
        left = sorted(through.keys() - people)
        assert sorted(study.sessions().pid) == left
        assert study.responses().groupby("participant").size().to_dict() == dict.fromkeys(left, 1)
        assert [study.verify(through[pid][3])["participant"] for pid in left] == left


@pytest.mark.parametrize("by", ["code", "token", "name"])
def test_people_without_a_name_are_deleted_by_their_code_or_address(tmp_path, by):
    plan = make_plan(tasks=3, overrides=["course.pid=optional"])
    with StudyFile.create(tmp_path / "a.sqlite", plan) as study:
        other = begin(study, None)
        walk(study, other, comment="I stay")
        course = begin(study, "Theodora" if by == "name" else None)
        study.invite(["Theodora", "Anna"])
        walk(study, course, comment="I go")
        code = course.screen().code
        given = course.token if by == "token" else code.lower()
        assert study.delete_person(code="2222-2222") == study.delete_person(code="") == 0
        assert study.delete_person("session 2") == 0
        assert study.delete_person(code=given) == 1
        assert study.sessions().comment.tolist() == ["I stay"] and len(study.responses()) == 7
        assert study.invited() == (["Anna"] if by == "name" else ["Anna", "Theodora"])
        everything = b"".join(folder_bytes(tmp_path).values())
        assert not any(s.encode() in everything for s in (hashed(course.token), code, "I go"))
        assert (b"Theodora" in everything) == (
            by != "name"
        )  # only who was invited, and is not the one deleted
        assert study.verify(other.screen().code)
        for nobody in ({}, {"pid": "p", "code": code}):
            with pytest.raises(UserError, match="either the name, or the completion code"):
                study.delete_person(**nobody)


def test_whoever_never_came_loses_their_invitation(small_study):
    small_study.invite(["Theodora"])
    assert small_study.delete_person("Theodora") == 0
    assert small_study.invited() == []
    assert b"Theodora" not in b"".join(folder_bytes(small_study.path.parent).values())
