"""A person's way through a study: every step, every way off it, and what a person may see."""

from __future__ import annotations

import threading
from dataclasses import asdict

import pytest

from lexplain_core.studies.session.course import ALPHABET, NotAdmitted, admit, begin, resume

from .conftest import answer_button, walk


def test_a_whole_course_from_consent_to_code(small_study):
    assert admit(small_study, "anna") is None
    course = begin(small_study, "anna")
    seen, progress, given = [], [], []
    while (screen := course.screen()).kind not in ("thanks", "failed"):
        seen.append(screen.kind)
        progress.append(screen.progress)
        if screen.kind == "trial":
            wrong = screen.trial.phase == "main" and screen.trial.number == 2
            button = answer_button(small_study, course, screen, not wrong, confidence=3)
            verdict = course.answer(screen.trial.nonce, button, 812.5, load_ms=30, hidden=True)
            assert verdict.feedback is not wrong and verdict.nonce == screen.trial.nonce
            given.append((screen.trial.phase, button, verdict.right))
        elif screen.kind == "instructions":
            course.read(20)
        elif screen.kind == "comment":
            course.say("  nice  ")
        else:
            course.go_on()
    assert seen == ["instructions", "trial", "trial", "begin", *["trial"] * 5, "comment"]
    assert progress == sorted(progress) and 0 <= progress[0] and progress[-1] == screen.progress == 1.0
    assert [right for phase, _, right in given if phase == "main"] == [1, 1, 2, 3, 4]
    assert len(screen.code) == 9 and set(screen.code) <= {*ALPHABET, "-"}
    responses = small_study.responses()
    assert responses.phase.tolist() == ["practice"] * 2 + ["main"] * 5
    assert responses.button.tolist() == [button for _, button, _ in given]
    assert responses.confidence.tolist() == [3] * 7
    assert responses.correct.tolist() == [True, True, True, False, True, True, True]
    assert ((responses.choice == responses.upper) == (responses.button < 3)).all()
    assert ((responses.choice == "max") == responses.correct).all()
    assert responses.rt_ms.tolist() == [812.5] * 7 and responses.load_ms.tolist() == [30.0] * 7
    assert responses.hidden.all()
    assert (responses.answered_at >= responses.shown_at).all()
    session = small_study.sessions().iloc[0]
    assert (session.outcome, session.comment, session.code) == ("completed", "nice", screen.code)
    assert session.passed and session.participant == "anna"
    with pytest.raises(NotAdmitted) as refused:
        admit(small_study, "anna", *small_study.keys(["anna"]))
    assert refused.value.reason == "taken part"
    assert refused.value.text == small_study.settings.texts.taken_part
    assert refused.value.code == screen.code  # for who has closed the page too early
    for way in (admit, begin):
        with pytest.raises(NotAdmitted) as refused:
            way(small_study, "anna")
        assert (refused.value.reason, refused.value.code) == ("begun", None)
    assert resume(small_study, course.token).screen().code == screen.code  # a reload of the last page


def test_trials_are_as_planned(small_study, small_plan):
    course = begin(small_study, "anna")
    course.read()
    task = small_plan.tasks[course.task_id]
    placements = [*task.practice[0], *task.main]
    for placed in placements:
        if course.screen().kind == "begin":
            course.go_on()
        screen = course.screen()
        trial = small_plan.trials[placed.trial]
        sides = {"min": trial.low, "max": trial.high}
        other = {"min": "max", "max": "min"}[placed.upper]

        def data(shown):
            return small_study.picture(shown.picture).data

        assert screen.trial.upper.data == data(sides[placed.upper][9])
        assert screen.trial.lower.data == data(sides[other][9])
        assert [p.data for p in screen.trial.left] == [data(trial.low[c]) for c in placed.left]
        assert [p.data for p in screen.trial.right] == [data(trial.high[c]) for c in placed.right]
        course.answer(screen.trial.nonce, answer_button(small_study, course, screen), 1000)


