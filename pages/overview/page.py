"""Overview: what a store holds, and finding units: where to start, filters, the table that opens one by a click."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import plural
from lexplain_core.base.pages import Page
from lexplain_core.store import SearchResult
from lexplain_core.views.markdown import code, md
from lexplain_core.views.opened import Opened, distinct, same_id
from lexplain_core.views.overview import export_rows, seen_note, store_words
from pages.overview import filters, side, starting
from pages.overview.units_table import units_table
from pages.ui import go, hidden, links, lists, shell, tables
from pages.ui.bound import bind
from pages.ui.humans import people
from pages.ui.plain_words import plain_words
from pages.ui.shell import Offer
from pages.ui.text import message, unusable

ROWS = 100  # of a page of the table


def render(view: links.Overview, opened: Opened, offer: Offer) -> None:
    info = shell.info(opened)
    view, problems = filters.usable(view, opened)
    unusable(*problems)
    layers = shell.layers(opened, view.method)
    offer(replace(view, method=view.method or opened.store.default_method))
    human = people(opened.store.id)

    st.title(md(opened.store.name), anchor=False)
    st.markdown(store_words(info))
    hidden.note(opened)
    plain = links.query(replace(view, store="", method="")) == {}
    # as it was at first: a box that closes by itself moves what one works on
    expanded = st.session_state.setdefault("starting points open", plain)
    starting.starting_points(view, opened, human, expanded)
    _units(view, opened, human)
    left, right = st.columns([1.15, 1], gap="large")
    with left:
        side.layers_table(opened, layers)
        side.matrices_table(opened)
    with right:
        side.scores_chart(opened, view.method)
    _stores_here(view)
    _what_is_this(info)


# -- units ----------------------------------------------------------------------------------------


def _units(view: links.Overview, opened: Opened, human: pd.DataFrame) -> None:
    method = view.method or opened.store.default_method
    wanted, problems = filters.wanted(view, opened)
    known = filters.spans(opened, view.method, human)
    with filters.widgets(view, opened, wanted, known):
        lists.bar(view, opened)
    lists.below(view, opened)
    unusable(*problems)
    found = opened.store.find(wanted, ROWS, ROWS * (view.shown - 1), human)
    pages = max(1, -(-found.total // ROWS))
    if view.shown > pages:  # an address from when more units were found
        view = replace(view, shown=pages)
        found = opened.store.find(wanted, ROWS, ROWS * (pages - 1), human)
    with st.container(horizontal=True, vertical_alignment="center", key="lx_found"):
        st.markdown(
            md(opened.store.sentence(wanted, found)) + seen_note(found) + _turned_round(view, found),
            width="stretch",
        )
        if found.total:
            starting.surprise(view, opened, wanted, human)
    if not found.total:
        _nothing_found(found)
        return
    look = figures.theme_of(shell.theme())
    clicked = units_table(view, opened.store, found, known, wanted.sort, method, look.accent)
    if clicked:
        go.unit(view, *clicked, view.method)
    if pages > 1:
        _pages(view, pages)
    with st.container(horizontal=True, vertical_alignment="center"):
        tables.csv(
            "Table as CSV, a row per unit",
            lambda: export_rows(opened.store.find(wanted, None, 0, human).rows),
            opened.store.name,
            "table of units",
        )
        lists.export(opened, wanted, found.total)
    if "ablation" not in known and "impact" not in known:
        for reason in shell.layers(opened)["effect_reason"].dropna().unique():
            st.caption(md(f"No ablation scores and impacts: {reason}"))


def _turned_round(view: links.Overview, found: SearchResult) -> str:
    """Which of the found units the table shows, where it doesn't show all."""
    if len(found.rows) == found.total:
        return ""
    first = ROWS * (view.shown - 1) + 1
    return f" Units {first:,} to {first + len(found.rows) - 1:,} of them are shown."


def _pages(view: links.Overview, pages: int) -> None:
    st.pagination(pages, **bind(view, "shown", key=f"shown of {pages}"))


def _nothing_found(found: SearchResult) -> None:
    words = "No unit passes these filters."
    if found.missing:
        lost = " and ".join(f"“{text}”" for text in found.missing)
        words += f" No concept of this store, and no unit, has {lost} in its name."
    st.info(md(words), icon=":material/filter_alt_off:")


# -- the stores, and help ----------------------------------------------------------------------------


def _stores_here(view: links.Overview) -> None:
    found = shell.entries()
    hidden = {one.path: other for one, other in distinct(found)[1]}
    broken = [entry for entry in found if entry.error]
    words = plural(len(found) - len(broken) - len(hidden), "store") + (
        f", and {len(broken)} that can’t be opened" if broken else ""
    )
    where = "given on the command line" if shell.given() else f"in {md(shell.folder())}"
    with st.expander(f"Stores {where}: {words}", icon=":material/database:"):
        for entry in found:
            if entry.path in hidden:
                st.warning(same_id(entry, hidden[entry.path]), icon=":material/file_copy:")
            elif entry.error is None:
                this = " (shown here)" if entry.id == view.store else ""
                go.link(
                    f"**{md(entry.name)}**, {code(entry.path.name)}{this}",
                    links.Overview(store=entry.id or ""),
                    icon=":material/database:",
                )
            else:
                st.error(message(entry.error), icon=":material/error:")


def _what_is_this(info: dict) -> None:
    test = (info.get("splits") or {}).get("test", 0)
    plain_words(
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
**Machine** says how clearly a machine tells images that excite the unit from images that don’t, in the two-alternative (2AFC) trials that
people get in a study: a margin, so 0 is chance. It looks for what the images of a side have in common, and knows nothing of the words.
**Human 2AFC** is how often people are right in such trials, over all studies of this store so far; 0.5 is chance.
**Range shift** says whether a unit means different things at different activations: how different the concepts are in the unit’s low ranges (2 to 4) and in its high ones (5 to 8), over the whole
probing set: 0, the same; 1, none in common. **Gap** is the distance between the best and the worst method’s test correlation of a unit;
different encoders may score the methods, so a small gap means little. **Apart** is the distance between the unit’s rank by people and by test correlation,
each from 0 to 1, among the units that have both.

The **search** looks into explanations: `dog` for concepts with that word, `+dog` and `-dog` for a positive and a negative
weight (`-dog` does not mean “without dog”), `dog>0.5` for a weight above 0.5 in units of the activation. All terms must be found in one
explanation. What the filters keep stands as a sentence above the table, and in the address. A click on a column’s head sorts all units, not only
those of the page; units without such a number come last.
Whoever browses the units has seen test images, too: examples come from the whole probing set.

**Dead** units stay near zero for every image, **constant** ones never change, and units *without a positive range*
are below zero throughout. Dead and constant units have no explanation.
"""
    )


PAGE = Page("Overview", ":material/table_rows:", links.Overview, render, place=10)
