"""Starting points: units that stand out, and any unit at all."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lexplain_core.store import Start, Wanted

from .. import common, links
from .words import md, two


@st.cache_resource(max_entries=16, show_spinner="Looking for units that stand out …")
def _found(key: tuple, method: str, human: pd.DataFrame, _store) -> list[Start]:
    return _store.starting_points(human, method or None)


def starting_points(
    view: links.Overview, opened: common.Opened, human: pd.DataFrame, expanded: bool = True
) -> None:
    """A card for each: the first units, and the table of all; or why there is none."""
    starts = _found(opened.key, view.method, human, opened.store)
    with st.expander("Where to start", icon=":material/explore:", expanded=expanded):
        for start, column in zip(starts, st.columns(len(starts)), strict=True):
            with column.container(gap=None):
                if start.reason is None:
                    _card(view, start)
                else:
                    st.caption(f"**{md(start.title)}:** {md(start.reason)}")


def _card(view: links.Overview, start: Start) -> None:
    st.button(
        f"**{start.title}**",
        key=f"start {start.name}",
        type="tertiary",
        on_click=common.show,  # a link to the page that one is on changes nothing
        args=(overview(view, start),),
        help=f"Shows them in the table: {start.note}",
    )
    for layer, unit, value in start.units:
        place = links.Neuron(store=view.store, layer=layer, unit=unit, method=view.method)
        st.page_link(
            "pages/neuron.py",
            label=f"{md(layer)} · {unit} :gray[{_number(start, value)}]",
            query_params=links.query(place),
            help=f"{md(layer)} · unit {unit}: {start.quantity} {_number(start, value)}",
        )


def overview(view: links.Overview, start: Start) -> links.Overview:
    """The table that shows all units of a starting point."""
    return links.Overview(
        store=view.store, method=view.method, status=start.wanted.status, sort=start.wanted.sort
    )


def _number(start: Start, value: float) -> str:
    return f"{value:.0f} concepts" if start.wanted.sort.endswith("length") else two(value)


def surprise(view: links.Overview, opened: common.Opened, wanted: Wanted, human: pd.DataFrame) -> None:
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
    st.switch_page("pages/neuron.py", query_params=links.query(place))
