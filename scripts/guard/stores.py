"""Compares two stores table by table, whatever their schemas; opens DuckDB by itself."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from . import changes

_NUMBERS = {"FLOAT", "DOUBLE"}
_EXAMPLES = 3  # of rows that differ


@dataclass(frozen=True)
class Changes:
    """What may differ, as `changes.py` describes it."""

    tables: Mapping[str, str]
    columns: Mapping[str, str]
    paths: Mapping[str, str]
    ignored: Mapping[str, str]

    def ignores(self, where: str) -> bool:
        return any(where == name or where.startswith(f"{name}.") for name in self.ignored)


KNOWN = Changes(changes.TABLES, changes.COLUMNS, changes.PATHS, changes.VOLATILE | changes.MEANT)


@dataclass(frozen=True)
class Difference:
    """where: `table`, `table.column` or a path in JSON, by the old name. size: the largest absolute difference of
    numbers, infinite where that can't be measured."""

    where: str
    what: str
    size: float = math.inf


def compare(old: Path, new: Path, known: Changes = KNOWN) -> tuple[list[Difference], dict[str, int]]:
    """All differences, and the number of rows by table.

    Raises `duckdb.Error` for a file that is no DuckDB database.
    """
    found: list[Difference] = []
    rows: dict[str, int] = {}
    with duckdb.connect(":memory:") as con:
        _attach(con, old=old, new=new)
        before, after = _columns(con, "old"), _columns(con, "new")
        moved = changes.MOVED if "measures" in after and "measures" not in before else {}
        for table, sides in moved.items():
            types = _views(con, *sides)
            found += _rows(con, table, types, changes.MOVED_KEYS[table], known)
            rows[table] = con.execute("SELECT count(*) FROM a").fetchone()[0]
        for table, columns in before.items():
            if table in moved:
                continue
            renamed = known.tables.get(table, table)
            if renamed not in after:
                found.append(Difference(table, "the table is gone"))
                continue
            shared, some = _shared(table, columns, after[renamed], known)
            found += some
            names = ", ".join(_q(column) for column in shared)
            renames = ", ".join(f"{_q(other)} AS {_q(column)}" for column, other in shared.items())
            types = _views(
                con, f"SELECT {names} FROM old.{_q(table)}", f"SELECT {renames} FROM new.{_q(renamed)}"
            )
            keys = changes.KEYS.get(table) or _primary_key(con, table)
            found += _facts(con, known) if table == "meta" else _rows(con, table, types, keys, known)
            rows[table] = con.execute("SELECT count(*) FROM a").fetchone()[0]
        expected = {known.tables.get(table, table) for table in before} | ({"measures"} if moved else set())
        found += [Difference(table, "the table is new") for table in after if table not in expected]
    return [difference for difference in found if not known.ignores(difference.where)], rows


def _views(con, old: str, new: str) -> dict[str, str]:
    """Make the views `a` and `b` of what is compared; gives the columns of `a` with their types."""
    con.execute(f"CREATE OR REPLACE TEMP VIEW a AS {old}")
    con.execute(f"CREATE OR REPLACE TEMP VIEW b AS {new}")
    return dict(row[:2] for row in con.execute("DESCRIBE a").fetchall())


