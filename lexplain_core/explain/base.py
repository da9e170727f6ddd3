"""Explanations as the methods make them, and the registry of methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

from ..base.progress import Progress
from ..base.registry import Registry
from ..concepts import ConceptMatrix
from ..config import Explain
from .moments import Basis, Targets, resident


@dataclass(frozen=True)
class Problem:
    """The units of one layer and what they may be explained with.

    q: float32 (K, N), activations of the units to explain. matrix: P, (M, N), already filtered.
    train, val: boolean (N,). seed: for methods that shuffle. device: where the arithmetic runs.
    """

    q: np.ndarray
    matrix: ConceptMatrix
    train: np.ndarray
    val: np.ndarray
    seed: int = 0
    device: torch.device | str = "cpu"
    shared: dict = field(default_factory=dict, repr=False)

    @property
    def basis(self) -> Basis:
        """Moments of P, made when they are first asked for.

        Problems of one matrix that are given the same `shared` dictionary share them.
        """
        if "basis" not in self.shared:
            self.shared["values"] = resident(self.matrix.values, self.device)
            self.shared["basis"] = Basis.of(self.shared["values"], self.train, self.val, self.device)
        return self.shared["basis"]

    @cached_property
    def targets(self) -> Targets:
        """Moments of q with P."""
        basis = self.basis
        return Targets.of(basis, self.shared["values"], self.q, self.train, self.val)


@dataclass(frozen=True)
class Found:
    """One unit's explanation: concept indices into the problem's matrix, in order of selection.

    Where there is none, `concepts` is empty, `bias` is None and `reason` says why. violation: by how
    much the sparse fit that ranked the concepts misses its optimality conditions
    (`exact.violation`), None for methods without such a fit.
    """

    concepts: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    bias: float | None = None
    val_correlation: float | None = None
    reason: str | None = None
    violation: float | None = None


@dataclass(frozen=True)
class Method:
    """An explanation method: the matrix it reads, the options it depends on, and what it runs.

    matrix: `label`, or `explainer` for that of the build's explaining encoder.
    """

    name: str
    matrix: str
    options: tuple[str, ...]
    explain: Callable[[Problem, Explain, Progress], Sequence[Found]]

    def config(self, explain: Explain) -> dict:
        """The options that change what the method finds; their hash is part of the key."""
        return {"method": self.name, "matrix": self.matrix} | {
            name: getattr(explain, name) for name in self.options
        }


@dataclass(frozen=True)
class ConfiguredMethod:
    """A method with the options of a build."""

    method: Method
    options: Explain

    @property
    def name(self) -> str:
        """The name that the method is registered under."""
        return self.method.name

    @property
    def config(self) -> dict:
        """The options that change what the method finds."""
        return self.method.config(self.options)

    def explain(self, problem: Problem, progress: Progress) -> list[Found]:
        """One explanation for each unit of the problem."""
        return list(self.method.explain(problem, self.options, progress))


methods: Registry[Method] = Registry("explanation method")
