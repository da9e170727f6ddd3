"""Opening a store: the file is attached to a locked-down database in memory, and must be what schema.sql says.

A store is data. Nothing of its own runs: it may hold the tables of the schema, as they are defined there, and nothing
else, no views and no macros that a query of ours would run into.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ..base.entries import regular, shown
from ..base.errors import UserError
from .meta import LONGEST, checked, read_json, rebuilding
from .place import for_duckdb
from .questions import damaged
from .version import SCHEMA_VERSION, StoreError

_HEADERS = 3 * 4096  # bytes of a DuckDB file before its first block
_MEMORY = "4GB"  # of an open store at most; LEXPLAIN_QUERY_MEMORY says another size
_MOST_FACTS = 1000
_TABLES = "SELECT table_name, sql FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'main'"
# Whatever else a DuckDB file may hold; each could run when it is looked at, or lie in our queries' way.
_STRANGE = """
    SELECT 'view', view_name FROM duckdb_views() WHERE database_name = 'store' AND NOT internal
    UNION ALL SELECT 'macro', function_name FROM duckdb_functions() WHERE database_name = 'store' AND NOT internal
    UNION ALL SELECT 'type', type_name FROM duckdb_types() WHERE database_name = 'store' AND NOT internal
    UNION ALL SELECT 'sequence', sequence_name FROM duckdb_sequences() WHERE database_name = 'store'
    UNION ALL SELECT 'index', index_name FROM duckdb_indexes() WHERE database_name = 'store'
    UNION ALL SELECT 'trigger', trigger_name FROM duckdb_triggers() WHERE database_name = 'store'
    UNION ALL SELECT 'schema', schema_name FROM duckdb_schemas()
        WHERE database_name = 'store' AND schema_name <> 'main' AND NOT internal
    LIMIT 1
