"""Questions to an open store: cursors that threads share, a limit of time, and errors in plain words."""

from __future__ import annotations

import os
import shlex
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from ..base.entries import shown
from ..base.errors import UserError
from .version import StoreError

_IDLE = 8  # cursors that are kept at most
_SECONDS = 60.0
_AGAIN = 0.05
# Mistakes in a query of ours: what is wrong with a file was found when it was opened.
_OURS = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)
# What DuckDB raises on damage, and what Python does with what it reads there.
_DAMAGE = (duckdb.Error, UnicodeError, OverflowError, ValueError, RuntimeError)


class Questions:
    """The cursors of a store's connection. seconds: what one question may take; None for any time."""

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection):
        self.seconds: float | None = _seconds()
        self._path, self._con = path, connection
        self._lock = threading.Lock()
        # Cursors that no query uses, and the statement that each began with; None once the store is closed.
        self._idle: list[tuple[duckdb.DuckDBPyConnection, str]] | None = []
        self.unused: deque[str] = (
            deque()
        )  # schemas in memory that nobody reads any more; finalizers may add to it

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, None
            for cursor, _ in idle or ():
                cursor.close()
            self._con.close()

    @contextmanager
    def cursor(self, use: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for one query whose whole result is fetched inside. A page asks some thirty questions, and a
        new cursor takes a third of the time of a short one. use: the statement that it begins with.

        Raises `StoreError` where the file is damaged, the question takes too long or needs too much memory.
        """
        with self._plainly():
            with self._lock:
                cursor, begun = self._idle.pop() if self._idle else (self._con.cursor(), "")
            with _WATCH.over(cursor, self.seconds):
                self._tidy(cursor)
                if begun != use:
                    cursor.execute(use)
                yield cursor  # one whose query failed is not kept
        with self._lock:
            if self._idle is not None and len(self._idle) < _IDLE:
                self._idle.append((cursor, use))
                return
        cursor.close()

    def _tidy(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Drop the schemas that are unused."""
        with suppress(IndexError):  # another thread took the last one
            while self.unused:
                cursor.execute(f"DROP SCHEMA IF EXISTS {self.unused.popleft()} CASCADE")

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        path = shown(self._path)
        try:
            yield
        except (UserError, *_OURS):
            raise
        except duckdb.InterruptException as error:
            raise StoreError(
                f"A question to {path} was stopped after {self.seconds:g} s: LEXPLAIN_QUERY_SECONDS allows more, and "
                f"`{check_command(self._path)}` says whether the store is in order."
            ) from error
        except duckdb.OutOfMemoryException as error:
            raise StoreError(
                f"A question to {path} needs more memory than it may have: LEXPLAIN_QUERY_MEMORY=8GB allows more."
            ) from error
        except _DAMAGE as error:
            raise damaged(self._path, error) from error


def damaged(path: Path, error: Exception, what: str = "can't be read") -> StoreError:
    """What went wrong with a file, in one sentence, with what to do."""
    lines = " ".join(str(error).strip().splitlines()[:1])[:200].rstrip(".") or type(error).__name__
    return StoreError(
        f"{shown(path)} {what} ({shown(lines)}): it may be damaged; `{check_command(path)}` says more, and copying or "
        "building it again mends it."
    )


def check_command(path: Path) -> str:
    """The command that looks through a store."""
    return f"python -m lexplain_core check {shlex.quote(shown(path))}"


def _seconds() -> float:
    said = os.environ.get("LEXPLAIN_QUERY_SECONDS")
    try:
        seconds = float(said) if said else _SECONDS
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise StoreError(f"LEXPLAIN_QUERY_SECONDS={said!r} is not a number of seconds above 0.")
    return seconds


class _Watch:
    """One thread for all stores, which interrupts what takes too long."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._asked: dict[object, tuple[float, duckdb.DuckDBPyConnection]] = {}
        self._thread: threading.Thread | None = None
        self._wakes = 0.0  # when the thread looks next

    @contextmanager
    def over(self, cursor: duckdb.DuckDBPyConnection, seconds: float | None) -> Iterator[None]:
        if seconds is None:
            yield
            return
        key, until = object(), time.monotonic() + seconds
        with self._changed:
            self._asked[key] = until, cursor
            if self._thread is None or not self._thread.is_alive():  # a fork leaves it behind
                self._wakes = until
                self._thread = threading.Thread(target=self._run, name="lexplain-watch", daemon=True)
                self._thread.start()
            elif until < self._wakes:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                del self._asked[key]

    def _run(self) -> None:
        with self._changed:
            while True:
                self._changed.wait(self._look())

    def _look(self) -> float:
        """Interrupt what is late; the seconds until the next one may be. No cursor is held on to between looks."""
        now = time.monotonic()
        for key, (until, cursor) in self._asked.items():
            if until <= now:
                cursor.interrupt()
                self._asked[key] = now + _AGAIN, cursor  # it may have come between two statements
        self._wakes = min((until for until, _ in self._asked.values()), default=now + _SECONDS)
        return max(0.0, self._wakes - now)


_WATCH = _Watch()
