"""What the reader hands out: explanations, their terms and their scores."""

from __future__ import annotations

from dataclasses import dataclass, field

from .text import explanation_text


@dataclass(frozen=True)
class Term:
    """One concept of an explanation with its weight, in activation units per unit of P."""

    weight: float
    concept_id: int
    name: str
    origin: str


@dataclass(frozen=True)
class Score:
    """How well an explanation predicts a unit.

    kind: 'correlation'. split and n: the images it was computed on. low, high: 95 % interval.
    value is None where the score is undefined, and `reason` says why.
    """

    simulator: str
    kind: str
    split: str
    n: int
    value: float | None
    low: float | None
    high: float | None
    reason: str | None


@dataclass(frozen=True)
class Explanation:
    """A unit in words: a bias and weighted concepts, in the order in which they were chosen.

    Where a method found none, `terms` is empty, `bias` is None and `reason` says why.
    """

    id: int
    method: str
    matrix: str
    terms: tuple[Term, ...]
    bias: float | None
    val_correlation: float | None
    reason: str | None
    config: dict
    scores: tuple[Score, ...] = field(default=())

    @property
    def length(self) -> int:
        """How many concepts the explanation has."""
        return len(self.terms)

    @property
    def text(self) -> str:
        """One readable line: `2.1·snow + 1.3·dog + 0.2`; empty where there is no explanation."""
        if self.reason is not None:
            return ""
        return explanation_text(((t.weight, t.name) for t in self.terms), self.bias)

    def score(self, kind: str = "correlation", simulator: str | None = None) -> Score | None:
        """The score of a kind (and simulator, else the first), or None."""
        for score in self.scores:
            if score.kind == kind and simulator in (None, score.simulator):
                return score
        return None
