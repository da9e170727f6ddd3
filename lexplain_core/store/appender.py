"""Adding to a finished store: a copy beside it is changed and moved into its place at the end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd

from ..base.errors import UserError
from . import digests
from .checking import changed_tables
from .guard import blame
from .reader import Store
from .version import StoreError
from .writer import StoreWriter

_ROWS_PER_QUERY = 8_000_000


class StoreAppender(StoreWriter):
    """Adds rows to a store; whoever has it open keeps what was there.

    >>> with StoreAppender("data/stores/demo.duckdb") as store:
    ...     store.rows("explanations", frame)

    Queries see what was added. When the block ends in an error the store is as it was.
    `StoreError` for what is no store of this schema, where the folder can't be written, and where
    someone else changed the store meanwhile.
    """

    _CANT = "Nothing can be added to the store"

    def __init__(self, path: str | Path):
        super().__init__(Path(path).resolve())  # a link stays a link
        self._image_count: int | None = None  # no image is added

    def _begin(self, stack: ExitStack) -> None:
        with Store.open(self.path) as store:  # it is whole and of this schema
            known = store.meta.get(digests.KEY) or {}  # without checksums no table counts as changed
            self._changed = {table: known.get(table) for table in changed_tables(store)}
        self._target, self._before = self.path, self._stamp()
        self._connect(stack, copied=self.path)

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        super().__exit__(kind, error, trace)
        if isinstance(error, Exception) and not isinstance(error, UserError):
            with Store.open(self.path) as store:  # as it was
                blame(store, error)

    def _digests(self) -> dict[str, Any]:
        return super()._digests() | self._changed  # what was damaged before isn't declared sound

    def _finish(self) -> None:
        if self._stamp() != self._before:
            raise StoreError(f"Someone else changed the store {self.path} meanwhile; try again.")
        super()._finish()

    def _stamp(self) -> tuple | None:
        """What tells one version of the file from another; None where it is gone."""
        try:
            facts = self.path.stat()
        except FileNotFoundError:
            return None
        return facts.st_ino, facts.st_size, facts.st_mtime_ns

    # -- what is there -----------------------------------------------------------------------

    def layers(self) -> dict[str, tuple[int, pd.DataFrame]]:
        """layer -> (its id, a frame of its units with status and reason, in order)."""
        found = {}
        for identity, name in self._con.execute("SELECT layer_id, name FROM layers").fetchall():
            query = "SELECT unit, status, reason FROM units WHERE layer_id = ? ORDER BY unit"
            found[name] = identity, self._con.execute(query, [identity]).df()
        return found

    def image_labels(self) -> pd.DataFrame:
        """key, class_key, width, height and digest (None where unknown) of every image, by image id."""
        return self._con.execute(
            "SELECT i.key, c.key AS class_key, i.width, i.height, i.digest "
            "FROM images i JOIN classes c USING (class_id) ORDER BY image_id"
        ).df()

    def explanation_measures(self) -> dict[str, str]:
        """The measures of explanations, with their titles."""
        query = "SELECT measure, title FROM measures WHERE \"of\" = 'explanation' ORDER BY place"
        return dict(self._con.execute(query).fetchall())

    def method_sources(self) -> dict[str, str | None]:
        """method -> the file that it was imported from, None where the build made it."""
        return dict(self._con.execute("SELECT method, source FROM method_configs ORDER BY method").fetchall())

    def concepts(self) -> list[tuple[int, str, str, str]]:
        """(id, key, name, origin) of every concept."""
        return self._con.execute(
            "SELECT concept_id, key, name, origin FROM concepts ORDER BY concept_id"
        ).fetchall()

    def concepts_of(self, matrix: str) -> set[int]:
        """Ids of the concepts that a matrix has values of."""
        query = "SELECT DISTINCT concept_id FROM concept_values WHERE matrix = ?"
        return {row[0] for row in self._con.execute(query, [matrix]).fetchall()}

    def test_activations(self, layer_id: int) -> np.ndarray:
        """Activations of all units of a layer on the test split, float32 (K, n), in order of image ids."""
        count = self._con.execute("SELECT units FROM layers WHERE layer_id = ?", [layer_id]).fetchall()[0][0]
        images = self._test_images()
        out = np.empty((count, len(images)), dtype=np.float32)
        step = max(1, _ROWS_PER_QUERY // max(1, len(images)))
        for start in range(0, count, step):
            values = self._con.execute(
                "SELECT a.value FROM activations a JOIN images i USING (image_id) WHERE a.layer_id = ? "
                "AND a.unit >= ? AND a.unit < ? AND i.split = 'test' ORDER BY a.unit, a.image_id",
                [layer_id, start, start + step],
            ).fetchnumpy()["value"]
            out[start : start + step] = np.asarray(values).reshape(-1, len(images))
        return out

    def activations_of(self, layer_id: int, unit: int) -> np.ndarray:
        """Activations of a unit on all images, float32 (N,)."""
        query = "SELECT value FROM activations WHERE layer_id = ? AND unit = ? ORDER BY image_id"
        return np.asarray(self._con.execute(query, [layer_id, int(unit)]).fetchnumpy()["value"], np.float32)

    def test_values(self, matrix: str, concept_ids: Sequence[int]) -> np.ndarray:
        """P of concepts on the test split by a matrix, float32 (M, n), in order of image ids."""
        images = self._test_images()
        wanted, rows = np.unique(np.asarray(concept_ids, dtype=np.int64), return_inverse=True)
        out = np.zeros((len(wanted), len(images)), dtype=np.float32)
        step = max(1, _ROWS_PER_QUERY // max(1, len(images)))
        for start in range(0, len(wanted), step):
            found = self._con.execute(
                "SELECT v.concept_id, v.image_id, v.value FROM concept_values v JOIN images i USING (image_id) "
                "WHERE v.matrix = ? AND v.concept_id IN (SELECT unnest(?::INT[])) AND i.split = 'test'",
                [matrix, wanted[start : start + step].tolist()],
            ).fetchnumpy()
            row = np.searchsorted(wanted, found["concept_id"])
            out[row, np.searchsorted(images, found["image_id"])] = found["value"]
        return out if np.array_equal(rows, np.arange(len(wanted))) else out[rows]

    def values(self, matrix: str, concept_id: int) -> np.ndarray:
        """P of one concept on all images by a matrix, float32 (N,)."""
        if self._image_count is None:
            self._image_count = self._con.execute("SELECT count(*) FROM images").fetchall()[0][0]
        out = np.zeros(self._image_count, dtype=np.float32)
        found = self._con.execute(
            "SELECT image_id, value FROM concept_values WHERE matrix = ? AND concept_id = ?",
            [matrix, concept_id],
        ).fetchnumpy()
        out[found["image_id"]] = found["value"]
        return out

    def next_id(self, table: str, column: str) -> int:
        """The first id that is free in a table."""
        return self._con.execute(f"SELECT coalesce(max({column}), -1) + 1 FROM {table}").fetchall()[0][0]

    def _test_images(self) -> np.ndarray:
        rows = self._con.execute("SELECT image_id FROM images WHERE split = 'test' ORDER BY image_id")
        return np.asarray(rows.fetchnumpy()["image_id"], dtype=np.int64)

    # -- what is changed ---------------------------------------------------------------------

    def add_role(self, matrix: str, role: str) -> None:
        """Note that a concept matrix also has a role."""
        self._con.execute(
            "UPDATE concept_matrices SET roles = list_sort(list_append(roles, $role)) "
            "WHERE matrix = $matrix AND NOT list_contains(roles, $role)",
            {"matrix": matrix, "role": role},
        )

    def remove_method(self, method: str, origin: str) -> None:
        """Remove a method's explanations, and the concepts of an origin that no other one uses."""
        of_it = "explanation_id IN (SELECT explanation_id FROM explanations WHERE method = ?)"
        for table in ("scores", "terms", "explanations"):  # the others ask the last one
            self._con.execute(f"DELETE FROM {table} WHERE {of_it}", [method])
        self._con.execute("DELETE FROM method_configs WHERE method = ?", [method])
        unused = (
            "(SELECT concept_id FROM concepts WHERE origin = ? "
            "AND concept_id NOT IN (SELECT concept_id FROM terms))"
        )
        for table in ("concept_values", "concepts"):
            self._con.execute(f"DELETE FROM {table} WHERE concept_id IN {unused}", [origin])
