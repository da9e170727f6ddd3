"""Quality checks: IMI's limits, who is left out, and limits that move."""

from __future__ import annotations

import random
import re

import pandas as pd
import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.config.study import Checks, load_settings
from lexplain_core.studies.checks import CHECKS, evaluate, judge, values_of
from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.session.course import begin

from .conftest import make_plan, walk


def answers(upper=20, lower=25, catch_right=5, catch=5, end=1000.0, practice=5):
    rows = [dict(phase="practice", kind="practice", button=0, correct=1, answered_at=100.0)] * practice
    for i in range(upper + lower):
        kind = "catch" if i < catch else "real"
        button = 2 if i < upper else 3
        right = int(i < catch_right or kind == "real")
        rows.append(dict(phase="main", kind=kind, button=button, correct=right, answered_at=end))
    return rows


def verdicts(limits=None, rounds=1, started=0.0, read=60.0, named=True, failed=False, **made):
    return evaluate(values_of(answers(**made), rounds, started, read, named, failed), limits or Checks())


@pytest.mark.parametrize(
    "made, fails",
    [
        ({}, None),
        ({"rounds": 3}, None),
        ({"rounds": 4}, "practice_rounds"),
        ({"rounds": 3, "failed": True}, "practice_rounds"),
        ({"catch_right": 4}, None),
        ({"catch_right": 3}, "catch_right"),
        ({"end": 134.0}, "total_seconds"),
        ({"end": 135.0}, None),
        ({"end": 2500.0}, None),
        ({"end": 2500.5}, "total_seconds"),
        ({"read": 15.0}, None),
        ({"read": 14.9}, "instructions_seconds"),
        ({"upper": 40, "lower": 5}, None),  # IMI: each row at least 5 times in 45
        ({"upper": 41, "lower": 4}, "row_share"),
        ({"upper": 5, "lower": 40}, None),
        ({"upper": 4, "lower": 41}, "row_share"),
        ({"upper": 14, "lower": 0}, None),  # of so few, one row may be chosen by chance
        ({"upper": 15, "lower": 0}, "row_share"),
        ({"named": False}, None),
        ({"catch": 0}, None),
        ({"practice": 0}, None),
    ],
)
def test_limits_as_imi_set_them(made, fails):
    assert [name for name, ok in verdicts(**made).items() if not ok] == ([fails] if fails else [])


def test_what_cannot_be_known_has_no_value():
    values = values_of(answers(catch=0, practice=0), 1, 0.0, 60.0, named=False)
    assert list(values) == list(CHECKS)
    assert [name for name, v in values.items() if v.value is None] == [
        "practice_rounds",
        "catch_right",
        "first_time",
    ]
    assert "can't be known" in values["first_time"].details["why"]
    nothing = values_of([], 1, None, None, named=True)
    assert all(evaluate(nothing, Checks()).values())


def test_a_coin_flipper_and_one_who_takes_the_upper_row_are_left_out(tmp_path):
    """By chance 6 of 32 coin-flippers get 4 of 5 catch trials right, so the draws are seeded: these don't."""
    plan = make_plan(tasks=3, trials=40, catch=5, practice=2)
    with StudyFile.create(tmp_path / "a.sqlite", plan) as study:
        coin = random.Random(4)
        flips = [coin.random() < 0.5 for _ in range(45)]
        walk(study, begin(study, "coin"), lambda phase, at: phase == "practice" or flips[at])
        course = begin(study, "upper")
        while (screen := course.screen()).kind != "comment":
            if screen.kind == "instructions":
                course.read()
            elif screen.kind == "begin":
                course.go_on()
            elif screen.trial.phase == "main":
                course.answer(screen.trial.nonce, 2, 1000)
            else:
                walk(study, course, steps=1)
        walk(study, begin(study, "good"), lambda phase, at: at not in (3, 20))
        checks, sessions = study.checks(), study.sessions()
        failed = checks[~checks.passed].merge(sessions[["session_id", "pid"]])
        assert "catch_right" in set(failed.name[failed.pid == "coin"])
        assert "row_share" in set(failed.name[failed.pid == "upper"])
        assert sessions.set_index("pid").passed.to_dict() == {"coin": False, "upper": False, "good": True}
        # the task that both failed was offered again until somebody passed
        assert sessions.task_id.tolist() == [0, 0, 0]
        assert begin(study, "next").task_id == 1


