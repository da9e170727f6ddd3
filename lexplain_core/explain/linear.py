"""Linear Explanations (Oikarinen & Weng, ICML 2024): a sparse fit, then a greedy search."""

from __future__ import annotations

from collections.abc import Sequence

from ..config import Explain
from ..errors import UserError
from ..progress import Progress
from .base import Found, Method, Problem, methods
from .greedy import Moments, greedy, ranking
from .sparse import Standardised, solvers

_OPTIONS = (
    "solver", "l1", "alpha", "epochs", "step", "batch",
    "candidates", "epsilon", "max_terms", "concept_mean5", "concept_std",
)  # fmt: skip


def explain_linear(problem: Problem, explain: Explain, progress: Progress) -> Sequence[Found]:
    """Explain each unit as a sparse linear combination of concepts; one `Found` per unit of q."""
    values, q = problem.matrix.values, problem.q
    if not len(values):
        raise UserError(
            "No concept passes the concept filter on the train split: the probing set needs at least one "
            "label that is on some images and not on all."
        )
    data = Standardised.of(values, q, problem.train)
    weights = solvers[explain.solver](data, explain, problem.seed, progress)
    train = Moments.of(values[:, problem.train], q[:, problem.train])
    val = Moments.of(values[:, problem.val], q[:, problem.val])
    found = []
    with progress.task("greedy search", total=len(q)) as advance:
        for unit in range(len(q)):
            order = ranking(weights[unit], train, unit)
            found.append(
                greedy(order, train, val, unit, explain.candidates, explain.epsilon, explain.max_terms)
            )
            advance(1)
    return found


methods.register("le-label")(Method("le-label", "label", _OPTIONS, explain_linear))
