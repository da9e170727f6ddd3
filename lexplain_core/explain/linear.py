"""Linear Explanations (Oikarinen & Weng, ICML 2024): a sparse fit, then a greedy search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from ..base.errors import UserError
from ..base.progress import Progress
from ..config import Linear
from .base import Explanation, Problem, methods
from .exact import SHORT, kkt_violation
from .greedy import greedy
from .sparse import solvers


def explain_linear(problem: Problem, explain: Linear, progress: Progress) -> Sequence[Explanation]:
    """Explain each unit as a sparse linear combination of concepts; one `Explanation` per unit of q."""
    if not len(problem.matrix.values):
        raise UserError(f"There is no concept of “{problem.matrix.name}” to explain with.")
    if "basis" not in problem.shared:
        with progress.task("covariances of the concepts", total=1) as advance:
            _ = problem.basis
            advance(1)
    weights = solvers[explain.solver](problem, explain, progress)
    ridge = explain.l1 * (1 - explain.alpha) / explain.alpha
    missed = kkt_violation(problem.basis, problem.targets, weights.double(), explain.l1, ridge).tolist()
    short = sum(v > SHORT for v in missed)
    if short and explain.solver == "exact":
        progress.note(
            f"the sparse fit of {short} of {len(missed)} units stopped short of its optimum: the largest violation "
            f"is {max(missed):.1e} (docs/explanation/method.md)"
        )
    with progress.task("greedy search", total=len(problem.q)) as advance:
        found = greedy(
            problem.basis, problem.targets, weights, explain.candidates, explain.epsilon,
            explain.max_terms, explain.signed, advance,
        )  # fmt: skip
    return [replace(result, kkt_violation=v) for result, v in zip(found, missed, strict=True)]


@dataclass(frozen=True)
class LinearExplanations:
    """Linear Explanations on one concept matrix."""

    matrix: str
    Options: ClassVar[type[Linear]] = Linear

    def explain(self, problem: Problem, options: Linear, progress: Progress) -> Sequence[Explanation]:
        return explain_linear(problem, options, progress)


methods.register("le-label")(LinearExplanations("label"))
methods.register("le-siglip")(LinearExplanations("explainer"))
