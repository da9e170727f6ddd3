"""The eight ranges of a unit: their names, how many images they hold, and what to say where none is shown."""

from __future__ import annotations

import math

from ..base.numbers import decimals, plain, rounded
from ..store import Buckets, Unit

_DIGITS = 3  # of the slider’s ends
_STEPS = 40  # of the slider, at least


def _buckets(unit: Unit) -> Buckets:
    assert unit.buckets is not None, "only a unit with a positive activation has ranges"
    return unit.buckets


def range_words(unit: Unit, bucket: int) -> str:
    """'3.02 to 3.45', 'below 0'."""
    if bucket < 0:
        return "below 0"
    places = decimals(unit.maximum)
    low, high = (plain(edge, places) for edge in _buckets(unit).edges[bucket : bucket + 2])
    return f"{low} to {high}"


def numbered(unit: Unit, bucket: int) -> str:
    """'8: 3.02 to 3.45', 'below 0'."""
    return range_words(unit, bucket) if bucket < 0 else f"{bucket + 1}: {range_words(unit, bucket)}"


def images_in(unit: Unit, bucket: int) -> int:
    """How many images of the probing set are in a range."""
    buckets = _buckets(unit)
    return int(buckets.negative if bucket < 0 else buckets.counts[bucket])


def ranges_of(unit: Unit) -> list[int]:
    """The unit's ranges, the highest first; the one below 0 where it holds images."""
    buckets = _buckets(unit)
    return [*reversed(range(len(buckets.counts))), *([-1] if buckets.negative else [])]


def all_hidden(total: int, which: str) -> str:
    """That a range has images, of which none is shown. The menu of `hidden` is to be below."""
    if total == 1:
        return f"The one image of this range, {which}, is hidden. The menu below brings it back."
    return f"All {total:,} images of this range, {which}, are hidden. The menu below brings them back."


def interval_words(unit: Unit) -> str:
    """How many images each range holds, for those who can't see the chart."""
    if unit.buckets is None:
        return "No ranges."
    counts = ", ".join(f"{int(count):,}" for count in unit.buckets.counts)
    return f"Images per range from 0 to {rounded(unit.maximum)}: {counts}; {unit.buckets.negative:,} below 0."


def slider_grid(low: float, high: float) -> tuple[float, float, float]:
    """A slider's least value, largest value and step for a range of activations: the ends in three digits, as they
    are said in words, in steps of the third; more digits where so few steps would be too coarse."""
    power = math.floor(math.log10(max(abs(low), abs(high)))) - (_DIGITS - 1)
    while (high - low) / 10.0**power < _STEPS:
        power -= 1
    least, most = (round(round(end / 10.0**power) * 10.0**power, max(0, -power)) for end in (low, high))
    return least, most, round(10.0**power, max(0, -power))


def none_to_show(unit: Unit, bucket: int) -> str:
    """Why no image of a range is shown."""
    total, which = images_in(unit, bucket), range_words(unit, bucket)
    if total and unit.store.hidden:
        return all_hidden(total, which)
    return f"No image of the probing set is in this range, {which}. Choose another one above."
