"""Put a unit on a list, and note a remark on it: the star beside its name."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import streamlit as st

from lexplain_core.base.errors import UserError
from lexplain_core.base.numbers import plural
from lexplain_core.notes import LARGEST_REMARK, Notes
from lexplain_core.store import Unit
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from pages.ui import access
from pages.ui.text import message

FIRST = "Starred"  # the list that the first star begins
_CURRENT = "current list"  # of the session: the one that the star is about


def show(opened: Opened, unit: Unit) -> None:
    """The star, and a menu with all lists and the remark. Where notes can't be read, nothing."""
    notes = Notes.of(opened.store)
    try:
        on, names = notes.lists_of(unit.layer, unit.unit), [found.name for found in notes.lists()]
    except UserError:
        return  # the page has said so
    current = current_list(names, list(on))
    starred, which = current in on, f" in “{md(current)}”" if len(names) > 1 else ""
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", width="content", key="lx_star"
    ):
        st.button(
            f"{'★ Starred' if starred else '☆ Star'}{which}",
            key="star",
            type="tertiary",
            shortcut="S",
            on_click=_toggle,
            args=(notes, current, unit, starred),
            **access.off(
                help=f"{'Take the unit off' if starred else 'Put the unit on'} the list “{md(current)}”"
            ),
        )
        others = [name for name in on if name != current]
        label = "Lists and remark" if not others else f"On {plural(len(on), 'list')}"
        with st.popover(label, icon=":material/edit_note:", type="tertiary", key="star menu", **access.off()):
            _menu(notes, unit, names or [FIRST], current, on)
    if said := st.session_state.pop("star problem", None):
        st.warning(message(said), icon=":material/error:")


def remark(opened: Opened, unit: Unit) -> None:
    """What was noted on the unit, one line a list; nothing where there is no remark."""
    try:
        on = Notes.of(opened.store).lists_of(unit.layer, unit.unit)
    except UserError:
        return
    for name, text in on.items():
        if text:
            st.html(
                f'<p class="lx-facts lx-remark"><b>{escape(name)}:</b> {escape(text).replace(chr(10), "<br>")}</p>'
            )


def current_list(names: list[str], on: list[str]) -> str:
    """The list that the star is about: the one used last in this session, else one that the unit is `on`, else the
    newest, else the first to be."""
    current = st.session_state.get(_CURRENT)
    return current if current in names else [FIRST, *names, *on][-1]


def use(name: str) -> None:
    """Let the star be about a list."""
    st.session_state[_CURRENT] = name


def _menu(notes: Notes, unit: Unit, names: list[str], current: str, on: dict[str, str]) -> None:
    place = f"{unit.layer}:{unit.unit}"
    st.session_state["star list"] = current
    st.selectbox(
        "The star is about the list",
        names,
        key="star list",
        accept_new_options=True,
        on_change=_another,
        args=(notes,),
        help="Choose a list, or write the name of a new one",
    )
    st.session_state[f"remark {place} {current}"] = on.get(current, "")
    st.text_area(
        "Remark on this unit",
        key=f"remark {place} {current}",
        height=90,
        max_chars=LARGEST_REMARK,
        on_change=_note,
        args=(notes, current, unit, f"remark {place} {current}"),
        help="Kept when you leave the field, in the list; the unit is starred with it",
    )
    for name in on:
        if name != current:
            st.button(
                f"Take off “{md(name)}”",
                icon=":material/star:",
                key=f"off {name}",
                type="tertiary",
                on_click=_toggle,
                args=(notes, name, unit, True),
            )


def _toggle(notes: Notes, name: str, unit: Unit, starred: bool) -> None:
    if starred:
        safely(_say, notes.unstar, name, unit.layer, unit.unit)
    else:
        safely(_say, notes.star, name, unit.layer, unit.unit)
        use(name)


def _another(notes: Notes) -> None:
    name = st.session_state["star list"]
    if name and (name := safely(_say, notes.begin, name)):
        use(name)


def _note(notes: Notes, name: str, unit: Unit, key: str) -> None:
    safely(_say, notes.remark, name, unit.layer, unit.unit, st.session_state[key])
    use(name)


def safely(say: Callable[[str], None], do: Callable[..., Any], *args: Any) -> Any:
    """Do it; what goes wrong is told to `say`, and None comes back."""
    try:
        return do(*args)
    except UserError as error:
        say(str(error))
        return None


def _say(problem: str) -> None:
    st.session_state["star problem"] = problem
