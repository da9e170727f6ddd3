"""Explanations that people made by hand, which a store takes in beside its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .model import Score


@dataclass(frozen=True)
class Made:
    """A unit in a person's words. Names stand for what ids may change with a rebuild.

    method: the name that it was kept under. terms: (weight, key of the concept), in order. matrix: the concept matrix that
    it was fitted with. simulator: the matrix whose score is the headline. scores: correlations on the test split,
    by each matrix that knows the concepts. config: how it was made, JSON-ready: {"way": "refit" or "keep", "from": method or None}.
    made: when, ISO 8601 in UTC. store: id of the store whose images the scores are of; '' is the one that takes it in. A
    store of another id takes in the words alone: its scores would be of other images.
    """

    layer: str
    unit: int
    method: str
    terms: tuple[tuple[float, str], ...]
    bias: float
    matrix: str
    simulator: str
    val_correlation: float | None
    scores: tuple[Score, ...] = ()
    config: Mapping[str, object] = field(default_factory=dict)
    made: str = ""
    store: str = ""
