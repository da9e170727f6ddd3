"""What a study leaves to chance: units, who gets which of them, and the places of images. All by its seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from zlib import crc32

import numpy as np

from .base import POLES, REFERENCES, FullyPlaced

UnitKey = tuple[str, int]  # layer, unit


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A stream of random numbers for each purpose of its own, so that one doesn't move the others."""
    return np.random.default_rng([seed, *(crc32(str(part).encode()) for part in purpose)])


def sampled_units(layers: Mapping[str, int], seed: int) -> Iterator[UnitKey]:
    """All units of layers (name -> number of units), in the order of a draw: a layer, then a unit in it, both
    uniformly; a unit that was drawn before is rejected. A layer all of whose units are drawn drops out."""
    rng = generator(seed, "units")
    left = {layer: units for layer, units in layers.items() if units > 0}
    drawn: set[UnitKey] = set()
    while left:
        layer = list(left)[rng.integers(len(left))]
        unit = (layer, int(rng.integers(layers[layer])))
        if unit in drawn:
            continue
        drawn.add(unit)
        left[layer] -= 1
        if not left[layer]:
            del left[layer]
        yield unit


def least_used(
    counts: np.ndarray, wanted: int, rng: np.random.Generator, avoid: np.ndarray | None = None
) -> np.ndarray:
    """Choose `wanted` different positions with the smallest counts, ties by chance; int64 (wanted,).

    Where every choice is counted, counts never differ by more than 1. avoid: boolean or int64, like counts:
    positions are taken only where there are too few of a smaller value.
    """
    order = rng.permutation(len(counts))
    keys = (counts[order],) if avoid is None else (counts[order], avoid[order])
    return order[np.lexsort(keys)][:wanted]


def uppers(trials: int, rng: np.random.Generator) -> list[str]:
    """Which query is the upper one in each trial: as often the max query as the min one, in any order; of an odd number
    one more by a coin. So the right answers of a task never lie in one row."""
    poles = [POLES[i % 2] for i in range(trials - trials % 2)] + [POLES[rng.integers(2)]] * (trials % 2)
    return [poles[i] for i in rng.permutation(trials)]


def place(trial: int, upper: str, rng: np.random.Generator) -> FullyPlaced:
    """Draw a trial's places as IMI did: on both sides reference 8 comes first (the top left cell), the others in any
    order."""
    last = REFERENCES - 1
    left, right = ((last, *(int(i) for i in rng.permutation(last))) for _ in range(2))
    return FullyPlaced(trial, upper, left, right)
