"""What the project's SQLite files, studies and notes, have in common: they may come from anywhere, and get damaged.

The tables' own SQL is at home where they are kept (`studies/file/*.py`, `notes/file.py`).
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from .errors import UserError
from .files import temporary_folder

BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_UNWRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
LEFTOVERS = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a file that is in use
_LEFT_ALONE = "sqlite_stat"  # what ANALYZE leaves, when somebody has run it
_passed: dict[tuple[Path, str], tuple] = {}  # in which state each file passed its check in this process


@dataclass
class Kind:
    """One kind of the project's SQLite files.

    name: 'study' or 'notes file'. application_id: what makes a SQLite file one. schema: the newest version of its tables.
    ddl: the SQL that makes the tables of a version. busy_s: how long to wait for another program.
    """

    name: str
    application_id: int
    schema: int
    ddl: Callable[[int], str]
    busy_s: float

    def connect(self, address: str, **options: Any) -> sqlite3.Connection:
        """A connection that trusts neither the pages nor the schema of its file, and commits to disk."""
        con = sqlite3.connect(address, timeout=self.busy_s, isolation_level=None, uri=True, **options)
        con.execute("PRAGMA cell_size_check=ON")
        con.execute("PRAGMA trusted_schema=OFF")
        con.execute("PRAGMA synchronous=FULL")  # what was acknowledged survives a loss of power
        return con

    def version(self, con: sqlite3.Connection, path: Path, blank: bool = False) -> int:
        """The version of a file's tables; 0 of a blank file, where it may be `blank`.

        Raises `UserError` for another program's file, a later version, and tables that don't belong there.
        """
        kind, version = (
            con.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        if blank and kind == 0 and not con.execute("SELECT 1 FROM sqlite_master").fetchone():
            return 0
        if kind != self.application_id:
            raise UserError(f"{path} is no {self.name}: it was made by another program.")
        if not 1 <= version <= self.schema:
            raise UserError(
                f"The {self.name} {path} is of schema {version} and this lexplain reads schemas 1 to {self.schema}: open it "
                "with the version that made it."
            )
        if strange := foreign(con, self.ddl(version)):
            raise self.unreadable(path, strange)
        return version

    @contextmanager
    def plainly(self, path: Path, unwritable: str = "") -> Iterator[None]:
        """SQLite's errors as a `UserError` that names the file; what a constraint forbids stays as it is.

        unwritable: what to do about a folder that can't be written, where that may be.
        """
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            code, of = error_code(error), f"The {self.name} {path}"
            if code in BUSY:
                raise UserError(
                    f"{of} has been in use by another program for more than {self.busy_s:g} s; try again "
                    "when that one is through."
                ) from error
            if unwritable and code in _UNWRITABLE:
                raise UserError(
                    f"{of} can't be kept: the folder {path.parent} can't be written; {unwritable}."
                ) from error
            raise UserError(
                f"{of} can't be read or written ({error}); the disk may be full, or the file damaged or moved."
            ) from error

    def unreadable(self, path: Path, why: object) -> UserError:
        """The sentence for a file that isn't one of this kind."""
        return UserError(f"{path} can't be read as a {self.name} ({_short(why)}).")

    def damaged(self, path: Path, why: object, otherwise: str = "") -> UserError:
        """The sentence for a file that isn't what was written. otherwise: what else can be done."""
        return UserError(
            f"The {self.name} {path} is damaged ({_short(why)}): put a backup in its place, with its -wal and -shm "
            f"removed{otherwise}."
        )


def address(path: Path, mode: str) -> str:
    """SQLite's address of a file. mode: 'rw', 'rwc', 'ro', or 'ro&immutable=1' to read without a lock what doesn't change."""
    return f"{path.absolute().as_uri()}?mode={mode}"


def error_code(error: sqlite3.Error) -> int:
    """SQLite's primary code of an error; 0 where it has none."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


@contextmanager
def transaction(con: sqlite3.Connection) -> Iterator[None]:
    """One transaction, begun as a writer; on disk when the block is left, undone if it raises."""
    con.execute("BEGIN IMMEDIATE")
    try:
        yield
        con.execute("COMMIT")
    except BaseException:
        if con.in_transaction:
            con.execute("ROLLBACK")
        raise


def _short(error: object) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else text[:199] + "…"


def digest(values: object, data: bytes | None = None) -> bytes:
    """SHA-256 (32 bytes) of texts, numbers, None and lists of them, as read from a table, and of bytes beside them."""
    text = json.dumps(values, separators=(",", ":")).encode()  # ASCII: the same in every version of Python
    return hashlib.sha256(text + b"\0" + (data or b"")).digest()


def rows_of(con: sqlite3.Connection, query: str, parameters: Iterable = ()) -> list[list]:
    """A query's rows as lists, for `digest`."""
    return [list(row) for row in con.execute(query, tuple(parameters))]


