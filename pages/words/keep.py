"""Keeping edited words under a name, beside the machine's methods, and deleting them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from html import escape

import streamlit as st

from lexplain_core.base.errors import UserError
from lexplain_core.live.editing import Edited
from lexplain_core.notes import LONGEST_NAME, Notes
from lexplain_core.store import Explanation, Store, Unit
from lexplain_core.views.edited import check_method_name, to_keep
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from pages.ui import access, go, links
from pages.ui.text import message
from pages.words import scores

NAME = "name of the words"  # in the session: what they are to be kept under
_SAID = "said about keeping"


def show(
    view: links.Words,
    opened: Opened,
    unit: Unit,
    edited: Edited | None,
    keys: Mapping[int, str],
    place: Hashable,
    version: Hashable,
) -> None:
    """The form that keeps the words, and what is kept of this unit. keys: of the concepts, by id."""
    st.subheader("Keep these words", anchor=False)
    if NAME not in st.session_state:
        st.session_state[NAME] = view.method if view.method in opened.store.user_methods else ""
    own = [one for one in unit.explanations if one.method in opened.store.user_methods]
    name = " ".join(st.session_state[NAME].split())
    replaces = name in {one.method for one in own}
    with st.form("keep", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Name",
            key=NAME,
            max_chars=LONGEST_NAME,
            width=320,
            placeholder="such as: my words",
            help="They then stand beside the machine’s explanations as a method of this name, on every page. Words of "
            "this unit that have the name already are replaced.",
        )
        # what it gives is read here and not in a callback, which would know the words of the run before: a weight that is
        # typed in arrives together with the click
        asked = st.form_submit_button(
            f"Replace “{md(name)}”" if replaces else "Keep",
            icon=":material/save:",
            key="keep words",
            **access.off(disabled=edited is None),
        )
    if asked:
        if edited is not None:
            kept = _keep(view, opened.store, unit, edited, keys, scores.seen(place))
            if kept:
                scores.count_seen(place, version)
        st.rerun()
    st.caption(
        access.READONLY
        if access.readonly()
        else "Kept words stand on the unit’s page with their test scores, as every method’s do: keeping counts as a look at these."
    )
    said = st.session_state.pop(_SAID, None)
    if said and said[0] == (view.store, unit.layer, unit.unit):
        (st.success if said[1] else st.error)(
            said[2], icon=":material/check:" if said[1] else ":material/error:"
        )
    for one in own:
        _kept(view, opened.store, unit, one)


def _keep(
    view: links.Words, store: Store, unit: Unit, edited: Edited, keys: Mapping[int, str], seen: int
) -> bool:
    """Whether it could be done."""
    where = (view.store, unit.layer, unit.unit)
    try:
        name = check_method_name(st.session_state[NAME], store)
        Notes.of(store).keep(to_keep(unit, edited, name, keys, view.way, view.method, seen))
    except UserError as error:
        st.session_state[_SAID] = (where, False, message(error))
        return False
    st.session_state[_SAID] = (
        where,
        True,
        f"Kept as “{md(name)}”: a method beside the others from now on.",
    )
    return True


def _kept(view: links.Words, store: Store, unit: Unit, one: Explanation) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(f"<b>{escape(one.method)}</b> <span class=lx-muted>{escape(one.text)}</span>")
        there = links.Neuron(store=view.store, layer=unit.layer, unit=unit.unit, method=one.method)
        go.link("Show", there, icon=":material/stacked_line_chart:")
        with st.popover("Delete", icon=":material/delete:", key=f"delete {one.method}", **access.off()):
            st.markdown(f"“{md(one.method)}” of this unit will be gone for good.")
            st.button(
                "Delete it",
                key=f"really delete {one.method}",
                type="primary",
                on_click=_forget,
                args=(view, store, unit, one.method),
            )


def _forget(view: links.Words, store: Store, unit: Unit, method: str) -> None:
    where = (view.store, unit.layer, unit.unit)
    try:
        Notes.of(store).forget(method, unit.layer, unit.unit)
        st.session_state[_SAID] = (where, True, f"“{md(method)}” is deleted.")
    except UserError as error:
        st.session_state[_SAID] = (where, False, message(error))
