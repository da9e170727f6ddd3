"""Scores by ablation: how little the network notices when a simulation replaces the unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, Protocol, TypeVar

import numpy as np

from .. import config
from ..base.checkpoints import Checkpoints, NoCheckpoints
from ..base.correlation import LARGEST, Z95, constant
from ..base.progress import Progress, Silent
from ..base.sampling import Sample, draw
from ..concepts.simulators import Simulator
from ..model.effects import Effects
from ..store import Score
from .base import Layer, Measure, Scores, Words, absent, measures
from .correlation import concept_values, pieces, simulations
from .matching import NODES, Scale, normalise, optimise

Mode = Literal["norm", "optim"]
NAMES: dict[Mode, str] = {"norm": "ablation", "optim": "ablation_optim"}

# Where the loss changes by less than this many nats an image, the unit has no effect.
NO_EFFECT = 1e-6
LEAST_IMAGES = 4
_TOO_FEW = f"The runs of the network leave fewer than {LEAST_IMAGES} images for each unit"
_AT_ONCE = 4_000_000  # losses of versions × units × images that are worked on at a time
_RUNS_AT_ONCE = 8_192  # of the network
_LEAST_UNITS = 32  # that share what comes before their layer
_FITTED_AT_ONCE = 250_000  # of units × images in the descent, which keeps some 50 numbers for each


@dataclass(frozen=True)
class Ablated:
    """An ablation score over n test images with its 95 % interval; None with a reason where undefined.

    c, d: the simulation was put on the unit's scale as c·s + d. sampled: n is a random sample of the
    test split's images, since all would need too many runs of the network.
    """

    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    c: float | None = None
    d: float | None = None
    reason: str | None = None
    sampled: bool = False

    def score(self, measure: str, simulator: str) -> Score:
        """As a store keeps it."""
        details = {} if self.c is None else {"c": self.c, "d": self.d}
        return Score(measure, simulator, "test", self.n, self.value, self.low, self.high, self.reason,
                     sampled=self.sampled, details=details)  # fmt: skip


@dataclass(frozen=True)
class _Job:
    """An explanation to be scored: of a unit, by the simulator of that number, with c and d."""

    unit: int
    simulator: int
    mode: Mode
    c: float
    d: float


def score_ablation(
    found: Mapping[int, Words],
    simulators: Sequence[Simulator],
    effects: Effects,
    val: np.ndarray,
    test: np.ndarray,
    *,
    modes: Sequence[Mode] = ("norm",),
    runs: int,
    seed: int = 0,
    progress: Progress | None = None,
    kept: Checkpoints | None = None,
) -> dict[str, dict[int, dict[Mode, Ablated]]]:
    """Score explanations of one layer by ablation: by simulator, unit and mode.

    1 − Σ|L(c·s + d) − L| / Σ|L(mean) − L| over the test split (paper, eq. 11–14), with the unit's mean
    on val: 1 where the network loses nothing by the replacement, 0 where the mean would do as well,
    below 0 where it does harm. found: by unit. val, test: boolean (N,). modes: how c and d are found on
    val, `norm` in closed form or `optim` by gradient descent from there (not promised to be the least). In closed form all images count; else
    at most `runs` runs of the network are made, half of them for the descent if there is one, and
    where that is too few a random sample of images is used, the same for all units, weighted by what
    each image stands for. The interval is by the delta method for a ratio of two sums. kept: what runs gave is
    kept there, and they go on from it.
    """
    progress, kept = progress or Silent(), kept or NoCheckpoints()
    said = _Simulations(found, simulators, effects.q, val, test)
    norms, reasons = _normalised(said, list(found), val)
    budgets = [int(val.sum()), int(test.sum())]
    if effects.intervention != "closed" and norms:
        units = len({job.unit for job in norms})
        for_test = runs // 2 if "optim" in modes else runs
        budgets = [(runs - for_test) // (units * NODES), for_test // (units + len(norms) * len(modes))]
    rng = np.random.default_rng([seed, 3])
    fitted, scored = (_Some.of(effects, s, b, rng) for s, b in zip((val, test), budgets, strict=True))
    n, sampled = len(scored.images), scored.sampled

    def without(reason: str) -> Ablated:
        return Ablated(n, reason=reason, sampled=sampled)

    scores = {(*key, mode): without(reason) for key, reason in reasons.items() for mode in modes}
    jobs = norms if "norm" in modes else []
    if "optim" in modes and len(fitted.images) >= LEAST_IMAGES:
        jobs = jobs + _optimised(said, effects, norms, fitted, progress, kept)
    elif "optim" in modes:
        reason = f"{_TOO_FEW} to find c and d by gradient descent; raise ablation.runs."
        scores |= {(job.simulator, job.unit, "optim"): without(reason) for job in norms}
    if n >= LEAST_IMAGES:
        found_scores = _score(said, effects, jobs, scored, progress, kept)
    elif sampled:
        found_scores = [without(f"{_TOO_FEW} to score on; raise ablation.runs.") for _ in jobs]
    else:
        found_scores = [without(f"Only {n} images to score on; {LEAST_IMAGES} are the least.") for _ in jobs]
    scores |= {(j.simulator, j.unit, j.mode): s for j, s in zip(jobs, found_scores, strict=True)}
    return {
        simulator.name: {unit: {mode: scores[number, unit, mode] for mode in modes} for unit in found}
        for number, simulator in enumerate(simulators)
    }


@dataclass(frozen=True)
class _Some:
    """Images of a split that losses are looked at on: all, or a sample with more of those of which the
    network is unsure, since their losses move most. images: ids (n,)."""

    images: np.ndarray
    sample: Sample
    sampled: bool

    @classmethod
    def of(cls, effects: Effects, split: np.ndarray, budget: int, rng: np.random.Generator) -> _Some:
        images = np.flatnonzero(split)
        if budget < min(LEAST_IMAGES, len(images)):
            return cls(images[:0], draw(np.zeros(0), np.zeros(0), [], 0, rng), True)
        guess = np.sqrt(1e-6 - np.expm1(-effects.loss[images]))
        sample = draw(np.arange(len(images)), guess, [], budget, rng)
        return cls(images[sample.chosen], sample, not sample.whole)

    @property
    def weights(self) -> np.ndarray:
        return self.sample.weights


class _Simulations:
    """What each simulator makes of the explanations, on the validation and test splits.

    reasons: for (simulator number, unit) where it can't judge an explanation.
    """

    def __init__(
        self,
        found: Mapping[int, Words],
        simulators: Sequence[Simulator],
        q: np.ndarray,
        val: np.ndarray,
        test: np.ndarray,
    ):
        chosen = np.asarray(val, dtype=bool) | np.asarray(test, dtype=bool)
        self.q, self.simulators = q, range(len(simulators))
        self._found, self._column, self._val = found, np.cumsum(chosen) - 1, np.flatnonzero(val)
        self._known = [concept_values(found, simulator, chosen) for simulator in simulators]
        self.reasons = {
            (number, unit): reason
            for number, (_, _, reasons) in enumerate(self._known)
            for unit, reason in reasons.items()
        }

    def of(self, simulator: int, units: Sequence[int], images: np.ndarray) -> np.ndarray:
        """The simulations of units, float64 (u, n), on images of the two splits."""
        values, rows, _ = self._known[simulator]
        explanations = [self._found[unit] for unit in units]
        return simulations(explanations, values, rows, self._column[images])

    def activations(self, units: Sequence[int], images: np.ndarray) -> np.ndarray:
        """The units themselves, float64 (u, n)."""
        return np.asarray(self.q[list(units)][:, images], dtype=np.float64)

    def means(self, units: Sequence[int]) -> np.ndarray:
        """The units' means on the validation split, float64 (u,)."""
        return self.activations(units, self._val).mean(axis=1)


