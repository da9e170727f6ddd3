"""Many people at once, a killed server, and readers meanwhile: no answer is lost or doubled."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.session.course import NotAdmitted, begin, resume

from .conftest import ROOT, make_plan, walk

WRITER = """
import sys
from lexplain_core.studies.session.course import admit, begin
from lexplain_core.studies.file.study import StudyFile
study = StudyFile.open(sys.argv[1])
for number in range(1000):
    pid = f"p{number}"
    try:
        key = study.keys([pid])[0]
        course = admit(study, pid, key) or begin(study, pid, key)
    except Exception as error:
        if getattr(error, "reason", "") != "taken part":
            raise
        continue
    while (screen := course.screen()).kind != "thanks":
        if screen.kind == "trial":
            nonce, button = screen.trial.nonce, (len(screen.trial.nonce) + screen.trial.number) % 6
            if course.answer(nonce, button, 1000.0):
                print(pid, nonce, button, flush=True)
        elif screen.kind == "instructions":
            course.read()
        elif screen.kind == "comment":
            course.say("")
        else:
            course.go_on()
"""


def recorded(study: StudyFile) -> dict[tuple[str, str], int]:
    rows = study.responses()
    nonces = rows.phase.str[0] + "-" + rows["round"].astype(str) + "-" + rows.position.astype(str)
    keys = list(zip(rows.participant, nonces, strict=True))
    assert len(set(keys)) == len(keys)
    return dict(zip(keys, rows.button, strict=True))


@pytest.mark.proofs
def test_killing_the_server_loses_no_acknowledged_answer(tmp_path):
    """kill -9 at random moments, time and again on one file; each server goes on where the last was killed."""
    path = tmp_path / "a.sqlite"
    # nobody passes a practice by pressing buttons in turn, so there is none
    StudyFile.create(path, make_plan(tasks=1000, trials=8, catch=2, practice=0)).close()
    acknowledged, moments = {}, random.Random(0)
    for _ in range(5):
        server = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        first = server.stdout.readline()
        time.sleep(moments.uniform(0.0, 0.6))
        os.kill(server.pid, signal.SIGKILL)
        lines = [first, *server.stdout.read().splitlines(keepends=True)]
        server.wait()
        for line in lines:
            if line.endswith("\n"):  # the last may be cut
                pid, nonce, button = line.split()
                assert (pid, nonce) not in acknowledged  # nothing is asked twice
                acknowledged[pid, nonce] = int(button)
        with StudyFile.open(path) as study:
            found = recorded(study)
            assert acknowledged.items() <= found.items()
            # what was stored, but not yet acknowledged: at most one a kill
            assert len(found) - len(acknowledged) <= 5
    assert len(acknowledged) > 20
    with sqlite3.connect(path) as con:
        assert con.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def take_part(study: StudyFile, pid: str, given: dict) -> None:
    """A whole course, each click twice and each page loaded twice; notes the answers acknowledged."""
    course = begin(study, pid)
    draw = random.Random(pid)
    while (screen := course.screen()).kind not in ("thanks", "failed"):
        if screen.kind == "trial":
            nonce, button = screen.trial.nonce, draw.randrange(6)
            verdicts = [course.answer(nonce, b, 1000.0) for b in (button, 5 - button)]
            assert verdicts[0] is not None and verdicts[1] is None
            given[pid, nonce] = button
            course = resume(study, course.token)
        elif screen.kind == "instructions":
            course.read()
        elif screen.kind == "comment":
            course.say("")
        else:
            course.go_on()


def check_all(path, given: dict, people: int) -> None:
    with StudyFile.open(path) as study:
        assert recorded(study) == given
        sessions = study.sessions()
        assert len(sessions) == people and set(sessions.outcome) == {"completed"}
        assert sessions.code.is_unique
        with study.reading() as con:
            assert con.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def always_pass(*more: str, **made):
    overrides = ["checks.catch_right=0", "checks.row_share=1", *more]
    return make_plan(overrides=overrides, practice=0, **made)


@pytest.mark.proofs
def test_fifty_people_at_once_in_threads_with_readers(tmp_path):
    path = tmp_path / "a.sqlite"
    given, errors, counts, done = {}, [], [], threading.Event()
    with StudyFile.create(path, always_pass(tasks=50, trials=4)) as study:

        def person(number):
            try:
                take_part(study, f"p{number}", given)
            except BaseException as error:
                errors.append(error)

        def reader():
            with StudyFile.open(path) as own:
                while not done.is_set():
                    counts.append(len(own.responses()))
                    own.sessions(), own.checks(), own.tasks()

        threads = [threading.Thread(target=person, args=(i,)) for i in range(50)]
        looking = threading.Thread(target=reader)
        [t.start() for t in [looking, *threads]]
        [t.join() for t in threads]
        done.set()
        looking.join()
        assert not errors
        assert counts == sorted(counts) and 0 < len({*counts})
        assert len(given) == 50 * 5
        assert sorted(study.sessions().task_id) == list(range(50))  # no task given twice
        with pytest.raises(NotAdmitted):
            begin(study, "one too many")
    check_all(path, given, 50)
    assert [p.name for p in tmp_path.iterdir()] == ["a.sqlite"]


CROWD = """
import sys, threading
from lexplain_core.studies.file.study import StudyFile
from tests.studies.test_concurrency import take_part
given, first = {}, int(sys.argv[2])
with StudyFile.open(sys.argv[1]) as study:
    threads = [threading.Thread(target=take_part, args=(study, f"p{first + i}", given)) for i in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
for (pid, nonce), button in given.items():
    print(pid, nonce, button)
"""


@pytest.mark.proofs
def test_several_processes_at_once(tmp_path):
    path = tmp_path / "a.sqlite"
    StudyFile.create(path, always_pass("course.people=2", tasks=12, trials=4)).close()
    crowds = [
        subprocess.Popen(
            [sys.executable, "-c", CROWD, str(path), str(100 * i)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for i in range(3)
    ]
    given = {}
    for crowd in crowds:
        for line in crowd.communicate()[0].splitlines():
            pid, nonce, button = line.split()
            given[pid, nonce] = int(button)
        assert crowd.returncode == 0
    assert len(given) == 24 * 5
    check_all(path, given, 24)
    with StudyFile.open(path) as study:
        assert study.sessions().task_id.value_counts().to_dict() == dict.fromkeys(range(12), 2)


def test_many_who_agree_at_once_get_what_there_is(tmp_path):
    """10 people in 4 tabs each race for 5 tasks; each person gets one, in one tab."""
    with StudyFile.create(tmp_path / "a.sqlite", make_plan(tasks=5)) as study:
        tokens, refused, barrier = [], [], threading.Barrier(40)

        def agree(number):
            barrier.wait()
            try:
                tokens.append(begin(study, f"p{number // 4}").token)
            except NotAdmitted as error:
                refused.append(error.reason)

        threads = [threading.Thread(target=agree, args=(i,)) for i in range(40)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        sessions = study.sessions()
        assert sorted(sessions.task_id) == [0, 1, 2, 3, 4] and sessions.pid.is_unique
        assert len(set(tokens)) == 5 and set(refused) == {"full", "begun"}
        assert len(tokens) + len(refused) == 40


def test_a_person_is_deleted_while_others_answer(tmp_path):
    with StudyFile.create(tmp_path / "a.sqlite", always_pass(tasks=30, trials=4)) as study:
        walk(study, begin(study, "gone-for-good"))
        given = {}
        threads = [threading.Thread(target=take_part, args=(study, f"p{i}", given)) for i in range(10)]
        [t.start() for t in threads]
        assert study.delete_person("gone-for-good") == 1
        [t.join() for t in threads]
        assert recorded(study) == given and len(given) == 50
    assert b"gone-for-good" not in (tmp_path / "a.sqlite").read_bytes()
