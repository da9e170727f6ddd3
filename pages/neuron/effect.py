"""What a unit does to the network: how much of it lies in which range, and which outputs it pushes."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import plural, rounded
from lexplain_core.store import Impact, Unit
from lexplain_core.views.effect import (
    carried,
    curve_words,
    effect_ranges,
    effect_table,
    impact_of,
    is_known,
    range_counts,
    signed_change,
    upper_first,
    why_unknown,
)
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from lexplain_core.views.tables import of_unit
from lexplain_core.views.unit import quantity
from pages.ui import links, measured, plots, shell, tables
from pages.ui.bound import bind

# -- the tab --------------------------------------------------------------------------------------


def show(view: links.Neuron, opened: Opened, unit: Unit) -> None:
    """The tab "Effect": what the unit pushes towards, and how much its highest activations carry."""
    impact, output_effects = impact_of(unit), unit.output_effects()
    if impact is None:
        nothing = (
            "Nothing is known of this unit’s effect on the network."
            if output_effects.empty
            else "No impact is known:"
        )
        st.info(f"**{nothing}** {why_unknown(unit, impact)}", icon=":material/info:")
    if impact is None and output_effects.empty:
        return
    left, right = st.columns([1.25, 1], gap="large")
    with left:
        _pushes(view, unit, output_effects)
    with right:
        if impact is not None:
            _curve(opened, unit, impact)
    if not output_effects.empty:
        _all_ranges(unit, output_effects)


def _pushes(view: links.Neuron, unit: Unit, output_effects: pd.DataFrame) -> None:
    st.subheader("What it pushes towards", anchor=False)
    if output_effects.empty:
        why = md(
            upper_first(unit.output_effects_reason or unit.effect_reason or "The build did not measure it.")
        )
        st.markdown(f"Which outputs it pushes is not known. {why}")
        return
    ranges, counts = effect_ranges(unit, output_effects), range_counts(unit)
    bucket = view.bucket if view.bucket in ranges else next(iter(ranges))
    default = next(iter(ranges))
    st.selectbox(
        f"Images whose {quantity(unit)} is",
        list(ranges),
        format_func=lambda b: f"{ranges[b]} ({plural(counts[b], 'image')})",
        **bind(view, "bucket", lambda b: {"bucket": None if b == default else b}, shows=bucket),
    )
    rows = output_effects[output_effects["bucket"] == bucket]
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
    plots.chart(
        figures.output_effects_bar(rows, theme=shell.theme(), height=340),
        "output_effects",
        f"Bars of the outputs that the unit pushes most, images from {ranges[bucket]}: "
        + ", ".join(f"{r.output} {signed_change(r.change)}" for r in rows.itertuples()),
    )


def _all_ranges(unit: Unit, output_effects: pd.DataFrame) -> None:
    """A row a range: its three strongest outputs up and down."""
    rows, ranges, counts = [], effect_ranges(unit, output_effects), range_counts(unit)
    for bucket, words in ranges.items():
        part = output_effects[(output_effects["bucket"] == bucket) & output_effects["certain"]]
        names = [
            ", ".join(f"{r.output} {signed_change(r.change)}" for r in side.head(3).itertuples())
            for side in (
                part[part["rank"] > 0].sort_values("rank"),
                part[part["rank"] < 0].sort_values("rank", ascending=False),
            )
        ]
        rows.append((words, counts[bucket], *names))
    if not output_effects["certain"].all():
        st.caption("Outputs whose effect is within 4 standard errors of 0 are left out; the CSV has them.")
    tables.show(
        pd.DataFrame(rows, columns=["range", "images", "up", "down"]),
        "output_effects table",
        "Table of ranges: the outputs that the unit pushes up and down most",
        {
            "range": tables.text("Range", width=86),
            "images": tables.number("Images", width=62, format="localized"),
            "up": tables.text("Pushes up most"),
            "down": tables.text("Pushes down most"),
        },
    )
    tables.csv("Pushes as CSV", output_effects, *of_unit(unit), "output effects")


def _curve(opened: Opened, unit: Unit, impact: Impact) -> None:
    st.subheader("How much its highest activations carry", anchor=False)
    st.markdown(carried(unit, impact))
    if not impact.total or not is_known(impact) or impact.top["value"].isna().all():
        return
    layer = measured.table1(opened, impact.to)
    layer = layer[layer["layer"] == unit.layer].rename(columns={"mean": "value", "std": "spread"})
    curves = {
        f"unit {unit.unit}": impact.top,
        f"mean of {unit.layer}": layer[["beta", "value", "error", "spread"]],
    }
    plots.chart(
        figures.top_impact_curves(curves, theme=shell.theme(), height=340, first=f"unit {unit.unit}"),
        "top impact",
        "Curves of Top Impact: the unit and the mean of its layer",
    )
    st.markdown(curve_words(unit, impact))
    tables.csv("Effect as CSV", lambda: effect_table(impact), *of_unit(unit), "impact")
