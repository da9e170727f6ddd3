"""Whether a study's rows are still what was written: digests of pictures and of the plan, a seal on each session.

A session's seal is a digest of its row, answers, checks and times; it is renewed with every change of them.
Studies of schema 1 have no digests: their rows are read as they are.
"""

from __future__ import annotations

import sqlite3
from itertools import groupby

from ...base.sqlite_file import digest, rows_of

SEALED = ("shown", "responses", "checks")  # with the session's own row
PLAN = ("units", "trials", "trial_images", "tasks", "task_trials")
_ORDER = {
    "sessions": "session_id", "units": "unit_id", "trials": "trial_id", "trial_images": "trial_id, pole, place", "tasks": "task_id",
    "task_trials": "task_id, phase, round, position", "shown": "session_id, phase, round, position",
    "responses": "session_id, phase, round, position", "checks": "session_id, name",
}  # fmt: skip


def picture_digest(picture: int, facts: list, data: bytes | None) -> bytes:
    """Of a picture's row; facts: source, key, type, width, height."""
    return digest([picture, *facts], data)


def plan_digest(con: sqlite3.Connection) -> str:
    """Of units, trials and tasks: they never change."""
    rows = [rows_of(con, f"SELECT * FROM {table} ORDER BY {_ORDER[table]}") for table in PLAN]
    return digest(rows).hex()


def meta_digest(meta: dict[str, str]) -> str:
    """Of the rows of `meta`, but the digest itself."""
    return digest(sorted([key, value] for key, value in meta.items() if key != "digest")).hex()


def invitation(pid: str, at: float) -> bytes:
    """Of an invitation."""
    return digest([pid, at])


def seal(con: sqlite3.Connection, session: int | None = None) -> None:
    """Write the seal of a session whose row or records have changed, or of all; a study of schema 1 has none."""
    found = _sessions(con, session)
    if found is not None:
        made = _contents(con, found, session)
        con.executemany(
            "UPDATE sessions SET seal = ? WHERE session_id = ?", [(s, i) for i, s in made.items()]
        )


def damaged(con: sqlite3.Connection, session: int | None = None) -> list[int]:
    """The sessions, of all or of one, that are not what was written; `con` sees one state of the file."""
    found = _sessions(con, session)
    if found is None:
        return []
    made = _contents(con, found, session)
    return sorted(i for i in made.keys() | found.keys() if made[i] != found.get(i, (None, None))[1])


def _sessions(con: sqlite3.Connection, session: int | None) -> dict[int, tuple[list, bytes]] | None:
    """Session -> its row without the seal, and the seal; None in a study of schema 1, which has none."""
    cursor = _select(con, "sessions", session)
    names = [column[0] for column in cursor.description]
    if "seal" not in names:
        return None
    at = names.index("seal")
    return {row[0]: ([*row[:at], *row[at + 1 :]], row[at]) for row in map(tuple, cursor)}


def _contents(
    con: sqlite3.Connection, sessions: dict[int, tuple[list, bytes]], session: int | None
) -> dict[int, bytes]:
    """Session -> what its seal should be; also of those of which only other tables know."""
    parts: dict[int, dict] = {number: {"sessions": row} for number, (row, _) in sessions.items()}
    for table in SEALED:
        for number, rows in groupby(map(list, _select(con, table, session)), key=lambda row: row[0]):
            parts.setdefault(number, {})[table] = list(rows)
    return {number: digest(sorted(mine.items())) for number, mine in parts.items()}


def _select(con: sqlite3.Connection, table: str, session: int | None) -> sqlite3.Cursor:
    where, values = ("", ()) if session is None else ("WHERE session_id = ?", (session,))
    return con.execute(f"SELECT * FROM {table} {where} ORDER BY {_ORDER[table]}", values)
