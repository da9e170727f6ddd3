"""The lower half of the Neuron page: examples, simulated against actual, all images, the facts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.store import Explanation, Unit

from .. import common, links
from . import about, effect, headline, simulated, thumbs
from .words import share

_TITLES = {
    "examples": "Example images",
    "simulated": "Simulated and actual",
    "effect": "Effect",
    "images": "All images",
    "about": "About this unit",
}
_PICKS = {"draw": "A random draw", "top": "The strongest"}
_PER_ROW = 8
_ROWS = 1000  # rows of the table of images that are sent to the browser


def show(view: links.Neuron, opened: common.Opened, unit: Unit, explanation: Explanation | None) -> None:
    """The chosen tab; only that one is computed. view.matrix: the concept matrix that simulates."""
    explained = explanation is not None and not explanation.reason
    st.session_state["tab"] = view.tab
    st.segmented_control(
        "Show",
        list(_TITLES),
        key="tab",
        format_func=_TITLES.get,
        required=True,
        label_visibility="collapsed",
        on_change=_to_tab,
        args=(view,),
    )
    if view.tab == "examples":
        _examples(view, opened, unit)
    elif view.tab == "simulated":
        if explained and not view.matrix:
            st.info(headline.UNSEEN, icon=":material/info:")
        elif explained:
            simulated.show(
                opened, unit, explanation, view.matrix, lambda: _table(opened, unit, explanation, view.matrix)
            )
        else:
            st.info("Without an explanation there is nothing to simulate.", icon=":material/info:")
    elif view.tab == "effect":
        effect.show(view, opened, unit)
    elif view.tab == "images":
        _images(opened, unit, explanation if explained and view.matrix else None, view.matrix)
    else:
        about.show(opened, unit, explanation)


def _to_tab(view: links.Neuron) -> None:
    common.show(replace(view, tab=st.session_state["tab"]))


# -- examples -------------------------------------------------------------------------------------


def _examples(view: links.Neuron, opened: common.Opened, unit: Unit) -> None:
    if unit.buckets is None:
        strong, weak = unit.top(_PER_ROW), unit.bottom(_PER_ROW)
        fine = figures.decimals(max(abs(unit.maximum), abs(unit.minimum)), 50)
        thumbs.rows(
            opened.store,
            [
                ("Strongest", f"the {len(strong)} images with the largest activations", strong),
                ("Weakest", f"the {len(weak)} images with the smallest activations", weak),
            ],
            fine,
        )
        return
    st.session_state["pick"] = view.pick
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            "Which examples",
            list(_PICKS),
            key="pick",
            format_func=_PICKS.get,
            required=True,
            label_visibility="collapsed",
            on_change=_to_pick,
            args=(view,),
        )
        if view.pick == "draw":
            st.button(
                "Draw again",
                icon=":material/casino:",
                shortcut="D",
                key="redraw",
                on_click=_redraw,
                args=(view,),
                help="Other images of the same ranges; the address keeps the draw",
            )
            words = f"Draw {view.draw}: up to {_PER_ROW} images of each range, from all splits."
        else:
            words = f"The {_PER_ROW} strongest images of each range, from all splits."
        st.html(
            f'<span class="lx-muted">{words} Below each: its activation and label.</span>', width="content"
        )
    groups, places = [], figures.decimals(unit.maximum)
    fine = figures.decimals(unit.maximum, 50)
    edges, total = unit.buckets.edges, len(unit.activations)
    for bucket in reversed(range(len(unit.buckets.counts))):
        if unit.status == "constant" and not unit.buckets.counts[bucket]:
            continue
        low, high = (figures.plain(edge, places) for edge in edges[bucket : bucket + 2])
        groups.append(_group(view, unit, bucket, f"{low} to {high}", int(unit.buckets.counts[bucket]), total))
    if unit.buckets.negative:
        groups.append(_group(view, unit, -1, "below 0", unit.buckets.negative, total))
    thumbs.rows(opened.store, groups, fine)


def _group(view: links.Neuron, unit: Unit, bucket: int, title: str, count: int, total: int):
    examples = unit.examples(bucket, count=_PER_ROW, seed=view.draw, top=view.pick == "top")
    note = figures.plural(count, "image") + (f", {share(count, total)}" if count else "")
    return title, note, examples


def _to_pick(view: links.Neuron) -> None:
    common.show(replace(view, pick=st.session_state["pick"]))


def _redraw(view: links.Neuron) -> None:
    common.show(replace(view, draw=view.draw + 1 if view.draw < links.LARGEST else 0))


# -- all images -----------------------------------------------------------------------------------


def _table(
    opened: common.Opened,
    unit: Unit,
    explanation: Explanation | None,
    matrix: str,
    count: int | None = None,
) -> pd.DataFrame:
    """Every image, or the first `count`, with its activation, strongest first."""
    ids = np.argsort(-unit.activations, kind="stable")[:count]
    activations = unit.activations[ids]
    frame = common.images(opened).iloc[ids].reset_index()
    frame.insert(1, "activation", activations.astype(float))
    if explanation is not None:
        frame.insert(2, "simulated", unit.simulated(explanation, matrix)[ids])
        frame.insert(3, "residual", frame["activation"] - frame["simulated"])
    if unit.buckets is not None:
        frame.insert(frame.columns.get_loc("key"), "range", unit.buckets.assign(activations).astype(int) + 1)
    return frame


def _images(opened: common.Opened, unit: Unit, explanation: Explanation | None, matrix: str) -> None:
    shown, total = _table(opened, unit, explanation, matrix, _ROWS), len(unit.activations)
    st.markdown(
        f"All {total:,} images, strongest first."
        if len(shown) == total
        else f"The {len(shown):,} strongest of {total:,} images; the CSV has every one."
    )
    digits = f"%.{figures.decimals(unit.maximum - unit.minimum, 100)}f"
    columns = ["activation", "simulated", "range", "label", "predicted", "split", "key", "caption"]
    columns = [
        c for c in columns if c in shown and (c not in ("caption", "predicted") or shown[c].notna().any())
    ]
    st.dataframe(
        shown[columns],
        hide_index=True,
        height=460,
        key="images",
        alt="Table of images: activation, label, split, key",
        column_config={
            "activation": st.column_config.NumberColumn("Activation", format=digits),
            "simulated": st.column_config.NumberColumn("Simulated", format=digits),
            "range": st.column_config.NumberColumn(
                "Range", help="1 to 8, from 0 to the largest; 0 is below 0"
            ),
            "label": "Label",
            "predicted": "The network says",
            "split": "Split",
            "key": "Image",
            "caption": "Caption",
        },
    )
    common.csv_button(
        "Images as CSV",
        lambda: _table(opened, unit, explanation, matrix),
        f"{unit.layer} {unit.unit} images.csv",
        "csv images",
    )