def _attach(con: duckdb.DuckDBPyConnection, **paths: Path) -> None:
    for name, path in paths.items():
        con.execute(f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS {name} (READ_ONLY)")


def _columns(con: duckdb.DuckDBPyConnection, database: str) -> dict[str, dict[str, str]]:
    """Table -> column -> its type."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in con.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = ? AND NOT internal "
        "ORDER BY table_name, column_index",
        [database],
    ).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _shared(table: str, before: dict, after: dict, known: Changes) -> tuple[dict[str, str], list[Difference]]:
    """Old name -> new name of the columns that both stores have, and what is said of the others and of types."""
    names = {column: known.columns.get(f"{table}.{column}", column) for column in before}
    found = []
    for column, other in names.items():
        if other not in after:
            found.append(Difference(f"{table}.{column}", "the column is gone"))
        elif before[column] != after[other]:
            found.append(
                Difference(f"{table}.{column}", f"the type was {before[column]} and is {after[other]}")
            )
    found += [
        Difference(f"{table}.{column}", "the column is new")
        for column in after
        if column not in names.values()
    ]
    return {column: other for column, other in names.items() if other in after}, found


def _rows(con, table: str, types: dict[str, str], keys: Iterable[str], known: Changes) -> list[Difference]:
    """Rows that one store alone has, and values that differ in the others. types: of the columns that both have."""
    keys = [key for key in keys if key in types]
    by = ", ".join(_q(key) for key in keys)
    if not keys or any(
        con.execute(f"SELECT count(*) > count(DISTINCT ({by})) FROM {side}").fetchone()[0] for side in "ab"
    ):
        return [Difference(table, f"its rows can't be told apart by {by or 'any column'}")]
    found = []
    for one, other, said in (("a", "b", "gone"), ("b", "a", "new")):
        only = con.execute(
            f"SELECT {by} FROM {one} a ANTI JOIN {other} b ON {_same(keys)} ORDER BY ALL"
        ).fetchall()
        if only:
            examples = "; ".join(", ".join(map(str, row)) for row in only[:_EXAMPLES])
            found.append(Difference(table, f"{len(only):,} rows are {said} ({', '.join(keys)}: {examples})"))
    for column in types:
        where = f"{table}.{column}"
        if column not in keys and not known.ignores(where):
            found += _values(con, where, keys, column, types[column], known)
    return found


def _same(keys: list[str]) -> str:
    """That rows of `a` and `b` have the same keys, any of which may be NULL."""
    return " AND ".join(f"a.{_q(key)} IS NOT DISTINCT FROM b.{_q(key)}" for key in keys)


def _primary_key(con, table: str) -> list[str]:
    found = con.execute(
        "SELECT constraint_column_names FROM duckdb_constraints() WHERE database_name = 'old' AND table_name = ? "
        "AND constraint_type = 'PRIMARY KEY'",
        [table],
    ).fetchall()
    return found[0][0] if found else []


def _values(con, where: str, keys: list[str], column: str, kind: str, known: Changes) -> list[Difference]:
    """What differs in a column among the rows that both stores have."""
    c = _q(column)
    both = f"FROM a JOIN b ON {_same(keys)} WHERE a.{c} IS DISTINCT FROM b.{c}"
    (count,) = con.execute(f"SELECT count(*) {both}").fetchone()
    if not count:
        return []
    if kind in _NUMBERS:
        # NULL and NaN against a number have no difference: infinite.
        apart = f"abs(a.{c}::DOUBLE - b.{c}::DOUBLE)"
        (size,) = con.execute(
            f"SELECT max(CASE WHEN {apart} IS NULL OR isnan({apart}) THEN 'inf'::DOUBLE ELSE {apart} END) {both}"
        ).fetchone()
        return [Difference(where, f"{count:,} values differ", size)]
    if kind == "VARCHAR":
        pairs = con.execute(f"SELECT a.{c}, b.{c} {both} ORDER BY ALL").fetchall()
        found = [difference for pair in pairs for difference in _texts(where, *pair, known)]
        return list(dict.fromkeys(found))
    by = ", ".join(f"a.{_q(key)}" for key in keys)
    (example,) = con.execute(f"SELECT ({by}) {both} ORDER BY ALL LIMIT 1").fetchall()
    return [Difference(where, f"{count:,} values differ, first at {example[0]}")]


# -- JSON ------------------------------------------------------------------------------------------


def _facts(con, known: Changes) -> list[Difference]:
    """What differs in `meta`, fact by fact."""
    before, after = (
        {f"meta.{key}": json.loads(value) for key, value in con.execute(f"FROM {side}").fetchall()}
        for side in "ab"
    )
    return _trees(before, after, known)


def _texts(where: str, old: str | None, new: str | None, known: Changes) -> list[Difference]:
    """What differs in two texts, as JSON where both are."""
    try:
        before, after = json.loads(old or ""), json.loads(new or "")
    except ValueError:
        return [Difference(where, f"{_short(old)} became {_short(new)}")]
    return _trees({where: before}, {where: after}, known)


def _trees(before: Any, after: Any, known: Changes) -> list[Difference]:
    old = {_renamed(path, known.paths): value for path, value in _leaves(before)}
    new = dict(_leaves(after))
    back = {renamed: path for path, renamed in known.paths.items()}
    found = []
    for path in sorted(old.keys() | new.keys()):
        if old.get(path, _leaves) == new.get(path, _leaves):
            continue
        where = _renamed(path, back)
        if path not in new or path not in old:
            value, said = (old[path], "gone") if path in old else (new[path], "new")
            found.append(Difference(where, f"{_short(value)} is {said}"))
        else:
            found.append(_leaf(where, old[path], new[path]))
    return [difference for difference in found if not known.ignores(difference.where)]


def _leaf(where: str, old: Any, new: Any) -> Difference:
    number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (old, new))
    return Difference(where, f"{_short(old)} became {_short(new)}", abs(old - new) if number else math.inf)


def _leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of everything in a tree of JSON; an empty list or object counts as a value."""
    if isinstance(tree, dict | list) and tree:
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, tree


def _renamed(path: str, renames: Mapping[str, str]) -> str:
    for old, new in renames.items():
        if path == old or path.startswith(f"{old}."):
            return new + path[len(old) :]
    return path


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"


# -- digests, for where the other store isn't at hand ------------------------------------------------


def digests(path: Path) -> dict[str, dict[str, Any]]:
    """Table -> rows, and by column how many values there are and a digest; of numbers lowest, mean and highest, too.

    `meta` by fact. What is volatile is left out.
    """
    found: dict[str, dict[str, Any]] = {}
    with duckdb.connect(":memory:") as con:
        con.execute("SET threads = 1")  # means depend on how they are shared out
        _attach(con, old=path)
        for table, types in _columns(con, "old").items():
            con.execute(f"CREATE OR REPLACE TEMP VIEW a AS FROM old.{_q(table)}")
            if table == "meta":
                facts = {f"meta.{key}": json.loads(value) for key, value in con.execute("FROM a").fetchall()}
                found[table] = {p: v for p, v in _leaves(facts) if not KNOWN.ignores(p)}
                continue
            keys = changes.KEYS.get(table) or _primary_key(con, table)
            order = ", ".join(_q(key) for key in keys)
            found[table] = {column: _digest(con, column, kind, order) for column, kind in types.items()}
    return found


def _digest(con, column: str, kind: str, order: str) -> str:
    """A line about a column: the values' number, their digest in the order of the key, and a number's range."""
    hashes = con.execute(f"SELECT hash({_q(column)}) AS h FROM a ORDER BY {order}").fetchnumpy()["h"]
    line = f"{len(hashes):,} values, {hashlib.sha256(hashes.tobytes()).hexdigest()[:12]}"
    if kind in _NUMBERS:
        numbers = con.execute(
            f"SELECT min(c), avg(c), max(c) FROM (SELECT {_q(column)} AS c FROM a)"
        ).fetchone()
        line += ", " + " / ".join("none" if n is None else f"{n:.6g}" for n in numbers)
    return line
