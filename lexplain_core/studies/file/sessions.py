"""The SQL of sessions: who takes part, where they stand, what they answered. `con` is in a transaction to write."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from typing import Any

from ...stimuli.base import POLES, REFERENCES, FullyPlaced, Placed
from ..names import spellings
from .access import RECORDS
from .seals import invitation

# One statement sees one state of the file: a session's row, how many answers it has where it stands (`done`),
# and how many of its main answers are right.
STATE = """
    SELECT s.*,
           (SELECT count(*) FROM responses r WHERE r.session_id = s.session_id AND r.phase = s.step
            AND r.round = CASE s.step WHEN 'main' THEN 1 ELSE s.round END) AS done,
           (SELECT count(*) FROM responses r WHERE r.session_id = s.session_id AND r.phase = 'main' AND r.correct) AS right
    FROM sessions s WHERE s.{key}"""


def hashed(token: str) -> str:
    """How a session's token is kept: who reads the file can't go on with the session."""
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def by_token(con: sqlite3.Connection, token: str) -> sqlite3.Row | None:
    """The session of a token, as an address has it, with `done` and `right`. Earlier versions kept the very text."""
    plain = token if ":" not in token else ""  # never a hash, which the file shows
    return by_kept(con, hashed(token)) or by_kept(con, plain)


def by_kept(con: sqlite3.Connection, kept: str) -> sqlite3.Row | None:
    """The session of a token, as the file has it, with `done` and `right`."""
    return con.execute(STATE.format(key="token = ?"), (kept,)).fetchone()


def is_invited(con: sqlite3.Connection, pid: str) -> bool:
    """Whether the researcher has invited a person."""
    names = spellings(pid)
    row = con.execute(f"SELECT 1 FROM invited WHERE pid IN ({_marks(names)})", names)
    return row.fetchone() is not None


def invite(con: sqlite3.Connection, pids: list[str], now: float) -> int:
    """Add people to those invited; how many of them are new."""
    new = [pid for pid in dict.fromkeys(pids) if not is_invited(con, pid)]
    if "digest" in {row["name"] for row in con.execute("PRAGMA table_info(invited)")}:
        rows = [(pid, now, invitation(pid, now)) for pid in new]
        con.executemany("INSERT INTO invited (pid, at, digest) VALUES (?, ?, ?)", rows)
    else:  # schema 1
        con.executemany("INSERT INTO invited (pid, at) VALUES (?, ?)", [(pid, now) for pid in new])
    return len(new)


def invited(con: sqlite3.Connection) -> list[str]:
    """Who is invited, in the order of their invitations."""
    return [row[0] for row in con.execute("SELECT pid FROM invited ORDER BY at, pid")]


def by_pid(con: sqlite3.Connection, pid: str) -> sqlite3.Row | None:
    """The session that a person has begun here; imported ones, which have no token, don't count."""
    names = spellings(pid)
    query = STATE.format(key=f"pid IN ({_marks(names)}) AND s.token IS NOT NULL")
    return con.execute(query, names).fetchone()


def has_session(con: sqlite3.Connection, pid: str) -> bool:
    """Whether a person has a session, imported ones included."""
    names = spellings(pid)
    row = con.execute(f"SELECT 1 FROM sessions WHERE pid IN ({_marks(names)})", names)
    return row.fetchone() is not None


def _marks(values: tuple) -> str:
    return ", ".join("?" * len(values))


def free_task(con: sqlite3.Connection, people: int, alive: float) -> int | None:
    """The task with the fewest people, the first of them, that lacks some; None where none does.

    Those count who passed all checks, and those under way who were seen since `alive`. Others under way may
    come back and finish, too; then more than `people` have answered it.
    """
    row = con.execute(
        """SELECT t.task_id, count(s.session_id) AS people FROM tasks t
           LEFT JOIN sessions s ON s.task_id = t.task_id
                AND (s.passed = 1 OR (s.finished_at IS NULL AND s.passed IS NULL AND s.seen_at >= ?))
           GROUP BY t.task_id HAVING people < ? ORDER BY people, t.task_id LIMIT 1""",
        (alive, people),
    ).fetchone()
    return None if row is None else row["task_id"]


