"""Impact: what the network loses without a unit, on which images, and on how few of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..base.checkpoints import Checkpoints, NoCheckpoints
from ..base.correlation import Z95
from ..base.progress import Progress, Silent
from ..base.sampling import Sample, allocate, draw
from ..model.effects import Effects
from ..store import Score
from ..store.buckets import N_BUCKETS
from .ablation import NO_EFFECT, Replacing
from .base import Layer, Measure, Scores, measures
from .ranges import buckets_of, by_activation, count_buckets, top_count

NAME = "impact"
# Shares of the images for Top Impact: those of the paper's Table 1, then the curve's further points.
TABLE1 = (0.0003, 0.002, 0.02, 0.1, 0.5)
BETAS = tuple(sorted({*TABLE1, 0.001, 0.005, 0.01, 0.05, 0.2, 1.0}))
_TAIL = 0.9  # quantile over the units of a layer
LEAST_RUNS = 10  # a sample of fewer images says nothing of a unit
_AT_ONCE = 4_000_000  # losses of units × images that are worked on at a time
_ROWS = 4_096  # runs between two steps of the progress bar
# The loss moves by about the change of the unit times 1 − p of the right answer. The square root of that is
# the guess: a few images then weigh less than they might, and those that look harmless are not forgotten.
_SURE = 1e-6  # of an image on which the network is quite sure


@dataclass(frozen=True)
class Impact:
    """The impact of one unit (paper, eq. 1–4), and where it lies.

    to: what the unit was set to, `zero` or its `mean`. total: Σ|I(x)| over all images. accuracy: the
    share of the right answers that is lost. loss: the relative rise of the loss (both signed, and before
    the halving of eq. 3). Each with its standard error, 0 where exact. images: on how many the network was
    run without the unit (all where `sampled` is False). half: how many images hold half of the total, the
    heaviest first; None without an effect.

    top: a row for each of BETAS: beta, value (Top Impact), error (its standard error). buckets:
    bucket (0–7, -1 for values below 0), images (of the whole probing set), impact, share, error
    (of the share). value and share are NaN where undefined: without impact, or where a share of
    the images is less than one of them. reason: a sentence where the unit has no effect (total 0)
    or the impact is undefined (total None).
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
    top: pd.DataFrame = field(repr=False)
    buckets: pd.DataFrame = field(repr=False)
    reason: str | None = None


def measure_impact(
    effects: Effects,
    units: Iterable[int],
    to: Literal["zero", "mean"] = "zero",
    *,
    runs: int,
    seed: int = 0,
    progress: Progress | None = None,
    kept: Checkpoints | None = None,
) -> dict[int, Impact]:
    """The impact of units of a layer when they are set to 0 or to their mean over all images.

    In closed form it is exact. Else the network is run at most `runs` times: for all images where
    that is enough (images on which the unit has that value already need no run), else for a random
    sample of each unit's images, divided by activation and taken whole at the top. Estimates from
    it are unbiased for sums (Horvitz & Thompson), with standard errors. The sample of a unit is
    fixed by `seed` and the unit. kept: what runs gave is kept there, and they go on from it. Raises ValueError for an
    unknown `to`.
    """
    if to not in ("zero", "mean"):
        raise ValueError(f"a unit can be set to 'zero' or its 'mean', not {to!r}")
    units = [int(unit) for unit in units]
    progress = progress or Silent()
    if reason := _undefined(effects):
        return {unit: _without(effects.q[unit], to, None, 0, False, reason) for unit in units}
    if effects.intervention == "closed":
        found = _exact(effects, units, to, progress)
    else:
        found = _by_runs(effects, units, to, runs, seed, progress, kept or NoCheckpoints())
    return {unit: found[unit] for unit in units}


