"""How much of any concept is in every image: values that the store keeps, or from an encoder's embeddings."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..base.errors import quote
from .catalog import Catalog
from .version import StoreError

_BYTES = 64 * 2**20  # of rows that are kept for the next question
_BLOCK = 512  # images whose vectors are float32 at a time


class ConceptValues:
    """P[concept, image] of a store's concept matrices; what was asked for is kept for the next question.

    The vectors of an encoder's images are kept as float16, as they are stored: 51 MB for 50,000 images of width 512.
    """

    def __init__(self, store: Catalog):
        self._store, self._lock = store, threading.RLock()
        self._rows: OrderedDict[tuple[str, int], np.ndarray] = OrderedDict()
        self._images: dict[str, np.ndarray] = {}
        self._vectors: dict[str, tuple[dict[int, int], np.ndarray]] = {}
        self._has: dict[str, dict[int, bool]] = {}  # by matrix and concept, of those without a vector
        self._sayable: dict[str, pd.DataFrame] = {}

    def of(self, matrix: str, concept_ids: Sequence[int]) -> np.ndarray:
        """See `Store.concept_values`."""
        ids = [int(i) for i in concept_ids]
        with self._lock:
            known = {i: self._rows[matrix, i] for i in ids if (matrix, i) in self._rows}
        missing = [i for i in dict.fromkeys(ids) if i not in known]
        if missing:
            found = self._kept(matrix, missing)
            found |= self._computed(matrix, [i for i in missing if i not in found])
            known |= found
        with self._lock:
            for i in known:
                self._rows[matrix, i] = known[i]
                self._rows.move_to_end((matrix, i))
            while len(self._rows) > 1 and sum(row.nbytes for row in self._rows.values()) > _BYTES:
                self._rows.popitem(last=False)
        out = np.empty((len(ids), self._store.image_count), dtype=np.float32)
        for row, i in enumerate(ids):
            out[row] = known[i]
        return out

    def _kept(self, matrix: str, ids: list[int]) -> dict[int, np.ndarray]:
        """Rows that the store keeps, by concept."""
        found = self._store.arrays(
            "SELECT concept_id, image_id, value FROM concept_values "
            "WHERE matrix = ? AND concept_id IN ?::INT[]",
            [matrix, ids],
        )
        here = np.unique(found["concept_id"])
        dense = np.zeros((len(here), self._store.image_count), dtype=np.float32)
        dense[np.searchsorted(here, found["concept_id"]), found["image_id"]] = found["value"]
        dense.setflags(write=False)
        return {int(i): dense[row].copy() for row, i in enumerate(here)}

    def _computed(self, matrix: str, ids: list[int]) -> dict[int, np.ndarray]:
        """P = sigmoid(a·(cos + b)) from embeddings; `StoreError` where one is missing."""
        if not ids:
            return {}
        known, vectors = self._concept_vectors(matrix)
        if missing := [i for i in ids if i not in known]:
            raise StoreError(
                f"The concept matrix {quote(matrix)} of this store has no values of {self._name(missing[0])}."
            )
        a, b = self._store.rows("SELECT a, b FROM concept_matrices WHERE matrix = ?", [matrix])[0]
        logits = _cosines(vectors[[known[i] for i in ids]], self._image_vectors(matrix))
        logits += np.float32(b)
        logits *= np.float32(-a)
        values = np.exp(np.clip(logits, -80, 80, out=logits), out=logits)  # float32 overflows beyond 88
        values += 1
        np.reciprocal(values, out=values)
        return {i: values[row].copy() for row, i in enumerate(ids)}

    def _name(self, concept: int) -> str:
        labels = self._store.concept_labels
        return repr(labels[concept][0]) if concept in labels else f"a concept {concept}"

    # -- embeddings --------------------------------------------------------------------------

    def _vectors_of(self, matrix: str, kind: str) -> tuple[np.ndarray, np.ndarray]:
        """ids (M,) and vectors, float16 (M, D), of an encoder's images or concepts, a piece at a time."""
        facts = self._store.rows(
            "SELECT ids[1], ids, width FROM embeddings WHERE matrix = ? AND kind = ? ORDER BY ids[1]",
            [matrix, kind],
        )
        ids = np.concatenate([np.zeros(0, np.int64), *(np.asarray(i, dtype=np.int64) for _, i, _ in facts)])
        out = np.empty((len(ids), facts[0][2] if facts else 0), dtype=np.float16)
        row = 0
        for first, _, width in facts:
            data = self._store.rows(
                "SELECT data FROM embeddings WHERE matrix = ? AND kind = ? AND ids[1] = ?",
                [matrix, kind, first],
            )[0][0]
            piece = np.frombuffer(data, np.float16).reshape(-1, width)
            out[row : row + len(piece)] = piece
            row += len(piece)
        return ids, out

    def _concept_vectors(self, matrix: str) -> tuple[dict[int, int], np.ndarray]:
        """concept -> its row, and the vectors; float16."""
        with self._lock:
            if matrix not in self._vectors:
                ids, vectors = self._vectors_of(matrix, "concept")
                self._vectors[matrix] = {int(i): row for row, i in enumerate(ids)}, vectors
            return self._vectors[matrix]

    def _image_vectors(self, matrix: str) -> np.ndarray:
        """float16 (N, D), by image id."""
        with self._lock:
            if matrix not in self._images:
                self._images[matrix] = self._vectors_of(matrix, "image")[1]
            return self._images[matrix]

    # -- what can be asked -------------------------------------------------------------------

    def knows(self, matrix: str, ids: set[int]) -> bool:
        """Whether a matrix has P of all these concepts."""
        with self._lock:
            has = self._has.setdefault(matrix, {})
        missing = [i for i in ids - self._concept_vectors(matrix)[0].keys() if i not in has]
        if missing:
            rows = self._store.rows(
                "SELECT DISTINCT concept_id FROM concept_values WHERE matrix = ? AND concept_id IN ?::INT[]",
                [matrix, missing],
            )
            has |= dict.fromkeys(missing, False) | {row[0]: True for row in rows}
        return all(has.get(i, True) for i in ids)

    def sayable(self, matrix: str) -> pd.DataFrame:
        """See `Store.sayable`."""
        with self._lock:
            if matrix not in self._sayable:
                rows = self._store.rows(
                    "SELECT DISTINCT concept_id FROM concept_values WHERE matrix = ?", [matrix]
                )
                ids = {row[0] for row in rows} | self._concept_vectors(matrix)[0].keys()
                labels = self._store.concept_labels
                named = sorted(((*labels[i], i) for i in ids), key=lambda one: (one[0].casefold(), one[2]))
                frame = pd.DataFrame(named, columns=["name", "origin", "concept"])
                same = self._store.same_concepts.get(matrix, {})
                frame["same"] = [", ".join(same.get(i, ())) for i in frame["concept"]]
                self._sayable[matrix] = frame[["concept", "name", "origin", "same"]]
            return self._sayable[matrix].copy()


def _cosines(words: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Of unit vectors, float16 (M, D) and (N, D): float32 (M, N).

    NumPy widens float16 one number at a time, which takes three times as long as the product. Here a float16's bits
    are put in the places of a float32's, whose exponent is then 112 too small: the words are larger by that.
    """
    words = words.astype(np.float32) * np.float32(2.0**112)
    out = np.empty((len(words), len(images)), dtype=np.float32)
    bits = np.empty((min(_BLOCK, len(images)), images.shape[1]), dtype=np.int32)
    for start in range(0, len(images), _BLOCK):
        half = images[start : start + _BLOCK].view(np.int16)
        wide = bits[: len(half)]
        np.left_shift(half, 13, out=wide, dtype=np.int32)
        np.bitwise_and(
            wide, np.int32(-0x70002000), out=wide
        )  # of the sign, which fills four places, the first
        np.matmul(words, wide.view(np.float32).T, out=out[:, start : start + _BLOCK])
    return out
