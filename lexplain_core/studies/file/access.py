"""Connections to a study's SQLite file: who may open it, and how threads share them."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ...base.errors import UserError
from ...base.sqlite_file import Kind, address, once, state, transaction, unsound, waiting
from ...base.writing import check_writing, forbidden
from .seals import invitation, meta_digest, plan_digest

SMALL = 8 * 2**20  # bytes: a file of so few is checked each time that it is opened, in some milliseconds
RECORDS = ("sessions", "shown", "responses", "checks")  # what people leave behind
CHANGING = (*RECORDS, "invited")  # nothing else changes after `create`
_LATEST = 4_102_444_800  # seconds since 1970, in the year 2100
META = {"name": str, "kind": str, "made": int | float, "settings": dict, "facts": dict}
Connection = sqlite3.Connection
Row = sqlite3.Row
DDL = Path(__file__).with_name("study.sql")


def ddl(schema: int) -> str:
    """The SQL that makes the tables of a schema."""
    lines = DDL.read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if schema >= 2 or "-- since 2" not in line)


# 'lxst'. Raise the schema with every change of study.sql.
STUDY = Kind("study", 0x6C787374, 2, ddl, busy_s=20.0)


def connect(address: str) -> sqlite3.Connection:
    """A connection that any thread may use (one at a time), which overwrites what it deletes."""
    con = STUDY.connect(address, check_same_thread=False, cached_statements=64)
    con.row_factory = sqlite3.Row
    con.execute("PRAGMA secure_delete=ON")
    return con


def read_meta(path: Path) -> dict:
    """What a study says of itself: name, kind, made, settings, facts. Neither locks nor writes.

    Raises `UserError` where the file is missing, no study, of a later version, has other tables than a study has, or
    where what it says was changed.
    """
    if not path.is_file():
        raise UserError(
            f"There is no study {path}; `python -m lexplain_core study list` names those there are."
        )
    # Not by open(): closing a file drops all locks that this process holds on it.
    try:
        with closing(connect(address(path, "ro&immutable=1"))) as con:
            return _meta(con, STUDY.version(con, path))
    except (sqlite3.Error, ValueError, RecursionError) as error:
        raise STUDY.unreadable(path, error) from None


def _meta(con: sqlite3.Connection, schema: int) -> dict:
    """Raises `ValueError` with the reason."""
    rows = dict(map(tuple, con.execute("SELECT key, value FROM meta")))
    meta = {key: json.loads(value) for key, value in rows.items()}
    if schema > 1 and meta.get("digest") != meta_digest(rows):
        raise ValueError("what it says of itself is not what was written")
    for key, kind in META.items():
        if key not in meta:
            raise ValueError(f"it doesn't say its {key}")
        if not isinstance(meta[key], kind):
            raise ValueError(f"its {key} makes no sense")
    if not 0 <= meta["made"] <= _LATEST:
        raise ValueError("its made is no time")
    if not isinstance(meta["facts"].get("store"), dict | None):
        raise ValueError("its facts make no sense")
    return meta


def check_file(con: sqlite3.Connection, path: Path) -> None:
    """Raise `UserError` where a file is damaged, or its plan or an invitation isn't what was written."""
    wrong = unsound(con)
    if wrong is None and con.execute("PRAGMA user_version").fetchone()[0] > 1:
        plan = con.execute("SELECT value FROM meta WHERE key = 'plan'").fetchone()[0]
        invited = con.execute("SELECT pid, at, digest FROM invited").fetchall()
        if json.loads(plan) != plan_digest(con):
            wrong = "its units, trials or tasks are not what was written"
        elif any(invitation(pid, at) != digest for pid, at, digest in map(tuple, invited)):
            wrong = "an invitation is not what was written"
    if wrong is not None:
        raise STUDY.damaged(path, wrong)


class Connections:
    """As many connections to `path` as threads need at a time; one alone where it is `single` (in memory).

    Raises `UserError` naming the file where SQLite can't read or write it, or waits for too long for another program.
    """

    def __init__(self, make: Callable[[], sqlite3.Connection], path: Path, single: bool = False) -> None:
        self._make = make
        self._path = path
        with STUDY.plainly(path):
            self._only = make() if single else None
        self._turn = threading.RLock()  # at the only one
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        # SQLite's own waiting is by polling; threads of this process wait in line instead.
        self._writer = threading.Lock()
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for statements that each see one state of the file."""
        with STUDY.plainly(self._path), self._borrowed() as con:
            yield con

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection for statements that all see one state of the file."""
        with self.reading() as con:
            if con.in_transaction:  # of this thread, at the only connection
                yield con
                return
            con.execute("BEGIN")
            try:
                yield con
            finally:
                con.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, begun as a writer; on disk when the block is left, undone if it raises."""
        check_writing()
        with STUDY.plainly(self._path), self._writer, self._borrowed() as con, transaction(con):
            yield con

    @contextmanager
    def _borrowed(self) -> Iterator[sqlite3.Connection]:
        if self._only is not None:
            with self._turn:
                self._still_open()
                yield self._only
            return
        with self._lock:
            self._still_open()
            con = self._idle.pop() if self._idle else None
        con = con or self._make()
        try:
            yield con
        finally:
            with self._lock:
                if self._closed:
                    con.close()
                else:
                    self._idle.append(con)

    def _still_open(self) -> None:
        if self._closed:
            raise UserError("This study was closed; open it again.")

    def close(self) -> None:
        """Close what is idle now, and the rest when it is given back."""
        with self._turn, self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            if self._only is not None:
                idle, self._only = [self._only], None
        for con in idle:
            con.close()


def file_connections(path: Path, check: bool = True) -> Connections:
    """Connections that read and write the file. Raises `UserError` where it is damaged; not so with `check` off."""
    if check:
        with STUDY.plainly(path):
            if path.stat().st_size <= SMALL:
                _check(path)
            else:  # 300 MB take half a second; its log holds no pictures
                once(path, state(path, logs=False), lambda: _check(path))
    mode = "ro" if forbidden() else "rw"  # who may write also moves the log into the file at the end
    return Connections(lambda: connect(address(path, mode)), path)


def _check(path: Path) -> None:
    """As `check_file`; where no log waits, nothing is written beside the file either."""
    with closing(connect(address(path, "rw" if waiting(path) else "ro&immutable=1"))) as con:
        con.execute("BEGIN")
        check_file(con, path)


def memory_connections(path: Path) -> Connections:
    """One connection whose records lie in memory, over the study's own tables, which are only read.

    Unqualified names mean main, so the tables in memory hide the file's. The file is opened as
    immutable: nothing is written beside it either, and its other tables never change.
    """

    def make() -> sqlite3.Connection:
        con = connect(":memory:")
        con.execute("ATTACH ? AS study", (address(path, "ro&immutable=1"),))
        names = ", ".join("?" * len(CHANGING))
        made = con.execute(
            f"SELECT sql FROM study.sqlite_master WHERE tbl_name IN ({names}) AND sql IS NOT NULL ORDER BY rowid",
            CHANGING,
        ).fetchall()
        for statement in made:
            con.execute(statement["sql"])
        return con

    return Connections(make, path, single=True)