def add(con: sqlite3.Connection, kept: str, pid: str | None, task: int, now: float) -> int:
    """A new session, at its instructions; its number. kept: its token as the file has it."""
    made = con.execute(
        "INSERT INTO sessions (token, pid, task_id, step, started_at, seen_at) VALUES (?, ?, ?, 'instructions', ?, ?)",
        (kept, pid, task, now, now),
    )
    assert made.lastrowid is not None, "a row was inserted"
    return made.lastrowid


def move(con: sqlite3.Connection, session: int, step: str, round: int, now: float) -> None:
    """A session goes on to another step."""
    con.execute(
        "UPDATE sessions SET step = ?, round = ?, seen_at = ? WHERE session_id = ?",
        (step, round, now, session),
    )


def see(con: sqlite3.Connection, session: int, now: float) -> None:
    """A sign of life."""
    con.execute("UPDATE sessions SET seen_at = ? WHERE session_id = ?", (now, session))


def note_reading(con: sqlite3.Connection, session: int, seconds: float) -> None:
    """How long the instructions were read."""
    con.execute("UPDATE sessions SET instructions_s = ? WHERE session_id = ?", (seconds, session))


def note_comment(con: sqlite3.Connection, session: int, comment: str | None) -> None:
    """What a person has to say at the end."""
    con.execute("UPDATE sessions SET comment = ? WHERE session_id = ?", (comment, session))


def finish(
    con: sqlite3.Connection, session: int, now: float, code: str, checks: list[tuple], passed: bool
) -> None:
    """A session's end: code, checks (name, value, passed, details) and whether all were passed."""
    con.execute(
        "UPDATE sessions SET finished_at = ?, code = ?, passed = ? WHERE session_id = ?",
        (now, code, int(passed), session),
    )
    con.executemany(
        "INSERT INTO checks VALUES (?, ?, ?, ?, ?)",
        [(session, name, value, int(ok), json.dumps(details)) for name, value, ok, details in checks],
    )


def code_taken(con: sqlite3.Connection, code: str) -> bool:
    """Whether a session has this code."""
    return con.execute("SELECT 1 FROM sessions WHERE code = ?", (code,)).fetchone() is not None


def by_code(con: sqlite3.Connection, code: str) -> sqlite3.Row | None:
    """The session of a completion code, with its task's name."""
    return con.execute(
        "SELECT s.*, t.name AS task FROM sessions s JOIN tasks t USING (task_id) WHERE s.code = ?", (code,)
    ).fetchone()


def placed(con: sqlite3.Connection, task: int, phase: str, round: int, position: int) -> Placed | None:
    """A trial of a task with its places, None behind its end. A practice's rounds begin again after the last."""
    row = con.execute(
        """SELECT * FROM task_trials WHERE task_id = ?1 AND phase = ?2 AND position = ?4 AND round = 1 + (?3 - 1) %
           max(1, (SELECT max(round) FROM task_trials WHERE task_id = ?1 AND phase = ?2))""",
        (task, phase, round, position),
    ).fetchone()
    if row is None:
        return None
    upper, left, right = row["upper"], _cells(row["left_cells"]), _cells(row["right_cells"])
    if upper not in (*POLES, None):
        raise sqlite3.DatabaseError("the places of a trial's images make no sense")
    if upper is None or left is None or right is None:
        return Placed(row["trial_id"], upper, left, right)
    return FullyPlaced(row["trial_id"], upper, left, right)


def fully_placed(con: sqlite3.Connection, task: int, phase: str, round: int, position: int) -> FullyPlaced:
    """A trial that a person comes to, as `placed`. Raises sqlite3.DatabaseError where it, or a place, is missing."""
    found = placed(con, task, phase, round, position)
    if not isinstance(found, FullyPlaced):
        raise sqlite3.DatabaseError("a trial or the places of its images are missing")
    return found