def _undefined(effects: Effects) -> str | None:
    """Why impact has no value for any unit of a network, if so."""
    if not np.isfinite(effects.loss).all():
        return "The network's loss is not finite on some images, so impact has no value."
    if not effects.right.any():
        return "The network is right on none of the images, so the share of right answers lost has no value."
    if not effects.loss.sum() > 0:
        return "The network's loss is 0 on all images, so its relative rise has no value."
    return None


def _exact(effects: Effects, units: list[int], to: str, progress: Progress) -> dict[int, Impact]:
    n = effects.q.shape[1]
    images = np.arange(n)
    step = max(1, _AT_ONCE // n)
    found = {}
    with progress.task(f"impact, {_set_to(to)}", len(units)) as advance:
        for start in range(0, len(units), step):
            piece = units[start : start + step]
            q = np.asarray(effects.q[piece])
            values = np.repeat([[_target(row, to)] for row in q], n, axis=1)[None]
            measured = effects.block(np.array(piece), images, values)
            for i, unit in enumerate(piece):
                order = by_activation(q[i])
                loss, right = measured.loss[0, i][order], measured.right[0, i][order]
                found[unit] = _sum_up(effects, q[i], to, order, images, None, loss, right)
            advance(len(piece))
    return found


@dataclass
class _Plan:
    """On which images a unit is measured: images and their ranks by activation, both (m,)."""

    unit: int
    images: np.ndarray
    ranks: np.ndarray
    sample: Sample
    value: float


def _by_runs(
    effects: Effects,
    units: list[int],
    to: str,
    runs: int,
    seed: int,
    progress: Progress,
    kept: Checkpoints,
) -> dict[int, Impact]:
    found, plans = {}, []
    needed = [int((row != _target(row, to)).sum()) for row in (effects.q[unit] for unit in units)]
    budgets = allocate(np.ones(len(units)), np.zeros(len(units)), np.array(needed), runs)
    for unit, need, budget in zip(units, needed, budgets, strict=True):
        if budget < min(need, LEAST_RUNS):
            reason = (
                f"There are too few runs of the network for {len(units):,} units: "
                f"a sample needs {LEAST_RUNS} for each; raise importance.runs."
            )
            found[unit] = _without(effects.q[unit], to, None, 0, True, reason)
        else:
            plans.append(_plan(effects, unit, to, int(budget), seed))
    loss, right = _run(effects, plans, progress, f"impact, {_set_to(to)}", kept)
    ends = np.cumsum([len(plan.images) for plan in plans])
    parts = [slice(end - len(plan.images), end) for plan, end in zip(plans, ends, strict=True)]
    tail = _tail(effects, plans, parts, loss, right)
    for plan, part in zip(plans, parts, strict=True):
        q, sample = effects.q[plan.unit], None if plan.sample.whole else plan.sample
        found[plan.unit] = _sum_up(
            effects, q, to, plan.images, plan.ranks, sample, loss[part], right[part], tail
        )
    return found


def _tail(
    effects: Effects, plans: list[_Plan], parts: list[slice], loss: np.ndarray, right: np.ndarray
) -> float:
    """How heavy the heaviest images of the layer's units are, as all but a tenth of the samples show it.

    Where a few images hold a unit's impact its own sample may hold none of them; those of some others do.
    """
    tails = [
        plan.sample.tail(_values(effects, plan.images, loss[part], right[part])[0])
        for plan, part in zip(plans, parts, strict=True)
        if not plan.sample.whole and np.isfinite(loss[part]).all()
    ]
    return float(np.quantile(tails, _TAIL)) if tails else 0.0


def _values(
    effects: Effects, images: np.ndarray, loss: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """|I| of images (eq. 3), and its two parts: right answers lost and rise of the loss, each as a share of all."""
    lost = (effects.right[images].astype(np.float64) - right) / effects.right.sum()
    rise = (loss - effects.loss[images]) / effects.loss.sum()
    return np.abs(lost + rise) / 2, lost, rise


def _plan(effects: Effects, unit: int, to: str, budget: int, seed: int) -> _Plan:
    q = np.asarray(effects.q[unit])
    n, value = len(q), _target(q, to)
    order = by_activation(q)
    ranks = np.flatnonzero(q[order] != value)
    distance = np.abs(q[order[ranks]] - value) + np.finfo(np.float32).tiny
    guess = np.sqrt(distance * (_SURE - np.expm1(-effects.loss[order[ranks]])))
    edges = np.flatnonzero(np.diff(buckets_of(q)[0][order])) + 1
    cuts = [top_count(beta, n) for beta in TABLE1] + edges.tolist() + [top_count(beta, n) for beta in BETAS]
    rng = np.random.default_rng([seed, unit, to == "mean"])
    sample = draw(ranks, guess, cuts, budget, rng)
    ranks = ranks[sample.chosen]
    return _Plan(unit, order[ranks], ranks, sample, value)


def _run(
    effects: Effects, plans: list[_Plan], progress: Progress, label: str, kept: Checkpoints
) -> tuple[np.ndarray, np.ndarray]:
    """Losses and right answers of all plans' rows, one plan after the other; run image by image."""
    images = np.concatenate([np.zeros(0, dtype=np.int64), *(plan.images for plan in plans)])
    units = np.repeat([plan.unit for plan in plans], [len(plan.images) for plan in plans]).astype(np.int64)
    values = np.repeat([plan.value for plan in plans], [len(plan.images) for plan in plans])
    state = kept.load("runs") or {
        "done": 0,
        "loss": np.zeros(len(images)),
        "right": np.zeros(len(images), bool),
    }
    done, loss, right = int(state["done"]), np.array(state["loss"]), np.array(state["right"])
    order = np.argsort(images, kind="stable")
    with progress.task(label, len(order)) as advance:
        advance(done)
        for rows in whole_images(images[order], _ROWS, done):
            part = order[rows]
            measured = effects.rows(images[part], units[part], values[part])
            loss[part], right[part] = measured.loss, measured.right
            if kept.due():
                kept.save("runs", done=rows.stop, loss=loss, right=right)
            advance(len(part))
    return loss, right


def whole_images(images: np.ndarray, size: int, start: int = 0) -> Iterator[slice]:
    """Cut rows that are sorted by image into slices of about `size` that don't divide an image, from row `start` on."""
    while start < len(images):
        stop = min(start + size, len(images))
        stop = int(np.searchsorted(images, images[stop - 1], side="right"))
        yield slice(start, stop)
        start = stop


def _sum_up(
    effects: Effects,
    q: np.ndarray,
    to: str,
    images: np.ndarray,
    ranks: np.ndarray,
    sample: Sample | None,
    loss: np.ndarray,
    right: np.ndarray,
    tail: float = 0.0,
) -> Impact:
    """A unit's impact from the losses of m images, which come in the order of their ranks.

    sample: how they were chosen; None where all others have no impact.
    """
    n = len(q)
    measured, sampled = n if sample is None else len(images), sample is not None
    if not np.isfinite(loss).all():
        reason = f"With this unit at {_set_to(to)} the network's loss is not finite on some images."
        return _without(q, to, None, measured, sampled, reason)
    weights = np.ones(len(images)) if sample is None else sample.weights
    if weights @ np.abs(loss - effects.loss[images]) < NO_EFFECT * n:
        where = f", as a sample of {measured:,} images has it" if sampled else ""
        reason = (
            f"With this unit at {_set_to(to)} the network's loss stays the same: "
            f"it changes by less than 0.000001 nats an image{where}."
        )
        return _without(q, to, 0.0, measured, sampled, reason)
    values, lost, rise = _values(effects, images, loss, right)
    sums = np.concatenate([[0.0], np.cumsum(weights * values)])
    total = float(sums[-1])

    counts = np.array([top_count(beta, n) for beta in BETAS])
    top = sums[np.searchsorted(ranks, counts)] / total
    bucket, rows = buckets_of(q)
    shares = np.bincount(bucket[images] + 1, weights * values, N_BUCKETS + 1)[rows + 1] / total
    shares = np.minimum(shares, 1.0)  # but for rounding they are
    sum_errors, errors = np.zeros(3), np.zeros(len(BETAS) + len(rows))
    if sample is not None:
        sum_errors = sample.errors(np.column_stack([values, lost, rise]), tail)
        inside = np.column_stack([ranks[:, None] < counts, bucket[images][:, None] == rows])
        errors = sample.share_errors(inside, values, tail)
    top = np.where(counts > 0, top, np.nan)
    top_errors = np.where(counts > 0, errors[: len(BETAS)], np.nan)
    return Impact(
        to,
        total,
        float(sum_errors[0]),
        float(weights @ lost),
        float(sum_errors[1]),
        float(weights @ rise),
        float(sum_errors[2]),
        _half(values, weights),
        measured,
        sampled,
        pd.DataFrame({"beta": BETAS, "value": top, "error": top_errors}),
        pd.DataFrame(
            {
                "bucket": rows,
                "images": count_buckets(bucket, rows),
                "impact": shares * total,
                "share": shares,
                "error": errors[len(BETAS) :],
            }
        ),
    )


def _half(values: np.ndarray, weights: np.ndarray) -> int:
    """How many images hold half of Σ weights · values, the heaviest first; each counts for what it stands for."""
    order = np.argsort(-values, kind="stable")
    held, images = np.cumsum((weights * values)[order]), np.cumsum(weights[order])
    return max(1, int(np.ceil(images[np.searchsorted(held, held[-1] / 2)] - 1e-9)))


def _without(q: np.ndarray, to: str, total: float | None, images: int, sampled: bool, reason: str) -> Impact:
    """An impact of 0, or one that is undefined (None)."""
    bucket, rows = buckets_of(np.asarray(q))
    nothing = np.nan if total is None else total
    frame = pd.DataFrame({"bucket": rows, "images": count_buckets(bucket, rows)})
    return Impact(
        to=to,
        total=total,
        total_error=total,
        accuracy=total,
        accuracy_error=total,
        loss=total,
        loss_error=total,
        half=None,
        images=images,
        sampled=sampled,
        top=pd.DataFrame({"beta": BETAS, "value": np.nan, "error": np.nan}),
        buckets=frame.assign(impact=nothing, share=np.nan, error=np.nan),
        reason=reason,
    )


def _target(q: np.ndarray, to: str) -> float:
    return 0.0 if to == "zero" else float(np.mean(q, dtype=np.float64))


def _set_to(to: str) -> str:
    return "0" if to == "zero" else "its mean"


# -- as a measure ---------------------------------------------------------------------------------


def measure_total(layer: Layer, replacing: Replacing, impacts: pa.Table) -> Scores:
    """The total impacts of a layer's units. impacts: rows of the table `impacts`."""
    if why := replacing.why_not(layer):
        for unit in range(len(layer.values)):
            yield unit, Score(NAME, "", "all", 0, reason=why)
        return
    rows = impacts.filter(pc.equal(impacts["layer_id"], layer.number)).to_pylist()
    for row in sorted(rows, key=lambda row: row["to_value"] != "zero"):
        total, error = row["total"], row["total_error"]
        half = Z95 * error if total is not None and error else None
        low, high = (None, None) if half is None else (max(0.0, total - half), total + half)
        why = row["reason"] if total is None else None
        yield (
            row["unit"],
            Score(NAME, row["to_value"], "all", row["images"], total, low, high, why, sampled=row["sampled"]),
        )


measures.add(
    Measure(
        name=NAME, title="impact", short="Impact", of="unit", low=0, needs="replacing impacts", measure=measure_total,
        when=lambda build: build.importance.run,
        help="What the network loses with the unit at 0, summed as |impact| over all images",
    )
)  # fmt: skip
