"""What a page says of a unit itself: what its number is, its range, why it has no ranges."""

from __future__ import annotations

from html import escape

from ..base.numbers import plural, rounded, two
from ..store import Unit

_POOLED = {
    ("map", "mean"): "activation (mean over the channel’s map)",
    ("map", "max"): "activation (maximum of the channel’s map)",
    ("map-last", "mean"): "activation (mean over the channel’s map)",
    ("map-last", "max"): "activation (maximum of the channel’s map)",
    ("tokens", "mean"): "activation (mean over tokens)",
    ("tokens", "max"): "activation (maximum over tokens)",
}
_POOLED_AT_ALL = {  # units of any kind
    "mean": "activation (mean over all places)",
    "max": "activation (maximum of all places)",
    "cls": "activation (class token)",
}


def quantity(unit: Unit) -> str:
    """What the unit's number is: 'activation (mean over the channel’s map)'."""
    return _POOLED.get((unit.kind, unit.pooling)) or _POOLED_AT_ALL.get(unit.pooling, "activation")


def range_line(unit: Unit) -> str:
    images = f"{len(unit.activations):,} images"
    if unit.status == "constant":
        span = f"is {rounded(unit.maximum)} for all {images}"
    else:
        span = (
            f"goes from {rounded(unit.minimum)} to {rounded(unit.maximum)} over {images}, "
            f"{rounded(unit.mean)} on average"
        )
    count = plural(unit.units, "unit")
    return (
        f'<p class="lx-facts lx-range lx-muted">One of {count} of this layer. Its '
        f"{escape(quantity(unit))} {span}.</p>"
    )


def observer_line(unit: Unit) -> str:
    """How often machines tell the unit's images apart, or why they can't (HTML); empty where none was asked."""
    if not unit.observer:
        return ""
    scores = [(score, score.value) for score in unit.observer if score.value is not None]
    if not scores:
        return f'<p class="lx-facts lx-observer"><b>No machine 2AFC score:</b> {escape(unit.observer[0].reason or "")}</p>'
    main, *others = [
        (two(value), "the network’s own last layer" if s.embedding == "target" else escape(s.embedding))
        for s, value in scores
    ]
    also = "".join(f"; {value} by {name}" for value, name in others)
    return (
        f'<p class="lx-facts lx-observer">Machine 2AFC: right in <b>{main[0]}</b> of {scores[0][0].trials} trials, comparing images by {main[1]}'
        f'{also}. <span class="lx-muted">Which of two images goes with those that excite the unit? Chance is 0.5.</span></p>'
    )


def why_no_ranges(unit: Unit) -> str:
    if unit.status == "dead":
        return (
            "A **dead** unit: it hardly answers to any image of this probing set, so there is nothing to put in "
            "words. Other images might wake it."
        )
    if unit.status == "constant":
        return (
            f"A **constant** unit: it answers {rounded(unit.maximum)} to every image, so nothing in the images "
            "makes a difference to it."
        )
    if unit.buckets is None:
        return (
            "A unit **without a positive range**: the 8 ranges of the stacked chart go from 0 to the largest "
            f"activation, and this unit's largest is {rounded(unit.maximum)}. It can still be put in words, and "
            "its strongest and weakest images are below."
        )
    return "No concept predicts this unit well enough to be named."


def unit_name(unit: Unit) -> str:
    return f"{unit.layer} · unit {unit.unit}" + (f" · {unit.name}" if unit.name else "")
