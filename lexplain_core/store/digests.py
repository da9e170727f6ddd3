"""Digests of a store's tables: they tell whether any value was changed, whichever version of DuckDB reads it."""

from __future__ import annotations

import hashlib
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

KEY = "checksums"  # of `meta`, which has them of all tables, of itself but for this key
_ROWS_AT_ONCE = 500_000
# Large, and never changed once they are written, so that their rows stay in order. Those of others move.
_AS_WRITTEN = {"activations", "images", "maps", "embeddings"}


def of_table(cursor: duckdb.DuckDBPyConnection, table: str) -> dict[str, Any]:
    """{rows, digest} of a table."""
    but = f"WHERE key <> '{KEY}'" if table == "meta" else ""
    order = "" if table in _AS_WRITTEN else "ORDER BY ALL"
    which = f"FROM {table} {but} {order}"
    reader = cursor.sql(which).to_arrow_reader(_ROWS_AT_ONCE)
    columns = {field.name: _Column() for field in reader.schema}
    rows = 0
    for batch in reader:
        rows += len(batch)
        for name, values in zip(batch.schema.names, batch.columns, strict=True):
            columns[name].add(values)
    whole = hashlib.sha256()
    for name, column in sorted(columns.items()):
        whole.update(f"{name} {column.digest()}\n".encode())
    return {"rows": rows, "digest": whole.hexdigest()}


class _Column:
    """The digest of a column: which values there are, how long they are, and their bytes."""

    def __init__(self) -> None:
        self._parts = [hashlib.sha256() for _ in range(3)]
        self._items: _Column | None = None  # of a column of lists

    def add(self, values: pa.Array) -> None:
        there, lengths, data = self._parts
        there.update(_numpy(values.is_valid()).tobytes())
        values = values.drop_null()
        if pa.types.is_list(values.type):
            lengths.update(_numpy(pc.list_value_length(values)).astype("<i8").tobytes())
            self._items = self._items or _Column()
            self._items.add(values.flatten())
        elif pa.types.is_primitive(values.type):
            found = _numpy(values)
            data.update(np.ascontiguousarray(found.astype(found.dtype.newbyteorder("<"))).data)
        else:  # texts and blobs
            found = values.cast(pa.large_binary())
            lengths.update(_numpy(pc.binary_length(found)).astype("<i8").tobytes())
            _, ends, letters = found.buffers()
            if letters is not None and len(found):
                ends = np.frombuffer(ends, np.int64)[found.offset : found.offset + len(found) + 1]
                data.update(memoryview(letters)[ends[0] : ends[-1]])

    def digest(self) -> str:
        parts = [part.hexdigest() for part in self._parts]
        return " ".join([*parts, *([self._items.digest()] if self._items else [])])


def _numpy(values: pa.Array) -> np.ndarray:
    return values.to_numpy(zero_copy_only=False)
