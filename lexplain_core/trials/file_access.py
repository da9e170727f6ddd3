"""Connections to a study's SQLite file: who may open it, and how threads share them."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UserError
from ..writing import check_writing

APPLICATION_ID = 0x6C787374  # 'lxst': what makes a SQLite file a study
SCHEMA = 1  # raise with every change of study.sql
BUSY_S = 20.0
RECORDS = ("sessions", "shown", "responses", "checks")  # what people leave behind
CHANGING = (*RECORDS, "invited")  # nothing else changes after `create`
META = {"name", "kind", "made", "settings", "facts"}
Connection = sqlite3.Connection
Row = sqlite3.Row
DDL = Path(__file__).with_name("study.sql")


def uri(path: Path, mode: str) -> str:
    """SQLite's address of a file. mode: 'mode=rw', or 'mode=ro&immutable=1' to read what never changes without a lock."""
    return f"{path.absolute().as_uri()}?{mode}"


def connect(address: str) -> sqlite3.Connection:
    """A connection that any thread may use (one at a time), which commits to disk and overwrites what it deletes."""
    con = sqlite3.connect(
        address, timeout=BUSY_S, isolation_level=None, check_same_thread=False, uri=True, cached_statements=64
    )
    con.row_factory = sqlite3.Row
    con.execute("PRAGMA synchronous=FULL")  # an answer that was acknowledged survives a loss of power
    con.execute("PRAGMA secure_delete=ON")
    return con


def read_meta(path: Path) -> dict:
    """What a study says of itself: name, kind, made, settings, facts. Neither locks nor writes.

    Raises `UserError` where the file is missing, no study, or of another version.
    """
    if not path.is_file():
        raise UserError(
            f"There is no study {path}; `python -m lexplain_core study list` names those there are."
        )
    # Not by open(): closing a file drops all locks that this process holds on it.
    try:
        con = connect(uri(path, "mode=ro&immutable=1"))
        try:
            kind = con.execute("PRAGMA application_id").fetchone()[0]
            version = con.execute("PRAGMA user_version").fetchone()[0]
            if kind == APPLICATION_ID and version == SCHEMA:
                meta = {key: json.loads(value) for key, value in con.execute("SELECT key, value FROM meta")}
                if lost := META - meta.keys():
                    raise ValueError(f"it doesn't say its {min(lost)}")
                return meta
        finally:
            con.close()
    except (sqlite3.Error, ValueError) as error:
        raise UserError(f"{path} can't be read as a study ({error}).") from None
    if kind != APPLICATION_ID:
        raise UserError(f"{path} is no study: its file was made by another program.")
    raise UserError(
        f"The study {path} is of schema {version} and this version of lexplain reads schema {SCHEMA}: open it with the version that made it."
    )


@contextmanager
def _plainly(path: Path) -> Iterator[None]:
    """SQLite's errors as a `UserError` that names the file; what a constraint forbids stays as it is."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None) or 0
        if code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise UserError(
                f"The study {path} has been in use by another program for more than {BUSY_S:g} s; try again when that one is through."
            ) from error
        raise UserError(
            f"The study {path} can't be read or written ({error}); its disk may be full, or the file damaged or moved."
        ) from error


class Connections:
    """As many connections to `path` as threads need at a time; one alone where it is `single` (in memory).

    Raises `UserError` naming the file where SQLite can't read or write it, or waits for longer than `BUSY_S`.
    """

    def __init__(self, make: Callable[[], sqlite3.Connection], path: Path, single: bool = False) -> None:
        self._make = make
        self._path = path
        with _plainly(path):
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
        with _plainly(self._path), self._borrowed() as con:
            yield con

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, begun as a writer; on disk when the block is left, undone if it raises."""
        check_writing()
        with _plainly(self._path), self._writer, self._borrowed() as con:
            con.execute("BEGIN IMMEDIATE")
            try:
                yield con
                con.execute("COMMIT")
            except BaseException:
                if con.in_transaction:
                    con.execute("ROLLBACK")
                raise

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


def file_connections(path: Path) -> Connections:
    """Connections that read and write the file."""
    return Connections(lambda: connect(uri(path, "mode=rw")), path)


def memory_connections(path: Path) -> Connections:
    """One connection whose records lie in memory, over the study's own tables, which are only read.

    Unqualified names mean main, so the tables in memory hide the file's. The file is opened as
    immutable: nothing is written beside it either, and its other tables never change.
    """

    def make() -> sqlite3.Connection:
        con = connect(":memory:")
        con.execute("ATTACH ? AS study", (uri(path, "mode=ro&immutable=1"),))
        names = ", ".join("?" * len(CHANGING))
        made = con.execute(
            f"SELECT sql FROM study.sqlite_master WHERE tbl_name IN ({names}) AND sql IS NOT NULL ORDER BY rowid",
            CHANGING,
        ).fetchall()
        for statement in made:
            con.execute(statement["sql"])
        return con

    return Connections(make, path, single=True)
