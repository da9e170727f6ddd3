"""Random draws that are the same on every Python and numpy version."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """Seeded draws built on `random.Random.random()` alone, whose stream Python guarantees.

    `randrange`, `choice` and numpy's generators may change between versions; the demo's weights
    and its planted truth need the same pictures for ever.
    """

    def __init__(self, *key: int | str):
        self._random = random.Random("/".join(str(part) for part in key)).random

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self._random()

    def integer(self, n: int) -> int:
        """An integer in 0 … n − 1."""
        return int(self._random() * n)

    def chance(self, p: float) -> bool:
        return self._random() < p

    def choice(self, items: Sequence[T]) -> T:
        return items[self.integer(len(items))]

    def weighted(self, items: Sequence[T], weights: Sequence[float]) -> T:
        left = self._random() * sum(weights)
        for item, weight in zip(items, weights, strict=True):
            left -= weight
            if left < 0:
                return item
        return items[-1]

    def permutation(self, n: int) -> list[int]:
        """Fisher-Yates."""
        order = list(range(n))
        for i in range(n - 1, 0, -1):
            j = self.integer(i + 1)
            order[i], order[j] = order[j], order[i]
        return order