def test_a_screen_does_not_tell_high_from_low_nor_catch_from_real(study_of):
    study = study_of(tasks=1, trials=20, catch=20, practice=2)
    course = begin(study, "p")
    course.read()
    kinds = {}
    for _ in range(42):
        if course.screen().kind == "begin":
            course.go_on()
        screen = course.screen()
        told = asdict(screen)
        pictures = [told["trial"].pop(side) for side in ("upper", "lower")]
        pictures += [p for side in ("left", "right") for p in told["trial"].pop(side)]
        assert len(pictures) == 20
        for picture in pictures:
            assert picture.pop("data")
            assert picture == {"source": "", "key": "", "type": "image/jpeg", "width": 8, "height": 8}
        trial = told.pop("trial")
        placed = study.placed(0, trial["phase"], 1, trial["number"] - 1)
        kind = study.trials().kind[placed.trial]
        kinds.setdefault(kind, []).append(trial)
        assert trial == {
            "nonce": f"{trial['phase'][0]}-1-{trial['number'] - 1}", "phase": trial["phase"],
            "number": trial["number"], "of": 2 if trial["phase"] == "practice" else 40, "lock_ms": 0,
            "feedback": True, "right_so_far": None if trial["phase"] == "practice" else trial["number"] - 1,
        }  # fmt: skip
        assert told == {"kind": "trial", "progress": told["progress"], "round": 1, "code": None}
        course.answer(trial["nonce"], answer_button(study, course, screen), 1000)
    assert {kind: len(of) for kind, of in kinds.items()} == {"practice": 2, "real": 20, "catch": 20}


def test_practice_is_repeated_and_then_ends_the_session(study_of):
    study = study_of(tasks=1, rounds=3)
    course = begin(study, "p")
    course.read()
    for round_ in (1, 2, 3):
        screens = [course.screen()]
        walk(study, course, lambda phase, at: at != 1, steps=2)
        screens.append(course.screen())
        assert [s.round for s in screens] == [round_, round_]
        assert screens[1].kind == ("again" if round_ < 3 else "failed")
        course.go_on()
        if round_ < 3:
            assert course.screen().trial.nonce == f"p-{round_ + 1}-0"
    failed = course.screen()
    assert failed.code and failed.progress == 1.0
    session = study.sessions().iloc[0]
    assert (session.outcome, session.passed) == ("failed practice", False)
    assert study.verify(failed.code)["outcome"] == "failed practice"
    checks = study.checks().set_index("name")
    assert checks.value["practice_rounds"] == 3 and not checks.passed["practice_rounds"]
    assert len(study.responses()) == 6
    with pytest.raises(NotAdmitted) as refused:
        admit(study, "p", *study.keys(["p"]))
    assert refused.value.reason == "taken part"
    assert begin(study, "q").task_id == 0  # offered again


def test_practice_passed_in_the_second_round(study_of):
    study = study_of(tasks=1)
    course = begin(study, "p")
    walk(study, course, lambda phase, at: phase == "main", steps=3)  # instructions and a wrong practice
    assert course.screen().kind == "again"
    walk(study, course)
    assert course.screen().kind == "thanks"
    checks = study.checks().set_index("name")
    assert checks.value["practice_rounds"] == 2 and study.sessions().passed.all()
    assert study.responses().groupby(["phase", "round"]).size().to_dict() == {
        ("practice", 1): 2, ("practice", 2): 2, ("main", 1): 5
    }  # fmt: skip


def test_rounds_beyond_the_planned_ones_begin_again(study_of):
    study = study_of("course.practice_rounds=5", tasks=1, rounds=2)
    course = begin(study, "p")
    course.read()
    walk(study, course, lambda phase, at: False)
    assert course.screen().kind == "failed"
    trials = study.responses().groupby("round").trial_id.apply(list)
    assert len(trials) == 5 and trials[1] == trials[3] == trials[5] and trials[2] == trials[4]


@pytest.mark.parametrize("comment", [True, False])
def test_courses_without_practice_or_comment(study_of, comment):
    study = study_of(f"course.comment={str(comment).lower()}", practice=0)
    course = begin(study, "p")
    course.read()
    assert course.screen().kind == "begin"
    walk(study, course, steps=6)
    assert course.screen().kind == ("comment" if comment else "thanks")
    assert study.sessions().passed.all()  # who leaves at the comment has answered all the same
    if comment:
        assert course.screen().code is None
        assert admit(study, "p", *study.keys(["p"])).screen().kind == "comment"
        course.say(None)
    assert course.screen().code
    assert study.sessions().comment.isna().all()


def test_comments_are_stored_whatever_is_in_them(study_of):
    study = study_of(tasks=4)
    given = ["'); DROP TABLE sessions; --", "né 日本 🦊\n\nnew line", "half \ud83e of a fox", "x" * 20_000]
    for i, text in enumerate(given):
        walk(study, begin(study, f"p{i}"), comment=text)
    stored = study.sessions().comment.tolist()
    assert stored == [*given[:2], "half ? of a fox", "x" * 10_000]


