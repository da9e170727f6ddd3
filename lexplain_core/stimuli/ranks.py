"""Which images a unit's trials show, by their ranks among the probing set's images (IMI's stimuli)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from ..base.errors import UserError
from ..config.study import Difficulty
from .base import REFERENCES

# Share of the images that lie beyond the queries, on either side; None: just inside the references.
DIFFICULTIES: dict[str, float | None] = dict(zip(get_args(Difficulty), (None, 0.01, 0.05, 0.15), strict=True))
BINS = REFERENCES + 1
SAME = 1e-8  # activations that differ by no more are the same (Zimmermann et al., 2024)

Seed = int | Sequence[int]


class Refused(UserError):
    """A difficulty that a probing set of this size can't give."""


class Indistinguishable(ValueError):
    """A unit whose two sides can't be told apart; `reason` is a sentence."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Sides:
    """The images of B trials about a unit: each array int64 (B, 10), a row a batch.

    low, high: image ids; columns 0 to 8 are references, from the least to the most extreme, column 9
    the query. low_ranks, high_ranks: their ranks, 0 for the smallest activation of all.
    """

    low: np.ndarray
    high: np.ndarray
    low_ranks: np.ndarray
    high_ranks: np.ndarray

    def __len__(self) -> int:
        return len(self.low)


def batch_size(n: int) -> int:
    """B for a probing set of n images: trials that share no image with each other, IMI's 20 at most."""
    return max(1, min(20, n // 1000))


def query_start(n: int, difficulty: str, batches: int | None = None) -> int:
    """How many images are more extreme than a side's queries.

    The low queries have ranks [start, start + B), the high ones [n − start − B, n − start). With
    IMI's n = 1,281,167 and B = 20: 180 (easy), 12,811, 64,058 and 192,175, where IMI's high queries end
    at n less as much (1268356, 1217109, 1088992), but at 1280986 of the easy ones: one rank lower than ours.
    Raises `Refused` where the queries would overlap with the references or with each other.
    """
    size = batch_size(n) if batches is None else batches
    if difficulty not in DIFFICULTIES:
        raise ValueError(f"difficulty is one of {', '.join(DIFFICULTIES)}, not {difficulty!r}")
    if size < 1:
        raise ValueError("there is one batch at least")
    _enough(n, size)
    share = DIFFICULTIES[difficulty]
    references = REFERENCES * size
    start = references if share is None else int(share * n)
    if share is not None and start < references:
        raise Refused(
            f"The difficulty {difficulty!r} can't be had of {n:,} images: its queries would begin at rank {start:,}, "
            f"within the {references} most extreme images of a side, which are references; choose a harder one "
            f"or 'easy', or a probing set of {-(-100 * references // round(100 * share)):,} images at least."
        )
    if start + size > n - start - size:
        raise Refused(
            f"The difficulty {difficulty!r} can't be had of {n:,} images: the queries of both sides would overlap; "
            "choose an easier one, or a larger probing set."
        )
    return start


def stimuli(
    activations: np.ndarray,
    difficulty: str,
    seed: Seed,
    batches: int | None = None,
    hidden: Collection[int] = (),
) -> Sides:
    """Draw a unit's trials of a difficulty as IMI did (Zimmermann et al., 2023).

    activations: (N,), by image id. A side's 9·B most extreme images are references, B consecutive
    ranks further in are queries (`query_start`). In order of extremeness they make ten bins of B;
    each bin is shuffled, and batch i takes the i-th of every bin: each image is used once. Ties are
    broken by the seed; with the same seed all difficulties have the same references.
    hidden: images that no trial may show; ranks are among the others.
    Raises `Refused`, and `Indistinguishable` where some image of the high side doesn't excite the unit more
    than each of the low side.
    """
    ids = _shown(activations, hidden)
    activations = _checked(activations)[ids]
    n = len(activations)
    size = batch_size(n) if batches is None else batches
    start = query_start(n, difficulty, size)
    bins = [*range((REFERENCES - 1) * size, -1, -size), start]
    return _sides(activations, ids, bins, size, seed)


def obvious(
    activations: np.ndarray, seed: Seed, batches: int | None = None, hidden: Collection[int] = ()
) -> Sides:
    """Draw trials that are as plain as a unit allows, for practice and catch trials.

    The queries are of each side's most extreme bin of B images, the references of the other nine. Else, and in what
    is raised, as `stimuli`.
    """
    ids = _shown(activations, hidden)
    activations = _checked(activations)[ids]
    n = len(activations)
    size = batch_size(n) if batches is None else batches
    _enough(n, size)
    return _sides(activations, ids, [*range(REFERENCES * size, 0, -size), 0], size, seed)


def _shown(activations: np.ndarray, hidden: Collection[int]) -> np.ndarray:
    """Ids of the images that trials may show."""
    return np.setdiff1d(np.arange(len(activations)), np.fromiter(hidden, dtype=np.int64), assume_unique=True)


def _sides(activations: np.ndarray, ids: np.ndarray, bins: list[int], size: int, seed: Seed) -> Sides:
    """activations: of the images with these ids. bins: the first rank of each bin, counted from a side's extreme, in the
    order of the columns."""
    n = len(activations)
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(n)
    order = shuffled[np.argsort(activations[shuffled], kind="stable")]
    within = np.stack([rng.permutation(size) for _ in range(2 * BINS)], axis=1).astype(np.int64)
    low_ranks = np.array(bins, dtype=np.int64) + within[:, :BINS]
    high_ranks = n - 1 - np.array(bins, dtype=np.int64) - within[:, BINS:]
    least, most = activations[order[high_ranks]].min(), activations[order[low_ranks]].max()
    if not least > most + SAME:
        raise Indistinguishable(
            f"Its two sides can't be told apart: one image of the higher side has an activation of {least:z.4g}, one of the "
            f"lower side {most:z.4g}."
        )
    return Sides(ids[order[low_ranks]], ids[order[high_ranks]], low_ranks, high_ranks)


def _checked(activations: np.ndarray) -> np.ndarray:
    values = np.asarray(activations, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"activations are one value per image, (N,), not {values.shape}")
    if not np.isfinite(values).all():
        raise Indistinguishable("Some of its activations are not finite, so images can't be ranked.")
    return values


def _enough(n: int, size: int) -> None:
    if n < 2 * BINS * size:
        what = "each trial shows" if size == 1 else f"{size} trials that share no image show"
        raise Refused(
            f"Trials can't be made of {n:,} images: {what} {2 * BINS * size} of them; take a larger probing set."
        )
