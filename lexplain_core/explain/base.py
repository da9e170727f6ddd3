"""Explanations as the methods make them, and the registry of methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch

from ..base.progress import Progress
from ..base.registry import Registry
from ..concepts import ConceptMatrix
from ..config import Explain, Section, method_options
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
class Explanation:
    """One unit's explanation: concept indices into the problem's matrix, in order of selection.

    Where there is none, `concepts` is empty, `bias` is None and `reason` says why. kkt_violation: by how
    much the sparse fit that ranked the concepts misses its optimality conditions
    (`exact.kkt_violation`), None for methods without such a fit.
    """

    concepts: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    bias: float | None = None
    val_correlation: float | None = None
    reason: str | None = None
    kkt_violation: float | None = None


class Method(Protocol):
    """A way of explaining units. `docs/how-to/methods.md` shows how to add one.

    Attributes:
        matrix: The concept matrix that it reads: `label`, or `explainer` for that of the build's explaining encoder.
        Options: Its options, a pydantic model; `[explain.NAME]` in a build's config.
    """

    matrix: str
    Options: type[Section]

    def explain(self, problem: Problem, options: Any, progress: Progress) -> Sequence[Explanation]:
        """Explain each unit of the problem.

        Args:
            problem: The units of a layer, and what they may be explained with.
            options: An instance of `Options`.
            progress: Where to report.

        Returns:
            One explanation for each row of `problem.q`, in order. Of a unit that the method can't explain,
            `Explanation(reason="…")`, a sentence.
        """


class Methods(Registry[Method]):
    """The explanation methods by name. What is registered may be a class, of which an instance is made."""

    def register(self, name: str) -> Callable[[Any], Any]:
        """A decorator that registers a method under a name, and its options as `[explain.NAME]`."""

        def keep(item: Any) -> Any:
            method = item() if isinstance(item, type) else item
            super(Methods, self).register(name)(method)
            method_options[name] = method.Options
            return item

        return keep


methods = Methods("explanation method")


@dataclass(frozen=True)
class ConfiguredMethod:
    """A method with the options of a build. build: the section `[explain]`."""

    name: str
    build: Explain

    @property
    def method(self) -> Method:
        """The method itself."""
        return methods[self.name]

    @cached_property
    def options(self) -> Section:
        """Its own options. Those of Linear Explanations stand in `[explain]`, for all methods that have them."""
        kind, own = self.method.Options, self.build.own.get(self.name, {})
        shared = (
            {name: getattr(self.build, name) for name in kind.model_fields}
            if issubclass(Explain, kind)
            else {}
        )
        return kind.model_validate(shared | own)

    @property
    def config(self) -> dict[str, Any]:
        """All that changes what the method finds; its hash is part of the key of an explanation."""
        filter = {name: getattr(self.build, name) for name in ("min_top5_mean", "min_std")}
        return (
            {"method": self.name, "matrix": self.method.matrix}
            | filter
            | self.options.model_dump(mode="json")
        )

    def explain(self, problem: Problem, progress: Progress) -> list[Explanation]:
        """One explanation for each unit of the problem. Raises `ValueError` where the method gives another number."""
        found = list(self.method.explain(problem, self.options, progress))
        if len(found) != len(problem.q):
            raise ValueError(
                f"the method {self.name!r} gave {len(found)} explanations of {len(problem.q)} units"
            )
        return found
