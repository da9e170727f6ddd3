"""Explanations as the methods make them, and the registry of methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..concepts import ConceptMatrix
from ..config import Explain
from ..progress import Progress
from ..registry import Registry


@dataclass(frozen=True)
class Problem:
    """The units of one layer and what they may be explained with.

    q: float32 (K, N), activations of the units to explain. matrix: P, (M, N), already filtered.
    train, val: boolean (N,). seed: for methods that shuffle.
    """

    q: np.ndarray
    matrix: ConceptMatrix
    train: np.ndarray
    val: np.ndarray
    seed: int = 0


@dataclass(frozen=True)
class Found:
    """One unit's explanation: concept indices into the problem's matrix, in order of selection.

    Where there is none, `concepts` is empty, `bias` is None and `reason` says why.
    """

    concepts: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    bias: float | None = None
    val_correlation: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Method:
    """An explanation method: the matrix it reads, the options it depends on, and what it runs."""

    name: str
    matrix: str
    options: tuple[str, ...]
    explain: Callable[[Problem, Explain, Progress], Sequence[Found]]

    def config(self, explain: Explain) -> dict:
        """The options that change what the method finds; their hash is part of the key."""
        return {"method": self.name, "matrix": self.matrix} | {
            name: getattr(explain, name) for name in self.options
        }


methods: Registry[Method] = Registry("explanation method")
