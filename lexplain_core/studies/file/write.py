"""A plan becomes a study's file: beside its place first, then moved there whole."""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...base.errors import UserError, quote
from ...base.sqlite_file import new_file
from ...base.writing import check_writing
from ...stimuli.base import QUERY, Picture, StudyPlan
from .access import STUDY, connect, ddl
from .seals import meta_digest, picture_digest, plan_digest, seal

NAME = re.compile(r"\w[\w .()+-]{0,79}(?<![ .])")


@dataclass(frozen=True)
class Recorded:
    """Records of a study that was run elsewhere: frames with columns of the tables of that name (study.sql).

    Columns that may be NULL may be left out. Ids of tasks and trials are indices in the plan.
    """

    sessions: pd.DataFrame
    responses: pd.DataFrame
    checks: pd.DataFrame


def check_name(name: str) -> str:
    """The name, or a `UserError` where it can't be that of a file."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UserError(
            f"{quote(name)} can't be a study's name: letters, digits, spaces and . - _ + ( ) may be in it, up to 80, with a letter or digit first."
        )
    return name


def write_study(path: Path, plan: StudyPlan, recorded: Recorded | None) -> None:
    """Write a plan, with records where there are any, to a new file at `path`.

    Pictures are taken from the plan one by one. Ids of pictures, units, trials and tasks are their indices
    in the plan. Raises `UserError` where the path is taken, its folder can't be written, or the name is bad.
    """
    check_writing()
    check_name(plan.name)
    with new_file(path, "study") as fresh, closing(connect(str(fresh.absolute()))) as con:
        _fill(con, plan, recorded)


def _fill(con: sqlite3.Connection, plan: StudyPlan, recorded: Recorded | None) -> None:
    con.execute("PRAGMA journal_mode=OFF")  # nobody knows this file yet: if we fail, it is removed
    con.execute("PRAGMA synchronous=OFF")
    con.execute(f"PRAGMA application_id={STUDY.application_id}")
    con.execute(f"PRAGMA user_version={STUDY.schema}")
    con.executescript(ddl(STUDY.schema))
    con.execute("BEGIN")
    meta = {
        "name": plan.name,
        "kind": plan.kind,
        "made": time.time(),
        "settings": plan.settings.model_dump(mode="json"),
        "facts": plan.facts,
    }
    _many(con, "pictures", (_picture(i, picture) for i, picture in enumerate(plan.pictures)))
    units = (
        (i, u.model, u.layer, u.unit, u.name, u.use, u.depth, u.explanation, u.method, u.correlation,
         u.ablation, u.observer)
        for i, u in enumerate(plan.units)
    )  # fmt: skip
    _many(con, "units", units)
    trials = (
        (i, t.unit, t.kind, int(t.obvious), t.mode, t.difficulty, t.batch) for i, t in enumerate(plan.trials)
    )
    _many(con, "trials", trials)
    _many(con, "trial_images", _images(plan))
    tasks = ((i, t.name, t.model, t.mode, t.difficulty) for i, t in enumerate(plan.tasks))
    _many(con, "tasks", tasks)
    _many(con, "task_trials", _places(plan))
    if recorded is not None:
        for table in ("sessions", "responses", "checks"):
            _records(con, table, getattr(recorded, table))
        seal(con)
    meta |= {"secret": secrets.token_urlsafe(32), "plan": plan_digest(con)}
    kept = {key: json.dumps(value) for key, value in meta.items()}
    kept["digest"] = json.dumps(meta_digest(kept))
    _many(con, "meta", kept.items())
    lost = con.execute("PRAGMA foreign_key_check").fetchone()
    if lost is not None:
        raise ValueError(f"row {lost[1]} of {lost[0]} names one of {lost[2]} that isn't in the plan")
    con.execute("COMMIT")
    con.execute("PRAGMA journal_mode=WAL")  # kept in the file; the last to close removes the log


def _many(con: sqlite3.Connection, table: str, rows: Iterable[tuple]) -> None:
    count = len(con.execute(f"PRAGMA table_info({table})").fetchall())
    con.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * count)})", rows)


def _picture(number: int, picture: Picture) -> tuple:
    facts = [picture.source, picture.key, picture.type, picture.width, picture.height]
    return number, *facts, picture_digest(number, facts, picture.data), picture.data


def _images(plan: StudyPlan) -> Iterator[tuple]:
    for i, trial in enumerate(plan.trials):
        for pole, side in (("min", trial.low), ("max", trial.high)):
            if len(side) > QUERY + 1:
                raise ValueError(f"trial {i} has {len(side)} images on its side {pole}")
            for place, shown in enumerate(side):
                yield i, pole, place, shown.picture, shown.rank, shown.activation


def _places(plan: StudyPlan) -> Iterator[tuple]:
    for i, task in enumerate(plan.tasks):
        rounds = [("practice", n, placed) for n, placed in enumerate(task.practice, 1)]
        for phase, number, course in [*rounds, ("main", 1, task.main)]:
            for position, placed in enumerate(course):
                cells = [None if side is None else json.dumps(side) for side in (placed.left, placed.right)]
                yield i, phase, number, position, placed.trial, placed.upper, *cells


def _records(con: sqlite3.Connection, table: str, frame: pd.DataFrame) -> None:
    known = {row["name"] for row in con.execute(f"PRAGMA table_info({table})")}
    if unknown := set(frame.columns) - known:
        raise ValueError(f"{table} has no columns {sorted(unknown)}")
    names = ", ".join(frame.columns)
    values = ", ".join("?" * len(frame.columns))
    columns = [_plain(frame[name]) for name in frame.columns]
    con.executemany(f"INSERT INTO {table} ({names}) VALUES ({values})", zip(*columns, strict=True))


def _plain(column: pd.Series) -> list:
    """A column's values as SQLite takes them; what is missing is None, dicts and lists are JSON."""
    values = column.astype(object).where(column.notna(), None).tolist()
    return [
        json.dumps(v) if isinstance(v, dict | list) else v.item() if hasattr(v, "item") else v for v in values
    ]