def test_no_feedback_means_that_nothing_is_said(study_of):
    study = study_of("course.feedback=false", tasks=1)
    course = begin(study, "p")
    course.read()
    practice = walk(study, course, steps=2)
    assert [v.feedback for v in practice] == [True, True]
    course.go_on()
    screen = course.screen()
    assert screen.trial.feedback is False and screen.trial.right_so_far is None
    assert {(v.feedback, v.right) for v in walk(study, course)} == {(None, 0)}
    quiet = study_of("course.running_score=false", tasks=1)
    course = begin(quiet, "p")
    assert {(v.feedback, v.right) for v in walk(quiet, course)} == {(True, 0)}


def test_resuming_by_token_and_by_signed_link_at_every_step(small_study):
    course, [key] = begin(small_study, "anna"), small_study.keys(["anna"])
    kinds = []
    for _ in range(100):
        before = course.screen()
        kinds.append(before.kind)
        again = resume(small_study, course.token)
        assert again.screen() == before
        if before.kind == "thanks":
            break
        assert admit(small_study, " anna ", key).screen() == before
        assert begin(small_study, "anna", key).token is None  # a second click on the consent page
        for way in (admit, begin):
            with pytest.raises(NotAdmitted) as refused:  # a name alone tells nothing of where it stands
                way(small_study, "anna")
            assert (refused.value.reason, refused.value.text) == ("begun", small_study.settings.texts.begun)
        right = before.kind == "trial" and (before.trial.phase == "main" or before.round == 2)
        walk(small_study, again, lambda phase, at, right=right: right, steps=1)
    assert kinds == ["instructions", "trial", "trial", "again", "trial", "trial", "begin", *["trial"] * 5, "comment", "thanks"]  # fmt: skip
    assert len(small_study.sessions()) == 1
    with small_study.reading() as con:
        times = {row[0] for row in con.execute("SELECT times FROM shown")}
    assert times == {3}  # by 3 pages: the first, the one resumed by token, the one by the signed link


def test_the_same_page_shows_a_trial_once(small_study):
    course = begin(small_study, "anna")
    course.read()
    assert course.screen() == course.screen() == course.screen()
    with small_study.reading() as con:
        assert [tuple(row) for row in con.execute("SELECT times FROM shown")] == [(1,)]


def test_only_the_first_answer_counts(small_study):
    course = begin(small_study, "anna")
    course.read()
    first = course.screen()
    tab = resume(small_study, course.token)
    assert tab.screen().trial.nonce == first.trial.nonce
    assert course.answer(first.trial.nonce, 1, 1000) is not None
    for late in (course, tab):
        assert late.answer(first.trial.nonce, 4, 1000) is None
    assert course.answer("p-1-1", 1, 1000) is None  # not shown yet
    second = course.screen()
    assert second.trial.nonce == "p-1-1"
    for wrong in ("p-1-2", "m-1-0", "", None, "p-1-1 ", 5, ["p-1-1"]):
        assert course.answer(wrong, 1, 1000) is None
    assert small_study.responses().button.tolist() == [1]


def test_threads_that_race_for_one_answer(small_study):
    course = begin(small_study, "anna")
    course.read()
    for _ in range(7):
        if course.screen().kind == "begin":
            course.go_on()
        screen = course.screen()
        right = answer_button(small_study, course, screen)
        tabs = [resume(small_study, course.token) for _ in range(8)]
        barrier, verdicts = threading.Barrier(8), []

        def click(tab, nonce, button, barrier, verdicts):
            barrier.wait()
            verdicts.append(tab.answer(nonce, button, 1000.0))

        clicks = [
            threading.Thread(target=click, args=(tab, screen.trial.nonce, right, barrier, verdicts))
            for tab in tabs
        ]
        [t.start() for t in clicks]
        [t.join() for t in clicks]
        assert sum(v is not None for v in verdicts) == 1
    assert len(small_study.responses()) == 7


