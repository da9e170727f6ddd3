"""The stage of a build that says, before long work begins, whether the memory that it may take is enough."""

from __future__ import annotations

from math import ceil

from ...base.errors import UserError
from ...base.memory import room, taken
from ...probe import ProbingSet
from ..stage import Desk

_STEPS = 512 * 2**20  # bytes that steps take at most: they have sizes of their own (benchmarks/memory.py)
_PER_UNIT, _PER_IMAGE = 40_000, 2_000  # bytes of what is known of each: explanations, scores, maps, names
_GIB = 2**30


def check_memory(_desk: Desk, memory: str | None, probing: ProbingSet, units: int) -> None:
    """Divide the memory that the build may take: a quarter is for a step of the network, or for writing the store; what is
    left, beside libraries, weights and what is known of units and images, is for large arrays.

    Raises `UserError` where nothing is left.
    """
    here = room()
    if here.limit is None:
        return
    fixed = taken() + _STEPS + units * _PER_UNIT + len(probing) * _PER_IMAGE
    here.arrays = here.limit * 3 // 4 - fixed
    if here.arrays < 0:
        least = ceil(fixed * 4 / 3 / _GIB * 10) / 10
        raise UserError(
            f"This build needs {least} GiB of memory, and may take {memory}: let it take that much (`--memory {least}GiB`), "
            "or take fewer images or layers."
        )
