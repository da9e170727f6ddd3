"""What a unit does to the network: how much of it lies in which range, and which outputs it pushes."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import decimals, percent, plain, plural, rounded
from lexplain_core.store import Impact, Unit
from pages.ui import links, measured, shell
from pages.ui.measured import BETAS, SET_TO
from pages.ui.text import md, quantity


def impact_of(unit: Unit) -> Impact | None:
    """The unit's impact, by setting it to 0 where the store has that."""
    return unit.impact("zero") or unit.impact("mean")


def shown(impact: Impact | None) -> pd.DataFrame | None:
    """The shares of the ranges to draw, None where there are none."""
    if impact is None or impact.reason or impact.buckets["share"].isna().all():
        return None
    return impact.buckets


def strip_words(unit: Unit, impact: Impact | None) -> str:
    """What the bars say, and the total, as Markdown; or why there are none."""
    if not _known(impact):
        return f"**Effect on the network:** unknown. {_why_unknown(unit, impact)}"
    if impact.total == 0:
        return f"**Effect on the network:** none. {md(impact.reason or '')}".rstrip()
    parts = [_last_range(unit, impact), total_words(unit, impact)]
    if parts[0]:
        parts.append("Bars: share of the effect; short lines: share of the images.")
    return " ".join(part for part in parts if part)


def _known(impact: Impact | None) -> bool:
    """Whether the impact has a value: it has none where it is undefined, which is not the same as 0."""
    return impact is not None and not pd.isna(impact.total)


def _why_unknown(unit: Unit, impact: Impact | None) -> str:
    """Why there is no impact, as Markdown."""
    reason = (impact.reason if impact else None) or unit.effect_reason
    return md(_upper(reason or "The build did not measure it."))


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _last_range(unit: Unit, impact: Impact) -> str:
    """'The last range holds 0.2% of the images and 1.4% of the effect.'"""
    frame = impact.buckets
    if unit.buckets is None or shown(impact) is None:
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


def _share(row) -> str:
    error = f" (± {percent(1.96 * row['error'])})" if row["error"] >= 5e-5 else ""
    return percent(row["share"]) + error


def total_words(unit: Unit, impact: Impact) -> str:
    """What the network loses without the unit, and its total impact; says when it is an estimate."""
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


# -- the tab --------------------------------------------------------------------------------------


def show(view: links.Neuron, opened: shell.Opened, unit: Unit) -> None:
    """The tab "Effect": what the unit pushes towards, and how much its highest activations carry."""
    impact, pushes = impact_of(unit), unit.pushes()
    if impact is None:
        nothing = (
            "Nothing is known of this unit’s effect on the network."
            if pushes.empty
            else "No impact is known:"
        )
        st.info(f"**{nothing}** {_why_unknown(unit, impact)}", icon=":material/info:")
    if impact is None and pushes.empty:
        return
    left, right = st.columns([1.25, 1], gap="large")
    with left:
        _pushes(view, unit, pushes)
    with right:
        if impact is not None:
            _curve(opened, unit, impact)
    if not pushes.empty:
        _all_ranges(unit, pushes)


def _ranges(unit: Unit, pushes: pd.DataFrame) -> dict[int, str]:
    """The ranges that have pushes, the highest first, in words."""
    found = {}
    for bucket in sorted(pushes["bucket"].unique(), reverse=True):
        if bucket < 0:
            found[int(bucket)] = "below 0"
        elif unit.buckets is None:  # the largest activation is 0
            found[int(bucket)] = "0"
        else:
            places = decimals(unit.maximum)
            low, high = (plain(edge, places) for edge in unit.buckets.edges[bucket : bucket + 2])
            found[int(bucket)] = f"{low} to {high}"
    return found


def _counts(unit: Unit) -> dict[int, int]:
    if unit.buckets is None:
        below = int((unit.activations < 0).sum())
        return {-1: below, 0: len(unit.activations) - below}
    return {-1: int(unit.buckets.negative)} | {i: int(n) for i, n in enumerate(unit.buckets.counts)}


