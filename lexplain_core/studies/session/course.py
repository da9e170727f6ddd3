"""What a person goes through, from consent to thanks; every step is on disk before the next is shown."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from ...stimuli.base import BUTTONS
from ..checks import evaluate, values_of
from ..file import sessions as records
from ..file.access import Connection, Row
from ..file.seals import seal
from ..file.study import StudyFile
from ..names import is_placeholder, person_name
from .screens import NotAdmitted, Screen, TrialScreen, Verdict, arrange, finite, other_pole

__all__ = ["Course", "NotAdmitted", "Screen", "TrialScreen", "Verdict", "admit", "begin", "resume"]

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # no 0 and O, no 1, I and L
LATE_S = 0.05  # the server's clock may have seen a lock end this much earlier
SLACK_S = 1.0  # no time measured by the browser is longer than the server's own by more
SIGN_S = 30.0  # a page that is looked at again is a sign of life, but not more often than this
PHASES = ("practice", "main")
MOST_COMMENT = 10_000
TOKEN = 18  # bytes: 144 bits
MOST_TOKEN = 200  # letters, in an address that anybody may have written


def admit(study: StudyFile, pid: str | None, key: str | None = None) -> Course | None:
    """The course of a person who has begun already, None for one who is to see the consent page.

    key: what signs the person's link (`StudyFile.key`). A name alone begins a session; it neither goes on with one nor
    says anything of it. Raises `NotAdmitted`: 'no pid' where the study needs a name, 'placeholder' where the name is
    none, 'unknown' for a wrong key, 'begun' where the name has a session and no key is given, 'taken part' where the
    person with the key is through, 'not invited' where only those whom the researcher has invited are let in,
    'full' where no task is free.
    """
    pid, signed = _person(study, pid, key)
    with study.reading() as con:
        row = _begun(study, con, pid, signed)
        full = row is None and _task(study, con) is None
    if full:
        raise NotAdmitted("full", study.settings.texts.full)
    return None if row is None else Course(study, row["token"], row["task_id"])


def begin(study: StudyFile, pid: str | None, key: str | None = None) -> Course:
    """The course of a person who has just agreed to take part: claims a task, unless one is theirs already.

    Raises `NotAdmitted` like `admit`. A task is claimed in one transaction, so never by more people than it
    needs; those who weren't seen for `course.abandon_minutes` don't count. Whoever returns after that goes on all
    the same, and may finish beside the one who took the task over: it has more people then than the study wanted.
    """
    pid, signed = _person(study, pid, key)
    with study.writing() as con:
        row = _begun(study, con, pid, signed)
        if row is not None:
            return Course(study, row["token"], row["task_id"])
        task = _task(study, con)
        if task is None:
            raise NotAdmitted("full", study.settings.texts.full)
        token = secrets.token_urlsafe(TOKEN)
        seal(con, records.add(con, records.hashed(token), pid, task, study.clock()))
    return Course(study, records.hashed(token), task, token)


def resume(study: StudyFile, token: str) -> Course:
    """The course of a token, wherever it stands, also at its end. Raises `NotAdmitted` ('unknown')."""
    fine = isinstance(token, str) and token.isascii() and 0 < len(token) <= MOST_TOKEN
    with study.reading() as con:
        row = records.by_token(con, token) if fine else None
    if row is None:
        raise NotAdmitted("unknown", study.settings.texts.unknown)
    return Course(study, row["token"], row["task_id"], token)


def _person(study: StudyFile, pid: str | None, key: str | None) -> tuple[str | None, bool]:
    """The name that an address says, and whether the link is signed."""
    name = person_name(pid)
    given = isinstance(pid, str) and bool(pid.strip())
    if is_placeholder(pid) and given:
        raise NotAdmitted("placeholder", study.settings.texts.placeholder)
    if not name and (given or study.settings.course.pid != "optional"):
        raise NotAdmitted("no pid", study.settings.texts.no_pid)
    if name and key and not study.signed(name, key):
        raise NotAdmitted("unknown", study.settings.texts.unknown)
    return name or None, bool(name and key)


def _begun(study: StudyFile, con: Connection, pid: str | None, signed: bool) -> Row | None:
    """The session that a person has begun; None for a new one who may begin."""
    row = None if pid is None else records.by_pid(con, pid)
    wanted = study.settings.course.pid == "invited" and not study.previewing
    if row is None and wanted and (pid is None or not records.is_invited(con, pid)):
        raise NotAdmitted("not invited", study.settings.texts.not_invited)
    if row is not None and not signed:
        raise NotAdmitted("begun", study.settings.texts.begun)
    if row is not None and row["step"] in ("thanks", "failed"):
        raise NotAdmitted("taken part", study.settings.texts.taken_part, row["code"])
    return row


def _task(study: StudyFile, con: Connection) -> int | None:
    course = study.settings.course
    if study.kind != "study":  # of an imported one there are no pictures
        return None
    return records.free_task(con, course.people, study.clock() - 60 * course.abandon_minutes)


class Course:
    """One person's way through a study, by the token of their session; it holds no state that the file lacks.

    token: as the person's address has it; None where they came by a signed link. Every method raises `NotAdmitted`
    ('unknown') once the session is deleted, and `UserError` where it isn't what was written.
    """

    def __init__(self, study: StudyFile, kept: str, task_id: int, token: str | None = None) -> None:
        """kept: the token as the file has it."""
        self.study = study
        self.token = token
        self.task_id = task_id
        self._kept = kept
        self._settings = study.settings.course
        with study.reading() as con:
            self._lengths = records.lengths(con, task_id)
        self._shown: str | None = None  # what this page has shown: a new page counts as another look
        self._signed = 0.0

    def screen(self) -> Screen:
        """What the person is to see now. A trial counts as shown from its first screen on."""
        with self.study.snapshot() as con:
            state = self._state(con)
        now, step = self.study.clock(), state["step"]
        if step in PHASES:
            nonce = _nonce(state)
            if nonce != self._shown:
                with self._moving() as (con, state, now):
                    step = state["step"]
                    if step in PHASES:
                        nonce = _nonce(state)
                        records.show(con, state["session_id"], *_place(state), now)
                        records.see(con, state["session_id"], now)
                self._shown, self._signed = nonce, now
        if now - self._signed > SIGN_S and state["finished_at"] is None:
            with self._moving() as (con, state, now):
                records.see(con, state["session_id"], now)
            self._signed = now
        return Screen(
            "trial" if step in PHASES else step,
            self._progress(state),
            state["round"],
            self._trial(state) if step in PHASES else None,
            state["code"] if step in ("thanks", "failed") else None,
        )

    def locked_s(self) -> float:
        """For how many seconds more the instructions can't be left: counted from consent, whatever is loaded again."""
        with self.study.snapshot() as con:
            since = self.study.clock() - self._state(con)["started_at"]
        return max(self._settings.instructions_lock_s - since, 0.0)

    def read(self, seconds: float | None = None) -> None:
        """The instructions are done after `seconds`; where these aren't given, after all that has passed since consent.

        Nothing happens elsewhere in the course, or before `instructions_lock_s`.
        """
        with self._moving() as (con, state, now):
            if state["step"] != "instructions":
                return
            since = max(now - state["started_at"], 0.0)
            seconds = finite(seconds)
            seconds = since if seconds is None or seconds < 0 else min(seconds, since)
            if seconds < self._settings.instructions_lock_s - LATE_S:
                return
            records.note_reading(con, state["session_id"], seconds)
            step = "practice" if self._lengths["practice"] else "begin"
            records.move(con, state["session_id"], step, 1, now)

    def go_on(self) -> None:
        """From 'again' to the next practice round, from 'begin' to the main trials; nothing happens elsewhere."""
        with self._moving() as (con, state, now):
            if state["step"] == "again":
                records.move(con, state["session_id"], "practice", state["round"] + 1, now)
            elif state["step"] == "begin":
                records.move(con, state["session_id"], "main", state["round"], now)
                if not self._lengths["main"]:
                    self._finish(con, now)

    def answer(
        self, nonce: str, button: int, rt_ms: float, load_ms: float | None = None, hidden: bool | None = False
    ) -> Verdict | None:
        """Record the answer to the present trial; it is on disk when this returns.

        button: 0 to 5. rt_ms, load_ms, hidden: as the browser says; it isn't believed where it can't be true:
        times longer than the server's own are stored as unknown. None, and nothing recorded, where `nonce`
        isn't the present trial (it was answered already, by another click or another tab), where the lock isn't
        over by either clock, or where the values make no sense.
        """
        rt, lock = finite(rt_ms), float(self._settings.lock_ms)
        if isinstance(button, bool) or not isinstance(button, int) or not 0 <= button < BUTTONS:
            return None
        if rt is None or rt < 0 or rt < lock:
            return None
        with self._moving() as (con, state, now):
            if state["step"] not in PHASES or nonce != _nonce(state):
                return None
            session, place = state["session_id"], _place(state)
            sent = records.shown(con, session, *place)
            if sent is None or now - sent[0] < lock / 1000 - LATE_S:
                return None
            shown, times = sent
            trial = records.fully_placed(con, self.task_id, *place)
            pole = trial.upper if button < BUTTONS // 2 else other_pole(trial.upper)
            longest = 1000 * (now - shown + SLACK_S)
            load = finite(load_ms)
            records.add_response(
                con, session_id=session, phase=place[0], round=place[1], position=place[2], trial_id=trial.trial,
                upper=trial.upper, button=button, choice=pole, confidence=button % 3 + 1,
                correct=int(pole == "max"), rt_ms=rt if rt <= longest else None, lock_ms=lock,
                load_ms=load if load is not None and 0 <= load <= longest else None,
                hidden=int(hidden) if isinstance(hidden, bool) else None, shown_at=shown, answered_at=now,
                shown_times=times,
            )  # fmt: skip
            records.see(con, session, now)
            if state["done"] + 1 == self._lengths[place[0]]:
                self._phase_done(con, state, now)
        right = state["right"] + int(place[0] == "main" and pole == "max")
        return Verdict(
            pole == "max" if self._comments(place[0]) else None,
            right if self._counts(place[0]) else 0,
            nonce,
        )

    def say(self, comment: str | None) -> None:
        """The comment at the end, which may be empty; nothing happens elsewhere."""
        with self._moving() as (con, state, now):
            if state["step"] != "comment":
                return
            text = comment.strip()[:MOST_COMMENT] if isinstance(comment, str) else ""
            text = text.encode("utf-8", "replace").decode("utf-8")  # half a character can't be stored
            records.note_comment(con, state["session_id"], text or None)
            records.move(con, state["session_id"], "thanks", state["round"], now)

    @contextmanager
    def _moving(self) -> Iterator[tuple[Connection, Row, float]]:
        """A transaction to write, with where the person stands and the time; the session is sealed at its end."""
        with self.study.writing() as con:
            state = self._state(con)
            yield con, state, self.study.clock()
            seal(con, state["session_id"])

    def _state(self, con: Connection) -> Row:
        """Where the person stands; `con` sees one state of the file."""
        row = self._row(con)
        self.study.check_session(con, row["session_id"])
        return row

    def _row(self, con: Connection) -> Row:
        row = records.by_kept(con, self._kept)
        if row is None:
            raise NotAdmitted("unknown", self.study.settings.texts.unknown)
        return row

    def _phase_done(self, con: Connection, state: Row, now: float) -> None:
        session, number = state["session_id"], state["round"]
        if state["step"] == "main":
            self._finish(con, now)
        elif records.all_right(con, session, number):
            records.move(con, session, "begin", number, now)
        elif number < self._settings.practice_rounds:
            records.move(con, session, "again", number, now)
        else:
            records.move(con, session, "failed", number, now)
            self._finish(con, now)

    def _finish(self, con: Connection, now: float) -> None:
        """All is answered: a code, and what the checks say. Whoever leaves at the comment has finished, too."""
        state = self._row(con)
        session, failed = state["session_id"], state["step"] == "failed"
        if not failed:
            step = "comment" if self._settings.comment else "thanks"
            records.move(con, session, step, state["round"], now)
        values = values_of(
            records.answers(con, session), state["round"], state["started_at"], state["instructions_s"],
            state["pid"] is not None, failed,
        )  # fmt: skip
        passed = evaluate(values, self.study.settings.checks)
        rows = [(name, v.value, passed[name], v.details) for name, v in values.items()]
        code = _code()
        while records.code_taken(con, code):
            code = _code()
        records.finish(con, session, now, code, rows, all(passed.values()))

    def _trial(self, state: Row) -> TrialScreen:
        phase, number, position = _place(state)
        with self.study.reading() as con:
            placed = records.fully_placed(con, self.task_id, phase, number, position)
            ids = records.images(con, placed.trial)
        return TrialScreen(
            _nonce(state),
            phase,
            position + 1,
            self._lengths[phase],
            *arrange(placed, ids, self.study.pictures(ids.values())),
            lock_ms=self._settings.lock_ms,
            feedback=self._comments(phase),
            right_so_far=state["right"] if self._counts(phase) else None,
        )

    def _comments(self, phase: str) -> bool:
        return phase == "practice" or self._settings.feedback

    def _counts(self, phase: str) -> bool:
        return phase == "main" and self._settings.feedback and self._settings.running_score

    def _progress(self, state: Row) -> float:
        """By position: a repeated practice starts again where the practice started."""
        practice, main = self._lengths["practice"], self._lengths["main"]
        step, done = state["step"], state["done"]
        if step == "instructions":
            return 0.0
        if step in ("comment", "thanks", "failed"):
            return 1.0
        answered = {"practice": done, "again": practice, "begin": practice, "main": practice + done}[step]
        return (1 + answered) / (1 + practice + main)


def _place(state: Row) -> tuple[str, int, int]:
    return state["step"], 1 if state["step"] == "main" else state["round"], state["done"]


def _nonce(state: Row) -> str:
    phase, number, position = _place(state)
    return f"{phase[0]}-{number}-{position}"


def _code() -> str:
    letters = "".join(secrets.choice(ALPHABET) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"