def _cells(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        cells = tuple(json.loads(text))
        if sorted(cells) == list(range(REFERENCES)):
            return cells
    except (TypeError, ValueError, RecursionError):
        pass
    raise sqlite3.DatabaseError("the places of a trial's images make no sense")


def images(con: sqlite3.Connection, trial: int) -> dict[tuple[str, int], int]:
    """A trial's pictures by pole and place."""
    rows = con.execute("SELECT pole, place, picture_id FROM trial_images WHERE trial_id = ?", (trial,))
    return {(row[0], row[1]): row[2] for row in rows}


def lengths(con: sqlite3.Connection, task: int) -> dict[str, int]:
    """How many trials the practice (a round) and the main part of a task have."""
    rows = con.execute(
        "SELECT phase, count(*) FROM task_trials WHERE task_id = ? AND round = 1 GROUP BY phase", (task,)
    )
    return {"practice": 0, "main": 0} | {row[0]: row[1] for row in rows}


def shown(
    con: sqlite3.Connection, session: int, phase: str, round: int, position: int
) -> tuple[float, int] | None:
    """When a trial was first sent to the browser, and how often since; None before that."""
    row = con.execute(
        "SELECT first_at, times FROM shown WHERE session_id = ? AND phase = ? AND round = ? AND position = ?",
        (session, phase, round, position),
    ).fetchone()
    return None if row is None else tuple(row)


def show(con: sqlite3.Connection, session: int, phase: str, round: int, position: int, now: float) -> None:
    """A trial goes to the browser, for the first time or once more."""
    con.execute(
        """INSERT INTO shown VALUES (?, ?, ?, ?, ?, 1)
           ON CONFLICT (session_id, phase, round, position) DO UPDATE SET times = times + 1""",
        (session, phase, round, position, now),
    )


def add_response(con: sqlite3.Connection, **values: Any) -> None:
    """An answer, by column. Raises sqlite3.IntegrityError where there is one already."""
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    con.execute(f"INSERT INTO responses ({names}) VALUES ({marks})", values)


def all_right(con: sqlite3.Connection, session: int, round: int) -> bool:
    """Whether all answers of a practice round are right."""
    return not con.execute(
        "SELECT 1 FROM responses WHERE session_id = ? AND phase = 'practice' AND round = ? AND NOT correct",
        (session, round),
    ).fetchone()


def answers(con: sqlite3.Connection, session: int) -> list[dict]:
    """All answers of a session in order: phase, round, kind, button, correct, answered_at."""
    rows = con.execute(
        """SELECT r.phase, r.round, t.kind, r.button, r.correct, r.answered_at
           FROM responses r JOIN trials t USING (trial_id) WHERE r.session_id = ? ORDER BY r.answered_at""",
        (session,),
    )
    return [dict(row) for row in rows]


def forget(con: sqlite3.Connection, pid: str | None, session: int | None = None) -> int:
    """Delete all sessions of a person, or one session, with all that belongs to them; how many they were.

    The invitation goes with the person. The tables are emptied and filled again with what stays: deleting
    single rows leaves copies of them where SQLite once moved them within a page (secure_delete overwrites
    the last place only), but of a table that is emptied whole pages are overwritten.
    """
    names = () if pid is None else spellings(pid)
    mine = {
        row[0]
        for row in con.execute(
            f"SELECT session_id FROM sessions WHERE session_id = ? OR pid IN ({_marks(names)})",
            (session, *names),
        )
    }
    if mine:
        for table in RECORDS:
            _keep(con, table, lambda row: row["session_id"] not in mine)
    if pid is not None and is_invited(con, pid):
        _keep(con, "invited", lambda row: row["pid"] not in names)
    return len(mine)


def _keep(con: sqlite3.Connection, table: str, stays: Callable[[sqlite3.Row], bool]) -> None:
    rows = [tuple(row) for row in con.execute(f"SELECT * FROM {table}") if stays(row)]
    con.execute(f"DELETE FROM {table}")
    if rows:
        con.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
