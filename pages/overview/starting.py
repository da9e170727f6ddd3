"""Starting points: units that stand out, and any unit at all."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lexplain_core.base.numbers import plural
from lexplain_core.store import Start, Store, Wanted
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from lexplain_core.views.overview import TITLES, start_number
from pages.ui import links, shell


@st.cache_resource(max_entries=16, show_spinner="Looking for units that stand out …")
def _found(key: tuple, method: str, human: pd.DataFrame, _store: Store) -> list[Start]:  # noqa: ARG001 - the cache goes by it
    return _store.starting_points(human, method or None)


def starting_points(view: links.Overview, opened: Opened, human: pd.DataFrame, expanded: bool = True) -> None:
    """A card for each: the first units, and the table of all; or why there is none."""
    starts = _found(opened.key, view.method, human, opened.store)
    with st.expander("Where to start", icon=":material/explore:", expanded=expanded, key="lx_starting"):
        for start, column in zip(starts, st.columns(len(starts)), strict=True):
            with column.container(gap=None):
                _card(view, opened, start)


def _told(view: links.Overview, opened: Opened, start: Start) -> str:
    """What the numbers of a card are: their column in the table, and where they are from."""
    column = start.wanted.sort.removeprefix("-")
    title = TITLES[column][0]
    splits, method = shell.info(opened).get("splits") or {}, view.method or opened.store.default_method
    test = f"test split, {plural(splits.get('test') or 0, 'image')}"
    images = f"all {shell.info(opened)['images']:,} images"
    return {
        "score": f"Test correlation by {method}, {test}",
        "two_faced": f"{title}: 0 to 1, by {method}, {images}",
        "length": f"{title}: concepts in the words by {method}",
        "gap": f"{title}: between methods’ test correlations, {test}",
        "apart": f"{title}: between ranks by people and by test correlation ({test}), 0 to 1",
    }[column]


def _card(view: links.Overview, opened: Opened, start: Start) -> None:
    st.button(
        f"**{start.title}**",
        key=f"start {start.name}",
        type="tertiary",
        on_click=shell.show,  # a link to the page that one is on changes nothing
        args=(overview(view, start),),
        disabled=start.reason is not None,
        help=f"Shows them in the table: {start.note}",
    )
    for layer, unit, value in start.units:
        place = links.Neuron(store=view.store, layer=layer, unit=unit, method=view.method)
        st.page_link(
            "neuron/page.py",
            label=f"{md(layer)} · {unit} :gray[{start_number(start, value)}]",
            query_params=links.query(place),
            help=f"{md(layer)} · unit {unit}: {start.quantity} {start_number(start, value)}",
        )
    st.caption(
        md(start.reason or _told(view, opened, start))
    )  # below: it takes another height in each column


def overview(view: links.Overview, start: Start) -> links.Overview:
    """The table that shows all units of a starting point."""
    return links.Overview(
        store=view.store, method=view.method, status=start.wanted.status, sort=start.wanted.sort
    )


def surprise(view: links.Overview, opened: Opened, wanted: Wanted, human: pd.DataFrame) -> None:
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
    layer, unit = found
    place = links.Neuron(store=view.store, layer=layer, unit=unit, method=view.method)
    st.switch_page("neuron/page.py", query_params=links.query(place))