"""


def attach(path: Path) -> tuple[duckdb.DuckDBPyConnection, dict[str, Any]]:
    """A connection in which a store is attached as `store`, and what the store says of itself.

    Raises `StoreError`, in one sentence, for whatever is no store of this schema.
    """
    _look(path)
    try:
        con = duckdb.connect(":memory:", config=_config())
    except duckdb.Error as error:  # the one thing in it that anybody can get wrong
        said = os.environ.get("LEXPLAIN_QUERY_MEMORY")
        raise StoreError(f"LEXPLAIN_QUERY_MEMORY={said!r} is no size of memory, such as 4GB.") from error
    try:
        # ATTACH to a fresh in-memory database: duckdb.connect(path) would hand back the old
        # content of a file that was replaced while another connection to it is open.
        con.execute(
            f"ATTACH '{for_duckdb(path).replace(chr(39), chr(39) * 2)}' AS store (TYPE duckdb, READ_ONLY)"
        )
        con.execute("SET enable_external_access = false")
        con.execute("SET lock_configuration = true")
        return con, _check(con, path)
    except StoreError:
        con.close()
        raise
    except Exception as error:  # DuckDB's, and whatever its Python layer raises on damage
        con.close()
        raise damaged(path, error, "can't be opened as a store") from error


def _look(path: Path) -> None:
    try:
        regular(path, "a lexplain store")
        with path.open("rb") as file:
            head = file.read(12)
    except FileNotFoundError:
        raise StoreError(
            f"There is no store at {shown(path)}; `python -m lexplain_core demo` builds the demo store."
        ) from None
    except OSError as error:
        raise StoreError(f"{shown(path)} can't be read: {error.strerror}.") from None
    except UserError as error:
        raise StoreError(str(error)) from None
    if head[8:12] != b"DUCK":
        raise StoreError(f"{shown(path)} is not a lexplain store: it is not a DuckDB file.")


def _config() -> dict[str, Any]:
    memory = os.environ.get("LEXPLAIN_QUERY_MEMORY") or _MEMORY
    return {
        "memory_limit": memory,
        "temp_directory": "",  # what doesn't fit is refused: nothing is written anywhere
        "autoload_known_extensions": False,
        "autoinstall_known_extensions": False,
    }


@contextmanager
def _empty() -> Iterator[duckdb.DuckDBPyConnection]:
    """A store without rows, in memory."""
    with duckdb.connect(":memory:") as con:
        con.execute(resources.files(__package__).joinpath("schema.sql").read_text("utf-8"))
        yield con


@cache
def expected() -> dict[str, str]:
    """Table -> its definition, as DuckDB writes it."""
    with _empty() as con:
        return dict(con.execute(_TABLES, ["memory"]).fetchall())


@cache
def columns() -> dict[str, dict[str, str]]:
    """Table -> column -> its type."""
    found: dict[str, dict[str, str]] = {}
    with _empty() as con:
        for table, column, kind in con.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = 'memory' "
            "AND schema_name = 'main' AND NOT internal ORDER BY table_name, column_index"
        ).fetchall():
            found.setdefault(table, {})[column] = kind
    return found


@cache
def arrow_schemas() -> dict[str, pa.Schema]:
    """Table -> its columns, as Arrow types."""
    with _empty() as con:
        return {table: con.sql(f"FROM {table}").to_arrow_table().schema for table in columns()}


def _check(con: duckdb.DuckDBPyConnection, path: Path) -> dict[str, Any]:
    found, wanted = dict(con.execute(_TABLES, ["store"]).fetchall()), expected()
    if "meta" not in found:
        raise StoreError(f"{path} is a DuckDB file but not a lexplain store: it has no table `meta`.")
    if found["meta"] != wanted["meta"]:
        raise StoreError(
            f"{path} is a DuckDB file but not a lexplain store: its table `meta` is another one."
        )
    facts = _facts(con, path)
    if facts.get("schema_version") != SCHEMA_VERSION:
        said = str(facts.get("schema_version"))[:20]
        raise StoreError(
            f"{path} was written with schema {said}, this lexplain reads schema {SCHEMA_VERSION}; rebuild it with "
            f"`{rebuilding(facts)}`."
        )
    if lost := wanted.keys() - found.keys():
        raise StoreError(f"{path} is not whole: it has no table `{min(lost)}`; copy or build it again.")
    if other := [table for table in wanted if found[table] != wanted[table]]:
        raise StoreError(
            f"{path} is not a store of schema {SCHEMA_VERSION}: its table `{other[0]}` has other columns; build it again."
        )
    strange = con.execute(_STRANGE).fetchall() or [("table", name) for name in found.keys() - wanted.keys()]
    if strange:
        kind, name = strange[0]
        raise StoreError(
            f"{path} isn't opened: beside the tables of a store it holds the {kind} `{shown(name)}`, which could run "
            "when it is looked at."
        )
    # DuckDB opens a file whose end is missing, and fails only where it reads from there.
    blocks, size = con.execute(
        "SELECT used_blocks, block_size FROM pragma_database_size() WHERE database_name = 'store'"
    ).fetchall()[0]
    if path.stat().st_size < _HEADERS + blocks * size:
        raise StoreError(f"{path} is not whole: its end is missing; copy or build it again.")
    try:
        return checked(facts)
    except ValueError as error:
        raise StoreError(f"{path} can't be used as a store: {error}.") from None


def _facts(con: duckdb.DuckDBPyConnection, path: Path) -> dict[str, Any]:
    rows = con.execute(
        "SELECT key, CASE WHEN length(value) <= ? THEN value END FROM store.main.meta LIMIT ?",
        [LONGEST, _MOST_FACTS],
    ).fetchall()
    facts = {}
    for key, text in rows:
        try:
            if text is None:
                raise ValueError(f"it has more than {LONGEST:,} characters")
            facts[key] = read_json(text)
        except ValueError as error:
            raise StoreError(
                f"{path} can't be used as a store: its `{shown(key)[:80]}` is not JSON that can be read ({error})."
            ) from None
    return facts
