"""Linear Explanations (Oikarinen & Weng, ICML 2024): a sparse fit, then a greedy search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..base.errors import UserError
from ..base.progress import Progress
from ..config import Explain
from .base import Found, Method, Problem, methods
from .exact import SHORT, violation
from .greedy import greedy
from .sparse import solvers

_OPTIONS = (
    "solver", "l1", "alpha", "epochs", "step", "batch", "candidates", "signed",
    "epsilon", "max_terms", "concept_mean5", "concept_std",
)  # fmt: skip


def explain_linear(problem: Problem, explain: Explain, progress: Progress) -> Sequence[Found]:
    """Explain each unit as a sparse linear combination of concepts; one `Found` per unit of q."""
    if not len(problem.matrix.values):
        raise UserError(f"There is no concept of “{problem.matrix.name}” to explain with.")
    if "basis" not in problem.shared:
        with progress.task("covariances of the concepts", total=1) as advance:
            _ = problem.basis
            advance(1)
    weights = solvers[explain.solver](problem, explain, progress)
    ridge = explain.l1 * (1 - explain.alpha) / explain.alpha
    missed = violation(problem.basis, problem.targets, weights.double(), explain.l1, ridge).tolist()
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
    return [replace(result, violation=v) for result, v in zip(found, missed, strict=True)]


methods.register("le-label")(Method("le-label", "label", _OPTIONS, explain_linear))
methods.register("le-siglip")(Method("le-siglip", "explainer", _OPTIONS, explain_linear))
