"""The one writer of stores: a temporary file beside the target, moved into place at the end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from ..base.errors import shortage
from ..base.files import temporary_folder
from ..base.memory import room
from . import digests
from .opening import columns
from .place import awkward, for_duckdb
from .rows import ExplanationRows, Row, table
from .version import SCHEMA_VERSION, StoreError

_ROWS_PER_INSERT = 4_000_000  # ~64 MB of Arrow columns at a time
_VECTORS_PER_PIECE = 4096
_LEAST_MEMORY = 256 * 2**20  # that DuckDB can sort the largest tables with
_FAILURES = (
    duckdb.OperationalError,
    duckdb.FatalException,
)  # of the disk or the memory, not of what is written


class StoreWriter:
    """Writes one store; a reader never sees half of it.

    >>> with StoreWriter("data/stores/mine.duckdb") as store:
    ...     store.meta(id="…", name="…")
    ...     store.rows("classes", frame)

    The file is made in a temporary folder beside `path`. When the block ends well it is moved to
    `path`; when it ends in an error it is removed and what was at `path` stays. `StoreError` where
    the folder can't be written, and where the disk or the memory is full.
    """

    _CANT = "The store can't be written to"

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            try:
                self._begin(stack)
            except (OSError, RuntimeError, duckdb.Error) as error:
                raise self._failed(error) from None
            self._stack = stack.pop_all()
        return self

    def _begin(self, stack: ExitStack) -> None:
        """Open a new file; what it takes is undone with `stack`."""
        for_duckdb(self.path)
        self._target = self.path.resolve()  # a link stays a link
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._connect(stack)
        self._con.execute(resources.files(__package__).joinpath("schema.sql").read_text("utf-8"))
        self.meta(schema_version=SCHEMA_VERSION)

    def _connect(self, stack: ExitStack, copied: Path | None = None) -> None:
        """Open the file that will be the store, a new one or a copy."""
        self._whole = stack.enter_context(temporary_folder(self._target.parent)) / "whole.duckdb"
        elsewhere = awkward(self._whole)
        folder = stack.enter_context(temporary_folder()) if elsewhere else self._whole.parent
        self._temporary = folder / "store.duckdb"
        if copied is not None:
            shutil.copyfile(copied, self._temporary)
            shutil.copymode(copied, self._temporary)
        self._con = duckdb.connect(str(self._temporary))
        if (limit := room().limit) is not None:
            self._con.execute(f"SET memory_limit = '{max(_LEAST_MEMORY, limit // 4) // 2**20}MiB'")
        stack.callback(self._con.close)

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._stack:
            if isinstance(error, _FAILURES):
                raise self._failed(error) from error
            try:
                if kind is None:
                    self._finish()
            except (OSError, *_FAILURES) as failure:
                raise self._failed(failure) from failure

    def _finish(self) -> None:
        self._seal()
        self._con.close()
        shutil.move(self._temporary, self._whole)
        self._whole.replace(self._target)

    def _failed(self, error: Exception) -> StoreError:
        why = shortage(error) or " ".join(str(error).split()).rstrip(".")
        return StoreError(f"{self._CANT} {self.path}: {why}. What was there is as it was.")

    def _seal(self) -> None:
        """Note what each table holds (`check` compares), and write all of it to the file."""
        self.meta(**{digests.KEY: self._digests()})
        self._con.execute("CHECKPOINT")

    def _digests(self) -> dict[str, Any]:
        return {name: digests.of_table(self._con.cursor(), name) for name in columns()}

    def meta(self, **values: Any) -> None:
        """Set facts about the store; each value is kept as JSON."""
        for key, value in values.items():
            text = json.dumps(value, ensure_ascii=False, default=str)
            self._con.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, text])

    def rows(self, name: str, rows: pd.DataFrame | pa.Table | Iterable[Row]) -> None:
        """Append rows to a table of schema.sql: columns matched by name, in their types (`rows.table`)."""
        found = rows if isinstance(rows, pa.Table) else table(name, rows)
        if len(found):
            self._con.register("incoming", found)
            self._con.execute(f"INSERT INTO {name} BY NAME SELECT * FROM incoming")
            self._con.unregister("incoming")

    def explanations(self, added: ExplanationRows) -> None:
        """Append explanations with their terms and scores."""
        for name, rows in added.tables():
            self.rows(name, rows)

    def activations(self, layer_id: int, values: np.ndarray, first: int = 0) -> Iterator[int]:
        """Append a layer's activations, float32 (K, N), sorted by unit; yields units written.

        Works through a memmap in bounded pieces. first: the number of the first unit, where a layer
        comes in several calls, in order.
        """
        units, images = values.shape
        step = max(1, _ROWS_PER_INSERT // max(images, 1))
        ids = np.arange(images, dtype=np.int32)
        for start in range(0, units, step):
            piece = np.ascontiguousarray(values[start : start + step], dtype=np.float32)
            count = len(piece)
            columns = {
                "layer_id": np.full(count * images, layer_id, dtype=np.int32),
                "unit": np.repeat(np.arange(first + start, first + start + count, dtype=np.int32), images),
                "image_id": np.tile(ids, count),
                "value": piece.ravel(),
            }
            self.rows("activations", pa.table(columns))
            yield count

    def concept_values(self, matrix: str, concept_ids: Sequence[int], values: np.ndarray) -> None:
        """Append P[concept, image] of a matrix, float32 (M, N).

        Zeros are not stored, but for one of a concept that has nothing else: so a matrix knows its
        concepts. concept_ids: the store's id of each row, ascending.
        """
        ids = np.asarray(concept_ids, dtype=np.int32)
        step = max(1, _ROWS_PER_INSERT // max(1, values.shape[1]))
        for start in range(0, len(values), step):
            piece = values[start : start + step]
            kept = piece != 0
            kept[:, :1] |= ~kept.any(axis=1, keepdims=True)
            concept, image = np.nonzero(kept)
            columns = {
                "matrix": pa.repeat(pa.scalar(matrix), len(concept)),
                "concept_id": ids[concept + start],
                "image_id": image.astype(np.int32),
                "value": np.asarray(piece[concept, image], dtype=np.float32),
            }
            self.rows("concept_values", pa.table(columns))

    def embeddings(self, matrix: str, kind: str, ids: Sequence[int], vectors: np.ndarray) -> None:
        """Append unit vectors, (M, D), that an encoder gave to images or concepts (`kind`): float16, in pieces.

        ids: of each row, ascending.
        """
        for start in range(0, len(vectors), _VECTORS_PER_PIECE):
            piece = np.asarray(vectors[start : start + _VECTORS_PER_PIECE], dtype=np.float16)
            numbers = [int(i) for i in ids[start : start + len(piece)]]
            self.rows("embeddings", [(matrix, kind, numbers, piece.shape[1], piece.tobytes())])

    def maps(self, rows: pd.DataFrame | pa.Table) -> None:
        """Append activation maps in any order: columns of the table `maps`, data as bytes.

        All of a layer's in one call, so that a unit's lie together and are found fast.
        """
        found = rows if isinstance(rows, pa.Table) else table("maps", rows)
        order = ("layer_id", "unit", "image_id", "kind")
        self.rows("maps", found.sort_by([(name, "ascending") for name in order]))
