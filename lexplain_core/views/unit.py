"""What a page says of a unit itself: what its number is, its range, why it has no ranges."""

from __future__ import annotations

from html import escape

from ..base.numbers import plural, rounded, two
from ..store import Unit
from .scores import scorer

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
    """How clearly machines tell the unit's images apart, or why they can't (HTML); empty where none was asked."""
    margins = [score for score in unit.scores if score.measure == "margin"]
    if not margins:
        return ""
    known = [score for score in margins if score.value is not None]
    if not known:
        return f'<p class="lx-facts lx-observer"><b>No machine 2AFC margin:</b> {escape(margins[0].reason or "")}</p>'
    main = known[0]
    share = unit.score("observer", main.by)
    right = (
        "" if share is None or share.value is None else f", right in {two(share.value)} of {share.n} trials"
    )
    interval = (
        "" if main.low is None or main.high is None else f", 95% interval {two(main.low)} to {two(main.high)}"
    )
    also = "".join(
        f"; {two(score.value)} by {escape(scorer(score.by))}"
        for score in known[1:]
        if score.value is not None
    )
    return (
        f'<p class="lx-facts lx-observer">Machine 2AFC margin <b>{two(main.value or 0.0)}</b>{interval}{right}, comparing '
        f'images by {escape(scorer(main.by))}{also}. <span class="lx-muted">How much more alike an image is to those that excite '
        "the unit, in standard deviations of the similarities of all images. Chance is 0.</span></p>"
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
