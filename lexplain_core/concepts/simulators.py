"""Simulators: how much of an explanation's concepts is in each image, from labels or an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from . import Concept, ConceptMatrix, normalised


class Unsupported(Exception):
    """A simulator can't judge a concept; the message says which and why, in one sentence."""


class Simulator(Protocol):
    """P of any concepts on N images: `values(concepts)` is float32 (T, N), or raises `Unsupported`.

    `name` is the simulator's name in the store.
    """

    name: str

    def values(self, concepts: Sequence[Concept]) -> np.ndarray: ...


class Texts(Protocol):
    """What a simulator needs of an encoder that looks at a probing set (`EncoderView`)."""

    name: str

    def values(self, texts: Sequence[str]) -> np.ndarray: ...


class LabelSimulator:
    """Simulates with the labels themselves, for concepts that are labels.

    A concept is looked up by its key, else by its text; of several labels with that text any will
    do, so an image matches if one of them is on it. matrix: the label matrix, (M, N).
    """

    name = "label"

    def __init__(self, matrix: ConceptMatrix):
        self._values = matrix.values
        self._by_key = {concept.key: row for row, concept in enumerate(matrix.concepts)}
        self._by_text: dict[str, list[int]] = {}
        for row, concept in enumerate(matrix.concepts):
            self._by_text.setdefault(normalised(concept.name), []).append(row)

    def values(self, concepts: Sequence[Concept]) -> np.ndarray:
        """P of the concepts, float32 (T, N); `Unsupported` names the first that is no label."""
        rows = [self._rows(concept) for concept in concepts]
        out = np.zeros((len(rows), self._values.shape[1]), dtype=np.float32)
        for i, found in enumerate(rows):
            out[i] = self._values[found[0]] if len(found) == 1 else self._values[found].max(axis=0)
        return out

    def _rows(self, concept: Concept) -> list[int]:
        if concept.key in self._by_key:
            return [self._by_key[concept.key]]
        rows = self._by_text.get(normalised(concept.name))
        if rows is None:
            raise Unsupported(f"“{_short(concept.name)}” is not a label of the probing set.")
        return rows


class EncoderSimulator:
    """Simulates with an encoder, which can be asked about any text."""

    def __init__(self, view: Texts):
        self.name = view.name
        self._view = view

    def values(self, concepts: Sequence[Concept]) -> np.ndarray:
        """P of the concepts, float32 (T, N)."""
        return self._view.values([concept.name for concept in concepts])


def _short(text: str, longest: int = 60) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
