"""The lower half of the Neuron page: examples, simulated against actual, all images, the facts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.store import Explanation, Unit

from .. import common, links
from . import thumbs
from .words import code, md, quantity, rounded, share

_TITLES = {
    "examples": "Example images",
    "simulated": "Simulated and actual",
    "images": "All images",
    "about": "About this unit",
}
_PICKS = {"draw": "A random draw", "top": "The strongest"}
_PER_ROW = 8
_ROWS = 1000  # rows of the table of images that are sent to the browser


def show(view: links.Neuron, opened: common.Opened, unit: Unit, explanation: Explanation | None) -> None:
    """The chosen tab; only that one is computed."""
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
        if explained:
            _simulated(opened, unit, explanation)
        else:
            st.info("Without an explanation there is nothing to simulate.", icon=":material/info:")
    elif view.tab == "images":
        _images(opened, unit, explanation if explained else None)
    else:
        _about(opened, unit, explanation)


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


# -- numbers --------------------------------------------------------------------------------------


def _simulated(opened: common.Opened, unit: Unit, explanation: Explanation) -> None:
    left, right = st.columns([1.75, 1], gap="medium")
    simulated = unit.simulated(explanation)
    with left:
        common.chart(
            figures.simulated_scatter(
                unit.activations,
                simulated,
                unit.split,
                theme=common.theme(),
                keys=common.images(opened)["key"].to_numpy(),
                quantity=quantity(unit),
            ),
            "scatter",
            "Scatter of simulated against actual activations, test images emphasised",
        )
    with right:
        st.markdown(
            "Each point is an image: to the right what the explanation predicts, upwards what the unit did. "
            "Where the words say all there is to say, the points lie on the dashed line; upright bands are images "
            "that the words can't tell apart.\n\nThe score is the correlation over the **test** images (dots) only. "
            f"At most {figures.plural(2000, 'point')} are drawn, picked by a fixed seed; the CSV has every image."
        )
        common.csv_button(
            "Simulated and actual as CSV",
            lambda: _table(opened, unit, explanation),
            f"{unit.layer} {unit.unit} simulated.csv",
            "csv simulated",
        )


def _table(
    opened: common.Opened, unit: Unit, explanation: Explanation | None, count: int | None = None
) -> pd.DataFrame:
    """Every image, or the first `count`, with its activation, strongest first."""
    ids = np.argsort(-unit.activations, kind="stable")[:count]
    activations = unit.activations[ids]
    frame = common.images(opened).iloc[ids].reset_index()
    frame.insert(1, "activation", activations.astype(float))
    if explanation is not None:
        frame.insert(2, "simulated", unit.simulated(explanation)[ids])
    if unit.buckets is not None:
        frame.insert(frame.columns.get_loc("key"), "range", unit.buckets.assign(activations).astype(int) + 1)
    return frame


def _images(opened: common.Opened, unit: Unit, explanation: Explanation | None) -> None:
    shown, total = _table(opened, unit, explanation, _ROWS), len(unit.activations)
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
        lambda: _table(opened, unit, explanation),
        f"{unit.layer} {unit.unit} images.csv",
        "csv images",
    )


def _about(opened: common.Opened, unit: Unit, explanation: Explanation | None) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        if unit.truth:
            _truth(unit)
        if unit.maximum > unit.minimum:
            st.subheader("How often it takes which value", anchor=False)
            common.chart(
                figures.activation_histogram(
                    unit.activations, unit.buckets, theme=common.theme(), quantity=quantity(unit)
                ),
                "about activations",
                "Histogram of the unit's activations over the probing set",
            )
    with right:
        if explanation is not None and explanation.terms:
            st.subheader("Terms", anchor=False)
            terms = pd.DataFrame(
                [(t.name, t.weight, t.origin, rank) for rank, t in enumerate(explanation.terms, start=1)],
                columns=["concept", "weight", "origin", "chosen"],
            )
            st.dataframe(
                terms,
                hide_index=True,
                key="terms",
                alt="Table of the explanation's terms",
                column_config={
                    "concept": "Concept",
                    "origin": "Origin",
                    "weight": st.column_config.NumberColumn("Weight", format="%.4f"),
                    "chosen": st.column_config.NumberColumn(
                        "Chosen", help="1: the greedy search took it first"
                    ),
                },
            )
            common.csv_button(
                "Terms as CSV", lambda: terms, f"{unit.layer} {unit.unit} terms.csv", "csv terms"
            )
        st.subheader("Facts", anchor=False)
        facts = _facts(unit, explanation)
        st.dataframe(
            facts,
            hide_index=True,
            key="facts",
            height="content",
            alt="Facts about the unit",
            column_config={"fact": "What", "value": st.column_config.TextColumn("Value", width="medium")},
        )
        common.csv_button("Facts as CSV", lambda: facts, f"{unit.layer} {unit.unit} facts.csv", "csv facts")
        if unit.note:
            st.caption(md(unit.note))


def _truth(unit: Unit) -> None:
    st.subheader("What it was made of", anchor=False)
    truth = unit.truth
    terms = " + ".join(f"{rounded(weight)}·{name}" for weight, name in truth["terms"]).replace("+ −", "− ")
    bias, noise = truth.get("bias") or 0, truth.get("noise") or 0
    st.markdown(
        f"This unit was computed from the truth of the scenes, so its explanation can be checked:\n\n"
        f"{code(terms + (f' + {rounded(bias)}' if bias else ''))}"
        + (f", with noise of standard deviation {rounded(noise)}." if noise else ", without noise.")
    )


def _facts(unit: Unit, explanation: Explanation | None) -> pd.DataFrame:
    facts = {
        "layer": unit.layer,
        "unit": f"{unit.unit}, of {unit.units:,}",
        "status": unit.status,
        "smallest, mean, largest": " · ".join(rounded(v) for v in (unit.minimum, unit.mean, unit.maximum)),
        "standard deviation": rounded(unit.std),
        "images above 0": f"{int(np.sum(unit.activations > 0)):,} of {len(unit.activations):,}",
        "pooling": unit.pooling,
        "kind of layer": unit.kind,
    }
    if explanation is not None:
        facts |= {"method": explanation.method, "concept matrix": explanation.matrix}
        if explanation.val_correlation is not None:
            facts["val correlation"] = f"{explanation.val_correlation:.3f} (used to choose the concepts)"
        facts |= {f"option {key}": str(value) for key, value in explanation.config.items()}
    return pd.DataFrame(list(facts.items()), columns=["fact", "value"])