def _pushes(view: links.Neuron, unit: Unit, pushes: pd.DataFrame) -> None:
    st.subheader("What it pushes towards", anchor=False)
    if pushes.empty:
        why = md(_upper(unit.push_reason or unit.effect_reason or "The build did not measure it."))
        st.markdown(f"Which outputs it pushes is not known. {why}")
        return
    ranges, counts = _ranges(unit, pushes), _counts(unit)
    bucket = view.bucket if view.bucket in ranges else next(iter(ranges))
    st.session_state["range picker"] = bucket
    st.selectbox(
        f"Images whose {quantity(unit)} is",
        list(ranges),
        format_func=lambda b: f"{ranges[b]} ({plural(counts[b], 'image')})",
        key="range picker",
        on_change=_to_range,
        args=(view, next(iter(ranges))),
    )
    rows = pushes[pushes["bucket"] == bucket]
    few, measured = len(rows), int(rows["images"].iloc[0])
    sampled = measured < counts[bucket]
    rows = rows[rows["certain"]]
    if rows.empty:
        st.info(
            f"**Too few images to tell.** {plural(measured, 'image')} of {counts[bucket]:,} were run, and what they show of "
            "each output is less than 4 times its standard error. More runs (importance.runs) would tell; the CSV below has the rough numbers.",
            icon=":material/query_stats:",
        )
        return
    up, down = rows[rows["rank"] > 0].head(1), rows[rows["rank"] < 0].head(1)
    words = "On average over these images, the unit pushes"
    told = [
        f"{verb} **{md(one['output'].iloc[0])}** by {rounded(abs(one['change'].iloc[0]))}"
        + (f" ± {rounded(1.96 * one['error'].iloc[0])}" if one["error"].iloc[0] > 0 else "")
        for verb, one in (("up", up), ("down", down))
        if len(one)
    ]
    sample = ""
    if sampled:
        sample = f" Measured on {measured:,} of {counts[bucket]:,} images, a sample; ± and the bars’ lines are 95% intervals."
        if left := few - len(rows):
            sample += (
                f" {left} of the {few} strongest are left out: they may as well be 0, or have the other sign."
            )
    st.markdown(
        f"{words} {' and '.join(told)}, as against the unit at its mean. Outputs are logits, here less the mean over "
        f"all outputs, which makes no difference to the network’s answer.{sample}"
    )
    shell.chart(
        figures.pushes_bar(rows, theme=shell.theme(), height=340),
        "pushes",
        f"Bars of the outputs that the unit pushes most, images from {ranges[bucket]}: "
        + ", ".join(f"{r.output} {_signed(r.change)}" for r in rows.itertuples()),
    )


def _signed(change: float) -> str:
    """'+1.03', '−0.00365': a sign and three significant digits."""
    return ("−" if change < 0 else "+") + rounded(abs(change))


def _to_range(view: links.Neuron, default: int) -> None:
    bucket = st.session_state["range picker"]
    shell.change(view, bucket=None if bucket == default else bucket)


def _all_ranges(unit: Unit, pushes: pd.DataFrame) -> None:
    """A row a range: its three strongest outputs up and down."""
    rows, ranges, counts = [], _ranges(unit, pushes), _counts(unit)
    for bucket, words in ranges.items():
        part = pushes[(pushes["bucket"] == bucket) & pushes["certain"]]
        names = [
            ", ".join(f"{r.output} {_signed(r.change)}" for r in side.head(3).itertuples())
            for side in (
                part[part["rank"] > 0].sort_values("rank"),
                part[part["rank"] < 0].sort_values("rank", ascending=False),
            )
        ]
        rows.append((words, counts[bucket], *names))
    if not pushes["certain"].all():
        st.caption("Outputs whose effect is within 4 standard errors of 0 are left out; the CSV has them.")
    st.dataframe(
        pd.DataFrame(rows, columns=["range", "images", "up", "down"]),
        hide_index=True,
        height="content",
        key="pushes table",
        alt="Table of ranges: the outputs that the unit pushes up and down most",
        column_config={
            "range": st.column_config.TextColumn("Range", width=86),
            "images": st.column_config.NumberColumn("Images", width=62, format="localized"),
            "up": st.column_config.TextColumn("Pushes up most"),
            "down": st.column_config.TextColumn("Pushes down most"),
        },
    )
    shell.csv_button(
        "Pushes as CSV",
        lambda: pushes,
        shell.file_name(unit.store.name, unit.layer, f"unit {unit.unit}", "output effects"),
        "csv pushes",
    )


def _curve(opened: shell.Opened, unit: Unit, impact: Impact) -> None:
    st.subheader("How much its highest activations carry", anchor=False)
    st.markdown(_carried(unit, impact))
    if not impact.total or not _known(impact) or impact.top["value"].isna().all():
        return
    layer = measured.table1(opened, impact.to)
    layer = layer[layer["layer"] == unit.layer].rename(columns={"mean": "value", "std": "spread"})
    curves = {
        f"unit {unit.unit}": impact.top,
        f"mean of {unit.layer}": layer[["beta", "value", "error", "spread"]],
    }
    shell.chart(
        figures.top_impact_curves(curves, theme=shell.theme(), height=340, first=f"unit {unit.unit}"),
        "top impact",
        "Curves of Top Impact: the unit and the mean of its layer",
    )
    st.markdown(_curve_words(unit, impact, layer))
    shell.csv_button(
        "Effect as CSV",
        lambda: _table(impact),
        shell.file_name(unit.store.name, unit.layer, f"unit {unit.unit}", "impact"),
        "csv effect",
    )


def _carried(unit: Unit, impact: Impact) -> str:
    """The total in words; or that it is 0, or unknown, and why."""
    if not _known(impact):
        return f"**The impact is unknown.** {_why_unknown(unit, impact)}"
    if impact.total == 0:
        return f"**No effect.** {md(impact.reason or '')}".rstrip()
    return total_words(unit, impact)


def _curve_words(unit: Unit, impact: Impact, layer: pd.DataFrame) -> str:
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


def _table(impact: Impact) -> pd.DataFrame:
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
