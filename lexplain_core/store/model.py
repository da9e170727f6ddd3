"""What the reader hands out: explanations with terms and scores, impacts and activation maps."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from .text import explanation_text


@dataclass(frozen=True)
class Term:
    """One concept of an explanation with its weight, in activation units per unit of P.

    same: names of other concepts that the explanation's matrix can't tell from it: they have its P on all images.
    """

    weight: float
    concept_id: int
    name: str
    origin: str
    same: tuple[str, ...] = ()


@dataclass(frozen=True)
class Score:
    """How well an explanation predicts a unit.

    kind: 'correlation'; 'ablation-norm' or 'ablation-optim' (paper, eq. 11), for which the unit is
    replaced by c·simulated + d, with c and d in closed form or found by gradient descent.
    split and n: the images it was computed on; `sampled` where these are a random sample of the split.
    low, high: 95 % interval. value is None where the score is undefined, and `reason` says why.

    The null says what chance gives: the same words scored against `null_units` other units of the
    layer, whose scores have the mean `null_mean` and the 95th percentile `null_high`; `null_above` of
    them score at least `value`. They are None where there is no null, and `null_reason` says why;
    ablations have none.
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
        """Why the score is no better than chance: 'interval' (it holds 0 or lies below), 'null' (it is
        not above the null's 95th percentile); None where it is better, or undefined.

        An ablation has its interval alone; 0 is what the unit's mean scores in place of the words.
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
    matrix: the concept matrix that it was found on. simulator: the one whose score is the headline.
    violation: the largest violation of the optimality conditions of its sparse fit, None where
    unknown. source: file and digest of an imported explanation. two_faced: 0 to 1, how different the concepts of
    its low and its high ranges are (`relations.two_faced`); None where two_faced_reason says why.
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
        """The score of a kind by a simulator (the method's main one without), or None."""
        wanted = simulator or self.simulator
        return next((s for s in self.scores if s.kind == kind and s.simulator == wanted), None)


CERTAIN = (
    4.0  # so many standard errors from 0 an output effect is sure, though it is picked among all outputs
)
FEW = 10  # images that hold half of an impact: a sample may well have missed as many more
TRIFLE = 0.01  # an error of this share of the impact: then nearly all that matters was measured


@dataclass(frozen=True, eq=False)
class Impact:
    """What the network loses without a unit (paper, eq. 1–4), over the whole probing set.

    to: what the unit is set to, 'zero' or 'mean' (its mean over the probing set). total: Σ|I(x)|. accuracy: share of
    the right answers that is lost. loss: relative rise of the loss. Both have their sign: a network
    may do better without a unit.

    half: how many images hold half of the total, the heaviest first (by what the measured ones stand for).
    images: how many were measured; `sampled` where they are a sample and the numbers estimates, whose
    standard errors are total_error, accuracy_error, loss_error and `error` in the frames (0 where exact).

    top: beta, value, error; value is the share of the total that lies in the round(beta·N) images with
    the highest activation. buckets: bucket (-1 below 0), images (of the probing set), impact, share,
    error (of the share). Of a unit without effect the total is 0, where the impact is undefined it is
    None; values and shares are then NaN, and `reason` says why.
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
        few = self.sampled and self.half is not None and self.half <= FEW
        return few and self.total_error > TRIFLE * self.total


@dataclass(frozen=True)
class ObserverScore:
    """How often a machine tells a unit's strongest images from its weakest: 2AFC trials as people get
    them, answered by similarity in an embedding (the Machine Interpretability Score, Zimmermann et al. 2024).

    embedding: an encoder's name, or 'target', the network's own last recorded layer. value: share of `trials`
    that were right, ties count half; chance is 0.5. soft: mean of sigmoid(slope·margin), None where the
    build had no slope. value is None where there is no score, and `reason` says why.
    """

    embedding: str
    trials: int
    value: float | None
    soft: float | None
    reason: str | None


@dataclass(frozen=True, eq=False)
class UnitMap:
    """Where in an image a unit fires.

    kind: 'activation' (the unit's map itself), 'occlusion' (drop of the activation where a patch is
    grey), 'saliency', 'gradcam'. values: float32 (height, width), coarser than the image.
    """

    kind: str
    values: np.ndarray
