"""What the reader hands out: explanations with terms and scores, impacts and activation maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ..base.measures import Description
from .text import explanation_text


@dataclass(frozen=True)
class Term:
    """One concept of an explanation with its weight.

    Attributes:
        weight: In units of the activation per unit of P.
        concept_id: The concept's id in the store.
        name: The concept.
        origin: Which concept set it comes from.
        same: Names of other concepts that the explanation's matrix can't tell from it: they have its P on all images.
    """

    weight: float
    concept_id: int
    name: str
    origin: str
    same: tuple[str, ...] = ()


@dataclass(frozen=True)
class Score:
    """One value of a measure: of a unit, or of an explanation.

    Attributes:
        measure: Its name; `Store.measures` describes it.
        by: Who scored: the concept matrix whose P predicts the activation, an embedding, or what a unit is set to.
        split: The images it was computed on, `all` for the whole probing set.
        n: How many images, or trials, these are.
        value: None where the score is undefined.
        low: Lower end of its 95 % interval.
        high: Upper end of its 95 % interval.
        reason: Why the score is undefined.
        chance: What chance gives for this score: 95 % of what is meaningless scores less. For correlations, the 95th
            percentile of the same words' scores against other units of the layer.
        sampled: Whether the images are a random sample of the split.
        details: What else the measure says. Of `correlation`: `null_units`, `null_mean`, `null_above` (other units that
            the words score at least as high on), `null_reason`. Of ablations (Oikarinen & Weng 2024, eq. 11): `c` and `d`,
            as the unit is replaced by c·simulated + d. Of `observer`: `soft`.
    """

    measure: str
    by: str
    split: str
    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None
    chance: float | None = None
    sampled: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)

    def doubt(self, description: Description) -> str | None:
        """Why the score is no better than chance; None where it is better, undefined, or can't be told.

        `interval`: the 95 % interval holds what no information gives, or lies on its bad side. `null`: the score is not
        better than what chance gives for it.
        """
        if self.value is None or not description.best:
            return None
        sign = 1 if description.best == "high" else -1
        end = self.low if sign > 0 else self.high
        if end is not None and description.chance is not None and sign * (end - description.chance) <= 0:
            return "interval"
        if self.chance is not None and sign * (self.value - self.chance) <= 0:
            return "null"
        return None


@dataclass(frozen=True)
class Explanation:
    """A unit in words: a bias and weighted concepts, in the order in which they were chosen.

    Where a method found none, `terms` is empty, `bias` is None and `reason` says why.

    Attributes:
        id: Its number in the store.
        method: The method that found it.
        matrix: The concept matrix that it was found on.
        terms: The weighted concepts.
        bias: In units of the activation.
        val_correlation: Correlation on the val split, which the concepts were chosen by.
        reason: Why there is no explanation.
        config: Options of the method.
        scores: All its scores; `score()` finds one.
        simulator: The concept matrix whose score is the headline.
        kkt_violation: The largest violation of the optimality conditions of its sparse fit; None where unknown.
        source: File and digest of an imported explanation.
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
    kkt_violation: float | None = None
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

    @property
    def other_names(self) -> str:
        """Which concepts have other names, for those on the same images: `“cat” stands for “felines”, too`; '' for none."""
        quoted = [(t.name, ", ".join(f"“{name}”" for name in t.same)) for t in self.terms if t.same]
        return "; ".join(f"“{name}” stands for {others}, too" for name, others in quoted)

    def score(self, measure: str = "correlation", by: str | None = None) -> Score | None:
        """One of its scores.

        Args:
            measure: Name of a measure of explanations.
            by: The concept matrix whose P predicts the activation, the method's main one without.

        Returns:
            The score, or None where there is no such score.
        """
        wanted = (by or self.simulator, "")
        return next((s for s in self.scores if s.measure == measure and s.by in wanted), None)


@dataclass(frozen=True)
class UserExplanation:
    """An explanation that a person wrote. Names stand for ids, which a rebuild may change.

    method: the name that it was kept under. terms: (weight, key of the concept), in order. matrix: the concept matrix that
    it was fitted with. simulator: the matrix whose score is the headline. scores: correlations on the test split,
    by each matrix that knows the concepts. config: how it was made, JSON-ready: {"way": "refit" or "keep", "from": method or None}.
    made: when, ISO 8601 in UTC. store: id of the store whose images the scores are of; '' is any. A
    store of another id shows the words alone: its scores would be of other images.
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


CERTAIN = (
    4.0  # so many standard errors from 0 an output effect is sure, though it is picked among all outputs
)
FEW = 10  # images that hold half of an impact: a sample may well have missed as many more
TRIFLE = 0.01  # an error of this share of the impact: then nearly all that matters was measured


@dataclass(frozen=True, eq=False)
class Impact:
    """What the network loses without a unit (Oikarinen & Weng 2024, eq. 1–4), over the whole probing set.

    `accuracy` and `loss` have their sign: a network may do better without a unit. Of a unit without effect the total is
    0; where the impact is undefined it is None. Values and shares are NaN then, and `reason` says why.

    Attributes:
        to: What the unit is set to, `zero` or `mean` (its mean over the probing set).
        total: Σ|I(x)|.
        total_error: Standard error of the total; 0 where exact.
        accuracy: Share of the right answers that is lost.
        accuracy_error: Its standard error; 0 where exact.
        loss: Relative rise of the loss.
        loss_error: Its standard error; 0 where exact.
        half: How many images hold half of the total, the heaviest first, by what the measured ones stand for.
        images: How many images were measured.
        sampled: Whether they are a sample, and the numbers estimates.
        reason: Why there is no impact.
        top: Frame of Top Impacts, `beta`, `value` (share of the total on the round(beta·N) images with the highest
            activation), `error`.
        buckets: Frame of `bucket` (-1 below 0), `images` (of the probing set), `impact`, `share`, `error` (of the share).
    """

    to: str
    total: float | None
    total_error: float | None
    accuracy: float | None
    accuracy_error: float | None
    loss: float | None
    loss_error: float | None
    half: int | None
    images: int
    sampled: bool
    reason: str | None
    top: pd.DataFrame
    buckets: pd.DataFrame

    @property
    def rough(self) -> bool:
        """Whether it is an estimate whose half lies on few images and whose error is no trifle: that is rough, too."""
        if not self.sampled or self.half is None or self.total is None or self.total_error is None:
            return False
        return self.half <= FEW and self.total_error > TRIFLE * self.total


@dataclass(frozen=True, eq=False)
class UnitMap:
    """Where in an image a unit fires.

    Attributes:
        kind: `activation` (the unit's map itself), `occlusion` (drop of the activation where a patch is grey),
            `saliency` or `gradcam`.
        values: float32 (height, width), coarser than the image.
    """

    kind: str
    values: np.ndarray