def _normalised(
    said: _Simulations, units: list[int], val: np.ndarray
) -> tuple[list[_Job], dict[tuple[int, int], str]]:
    """A job in the mode `norm` for each explanation that can be scored, and reasons for the others."""
    images, reasons, jobs = np.flatnonzero(val), dict(said.reasons), []
    for number in said.simulators:
        left = [unit for unit in units if (number, unit) not in reasons]
        for piece in pieces(left, max(1, _AT_ONCE // max(1, len(images)))):
            q, s = said.activations(piece, images), said.of(number, piece, images)
            usable = [_unusable(a, b) for a, b in zip(q, s, strict=True)]
            good = [i for i, reason in enumerate(usable) if reason is None]
            reasons |= {(number, u): reason for u, reason in zip(piece, usable, strict=True) if reason}
            scale = normalise(q[good], s[good])
            jobs += [
                _Job(piece[i], number, "norm", float(c), float(d))
                for i, c, d in zip(good, scale.c, scale.d, strict=True)
            ]
    return jobs, reasons


def _unusable(q: np.ndarray, simulated: np.ndarray) -> str | None:
    """Why c and d can't be found from a unit and a simulation on the validation split, if so."""
    if len(q) < LEAST_IMAGES:
        return f"Only {len(q)} validation images to find c and d on; {LEAST_IMAGES} are the least."
    if not (np.abs(simulated) <= LARGEST).all():  # nor is NaN
        return "The explanation predicts activations that are not finite, or too large to compute with."
    if constant(simulated):
        return "The explanation predicts the same activation for all images of the validation split."
    if constant(q):
        return "The unit has the same activation on all images of the validation split."
    return None


def _optimised(
    said: _Simulations,
    effects: Effects,
    norms: list[_Job],
    some: _Some,
    progress: Progress,
    kept: Checkpoints,
) -> list[_Job]:
    """The same jobs in the mode `optim`, with c and d found on these validation images."""
    images = some.images
    by_key = {(job.simulator, job.unit): job for job in norms}
    units = list(dict.fromkeys(job.unit for job in norms))
    state = kept.load("fits") or {"done": 0, "jobs": []}
    done, jobs = state["done"], [_Job(**job) for job in state["jobs"]]
    with progress.task("ablation, fit of c and d", len(units)) as advance:
        advance(done)
        for piece in pieces(units[done:], max(1, _FITTED_AT_ONCE // len(images))):
            means = said.means(piece)
            simulated, starts = [], []
            for number in said.simulators:
                known = [i for i, unit in enumerate(piece) if (number, unit) in by_key]
                # Where there is nothing to fit, the mean stands in and costs nothing.
                s, c, d = np.repeat(means[:, None], len(images), axis=1), np.zeros(len(piece)), means.copy()
                s[known] = said.of(number, [piece[i] for i in known], images)
                c[known] = [by_key[number, piece[i]].c for i in known]
                d[known] = [by_key[number, piece[i]].d for i in known]
                simulated.append(s)
                starts.append(Scale(c, d))
            scales = optimise(effects, np.array(piece), images, some.weights, simulated, starts, means)
            for number, scale in zip(said.simulators, scales, strict=True):
                jobs += [
                    _Job(unit, number, "optim", float(scale.c[i]), float(scale.d[i]))
                    for i, unit in enumerate(piece)
                    if (number, unit) in by_key
                ]
            done += len(piece)
            if kept.due():
                kept.save("fits", done=done, jobs=[asdict(job) for job in jobs])
            advance(len(piece))
    return jobs


def _score(
    said: _Simulations,
    effects: Effects,
    jobs: list[_Job],
    some: _Some,
    progress: Progress,
    kept: Checkpoints,
) -> list[Ablated]:
    """Score jobs on these test images, in their order."""
    images = some.images
    of_unit: dict[int, list[int]] = {}
    for number, job in enumerate(jobs):
        of_unit.setdefault(job.unit, []).append(number)
    most = 1 + max((len(numbers) for numbers in of_unit.values()), default=0)
    step = max(1, _AT_ONCE // (most * len(images)))
    if effects.intervention != "closed":  # runs take long, so that less is lost where they are interrupted
        step = min(step, max(_LEAST_UNITS, _RUNS_AT_ONCE // (most * len(images))))
    state = kept.load("scores") or {"done": 0, "scores": []}
    done, scores = state["done"], {number: Ablated(**score) for number, score in state["scores"]}
    with progress.task("ablation", len(of_unit)) as advance:
        advance(done)
        for piece in pieces(list(of_unit)[done:], step):
            # Version 0 is the mean, which also fills up the versions of a unit that has fewer.
            values = np.repeat(said.means(piece)[:, None], len(images), axis=1)
            values = np.repeat(values[None], most, axis=0)
            for simulator in said.simulators:
                which = [(i, k) for i, unit in enumerate(piece) for k in of_unit[unit]]
                which = [(i, k) for i, k in which if jobs[k].simulator == simulator]
                simulated = said.of(simulator, [piece[i] for i, _ in which], images)
                for (i, k), s in zip(which, simulated, strict=True):
                    values[1 + of_unit[piece[i]].index(k), i] = jobs[k].c * s + jobs[k].d
            loss = _losses(effects, np.array(piece), images, values, [len(of_unit[u]) for u in piece])
            changes = np.abs(loss - effects.loss[images])
            for i, unit in enumerate(piece):
                for version, k in enumerate(of_unit[unit], 1):
                    scores[k] = _ratio(changes[version, i], changes[0, i], jobs[k], some.sample)
            done += len(piece)
            if kept.due():
                kept.save("scores", done=done, scores=[(k, asdict(score)) for k, score in scores.items()])
            advance(len(piece))
    return [scores[number] for number in range(len(jobs))]


def _losses(
    effects: Effects, units: np.ndarray, images: np.ndarray, values: np.ndarray, versions: list[int]
) -> np.ndarray:
    """Losses (V, u, n); NaN for versions that a unit doesn't have, where each would cost runs."""
    has = np.arange(len(values))[:, None] <= np.array(versions)
    if effects.intervention == "closed" or has.all():
        return effects.block(units, images, values).loss
    version, unit = np.nonzero(has)
    loss = np.full(values.shape, np.nan)
    found = effects.rows(
        np.tile(images, len(unit)), np.repeat(units[unit], len(images)), values[version, unit].ravel()
    )
    loss[version, unit] = found.loss.reshape(len(unit), -1)
    return loss


def _ratio(simulated: np.ndarray, mean: np.ndarray, job: _Job, sample: Sample) -> Ablated:
    """The score from what the loss changes by with the simulation and with the mean, both (n,).

    Its error has two parts: the test images might have been others, and not all of them were run.
    """
    n, sampled, weights = len(mean), not sample.whole, sample.weights
    if not (np.isfinite(mean).all() and np.isfinite(simulated).all()):
        reason = "With the unit replaced the network's loss is not finite on some images."
        return Ablated(n, c=job.c, d=job.d, reason=reason, sampled=sampled)
    of_all, total = weights.sum(), weights @ mean
    if total < NO_EFFECT * of_all:
        where = f", as a sample of {n:,} images has it" if sampled else ""
        reason = (
            "With this unit at its mean the network's loss stays the same (it changes by less than "
            f"0.000001 nats an image{where}), so there is nothing that words could keep."
        )
        return Ablated(n, c=job.c, d=job.d, reason=reason, sampled=sampled)
    ratio = weights @ simulated / total
    rest = simulated - ratio * mean
    variance = of_all / (of_all - 1) * (weights @ rest**2) + sample.errors(rest[:, None])[0] ** 2
    value = float(1 - ratio)
    half = float(Z95 * np.sqrt(variance) / total)
    return Ablated(n, value, value - half, value + half, job.c, job.d, sampled=sampled)


# -- as a measure ---------------------------------------------------------------------------------

T = TypeVar("T")


class Replacing(Protocol):
    """What replaces the units of layers."""

    def why_not(self, layer: Layer) -> str | None:
        """Why there are no losses to compare for a layer's units; None where there are."""

    def closed(self, layer: Layer) -> bool:
        """Whether replacing them takes matrix products alone."""

    def measure(self, layer: Layer, what: Callable[[Effects], T]) -> T:
        """What `what(effects)` gives for a layer."""


def measure_ablation(
    layer: Layer,
    words: Mapping[int, Words],
    missing: Mapping[int, str],
    replacing: Replacing,
    splits: np.ndarray,
    simulators: Sequence[Simulator],
    ablation: config.Ablation,
    methods: Sequence[str],
    seed: int,
    progress: Progress,
    kept: Checkpoints,
) -> Scores:
    """How little the network notices when an explanation's prediction replaces the unit.

    methods: all of the build, which share the runs of the network.
    """
    val, test = splits == "val", splits == "test"
    why, n = replacing.why_not(layer), int(test.sum())
    if why:
        for simulator in simulators:
            yield from ((unit, Score(NAMES["norm"], simulator.name, "test", n, reason=why)) for unit in words)
            yield from absent(NAMES["norm"], simulator.name, n, missing)
        return
    optim = {"auto": replacing.closed(layer), "always": True, "never": False}[ablation.optim]
    modes: tuple[Mode, ...] = ("norm", "optim") if optim else ("norm",)
    found = replacing.measure(
        layer,
        lambda effects: score_ablation(
            words, simulators, effects, val, test, modes=modes, runs=ablation.runs // len(methods), seed=seed,
            progress=progress, kept=kept,
        ),
    )  # fmt: skip
    for name, by_unit in found.items():
        yield from absent(NAMES["norm"], name, n, missing)
        for unit, by_mode in by_unit.items():
            yield from ((unit, one.score(NAMES[mode], name)) for mode, one in by_mode.items())


_SCALE = "1, the network’s loss stays as it is; 0, no better than the unit’s mean"
measures.add(
    Measure(
        name=NAMES["norm"], title="ablation score", short="Ablation", of="explanation", high=1, best="high", chance=0,
        judge=True, needs="replacing splits simulators ablation methods seed progress kept", measure=measure_ablation,
        when=lambda build: build.ablation.run,
        help=f"How well the words’ prediction stands in for the unit on the test split (norm): {_SCALE}",
    )
)  # fmt: skip
measures.add(
    Measure(
        name=NAMES["optim"], title="ablation score (optim)", short="Abl. (optim)", of="explanation", high=1, best="high",
        chance=0, listed=False, when=lambda build: build.ablation.run,
        help="The ablation score with c and d of c·prediction + d found by gradient descent on val, towards where the "
        f"network’s loss changes least: {_SCALE}",
    )
)  # fmt: skip
