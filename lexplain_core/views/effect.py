"""What a network loses without a unit, in words and as a table."""

from __future__ import annotations

from typing import Any, TypeGuard

import pandas as pd

from ..base.numbers import decimals, percent, plain, plural, rounded
from ..store import Impact, Unit
from .markdown import md

BETAS = (0.0003, 0.002, 0.02, 0.1, 0.5)  # the shares of the images in the paper's Table 1
SET_TO = {"zero": "0", "mean": "its mean"}  # what a unit is set to, in words


def effect_shares(shares: pd.DataFrame) -> pd.DataFrame:
    """By bucket 0 to 7: share of the effect, its standard error, share of the images.

    shares: columns bucket, images, share, error as `Impact.buckets` has them. A bucket that is not
    among them holds no image and no effect.
    """
    frame = shares.set_index("bucket")
    total = max(1, int(frame["images"].sum()))
    frame = frame.assign(part=frame["images"] / total).reindex(range(8))
    return frame[["share", "error", "part", "images"]].fillna(0.0)


def effect_alt(shares: pd.DataFrame | None) -> str:
    """The bars of the effect for those who can't see them."""
    if shares is None:
        return ""
    return " Share of the effect per range: " + ", ".join(
        percent(share) for share in effect_shares(shares)["share"]
    )


def impact_of(unit: Unit) -> Impact | None:
    """The unit's impact, by setting it to 0 where the store has that."""
    return unit.impact("zero") or unit.impact("mean")


def drawn_shares(impact: Impact | None) -> pd.DataFrame | None:
    """The shares of the ranges to draw, None where there are none."""
    if impact is None or impact.reason or impact.buckets["share"].isna().all():
        return None
    return impact.buckets


def strip_words(unit: Unit, impact: Impact | None) -> str:
    """What the bars say, and the total, as Markdown; or why there are none."""
    if not is_known(impact):
        return f"**Effect on the network:** unknown. {why_unknown(unit, impact)}"
    if impact.total == 0:
        return f"**Effect on the network:** none. {md(impact.reason or '')}".rstrip()
    parts = [_last_range(unit, impact), total_words(unit, impact)]
    if parts[0]:
        parts.append("Bars: share of the effect; short lines: share of the images.")
    return " ".join(part for part in parts if part)


def is_known(impact: Impact | None) -> TypeGuard[Impact]:
    """Whether the impact has a value: it has none where it is undefined, which is not the same as 0."""
    return impact is not None and not pd.isna(impact.total)


def why_unknown(unit: Unit, impact: Impact | None) -> str:
    """Why there is no impact, as Markdown."""
    reason = (impact.reason if impact else None) or unit.effect_reason
    return md(upper_first(reason or "The build did not measure it."))


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _last_range(unit: Unit, impact: Impact) -> str:
    """'The last range holds 0.2% of the images and 1.4% of the effect.'"""
    frame = impact.buckets
    if unit.buckets is None or drawn_shares(impact) is None:
        return ""
    total = len(unit.activations)
    row = frame[(frame["bucket"] >= 0) & (frame["images"] > 0)].sort_values("bucket").iloc[-1]
    images = plural(int(row["images"]), "image")
    words = f"**The last range holds {images} ({percent(row['images'] / total)}) and {_share(row)} of the effect.**"
    below = frame[(frame["bucket"] == -1) & (frame["images"] > 0)]
    if len(below):
        row = below.iloc[0]
        words += f" Below 0, not in the chart: {percent(row['images'] / total)} of the images, {_share(row)} of the effect."
    return words


def _share(row: pd.Series) -> str:
    error = f" (± {percent(1.96 * row['error'])})" if row["error"] >= 5e-5 else ""
    return percent(row["share"]) + error


def _rough(impact: Impact) -> str:
    """That an estimate rests on a few images."""
    images = "on a single image" if impact.half == 1 else f"on {impact.half} images"
    return f"**Half of it lies {images}, as far as these show: take it and its error as rough.**"


def _interval(error: float | None) -> str:
    return f" (± {percent(1.96 * error)})" if error else ""


def _change(value: float, what: str, verbs: tuple[str, str], error: float | None) -> str:
    if abs(value) < 5e-7:
        return f"loses none {what}{_interval(error)}"
    return f"{verbs[value < 0]} {percent(abs(value))} {what}{_interval(error)}"


