"""An open store as a database: questions in SQL, and what is made of their answers once and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, overload

import duckdb
import numpy as np
import pandas as pd

from ..base.errors import quote
from .opening import attach
from .questions import Questions

T = TypeVar("T")
OWN = "USE store"  # how a cursor begins that sees the store's own tables alone


class shared_property(cached_property[T]):
    """A `cached_property` of the file: all stores over it share the value, whatever notes they show."""

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return super().__get__(None if instance is None else instance.bare, owner)


class Database:
    """A store's file, opened for reading. Every method may be called from several threads.

    use: the statement by which a cursor sees what this store shows of the file.
    """

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection, meta: dict[str, Any]):
        self.path = path
        self.meta = meta  # facts about the store: id, name, config, versions, …
        self.questions = Questions(path, connection)
        self.use = OWN
        self._bare: Self | None = None
        self._kept: dict[Callable, Any] = {}

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a store for reading.

        Args:
            path: The store, a `.duckdb` file.

        Raises:
            StoreError: There is no such file, it isn't a store, or it is one of another schema version. The sentence
                says what to do.
        """
        path = Path(path)
        return cls(path, *attach(path))

    def close(self) -> None:
        """Close the file. The store can't be used afterwards."""
        self.questions.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r}, name={quote(self.name)})"

    @property
    def id(self) -> str:
        """The same for every build of the same images, weights and options; permalinks carry it."""
        return self.meta["id"]

    @property
    def name(self) -> str:
        """The store's name, for people."""
        return self.meta.get("name") or self.path.stem

    @property
    def bare(self) -> Self:
        """The store without notes: what is kept of a file is made of it."""
        return self._bare or self

    @contextmanager
    def cursor(self, use: str | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for one question, of which one fetches all inside. use: what it sees, without it all that there is."""
        with self.questions.cursor(use or self.use) as cursor:
            yield cursor

    def rows(self, query: str, parameters: Sequence | dict = ()) -> list[tuple]:
        """A query's answer as tuples."""
        with self.cursor() as cursor:
            return cursor.execute(query, parameters).fetchall()

    def records(self, query: str, parameters: Sequence | dict = ()) -> list[dict[str, Any]]:
        """A query's answer as a dictionary for each row, by the columns' names."""
        with self.cursor() as cursor:
            names = [column[0] for column in cursor.execute(query, parameters).description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def frame(self, query: str, parameters: Sequence | dict = ()) -> pd.DataFrame:
        """A query's answer as a data frame."""
        with self.cursor() as cursor:
            return cursor.execute(query, parameters).df()

    def arrays(self, query: str, parameters: Sequence | dict = ()) -> dict[str, np.ndarray]:
        """A query's answer as an array for each column."""
        with self.cursor() as cursor:
            return cursor.execute(query, parameters).fetchnumpy()

    def kept(self, make: Callable[[Self], T]) -> T:
        """What `make` makes of the store without notes: made when it is first asked for, and kept while the file is open."""
        if make not in self._kept:
            self._kept.setdefault(make, make(self.bare))  # of two threads, one's is kept
        return self._kept[make]