def foreign(con: sqlite3.Connection, ddl: str) -> str | None:
    """How a file's schema differs from what `ddl` makes, such as 'it has the trigger x …'; None where it doesn't.

    A stranger's view, trigger, index or generated column could compute anything when a table is used.
    """
    wanted, found = _made_by(ddl), _shape(con)
    for kind, name in sorted(found.keys() - wanted.keys()):
        return f"it has the {kind} {name!r}, which doesn't belong there"
    for kind, name in sorted(wanted.keys() - found.keys()):
        return f"it lacks the {kind} {name!r}"
    changed = sorted(key for key, sql in wanted.items() if found[key] != sql)
    return f"its {changed[0][0]} {changed[0][1]!r} has other columns than it should" if changed else None


@cache
def _made_by(ddl: str) -> dict[tuple[str, str], str]:
    con = sqlite3.connect(":memory:")
    try:
        con.executescript(ddl)
        return _shape(con)
    finally:
        con.close()


def _shape(con: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """The SQL that made each (kind, name), without comments; indices that SQLite makes itself have none."""
    rows = con.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    return {
        (str(kind), str(name)): f"{table}: {_plain(str(sql or ''))}"
        for kind, name, table, sql in map(tuple, rows)
        if not str(name).startswith(_LEFT_ALONE)
    }


def _plain(sql: str) -> str:
    return " ".join(word for line in sql.splitlines() for word in line.partition("--")[0].split())


def unsound(con: sqlite3.Connection) -> str | None:
    """What SQLite's own check of a whole file finds wrong first; None where it is sound. Reads the whole file."""
    found = con.execute("PRAGMA integrity_check(1)").fetchone()[0]
    return None if found == "ok" else " ".join(str(found).removeprefix("*** in database main ***").split())


def once(path: Path, state: tuple, check: Callable[[], None], what: str = "") -> None:
    """Run a check of a file, or of a part of it, unless it has passed in this very state before."""
    key = (path.absolute(), what)
    if _passed.get(key) != state:
        check()
    _passed[key] = state


def state(path: Path, logs: bool = True) -> tuple:
    """What changes when a file does, or one of the `logs` in which changes wait that aren't in it yet."""
    return tuple(
        _stat(path.with_name(path.name + end)) for end in ("", *(("-wal", "-journal") if logs else ()))
    )


def waiting(path: Path) -> bool:
    """Whether changes of a file wait in a log. Else it can be read without a lock, with nothing written beside it."""
    return any(log is not None and log[1] for log in state(path)[1:])


def _stat(path: Path) -> tuple | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


# -- new files ------------------------------------------------------------------------------------


@contextmanager
def new_file(path: Path, what: str) -> Iterator[Path]:
    """A place for a new SQLite file, which is moved to `path` when the block is left, and removed if it raises.

    Raises `UserError` where `path` is taken, or can't be written.
    """
    taken = UserError(f"There is a {what} {path} already; choose another name or remove it first.")
    if path.exists():
        raise taken
    for end in LEFTOVERS:  # SQLite would take it for the new file's
        if (left := path.with_name(path.name + end)).exists():
            raise UserError(
                f"{left} is left over from a file that is gone: remove it, or choose another name than {path}."
            )
    filling = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(path.parent) as folder:
            fresh = folder / "new.sqlite"
            filling = True
            yield fresh
            filling = False
            _sync(fresh)
            try:
                os.link(fresh, path)  # unlike a renamed file, a link never replaces another
            except FileExistsError:
                raise taken from None
            except OSError:  # a file system without links
                if path.exists():
                    raise taken from None
                fresh.rename(path)
            _sync(path.parent)
    except (OSError, sqlite3.OperationalError) as error:  # a full disk
        if filling and isinstance(error, OSError):  # of what is written, not of this file
            raise
        why = getattr(error, "strerror", None) or error
        raise UserError(f"No {what} can be written to {path.parent}: {why}.") from error


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def dated(stem: str, end: str) -> Path:
    """A name for a backup, in the present folder."""
    return Path(f"{stem}-{datetime.now():%Y-%m-%d-%H%M%S}{end}")


def back_up(con: sqlite3.Connection, to: Path, read_again: Callable[[Path], None]) -> None:
    """Copy all that a connection sees, what is still in the log included, to a new file.

    The copy gets its name once `read_again`, which raises `UserError` for what is damaged, has seen it.
    """
    with new_file(to, "file") as fresh:
        with closing(sqlite3.connect(fresh)) as copy:
            con.backup(copy)
        read_again(fresh)