def total_words(unit: Unit, impact: Impact) -> str:
    """What the network loses without the unit, and its total impact; says when it is an estimate."""
    assert impact.total is not None, "`is_known`"
    total, error = rounded(impact.total), impact.total_error or 0
    words = f"With the unit at {SET_TO[impact.to]}"
    losses = []
    if impact.accuracy is not None:
        losses.append(
            _change(impact.accuracy, "of its right answers", ("loses", "gains"), impact.accuracy_error)
        )
    if impact.loss is not None:
        losses.append(
            "its loss stays as it is"
            if abs(impact.loss) < 5e-7
            else f"its loss {'rises' if impact.loss > 0 else 'falls'} by {percent(abs(impact.loss))}"
            + _interval(impact.loss_error)
        )
    words += f" the network {' and '.join(losses)}; total impact" if losses else ": total impact"
    words += f" **{total}**" + (f" ± {rounded(1.96 * error)}" if error else "")
    n = len(unit.activations)
    if impact.sampled:
        interval = "; ± is about a 95% interval" if error else ""
        words = f"{words}. An **estimate** from a sample of {impact.images:,} of {n:,} images{interval}."
        return f"{words} {_rough(impact)}" if impact.rough else words
    return f"{words}, the sum of |impact| over all {n:,} images."


def effect_ranges(unit: Unit, output_effects: pd.DataFrame) -> dict[int, str]:
    """The ranges that have output effects, the highest first, in words."""
    found = {}
    for bucket in sorted(output_effects["bucket"].unique(), reverse=True):
        if bucket < 0:
            found[int(bucket)] = "below 0"
        elif unit.buckets is None:  # the largest activation is 0
            found[int(bucket)] = "0"
        else:
            places = decimals(unit.maximum)
            low, high = (plain(edge, places) for edge in unit.buckets.edges[bucket : bucket + 2])
            found[int(bucket)] = f"{low} to {high}"
    return found


def range_counts(unit: Unit) -> dict[int, int]:
    if unit.buckets is None:
        below = int((unit.activations < 0).sum())
        return {-1: below, 0: len(unit.activations) - below}
    return {-1: int(unit.buckets.negative)} | {i: int(n) for i, n in enumerate(unit.buckets.counts)}


def signed_change(change: float) -> str:
    """'+1.03', '−0.00365': a sign and three significant digits."""
    return ("−" if change < 0 else "+") + rounded(abs(change))


def carried(unit: Unit, impact: Impact) -> str:
    """The total in words; or that it is 0, or unknown, and why."""
    if not is_known(impact):
        return f"**The impact is unknown.** {why_unknown(unit, impact)}"
    if impact.total == 0:
        return f"**No effect.** {md(impact.reason or '')}".rstrip()
    return total_words(unit, impact)


def curve_words(unit: Unit, impact: Impact) -> str:
    """What the curve says at the paper's shares."""
    told, n = [], len(unit.activations)
    for beta in BETAS:
        row = impact.top[(impact.top["beta"] - beta).abs() < 1e-9]
        images = round(beta * n)
        if len(row) and images:
            told.append(
                f"{100 * beta:g}% ({plural(images, 'image')}) carry {_share(row.iloc[0].rename({'value': 'share'}))}"
            )
    return (
        "Of the effect, summed as |impact| over images, the highest "
        + "; ".join(told)
        + ". On the dashed line every image would have the same effect. The mean is over the layer’s units that have "
        "an effect, each counted alike."
    )


def effect_table(impact: Impact) -> pd.DataFrame:
    """Top Impact and the ranges as one table."""
    top = impact.top.rename(columns={"beta": "of", "value": "share"}).assign(kind="top impact", impact=None)
    ranges = impact.buckets.rename(columns={"bucket": "of"}).assign(kind="range")
    frame = pd.concat([top.astype(object), ranges.astype(object)])
    frame = frame.assign(
        to=impact.to,
        total=impact.total,
        total_error=impact.total_error,
        half=impact.half,
        sampled=impact.sampled,
    )
    kept = [
        "kind",
        "of",
        "images",
        "impact",
        "share",
        "error",
        "to",
        "total",
        "total_error",
        "half",
        "sampled",
    ]
    return frame[kept]


def why_no_effects(row: Any, otherwise: str = "The build did not measure it.") -> str:
    """Why a layer (a row of `Store.layers`) has no effects, as Markdown."""
    reason = row.effect_reason
    return md(reason if isinstance(reason, str) and reason else otherwise)
