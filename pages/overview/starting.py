"""Starting points: units that stand out, and any unit at all."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lexplain_core.base.numbers import plural
from lexplain_core.store import Start, UnitQuery
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from lexplain_core.views.overview import start_number, titles
from pages.ui import go, links, shell
from pages.ui.bound import press
from pages.ui.cache import cached


@cached("Looking for units that stand out …", most=16)
def _found(opened: Opened, method: str, human: pd.DataFrame) -> list[Start]:
    return opened.store.starting_points(human, method or None)


def starting_points(view: links.Overview, opened: Opened, human: pd.DataFrame, expanded: bool = True) -> None:
    """A card for each: the first units, and the table of all; or why there is none."""
    starts = _found(opened, view.method, human)
    with st.expander("Where to start", icon=":material/explore:", expanded=expanded, key="lx_starting"):
        for start, column in zip(starts, st.columns(len(starts)), strict=True):
            with column.container(gap=None):
                _card(view, opened, start)


def _told(view: links.Overview, opened: Opened, start: Start) -> str:
    """What the numbers of a card are: their column in the table, and where they are from."""
    column = start.query.sort.removeprefix("-")
    title = titles(opened.store, column)[column][0]
    splits, method = shell.info(opened).get("splits") or {}, view.method or opened.store.default_method
    test = f"test split, {plural(splits.get('test') or 0, 'image')}"
    images = f"all {shell.info(opened)['images']:,} images"
    return {
        "correlation": f"Test correlation by {method}, {test}",
        "range_shift": f"{title}: 0 to 1, by {method}, {images}",
        "length": f"{title}: concepts in the words by {method}",
        "gap": f"{title}: between methods’ test correlations, {test}",
        "apart": f"{title}: between ranks by people and by test correlation ({test}), 0 to 1",
    }[column]


def _card(view: links.Overview, opened: Opened, start: Start) -> None:
    st.button(
        f"**{start.title}**",
        key=f"start {start.name}",
        type="tertiary",
        disabled=start.reason is not None,
        help=f"Shows them in the table: {start.note}",
        **press(overview(view, start)),  # a link to the page that one is on changes nothing
    )
    for layer, unit, value in start.units:
        go.link(
            f"{md(layer)} · {unit} :gray[{start_number(start, value)}]",
            links.Neuron(store=view.store, layer=layer, unit=unit, method=view.method),
            help=f"{md(layer)} · unit {unit}: {start.quantity} {start_number(start, value)}",
        )
    st.caption(
        md(start.reason or _told(view, opened, start))
    )  # below: it takes another height in each column


def overview(view: links.Overview, start: Start) -> links.Overview:
    """The table that shows all units of a starting point."""
    return links.Overview(
        store=view.store, method=view.method, status=start.query.status, sort=start.query.sort
    )


def surprise(view: links.Overview, opened: Opened, wanted: UnitQuery, human: pd.DataFrame) -> None:
    """A button that opens any living unit of those that are found."""
    if not st.button(
        "Surprise me",
        key="surprise",
        icon=":material/casino:",
        shortcut="X",
        help="Opens any living unit among those of the table",
    ):
        return
    found = opened.store.surprise(wanted, human)
    if found is None:
        st.toast("None of these units is alive.", icon=":material/casino:")
        return
    go.unit(view, *found, view.method)