def test_limits_can_be_moved_without_touching_the_file(tmp_path):
    plan = make_plan(tasks=4, trials=8, catch=4, practice=2)
    with StudyFile.create(tmp_path / "a.sqlite", plan) as study:
        catches = [
            i for i in range(12) if study.trials().kind[study.placed(0, "main", 1, i).trial] == "catch"
        ]
        walk(study, begin(study, "two wrong"), lambda phase, at: phase == "practice" or at not in catches[:2])
        walk(study, begin(study, "failed"), lambda phase, at: phase == "main")
        walk(study, begin(study, "good"))
        begin(study, "running")
        own = study.settings.checks
        people = study.sessions().set_index("session_id").pid
        stored = judge(study.checks(), study.sessions(), own)
        assert list(stored.columns) == [*CHECKS, "passed"]
        assert stored.dtypes.astype(str).unique().tolist() == ["bool"]
        written = study.checks().pivot(index="session_id", columns="name", values="passed")[list(CHECKS)]
        pd.testing.assert_frame_equal(
            stored[list(CHECKS)], written.astype(bool), check_names=False, check_index_type=False
        )
        assert people[stored.index[stored.passed]].tolist() == ["good"]

        def passing(**changes):
            found = judge(study.checks(), study.sessions(), own.model_copy(update=changes))
            return set(people[found.index[found.passed]])

        assert passing(catch_right=0.5) == {"good", "two wrong"}
        assert passing(catch_right=0.5, practice_rounds=100) == {"good", "two wrong"}
        assert passing(instructions_seconds=1e6) == set()
        assert passing(total_seconds=(1e6, 2e6)) == set()
        shares = study.checks().query("name == 'row_share'").set_index("session_id").value
        assert passing(row_share=float(shares.dropna().min()) - 0.01) < {"good", "two wrong"}
        assert study.sessions().passed.sum() == 1


def test_unknown_values_keep_what_was_found():
    checks = pd.DataFrame(
        {
            "session_id": [1, 1, 2],
            "name": ["first_time", "row_share", "first_time"],
            "value": [None, 0.5, None],
            "passed": [False, True, True],
        }
    )
    sessions = pd.DataFrame({"session_id": [1, 2], "step": "thanks"})
    found = judge(checks, sessions, Checks())
    assert found.first_time.tolist() == [False, True] and found.passed.tolist() == [False, True]
    empty = judge(checks[:0], sessions, Checks())
    assert empty.empty and "passed" in empty


def test_a_check_may_be_looser_than_the_course():
    settings = load_settings(None, ["course.practice_rounds=2"])
    assert (settings.course.practice_rounds, settings.checks.practice_rounds) == (2, 3)


def test_default_texts_promise_nothing_that_the_checks_forbid():
    """The whole course is timed, so nobody is told that pauses are fine."""
    settings = load_settings()
    assert settings.checks.total_seconds[1] < 3600
    words = " ".join(
        [*settings.texts.instructions, *(v for v in vars(settings.texts).values() if type(v) is str)]
    )
    assert not re.search("pause|deadline|whenever", words)
    assert "do it in one go" in settings.texts.consent and "in one go" in settings.texts.begin


def test_short_words_are_settings_too():
    settings = load_settings(None, ["texts.labels.start=Los", "texts.title=Bilder"])
    assert (settings.texts.labels.start, settings.texts.labels.go_on) == ("Los", "Continue")
    with pytest.raises(
        UserError, match="'texts.labels.strat': there is no such setting. Did you mean 'start'"
    ):
        load_settings(None, ["texts.labels.strat=Los"])
