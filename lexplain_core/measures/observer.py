"""The machine observer: how well a machine tells a unit's strongest images from its weakest in 2AFC trials.

Machine Interpretability Score (Zimmermann, Klindt & Brendel 2024), as a margin and as a share of right trials.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .. import config
from ..base.correlation import Z95
from ..base.intervals import wilson
from ..base.progress import Progress
from ..stimuli.observer import margins, observer_trials, score
from ..stimuli.ranks import Indistinguishable, Refused
from ..store import Score
from .base import Layer, Measure, Scores, measures

MARGIN, SHARE = "margin", "observer"
_STREAM = 0x2AFC  # these draws have a stream of random numbers of their own
_BYTES = 64 * 2**20  # of embeddings that are looked at together
_ROWS = 4096
_ROUNDING = 1e-12  # a variance of similarities below it is rounding


@dataclass(frozen=True, eq=False)
class Embedding:
    """What an observer sees.

    name: an encoder's, or `target`. images: (N, D). spread: the standard deviation of the cosine similarities of all pairs
    of images. layer: the number of the layer whose units the D columns are.
    """

    name: str
    images: np.ndarray
    spread: float
    layer: int | None = None


def spread_of(images: np.ndarray) -> float:
    """The standard deviation of the cosine similarities of all pairs of different images, (N, D); 0 where none differ.

    An image without an embedding (all zeros) is similar to nothing. Of unit vectors xᵢ, Σᵢⱼ xᵢ·xⱼ = |Σ xᵢ|² and
    Σᵢⱼ (xᵢ·xⱼ)² = |Σ xᵢxᵢᵀ|², so no matrix of pairs is needed.
    """
    n, width = images.shape
    total, second, own = np.zeros(width), np.zeros((width, width)), 0.0
    for start in range(0, n, _ROWS):
        piece = np.asarray(images[start : start + _ROWS], dtype=np.float64)
        length = np.linalg.norm(piece, axis=1, keepdims=True)
        piece = np.divide(piece, length, out=np.zeros_like(piece), where=length > 0)
        total += piece.sum(axis=0)
        second += piece.T @ piece
        own += float((length > 0).sum())
    pairs = n * (n - 1)
    if not pairs:
        return 0.0
    mean, square = (total @ total - own) / pairs, (np.sum(second * second) - own) / pairs
    variance = square - mean * mean
    return float(np.sqrt(variance)) if variance > _ROUNDING else 0.0


def measure_observer(
    layer: Layer,
    observer_embeddings: Sequence[Embedding],
    observer: config.Observer,
    seed: int,
    progress: Progress,
) -> Scores:
    """Margins and shares of right trials of all units of a layer; all embeddings answer the same trials."""
    widest = max(embedding.images.shape[1] for embedding in observer_embeddings)
    step = max(1, _BYTES // (2 * 8 * 10 * observer.trials * widest))
    units = len(layer.values)
    with progress.task(f"observing {layer.name}", total=units) as advance:
        for start in range(0, units, step):
            piece = range(start, min(start + step, units))
            yield from _observe(layer, piece, observer_embeddings, observer, seed)
            advance(len(piece))


def _observe(
    layer: Layer, units: range, embeddings: Sequence[Embedding], settings: config.Observer, seed: int
) -> Scores:
    low, high, judged = [], [], []
    for unit in units:
        try:
            sides = observer_trials(
                np.asarray(layer.values[unit]), settings.trials, (_STREAM, seed, layer.number, unit)
            )
        except (Indistinguishable, Refused) as error:
            for embedding in embeddings:
                yield from (
                    (unit, Score(name, embedding.name, "all", 0, reason=str(error)))
                    for name in (MARGIN, SHARE)
                )
            continue
        low.append(sides[0])
        high.append(sides[1])
        judged.append(unit)
    if not judged:
        return
    for embedding in embeddings:
        # A unit's own activation is what divides its sides, so it may not be seen.
        own = np.repeat(judged, settings.trials) if embedding.layer == layer.number else None
        found = margins(embedding.images, np.concatenate(low), np.concatenate(high), own)
        found = found.reshape(len(judged), settings.trials)
        for unit, mine in zip(judged, found, strict=True):
            yield from ((unit, one) for one in _scores(mine, embedding, settings.slope))


def _scores(margins: np.ndarray, embedding: Embedding, slope: float | None) -> Iterator[Score]:
    """The two scores of a unit's margins, (T,)."""
    trials, name = len(margins), embedding.name
    if embedding.spread > 0:
        scaled = margins / embedding.spread
        mean = float(scaled.mean())
        half = float(Z95 * scaled.std(ddof=1) / np.sqrt(trials)) if trials > 1 else None
        low, high = (None, None) if half is None else (mean - half, mean + half)
        yield Score(MARGIN, name, "all", trials, mean, low, high)
    else:
        yield Score(MARGIN, name, "all", trials, reason="All images are equally similar in this embedding.")
    share = float(score(margins))
    below, above = wilson(share * trials, trials)
    details = {} if slope is None else {"soft": float(score(margins, slope))}
    yield Score(SHARE, name, "all", trials, share, float(below), float(above), details=details)


def _asked(build: config.Build) -> bool:
    return build.observer.run


measures.add(
    Measure(
        name=MARGIN, title="machine 2AFC margin", short="Machine", of="unit", best="high", chance=0, judge=True,
        needs="observer_embeddings observer seed progress", measure=measure_observer, when=_asked,
        help="How clearly a machine tells the unit’s strongest images from its weakest in trials as people get them, by "
        "similarity in an embedding: the mean margin, in standard deviations of the similarities of the store’s images; "
        "0, chance",
    )
)  # fmt: skip
measures.add(
    Measure(
        name=SHARE, title="machine 2AFC", short="Machine, right", of="unit", low=0, high=1, best="high", chance=0.5,
        listed=False, when=_asked,
        help="The share of trials, as people get them, in which a machine tells the unit’s strongest images from its weakest: "
        "1, all; 0.5, chance",
    )
)  # fmt: skip