def test_the_lock_holds_by_both_clocks(study_of):
    study = study_of("course.lock_ms=1500", tasks=1)
    course = begin(study, "p")
    course.read()
    assert course.answer("p-1-0", 1, 5000) is None  # never shown
    nonce = course.screen().trial.nonce
    study.clock.now += 1.2
    assert course.answer(nonce, 1, 1600) is None  # the server's clock says no
    study.clock.now += 1.0
    assert course.answer(nonce, 1, 1499.9) is None  # the browser's does
    assert resume(study, course.token).answer(nonce, 1, 1500) is not None
    row = study.responses().iloc[0]
    assert (row.lock_ms, row.rt_ms) == (1500, 1500)
    assert row.answered_at - row.shown_at == pytest.approx(2.2)


@pytest.mark.parametrize(
    "rt", [None, float("nan"), float("inf"), -1.0, "1600", True, [1600], 10**400, {"a": 1}, 1499]
)
def test_times_that_are_none_are_refused(study_of, rt):
    study = study_of("course.lock_ms=1500", tasks=1)
    course = begin(study, "p")
    course.read()
    nonce = course.screen().trial.nonce
    study.clock.now += 5
    assert course.answer(nonce, 1, rt) is None
    assert study.responses().empty


@pytest.mark.parametrize("button", [-1, 6, True, False, None, "1", 1.0, 10**30])
def test_buttons_that_do_not_exist_are_refused(small_study, button):
    course = begin(small_study, "p")
    course.read()
    assert course.answer(course.screen().trial.nonce, button, 1000) is None
    assert small_study.responses().empty


def test_times_longer_than_the_servers_own_are_unknown(study_of):
    study = study_of(tasks=1)
    course = begin(study, "p")
    course.read()
    for rt, load in ((2500.0, 1e12), (1e9, float("nan"))):
        nonce = course.screen().trial.nonce
        study.clock.now += 3
        assert course.answer(nonce, 1, rt, load, hidden="yes") is not None
    rows = study.responses()
    assert rows.rt_ms.isna().tolist() == [False, True]
    assert rows.load_ms.isna().all() and rows.hidden.isna().all()


def test_instructions_are_timed_and_locked(study_of):
    study = study_of("course.instructions_lock_s=10", tasks=5)
    cases = [(12.0, 12.0), (1e9, 30.0), (float("nan"), 30.0), (None, 30.0), (-5, 30.0)]
    for i, (said, stored) in enumerate(cases):
        course = begin(study, f"p{i}")
        course.read(said if said == 12.0 else 20)  # by the server's clock no time has passed
        assert course.screen().kind == "instructions"
        study.clock.now += 30
        course.read(9.0)
        assert course.screen().kind == "instructions"
        course.read(said)
        course.read(25.0)
        assert course.screen().kind == "trial"
        assert study.sessions().instructions_s[i] == stored


def test_reading_counts_from_consent_however_often_the_page_is_loaded(study_of):
    study = study_of("course.instructions_lock_s=10", tasks=1)
    token = begin(study, "p").token
    for waited, left in ((0.0, 10.0), (4.0, 6.0), (4.0, 2.0)):
        study.clock.now += waited
        page = resume(study, token)
        assert page.locked_s() == pytest.approx(left)
        page.read()
        assert page.screen().kind == "instructions"
    study.clock.now += 12.0
    page = resume(study, token)
    assert page.locked_s() == 0
    page.read()
    assert page.screen().kind == "trial"
    assert study.sessions().instructions_s[0] == pytest.approx(20.0)


def test_an_answer_says_how_often_its_trial_was_shown(study_of):
    study = study_of(tasks=1)
    course = begin(study, "p")
    course.read()
    for looks in (1, 3, 1):
        for _ in range(looks):  # each time by a page that was loaded anew
            course = resume(study, course.token)
            course.screen()
        walk(study, course, steps=1)
        if course.screen().kind == "begin":
            course.go_on()
    rows = study.responses()
    assert str(rows.shown_times.dtype) == "Int64"
    assert rows.shown_times.tolist() == [
        1,
        4,
        1,
    ]  # the page that had answered the first showed the second, too


def test_moves_out_of_turn_do_nothing(small_study):
    course = begin(small_study, "p")
    for kind in ["instructions", "trial", "trial", "begin"]:
        assert course.screen().kind == kind
        if kind != "begin":
            course.go_on()
        course.say("too early")
        if kind != "instructions":
            course.read(20)
        assert course.screen().kind == kind
        walk(small_study, course, steps=1)
    walk(small_study, course)
    for move in (course.go_on, course.read, lambda: course.say("late")):
        move()
    session = small_study.sessions().iloc[0]
    assert (session.step, session.comment) == ("thanks", "fine")
