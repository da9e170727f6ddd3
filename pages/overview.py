"""Overview: what a store holds, and the table of its units that opens one by a click."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from lexplain_core import figures
from pages import common, links
from pages.parts import filters, side
from pages.parts.humans import with_humans
from pages.parts.scores import seen_by
from pages.parts.words import code, md, message

_COLUMNS = [
    "layer", "unit", "explanation", "score", "null_high", "ablation", "observer", "human", "impact", "length",
    "maximum", "status", "name",
]  # fmt: skip
_OPTIONAL = ("name", "ablation", "impact", "observer", "human")  # shown where a unit has one


def render() -> None:
    view, opened, offer = common.start("overview")
    info, table = common.info(opened), common.units(opened, view.method)
    layers = common.layers(opened, view.method)
    if view.layer and view.layer not in set(layers["layer"]):
        st.warning(
            md(f"This store has no layer “{view.layer}”; all layers are shown."), icon=":material/link_off:"
        )
        view = replace(view, layer="")
    if view.method and view.method not in common.methods(opened):
        st.warning(md(f"This store has no explanations by “{view.method}”."), icon=":material/link_off:")
        view = replace(view, method="")
        table, layers = common.units(opened), common.layers(opened)
    offer(replace(view, method=view.method or opened.store.default_method))
    table = with_humans(table, opened.store.id)

    st.title(md(opened.store.name), anchor=False)
    st.markdown(_in_words(info))
    main, right = st.columns([1.65, 1], gap="large")
    with main:
        _units(view, opened, table, layers)
    with right:
        side.layers_table(opened, layers)
        side.scores_chart(table, layers)
        side.matrices_table(opened)
    _stores_here(view)
    _what_is_this(info)


def _in_words(info: dict) -> str:
    """The store in one or two plain sentences."""
    probing, target, splits = (
        info.get("probing_set") or {},
        info.get("target") or {},
        info.get("splits") or {},
    )
    parts = ", ".join(f"{count:,} {name}" for name, count in splits.items() if count)
    text = (
        f"**{info['images']:,} images** of {md(probing.get('name') or 'a probing set')} ({parts}) were shown to "
        f"**{md(target.get('name') or 'a network')}**; the **{figures.plural(info['units'], 'unit')}** of "
        f"{figures.plural(len(info['layers']), 'layer')} were recorded."
    )
    for number, what in (
        (info["dead_units"], "dead"),
        (sum(layer["constant"] for layer in info["layers"]), "constant"),
        (sum(layer["negative"] for layer in info["layers"]), "negative throughout"),
    ):
        if number:
            text += f" {number:,} {'is' if number == 1 else 'are'} {what}."
    accuracy = target.get("accuracy")
    if accuracy is not None:
        count = target.get("accuracy_images") or info["images"]
        among = f", among its {target['outputs']:,} outputs" if target.get("outputs") else ""
        text += f" The network names {accuracy:.1%} of {count:,} images right{among}."
    if info.get("skipped"):
        text += f" {figures.plural(len(info['skipped']), 'image')} could not be used."
    return text


# -- units ----------------------------------------------------------------------------------------


def _units(view: links.Overview, opened: common.Opened, table: pd.DataFrame, layers: pd.DataFrame) -> None:
    st.subheader("Units", anchor=False)
    lowest = _lowest(table)
    default = opened.store.default_method
    _set(view, lowest, default)
    changed = {"on_change": _changed, "args": (view, lowest, default)}
    first = st.columns([1.1, 1.5, 1])
    first[0].selectbox(
        "Layer", ["", *layers["layer"]], key="f layer", format_func=lambda x: x or "all layers", **changed
    )
    first[1].text_input("Concept contains", key="f q", placeholder="for example: dog", **changed)
    first[2].selectbox(
        "Status",
        ["", *links.STATUSES],
        key="f status",
        format_func=lambda s: filters.STATUS_WORDS.get(s, "any status"),
        **changed,
    )
    second = st.columns([1.5, 1.1, 1] if len(common.methods(opened)) > 1 else [1.5, 1.1])
    second[0].slider("Test correlation from … to", lowest, 1.0, step=0.05, key="f score", **changed)
    second[1].selectbox("Sort by", links.SORTS, key="f sort", format_func=filters.SORT_WORDS.get, **changed)
    if len(common.methods(opened)) > 1:
        second[2].selectbox("Method", common.methods(opened), key="f method", **changed)

    rows, sentence = filters.chosen(table, view)
    # methods may have different simulators, and their scores then don't compare
    seen = " and ".join(seen_by(name) for name in sorted(rows["simulator"].dropna().unique()))
    scored = f"Scored with concepts seen by {seen}." if seen else ""
    st.markdown(md(sentence) + (" **Click a row to open its unit.** " if len(rows) else " ") + md(scored))
    if len(rows) == 0:
        st.info("No unit passes these filters.", icon=":material/filter_alt_off:")
        st.button("Remove the filters", on_click=lambda: common.show(links.Overview(store=view.store)))
        return
    columns = [c for c in _COLUMNS if c not in _OPTIONAL or table[c].notna().any()]
    picked = st.dataframe(
        rows[columns],
        hide_index=True,
        height=470 if len(rows) > 12 else "content",
        placeholder="",
        on_select="rerun",
        selection_mode="single-cell",
        key="units",
        alt="Table of units: layer, number, explanation, score, chance, ablation score, impact, machine and human 2AFC "
        "scores, length, largest activation, status",
        column_config={
            "layer": st.column_config.TextColumn("Layer", width=80),
            "unit": st.column_config.NumberColumn("Unit", width=48),
            "name": st.column_config.TextColumn("Name", width=110, help="The name of a computed unit"),
            "explanation": st.column_config.TextColumn(
                "Explanation", width=150, help="weight·concept, strongest first, and the bias"
            ),
            "score": st.column_config.ProgressColumn(
                "Test corr.",
                width=95,
                min_value=0,
                max_value=1,
                format="%.2f",
                help="Correlation of simulated and actual activation on the test split; empty where undefined",
            ),
            "null_high": st.column_config.NumberColumn(
                "Chance",
                width=64,
                format="%.2f",
                help="What the same words score on other units of the layer: 95% of those are below",
            ),
            "ablation": st.column_config.NumberColumn(
                "Ablation",
                width=70,
                format="%.2f",
                help="How well the words’ prediction stands in for the unit on the test split (norm): 1, the network’s loss "
                "stays as it is; 0, no better than the unit’s mean; empty where undefined",
            ),
            "impact": st.column_config.NumberColumn(
                "Impact",
                width=62,
                format="%.3f",
                help="What the network loses with the unit at 0, summed as |impact| over all images"
                + ("; partly estimates from samples" if table["impact_sampled"].eq(True).any() else ""),
            ),
            "observer": st.column_config.NumberColumn(
                "Machine",
                width=66,
                format="%.2f",
                help=f"Machine 2AFC: how often a machine{_observer(table)} tells the unit’s strongest images from its weakest in trials as "
                "people get them: 1, always; 0.5, chance; empty where the two sides can’t be told apart",
            ),
            "human": st.column_config.NumberColumn(
                "Human",
                width=62,
                format="%.2f",
                help="Human 2AFC: how often people were right in the studies of this store, over all their difficulties: 1, always; 0.5, chance; "
                "empty where nobody was asked. The Results page has intervals",
            ),
            "length": st.column_config.NumberColumn("Length", width=62, help="How many concepts"),
            "maximum": st.column_config.NumberColumn(
                "Max", width=62, format="%.3g", help="Largest activation over the whole probing set"
            ),
            "status": st.column_config.TextColumn("Status", width=70),
        },
    )
    common.csv_button("Units as CSV", lambda: _export(rows), f"{opened.store.name} units.csv", "csv units")
    if "ablation" not in columns and "impact" not in columns:
        for reason in common.layers(opened)["effect_reason"].dropna().unique():
            st.caption(md(f"No ablation scores and impacts: {reason}"))
    if picked.selection.cells:
        row = rows.iloc[picked.selection.cells[0][0]]
        unit = links.Neuron(store=view.store, layer=row["layer"], unit=int(row["unit"]), method=view.method)
        st.switch_page("pages/neuron.py", query_params=links.query(unit))


def _observer(table: pd.DataFrame) -> str:
    """With which eyes the machine looks, and at how many trials, in words to put in a sentence."""
    judged = table[table["observer"].notna()]
    names = sorted(judged["observer_embedding"].unique())
    words = " and ".join("the network’s own last layer" if name == "target" else name for name in names)
    return f" ({words}, {int(judged['observer_trials'].max())} trials)" if len(judged) else ""


def _lowest(table: pd.DataFrame) -> float:
    """The lower end of the score slider: 0, or lower where a score is."""
    least = table["score"].min()
    return 0.0 if pd.isna(least) or least >= 0 else max(-1.0, float(least // 0.05) * 0.05)


def _set(view: links.Overview, lowest: float, default: str) -> None:
    """Give the widgets what the address says."""
    state = st.session_state
    state["f layer"], state["f q"], state["f sort"] = view.layer, view.q, view.sort
    state["f status"] = view.status
    low = lowest if view.low is None else max(view.low, lowest)
    high = 1.0 if view.high is None else max(view.high, low)
    state["f score"] = (low, high)
    state["f method"] = view.method or default


def _changed(view: links.Overview, lowest: float, default: str) -> None:
    """Give the address what the widgets say."""
    state = st.session_state
    low, high = (round(end, 2) for end in state["f score"])
    method = state.get("f method", view.method)
    common.show(
        replace(
            view,
            layer=state["f layer"],
            q=state["f q"].strip(),
            status=state["f status"],
            sort=state["f sort"],
            low=low if low > lowest else None,
            high=high if high < 1 else None,
            method="" if method == default else method,
        )
    )


def _export(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(terms=rows["terms"].map("; ".join))


# -- the stores, and help ----------------------------------------------------------------------------


def _stores_here(view: links.Overview) -> None:
    found = common.entries()
    hidden = {one.path: other for one, other in common.distinct(found)[1]}
    broken = [entry for entry in found if entry.error]
    words = figures.plural(len(found) - len(broken) - len(hidden), "store") + (
        f", and {len(broken)} that can’t be opened" if broken else ""
    )
    where = "given on the command line" if common.given() else f"in {md(common.folder())}"
    with st.expander(f"Stores {where}: {words}", icon=":material/database:"):
        for entry in found:
            if entry.path in hidden:
                st.warning(common.same_id(entry, hidden[entry.path]), icon=":material/file_copy:")
            elif entry.error is None:
                this = " (shown here)" if entry.id == view.store else ""
                st.page_link(
                    "pages/overview.py",
                    label=f"**{md(entry.name)}**, {code(entry.path.name)}{this}",
                    icon=":material/database:",
                    query_params={"store": entry.id},
                )
            else:
                st.error(message(entry.error), icon=":material/error:")


def _what_is_this(info: dict) -> None:
    test = (info.get("splits") or {}).get("test", 0)
    with st.expander("What am I looking at?", icon=":material/help:"):
        st.markdown(
            f"""
