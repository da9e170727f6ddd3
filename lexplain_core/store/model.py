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

    The null says what chance gives: the same words scored against `null_units` other units of the
    layer, whose scores have the mean `null_mean` and the 95th percentile `null_high`; `null_above` of
    them score at least `value`. They are None where there is no null, and `null_reason` says why.
    """

    simulator: str
    kind: str
    split: str
    n: int
    value: float | None
    low: float | None
    high: float | None
    reason: str | None
    null_units: int | None = None
    null_mean: float | None = None
    null_high: float | None = None
    null_above: int | None = None
    null_reason: str | None = None

    @property
    def doubt(self) -> str | None:
        """Why the score is no better than chance: 'interval' (it holds 0 or lies below), 'null' (it is
        not above the null's 95th percentile); None where it is better, or undefined."""
        if self.value is None:
            return None
        if self.low is not None and self.low <= 0:
            return "interval"
        if self.null_high is not None and self.value <= self.null_high:
            return "null"
        return None


@dataclass(frozen=True)
class Explanation:
    """A unit in words: a bias and weighted concepts, in the order in which they were chosen.

    Where a method found none, `terms` is empty, `bias` is None and `reason` says why.
    matrix: the concept matrix that it was found on. simulator: the one whose score is the headline.
    violation: the largest violation of the optimality conditions of its sparse fit, None where
    unknown. source: file and digest of an imported explanation.
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
    simulator: str = "label"
    violation: float | None = None
    source: str | None = None

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
        """The score of a kind by a simulator (the method's main one without), or None."""
        wanted = simulator or self.simulator
        return next((s for s in self.scores if s.kind == kind and s.simulator == wanted), None)
