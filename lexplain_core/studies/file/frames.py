"""A study's tables as frames, for those who analyse it."""

from __future__ import annotations

import json
import sqlite3

import pandas as pd

WHOLE, REAL, YES, MAYBE, COUNT, TEXT = "int64", "float64", "bool", "boolean", "Int64", "str"
DTYPES = {
    **dict.fromkeys(
        ["session_id", "task_id", "trial_id", "unit_id", "picture_id", "unit", "batch", "round", "position",
         "button", "confidence", "place", "passed_people", "running"],
        WHOLE,
    ),
    **dict.fromkeys(
        ["depth", "correlation", "ablation", "observer", "rank", "activation", "width", "height", "started_at",
         "seen_at", "finished_at", "instructions_s", "rt_ms", "lock_ms", "load_ms", "shown_at", "answered_at",
         "value"],
        REAL,
    ),
    **dict.fromkeys(["obvious", "correct"], YES),
    **dict.fromkeys(["hidden", "passed"], MAYBE),
    "shown_times": COUNT,
}  # fmt: skip

PERSON = "coalesce(s.pid, 'session ' || s.session_id)"
UNIT = "u.model, u.layer, u.unit, u.name AS unit_name, u.depth"

QUERIES = {
    "units": "SELECT * FROM units ORDER BY unit_id",
    "trials": f"""
        SELECT t.*, {UNIT}, u.use FROM trials t JOIN units u USING (unit_id) ORDER BY trial_id""",
    "tasks": """
        SELECT t.*, count(CASE WHEN s.passed = 1 THEN 1 END) AS passed_people,
               count(CASE WHEN s.finished_at IS NULL AND s.token IS NOT NULL AND s.seen_at >= :alive THEN 1 END) AS running
        FROM tasks t LEFT JOIN sessions s ON s.task_id = t.task_id GROUP BY t.task_id ORDER BY t.task_id""",
    "task_trials": """
        SELECT task_id, phase, round, position, trial_id, upper FROM task_trials
        ORDER BY task_id, phase DESC, round, position""",
    "trial_images": """
        SELECT i.*, p.source, p.key, p.type, p.width, p.height
        FROM trial_images i JOIN pictures p USING (picture_id)
        WHERE :trial IS NULL OR i.trial_id = :trial ORDER BY i.trial_id, i.pole DESC, i.place""",
    "sessions": f"""
        SELECT s.session_id, {PERSON} AS participant, s.pid, s.task_id, t.name AS task, t.model, t.mode,
               t.difficulty, s.step, s.started_at, s.seen_at, s.finished_at, s.instructions_s, s.comment, s.code,
               s.passed,
               CASE WHEN s.step = 'failed' THEN 'failed practice'
                    WHEN s.step IN ('comment', 'thanks') THEN 'completed'
                    WHEN s.seen_at >= :alive THEN 'running' ELSE 'abandoned' END AS outcome
        FROM sessions s JOIN tasks t USING (task_id) ORDER BY s.session_id""",
    "responses": f"""
        SELECT r.session_id, {PERSON} AS participant, k.name AS task, r.phase, r.round, r.position, r.trial_id,
               t.kind, t.obvious, t.unit_id, {UNIT}, t.mode, t.difficulty, t.batch, r.upper, r.button, r.choice,
               r.confidence, r.correct, r.rt_ms, r.lock_ms, r.load_ms, r.hidden, r.shown_at, r.answered_at,
               r.shown_times
        FROM responses r JOIN sessions s USING (session_id) JOIN tasks k USING (task_id)
        JOIN trials t ON t.trial_id = r.trial_id JOIN units u ON u.unit_id = t.unit_id
        ORDER BY r.session_id, r.phase DESC, r.round, r.position""",
    "checks": "SELECT session_id, name, value, passed, details FROM checks ORDER BY session_id, name",
}  # fmt: skip


def frame(con: sqlite3.Connection, name: str, **parameters: str | float | None) -> pd.DataFrame:
    """One of `QUERIES`, with int64, float64, bool, boolean and Int64 (may be missing), and text columns."""
    cursor = con.execute(QUERIES[name], parameters)
    columns = [column[0] for column in cursor.description]
    cursor.row_factory = None  # plain tuples
    rows = cursor.fetchall()
    values = zip(*rows, strict=True) if rows else ([] for _ in columns)
    made = {column: _series(column, list(v)) for column, v in zip(columns, values, strict=True)}
    if name == "checks":
        made["passed"] = made["passed"].astype("bool")
        made["details"] = pd.Series([json.loads(text) for text in made["details"]], dtype=object)
    return pd.DataFrame(made)


def _series(column: str, values: list) -> pd.Series:
    dtype = DTYPES.get(column, TEXT)
    if dtype == MAYBE:  # SQLite's 0 and 1
        values = [None if v is None else bool(v) for v in values]
    return pd.Series(values, dtype=dtype)