A **unit** is one number that a network computes about every image, such as the mean of one channel of a layer.
An **explanation** says when that number is large, as a weighted sum of **concepts**: `2.1·snow + 1.3·dog + 0.2`
predicts 3.6 for a dog in the snow and 0.2 where neither is seen.

The **test correlation** says how well that works. For each of the {test:,} images of the test split, which the
explanation was not made from, the predicted activation is set against the real one: 1 is a perfect match, 0 is none.
The table and the chart show these scores, never those of images that were used for the fit. **Chance** is what
the same words score on other units of the layer: 95% of those units are below it.
**Ablation** says how well the predicted activation can stand in for the real one: 1 where the network’s loss stays as it
is, 0 where the words do no better than the unit’s mean. **Impact** says how much the network needs the unit: what it loses where the
unit is 0, summed over all images. The page *Importance* has more.
**Machine 2AFC** says how often a machine tells images that excite the unit from images that don’t, in the trials that people get in
a study: two alternatives, so 0.5 is chance. It looks for what the images of a side have in common, and knows nothing of the words.
**Human 2AFC** is the same of people, over all studies of this store so far.
Whoever browses the units has seen test images, too: examples come from the whole probing set.

**Dead** units stay near zero for every image, **constant** ones never change, and units *without a positive range*
are below zero throughout. Dead and constant units have no explanation.
"""
        )


common.run(render)
