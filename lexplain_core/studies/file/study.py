"""A study's file: what people are shown, and what they answer; the home of its SQL with `file_*.py`."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...base.entries import escaped, listing, regular, shown
from ...base.errors import UserError, quote
from ...config.study import StudySettings, parse_settings
from ...stimuli.base import Picture, Placed, StudyPlan
from ..names import is_placeholder, person_name
from . import sessions as sessions_sql
from .access import STUDY, Connection, Connections, file_connections, memory_connections, read_meta
from .frames import frame
from .seals import damaged, picture_digest
from .write import Recorded, check_name, write_study

__all__ = ["Recorded", "StudyEntry", "StudyFile", "find_studies", "studies_folder", "study_path"]

END = ".sqlite"
_SEALED = ("tasks", "sessions", "responses", "checks")  # frames of what people did
_SIGNED = 18  # bytes of a signature: 144 bits, 24 letters
_LOG = logging.getLogger("lexplain.study")


class StudyFile:
    """An open study; threads may share it. Close it, or use it as a context manager.

    kind: 'study', 'imported'. facts: what it was made from (`StudyPlan.facts`). made: seconds since 1970.
    clock: the server's time, seconds since 1970. previewing: whether records are kept in memory only.

    What is read is compared with what was written: `UserError` where the two differ. leave_out_damaged: frames then
    leave out the sessions that are `damaged`.
    """

    def __init__(self, path: Path, connections: Connections, meta: dict, previewing: bool = False) -> None:
        self.path = path
        self.name: str = meta["name"]
        self.kind: str = meta["kind"]
        self.made: float = meta["made"]
        self.facts: dict = meta["facts"]
        self.settings: StudySettings = parse_settings(meta["settings"], f"of the study {path}")
        self.previewing = previewing
        self.leave_out_damaged = False
        self.clock: Callable[[], float] = time.time
        self._connections = connections
        self._meta = meta
        self.reading = connections.reading
        self.snapshot = connections.snapshot
        self.writing = connections.writing

    @classmethod
    def create(cls, path: str | Path, plan: StudyPlan, recorded: Recorded | None = None) -> StudyFile:
        """Write a plan to a new file and open it; see `write_study`."""
        write_study(Path(path), plan, recorded)
        return cls.open(path)

    @classmethod
    def open(cls, path: str | Path, check: bool = True) -> StudyFile:
        """Open a study to read and write. Raises `UserError` where it is missing, none, of a later version, or damaged.

        check: off, a file is opened whose pages are damaged elsewhere than in what is needed.
        """
        path = Path(path)
        meta = read_meta(path)
        return cls(path, file_connections(path, check), meta)

    def preview(self) -> StudyFile:
        """The same study with records in memory: nothing is written to disk, and all is lost when it is closed."""
        study = StudyFile(self.path, memory_connections(self.path), self._meta, previewing=True)
        study.clock = self.clock
        return study

    def close(self) -> None:
        """Close the file; what still uses it in another thread ends first."""
        self._connections.close()

    def __enter__(self) -> StudyFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what was planned

    def units(self) -> pd.DataFrame:
        """The units: unit_id, model, layer, unit, name, use, depth, explanation, method and its scores."""
        return self._frame("units")

    def trials(self) -> pd.DataFrame:
        """The trials: trial_id, unit_id, kind, obvious, mode, difficulty, batch, and their units' names."""
        return self._frame("trials")

    def tasks(self) -> pd.DataFrame:
        """The tasks: task_id, name, model, mode, difficulty, passed_people, running."""
        return self._frame("tasks", alive=self._alive())

    def task_trials(self) -> pd.DataFrame:
        """The courses: task_id, phase, round, position, trial_id, upper."""
        return self._frame("task_trials")

    def trial_images(self, trial_id: int | None = None) -> pd.DataFrame:
        """The images of a trial, or of all: pole, place (9 the query), picture_id, rank, activation, source, key …"""
        return self._frame("trial_images", trial=None if trial_id is None else int(trial_id))

    def pictures(self, ids: Iterable[int]) -> dict[int, Picture]:
        """Pictures with their bytes by id. Raises `UserError` where one is missing, or not what was written."""
        wanted = [int(i) for i in dict.fromkeys(ids)]
        found = {}
        with self.reading() as con:
            for i in wanted:
                row = con.execute("SELECT * FROM pictures WHERE picture_id = ?", (i,)).fetchone()
                if row is None:
                    raise STUDY.damaged(self.path, f"it has no picture {i}")
                facts = {name: row[name] for name in ("source", "key", "type", "width", "height")}
                if "digest" in row.keys() and row["digest"] != picture_digest(  # noqa: SIM118
                    i, list(facts.values()), row["data"]
                ):
                    raise STUDY.damaged(self.path, f"picture {i} is not what was written")
                found[i] = Picture(**facts, data=row["data"])
        return found

    def picture(self, picture_id: int) -> Picture:
        """One picture with its bytes."""
        return self.pictures([picture_id])[int(picture_id)]

    def placed(self, task_id: int, phase: str, round: int, position: int) -> Placed | None:
        """A trial of a task's course and the places of its images; None behind the course's end."""
        with self.reading() as con:
            return sessions_sql.placed(con, task_id, phase, round, position)

    # -- what people did

    def sessions(self) -> pd.DataFrame:
        """A row a session; `participant` is its pid or 'session 12', `outcome` 'running', 'abandoned', 'completed'
        or 'failed practice'."""
        return self._frame("sessions", alive=self._alive())

    def responses(self) -> pd.DataFrame:
        """A row an answer, with its trial, unit and participant.

        shown_times: how often the trial was sent before the answer (missing in imports). Where that is more than
        once, the page was loaded again, and rt_ms began anew.
        """
        return self._frame("responses")

    def checks(self) -> pd.DataFrame:
        """A row a finished session and check: session_id, name, value, passed, details (dict)."""
        return self._frame("checks")

    def verify(self, code: str) -> dict | None:
        """Whose completion code this is: session_id, participant, task, step, finished_at, passed; None if nobody's.

        Case, spaces and dashes don't matter.
        """
        with self.snapshot() as con:
            row = sessions_sql.by_code(con, _code(code))
            if row is not None:
                self.check_session(con, row["session_id"])
        if row is None:
            return None
        return {
            "session_id": row["session_id"],
            "participant": row["pid"] or f"session {row['session_id']}",
            "task": row["task"],
            "outcome": "failed practice" if row["step"] == "failed" else "completed",
            "finished_at": row["finished_at"],
            "passed": bool(row["passed"]),
        }

    def invite(self, pids: Iterable[str]) -> int:
        """Let these people in where the setting `course.pid` is 'invited'; how many of them are new.

        Raises `UserError` where one of the names is empty, longer than 200 characters, not printable, or of
        the form 'session 12'; nobody is invited then.
        """
        names = []
        for pid in pids:
            names.append(person_name(pid))
            if is_placeholder(pid):
                raise UserError(
                    f"{quote(pid)} can't be a person's name: it is a placeholder that wasn't filled in."
                )
            if not names[-1]:
                raise UserError(
                    f"{quote(pid)} can't be a person's name: 1 to 200 printable characters, and not of the form 'session 12'."
                )
        with self.writing() as con:
            return sessions_sql.invite(con, names, self.clock())

    def keys(self, pids: Iterable[str]) -> list[str]:
        """What signs people's links: whoever has it begins, and goes on with, the session of that name."""
        if self._secret() is None:  # a study of schema 1
            with self.writing() as con:
                made = json.dumps(secrets.token_urlsafe(32))
                con.execute("INSERT OR IGNORE INTO meta VALUES ('secret', ?)", (made,))
        secret = self._secret()
        assert secret is not None, "there is one by now"
        return [_signature(secret, person_name(pid)) for pid in pids]

    def signed(self, pid: str, key: str) -> bool:
        """Whether `key` is that of a person's link."""
        secret = self._secret()
        own = None if secret is None else _signature(secret, person_name(pid))
        return own is not None and hmac.compare_digest(own.encode(), key.encode("utf-8", "replace"))

    def _secret(self) -> str | None:
        with self.reading() as con:
            row = con.execute("SELECT value FROM meta WHERE key = 'secret'").fetchone()
        return None if row is None else json.loads(row[0])

    def has_begun(self, pid: str) -> bool:
        """Whether a person of this name has begun a session here."""
        with self.reading() as con:
            return sessions_sql.by_pid(con, pid) is not None

    def invited(self) -> list[str]:
        """The names of those who are invited, in the order of their invitations."""
        with self.reading() as con:
            return sessions_sql.invited(con)

    def delete_person(self, pid: str | None = None, *, code: str | None = None) -> int:
        """Delete all sessions of a person, their answers and checks; how many sessions these were.

        Who took part without a name is named by `code`: the completion code, or what stands behind `t=` in
        their address. Nothing of the person stays in the file or its log, the invitation included: they
        count as a stranger from then on, who could be invited, and could take part, once more.
        Raises `UserError` unless one of the two is given, and where others read the file for so
        long that its log can't be emptied: all is deleted then, and doing it again empties the log.
        """
        if (pid is None) == (code is None):
            raise UserError("Say whose answers are to be deleted: either the name, or the completion code.")
        with self.writing() as con:
            session = None
            if code is not None:
                found = sessions_sql.by_code(con, _code(code)) or sessions_sql.by_token(con, str(code))
                if found is not None:
                    pid, session = found["pid"], found["session_id"]
            count = sessions_sql.forget(con, pid, session)
        if not self.previewing:
            with self.reading() as con:
                busy = con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            if busy:
                raise UserError(
                    f"All of {quote(code if pid is None else pid)} is deleted, but {self.path}-wal is in use and may hold traces: please delete them once more."
                )
        return count

    def _alive(self) -> float:
        return self.clock() - 60 * self.settings.course.abandon_minutes

    def knows(self, pid: str) -> bool:
        """Whether a person of this name has a session here, or is invited."""
        with self.reading() as con:
            return sessions_sql.is_invited(con, pid) or sessions_sql.has_session(con, pid)

    def damaged(self) -> list[str]:
        """The sessions that are not what was written, such as 'ann (session 3)'."""
        with self.snapshot() as con:
            return [_who(con, number) for number in damaged(con)]

    def check_session(self, con: Connection, session: int) -> None:
        """Raise `UserError` where a session isn't what was written; `con` sees one state of the file."""
        if damaged(con, session):
            self._refuse(con, [session])

    def check_all(self) -> None:
        """Read every picture and session; `UserError` where one is not what was written."""
        with self.reading() as con:
            pictures = [row[0] for row in con.execute("SELECT picture_id FROM pictures")]
        for i in pictures:
            self.picture(i)
        for name in _SEALED:
            self._frame(name, **({"alive": 0.0} if name in ("tasks", "sessions") else {}))

    def _refuse(self, con: Connection, sessions: list[int]) -> None:
        more = f", and {len(sessions) - 1} more" if len(sessions) > 1 else ""
        raise STUDY.damaged(
            self.path, f"what is kept of {_who(con, sessions[0])}{more} is not what was written",
            ", or take the rest out with `study export --without-damaged`",
        )  # fmt: skip

    def _frame(self, name: str, **parameters: str | float | None) -> pd.DataFrame:
        with self.snapshot() as con:
            bad = damaged(con) if name in _SEALED else []
            if bad and not self.leave_out_damaged:
                self._refuse(con, bad)
            try:
                found = frame(con, name, **parameters)
            except (
                ValueError,
                TypeError,
                OverflowError,
                RecursionError,
            ) as error:  # of a value of another kind
                raise STUDY.damaged(self.path, f"its {name} make no sense") from error
        return (
            found[~found["session_id"].isin(bad)].reset_index(drop=True) if "session_id" in found else found
        )


