"""What a unit pushes the network's output towards, in each bucket of its range."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from torch import Tensor

from ..base.checkpoints import Checkpoints, NoCheckpoints
from ..base.memory import large
from ..base.progress import Progress, Silent
from ..base.sampling import allocate
from ..model.effects import Effects
from ..store.model import CERTAIN
from .impact import whole_images
from .ranges import buckets_of, count_buckets

STRONGEST = 5  # outputs up, and as many down
Changes = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # buckets, images, changes, errors
COLUMNS = ["bucket", "output", "change", "error", "rank", "images"]
_ROUNDING = 1e-6  # changes below this, relative to the largest output, are rounding
_ROWS = 4_096  # runs between two steps of the progress bar


def find_output_effects(
    effects: Effects,
    units: Iterable[int],
    *,
    runs: int,
    seed: int = 0,
    progress: Progress | None = None,
    kept: Checkpoints | None = None,
) -> dict[int, pd.DataFrame]:
    """What units push the outputs towards: a frame of bucket, output, change, error, rank, images for each.

    change: by how much an output (a logit) is higher as it is than with the unit set to its mean
    over all images, as a mean over the images of a bucket. Both are taken minus their mean over the
    outputs, since softmax doesn't see what all outputs share. For each bucket that holds images
    (0–7, and -1 for values below 0) the STRONGEST outputs up, rank 1, 2, …, and down, rank -1, -2, …;
    fewer where no more change. images: how many of the bucket's images the change is a mean over. error: the
    change's standard error, 0 where these are all, NaN where they are too few to tell. The strongest are those
    whose change is surely large: by |change| less CERTAIN · error, so that what a few images happen to show does
    not come first. Where that is not above 0 the change may as well be 0, or have the other sign.

    In closed form exact, over all images; else over a random sample of each bucket's images, with
    at most `runs` runs of the network, the same number for each bucket where it has as many. Buckets
    for which there are too few runs are left out, the lowest first. kept: what runs gave is kept there, and they go on
    from it.
    """
    units = [int(unit) for unit in units]
    if not units:
        return {}
    if effects.intervention == "closed":
        found = _exact(effects, units)
    else:
        found = _by_runs(effects, units, runs, seed, progress or Silent(), kept or NoCheckpoints())
    smallest = _ROUNDING * max(1.0, float(effects.outputs.max()), -float(effects.outputs.min()))
    return {unit: _strongest(*changes, smallest) for unit, changes in found}


def _exact(effects: Effects, units: list[int]) -> Iterator[tuple[int, Changes]]:
    """Behind a linear head outputs change by the unit's weights times the change of its value."""
    ends = [(float(q.min()), float(q.max())) for q in (effects.q[unit] for unit in units)]
    for unit, (low, high) in zip(units, ends, strict=True):
        q = np.asarray(effects.q[unit], dtype=np.float64)
        width = 64 * max(high - low, 1.0)  # far apart, so that rounding of the logits counts for little
        logits = np.empty((2, effects.outputs.shape[1]))

        def take(at: np.ndarray, outputs: Tensor, logits: np.ndarray = logits) -> None:
            logits[at] = outputs.cpu().numpy()

        effects.rows(np.zeros(2, dtype=np.int64), np.array([unit, unit]), np.array([low, low + width]), take)
        slope = (logits[1] - logits[0]) / width
        bucket, rows = buckets_of(effects.q[unit])
        counts = count_buckets(bucket, rows)
        sums = np.bincount(bucket + 1, q, rows[-1] + 2)[rows + 1]
        means = sums / np.maximum(counts, 1)
        changes = np.outer(means - q.mean(), slope - slope.mean())
        yield unit, (rows, counts, changes, np.zeros_like(changes))


