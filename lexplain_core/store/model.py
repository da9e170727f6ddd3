"""What the reader hands out: explanations with terms and scores, impacts and activation maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

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
    """How well an explanation predicts a unit.

    The null says what chance gives: the same words scored against other units of the layer. Ablation scores have none.

    Attributes:
        simulator: The concept matrix whose P predicts the activation.
        kind: `correlation`; `ablation-norm` or `ablation-optim` (Oikarinen & Weng 2024, eq. 11), for which the unit is
            replaced by c·simulated + d, with c and d in closed form or by gradient descent.
        split: The images it was computed on.
        n: How many these are.
        value: None where the score is undefined.
        low: Lower end of its 95 % interval.
        high: Upper end of its 95 % interval.
        reason: Why the score is undefined.
        null_units: How many other units the words were scored against.
        null_mean: Mean of these scores.
        null_high: Their 95th percentile.
        null_above: How many of them are at least `value`.
        null_reason: Why there is no null.
        c: Factor of an ablation score.
        d: Shift of an ablation score.
        sampled: Whether the images are a random sample of the split.
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
    c: float | None = None
    d: float | None = None
    sampled: bool = False

    @property
    def doubt(self) -> str | None:
        """Why the score is no better than chance; None where it is better, or undefined.

        `interval`: the 95 % interval holds 0 or lies below it. `null`: the score is not above the null's 95th percentile.
        An ablation score has its interval alone; 0 is what the unit's mean scores in place of the words.
        """
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
        violation: The largest violation of the optimality conditions of its sparse fit; None where unknown.
        source: File and digest of an imported explanation.
        two_faced: 0 to 1, how different the concepts of its low and its high ranges are; None where undefined.
        two_faced_reason: Why it is undefined.
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
    two_faced: float | None = None
    two_faced_reason: str | None = None

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

    def score(self, kind: str = "correlation", simulator: str | None = None) -> Score | None:
        """One of its scores.

        Args:
            kind: `correlation`, `ablation-norm` or `ablation-optim`.
            simulator: The concept matrix whose P predicts the activation, the method's main one without.

        Returns:
            The score, or None where there is no such score.
        """
        wanted = simulator or self.simulator
        return next((s for s in self.scores if s.kind == kind and s.simulator == wanted), None)


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


@dataclass(frozen=True)
class ObserverScore:
    """How often a machine tells a unit's strongest images from its weakest.

    It answers the 2AFC trials that people get, by similarity in an embedding (Machine Interpretability Score,
    Zimmermann, Klindt & Brendel 2024).

    Attributes:
        embedding: An encoder's name, or `target`, the network's own last recorded layer.
        trials: How many trials.
        value: Share of trials that were right; ties count half; chance is 0.5. None where there is no score.
        soft: Mean of sigmoid(slope·margin); None where the build had no slope.
        reason: Why there is no score.
    """

    embedding: str
    trials: int
    value: float | None
    soft: float | None
    reason: str | None


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