def _who(con: Connection, session: int) -> str:
    row = con.execute("SELECT pid FROM sessions WHERE session_id = ?", (session,)).fetchone()
    return (
        f"session {session}"
        if row is None or row["pid"] is None
        else f"{quote(row['pid'])} (session {session})"
    )


def _signature(secret: str, pid: str) -> str:
    made = hmac.digest(secret.encode(), pid.encode(), "sha256")[:_SIGNED]
    return base64.urlsafe_b64encode(made).decode()


def _code(typed: str) -> str:
    letters = "".join(c for c in str(typed).upper() if c.isalnum())
    return f"{letters[:4]}-{letters[4:]}"


def studies_folder() -> Path:
    """Where studies lie: the environment's LEXPLAIN_STUDIES, or data/studies."""
    return Path(os.environ.get("LEXPLAIN_STUDIES") or Path("data") / "studies")


def study_path(name: str, folder: Path | None = None) -> Path:
    """The file of a study of this name. Raises `UserError` where it can't be a name."""
    return (folder or studies_folder()) / f"{check_name(name)}{END}"


@dataclass(frozen=True)
class StudyEntry:
    """A file that looks like a study: its name and kind, or why it can't be opened. modified: seconds since 1970."""

    path: Path
    name: str
    kind: str | None
    error: str | None
    modified: float


def find_studies(folder: Path | None = None) -> list[StudyEntry]:
    """The `.sqlite` files of a folder, the one last written to first; empty where there is no such folder."""
    found = (_entry(path) for path in listing(folder or studies_folder(), END))
    entries = [entry for entry in found if entry]
    return sorted(entries, key=lambda entry: (-entry.modified, entry.path.name))


def _entry(path: Path) -> StudyEntry | None:
    """None for what was removed while we looked; what can't be opened has its reason, and hides no other."""
    modified = 0.0
    try:
        modified = regular(path, "a study").st_mtime
        log = path.with_name(f"{path.name}-wal")
        if log.exists():
            modified = max(modified, log.stat().st_mtime)
        meta = read_meta(path)
        return StudyEntry(path, meta["name"], meta["kind"], None, modified)
    except FileNotFoundError:
        return None
    except UserError as error:
        said = escaped(str(error))
    except Exception as error:
        _LOG.error("The study %s could not be opened", shown(path), exc_info=error)
        said = f"{shown(path)} can't be opened as a study: {type(error).__name__}."
    return StudyEntry(path, shown(path.stem), None, said, modified)