def _by_runs(
    effects: Effects, units: list[int], runs: int, seed: int, progress: Progress, kept: Checkpoints
) -> Iterator[tuple[int, Changes]]:
    order = np.random.default_rng([seed, 2]).random(len(effects.labels))
    samples = [_sample(effects.q[unit], runs // len(units), order) for unit in units]
    sums, squares = _run(effects, units, samples, progress, kept)
    start = 0
    for unit, (rows, counts, _) in zip(units, samples, strict=True):
        part = slice(start, start := start + len(rows))
        means = sums[part] / np.maximum(counts, 1)[:, None]
        yield unit, (rows, counts, means, _errors(effects.q[unit], rows, counts, means, squares[part]))


def _errors(
    q: np.ndarray, rows: np.ndarray, counts: np.ndarray, means: np.ndarray, squares: np.ndarray
) -> np.ndarray:
    """Standard errors of mean changes, (B, C); NaN where no bucket has two images, and so nothing is known.

    √((1 − n/N) s²/n) in each bucket. A few images say little of s², so it is at least what that of all buckets,
    relative to the squared distance of the unit from its mean, makes it. squares: sums of the squared changes.
    """
    bucket, _ = buckets_of(q)
    sizes = count_buckets(bucket, rows)
    distances = np.bincount(bucket + 1, (q - np.mean(q, dtype=np.float64)) ** 2, rows[-1] + 2)[rows + 1]
    distances = distances / np.maximum(sizes, 1)
    apart = np.maximum(squares - counts[:, None] * means**2, 0)
    several = counts > 1
    own = apart / np.maximum(counts - 1, 1)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        pooled = apart[several].sum(axis=0) / ((counts - 1) @ (distances * several))
    variance = np.maximum(own, distances[:, None] * pooled)
    share = np.maximum(sizes - counts, 0) / np.maximum(sizes * counts, 1)
    return np.where((sizes > counts)[:, None], np.sqrt(share[:, None] * variance), 0.0)


def _sample(q: np.ndarray, runs: int, order: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A unit's buckets (B,), how many images of each are sampled (B,), and which, bucket after bucket.

    order: a random number for each image, (N,); those with the smallest are taken. It is the same for
    all units, so that they share images, each of which goes through the network first.
    """
    bucket, rows = buckets_of(q)
    inside = [np.flatnonzero(bucket == row) for row in rows]
    sizes = np.array([len(images) for images in inside])
    # From the highest bucket down, which are the ones to have where runs are few.
    counts = allocate(np.ones(len(rows)), np.minimum(sizes, 1)[::-1], sizes[::-1], runs)[::-1]
    chosen = [images[np.argsort(order[images])[:n]] for images, n in zip(inside, counts, strict=True)]
    return rows, counts, np.concatenate(chosen)


def _run(
    effects: Effects, units: list[int], samples: list, progress: Progress, kept: Checkpoints
) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the outputs' changes, and of their squares, over each sampled bucket of each unit, float64 (ΣB, C)."""
    each = [len(chosen) for _, _, chosen in samples]
    images = np.concatenate([chosen for _, _, chosen in samples])
    group = np.repeat(
        np.arange(sum(len(rows) for rows, _, _ in samples)), np.concatenate([n for _, n, _ in samples])
    )
    unit = np.repeat(np.array(units, dtype=np.int64), each)
    value = np.repeat([float(np.mean(effects.q[u], dtype=np.float64)) for u in units], each)
    order = np.argsort(images, kind="stable")
    images, group, unit, value = images[order], group[order], unit[order], value[order]
    shape = sum(len(rows) for rows, _, _ in samples), effects.outputs.shape[1]
    sums, squares = large(shape, np.float64), large(shape, np.float64)
    state = kept.load("runs") or {"done": 0, "sums": 0.0, "squares": 0.0}
    done, sums[:], squares[:] = int(state["done"]), state["sums"], state["squares"]
    with progress.task("output_effects", len(order)) as advance:
        advance(done)
        for rows in whole_images(images, _ROWS, done):

            def take(at: np.ndarray, outputs: Tensor, start: int = rows.start) -> None:
                change = effects.outputs[images[at + start]] - outputs.cpu().double().numpy()
                change -= change.mean(axis=1, keepdims=True)
                np.add.at(sums, group[at + start], change)
                np.add.at(squares, group[at + start], change**2)

            effects.rows(images[rows], unit[rows], value[rows], take)
            if kept.due():
                kept.save("runs", done=rows.stop, sums=sums, squares=squares)
            advance(rows.stop - rows.start)
    return sums, squares


def _strongest(
    rows: np.ndarray, counts: np.ndarray, changes: np.ndarray, errors: np.ndarray, smallest: float
) -> pd.DataFrame:
    """The outputs that change most; rows, counts: (B,), of the buckets. changes, errors: (B, C)."""
    out = []
    for bucket, count, change, error in zip(rows, counts, changes, errors, strict=True):
        if not count:
            continue
        sure = np.abs(change) - CERTAIN * np.nan_to_num(error, nan=np.inf)
        order = np.lexsort((-np.abs(change), -sure))
        for sign in (1, -1):
            some = [output for output in order if sign * change[output] > smallest][:STRONGEST]
            out += [
                (
                    int(bucket),
                    int(output),
                    float(change[output]),
                    float(error[output]),
                    sign * rank,
                    int(count),
                )
                for rank, output in enumerate(some, 1)
            ]
    return pd.DataFrame(out, columns=COLUMNS)
