"""What can be said about an image: concepts, and how much of each is in every image."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..base.memory import blocks, picked
from ..base.registry import Registry


@dataclass(frozen=True)
class Concept:
    """A short text. `origin` says where it came from: class, superclass, colour, …

    `key` is unique; names need not be (two synsets may share one).
    """

    key: str
    name: str
    origin: str


@dataclass(frozen=True)
class ConceptMatrix:
    """P[concept, image] in [0, 1]: float32 (M, N), how much of each concept is in each image."""

    name: str
    concepts: tuple[Concept, ...]
    values: np.ndarray
    config: dict

    def subset(self, keep: np.ndarray) -> ConceptMatrix:
        """The matrix with only the concepts that `keep`, boolean (M,), says."""
        kept = tuple(c for c, k in zip(self.concepts, keep, strict=True) if k)
        return ConceptMatrix(self.name, kept, picked(self.values, keep), self.config)


# name -> function(ProbingSet) -> ConceptMatrix
concept_matrices: Registry[Callable[..., ConceptMatrix]] = Registry("concept matrix")


def first_alike(rows: np.ndarray) -> np.ndarray:
    """For each row, of (M, N), the number of the first that is equal to it, int64 (M,)."""
    first: dict[bytes, int] = {}
    digests = (hashlib.sha256(row.tobytes()).digest() for row in rows)
    return np.array([first.setdefault(digest, i) for i, digest in enumerate(digests)], dtype=np.int64)


def usable(values: np.ndarray, train: np.ndarray, mean5: float = 0.5, std: float = 1e-5) -> np.ndarray:
    """The concept filter: which concepts occur at all, and vary; boolean (M,).

    values: P, (M, N). train: boolean (N,). Keeps a concept if the mean of its 5 largest values
    on the train split is at least `mean5` and its standard deviation there at least `std`.
    """
    keep = np.zeros(len(values), bool)
    for rows in blocks(*values.shape):  # P is large; a part of it is copied at a time
        part = values[rows][:, train]
        largest = np.partition(part, -5, axis=1)[:, -5:] if part.shape[1] > 5 else part
        spread = part.std(axis=1, dtype=np.float64)
        keep[rows] = (largest.mean(axis=1) >= mean5) & (spread >= std)
    return keep
