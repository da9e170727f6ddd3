"""Lists of units on the Overview: choose one, share it, bring one; and the units of the filter to take away."""

from __future__ import annotations

from functools import partial

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from lexplain_core.base.errors import UserError
from lexplain_core.base.numbers import plural
from lexplain_core.notes import LARGEST_FILE, LONGEST_NAME, Notes, Starred, UnitList, shared, unshared
from lexplain_core.store import FORMATS, UnitQuery, as_bytes
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from lexplain_core.views.tables import file_name
from pages.ui import access, go, links, shell, star
from pages.ui.bound import Changes, bind, press
from pages.ui.copy_link import copy_link
from pages.ui.humans import people
from pages.ui.text import message
from pages.ui.travel import LONGEST

_TITLES = {"csv": "CSV", "json": "JSON", "parquet": "Parquet"}


def among(view: links.Overview, opened: Opened) -> tuple[tuple[tuple[str, int], ...] | None, str, list[str]]:
    """The (layer, unit)s that the view's list and address leave, None for all; what they are in words, and a sentence
    (Markdown) for what of it can't be used. They are to be `UnitQuery.among` and `UnitQuery.listed`."""
    notes = Notes.of(opened.store)
    try:
        units, words, problems = notes.among(view.starred, view.units)
        return units, words, [md(problem) for problem in problems]
    except UserError as error:
        units, words, problems = notes.among("", view.units)
        return units, words, [message(error), *map(md, problems)]


# -- the bar --------------------------------------------------------------------------------------


def bar(view: links.Overview, opened: Opened) -> None:
    """Which list the table shows, and a menu of what can be done with lists: two pieces, in the row where it is called."""
    notes = Notes.of(opened.store)
    try:
        lists = {found.name: found for found in notes.lists()}
    except UserError:
        return  # the page has said so
    st.selectbox(
        "List",
        ["", *lists],
        format_func=lambda name: _title(lists.get(name)),
        label_visibility="collapsed",
        width=200,
        help="Units that were starred on the Neuron page (key S)",
        **bind(view, "starred", _choose, shows=view.starred if view.starred in lists else ""),
    )
    with st.popover("Lists", icon=":material/star:", type="tertiary", key="lists menu"):
        if view.starred in lists:
            _chosen(view, notes, view.starred)
        _bring(view, notes)


def below(view: links.Overview, opened: Opened) -> None:
    """Below the filters: the list that the address holds, the remarks of the list that is shown, what was done."""
    notes = Notes.of(opened.store)
    if view.units:
        _from_address(view, opened, notes)
    for kind, text in st.session_state.pop("lists said", []):
        (st.warning if kind == "problem" else st.success)(message(text))
    try:
        rows = notes.units(view.starred) if view.starred else []
    except UserError:
        return  # the page has said so
    _remarks(view, [row for row in rows if row.remark])


def _title(found: UnitList | None) -> str:
    return "All units, listed or not" if found is None else f"★ {found.name} ({found.count:,})"


def _choose(name: str) -> Changes:
    if name:
        star.use(name)
    return {"starred": name, "shown": 1}


def _chosen(view: links.Overview, notes: Notes, name: str) -> None:
    """What can be done with the list that is shown."""
    rows = notes.units(name)
    count = plural(len(rows), "unit")
    st.session_state.setdefault(f"new name of {name}", name)
    st.text_input(
        "Name of the list",
        key=f"new name of {name}",
        max_chars=LONGEST_NAME,
        on_change=_rename,
        args=(view, notes, name),
        **access.off(),
    )
    st.markdown(
        "**Share it** as an address, which holds the units themselves, for others who have this store; or as a file, which "
        "has the remarks, too."
    )
    fresh = links.Overview(store=view.store, units=shared((row.layer, row.unit) for row in rows))
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(fresh.units) <= LONGEST:
            copy_link(links.link(fresh), key="copy list")
        else:
            st.caption(f"{count} are too many for an address; send the file.")
        st.download_button(
            "List as a file",
            lambda: notes.to_json(name),
            file_name=file_name(name, "list of units", ending="json"),
            mime="application/json",
            key="list file",
            on_click="ignore",
            icon=":material/download:",
        )
    with st.popover("Delete the list", icon=":material/delete:", key="delete list", **access.off()):
        remarks = sum(bool(row.remark) for row in rows)
        lost = f" and {plural(remarks, 'remark')}" if remarks else ""
        st.markdown(
            f"“{md(name)}”, its {count}{lost} will be gone for good. The units themselves stay as they are."
        )
        st.button(
            "Delete it",
            key="really delete list",
            type="primary",
            **press(view, lambda: _delete(notes, name)),
        )
    st.divider()


def _rename(view: links.Overview, notes: Notes, name: str) -> None:
    new = star.safely(_say, notes.rename, name, st.session_state[f"new name of {name}"])
    if new:
        shell.change(view, starred=new)
        star.use(new)


def _delete(notes: Notes, name: str) -> Changes:
    star.safely(_say, notes.delete, name)
    return {"starred": "", "shown": 1}


def _bring(view: links.Overview, notes: Notes) -> None:
    """A list's file, from here or elsewhere."""
    given = st.file_uploader(
        "Bring a list that was saved as a file",
        type="json",
        key=f"list upload {st.session_state.get('lists brought', 0)}",
        max_upload_size=1,
        **access.off(help=f"At most {LARGEST_FILE // 1_000_000} MB"),
    )
    if access.readonly():
        st.caption(access.READONLY)
    if given is not None:
        st.button("Take it in", type="primary", key="take in", on_click=_take_in, args=(view, notes, given))


def _take_in(view: links.Overview, notes: Notes, given: UploadedFile) -> None:
    state = st.session_state
    state["lists brought"] = state.get("lists brought", 0) + 1  # a new, empty field
    brought = star.safely(_say, notes.from_json, given.getvalue())
    if brought:
        said = [("done", f"The list “{brought.name}” has {plural(brought.count, 'unit')}.")]
        state["lists said"] = said + [("problem", text) for text in brought.problems]
        star.use(brought.name)
        shell.show(links.Overview(store=view.store, starred=brought.name))


def _from_address(view: links.Overview, opened: Opened, notes: Notes) -> None:
    """The list that somebody shared: keep it under a name, or leave it."""
    units, _ = unshared(view.units)
    known = shell.layers(opened).set_index("layer")["units"].to_dict()
    lost = sum(unit >= known.get(layer, 0) for layer, unit in units)
    words = f"The address holds a list of {plural(len(units), 'unit')}" + (
        f", {lost} of which this store doesn’t have." if lost else "."
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="lx_shared"):
        st.html(f'<span class="lx-muted">{words}</span>', width="content")
        with st.popover(
            "Keep it", icon=":material/bookmark_add:", type="tertiary", key="keep menu", **access.off()
        ):
            st.text_input("Keep it as the list", "Shared with me", key="keep as", max_chars=LONGEST_NAME)
            st.button("Keep", type="primary", key="keep list", **press(view, lambda: _keep(notes, units)))
        st.button(
            "All units",
            icon=":material/close:",
            type="tertiary",
            key="leave list",
            **press(view, units="", shown=1),
        )


def _keep(notes: Notes, units: list[tuple[str, int]]) -> Changes | None:
    name = " ".join(st.session_state["keep as"].split())
    if star.safely(_say, notes.star_all, name, units) is None:
        return None
    star.use(name)
    return {"units": "", "starred": name, "shown": 1}


def _remarks(view: links.Overview, rows: list[Starred]) -> None:
    """What was noted on the units of the list."""
    if not rows:
        return
    with st.expander(plural(len(rows), "remark"), icon=":material/edit_note:"):
        for row in rows[:100]:
            with st.container(horizontal=True, gap="small"):
                go.link(
                    md(f"{row.layer} · unit {row.unit}"),
                    links.Neuron(store=view.store, layer=row.layer, unit=row.unit, method=view.method),
                )
                st.markdown(_remark(row))
        if len(rows) > 100:
            st.caption(f"The first 100 of {len(rows):,}; the list’s file has all.")


def _remark(row: Starred) -> str:
    return "  \n".join(md(line) for line in row.remark.splitlines())


# -- what one takes away --------------------------------------------------------------------------


def export(opened: Opened, wanted: UnitQuery, total: int) -> None:
    """The units of a filter as files, and onto a list. total: how many units it leaves."""
    count = plural(total, "unit")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="lx_export"):
        st.html(
            f'<span class="lx-muted">Take away {count}, a row per unit and method:</span>', width="content"
        )
        for form, title in _TITLES.items():
            st.download_button(
                title,
                partial(_file, opened, wanted, form),
                file_name=file_name(opened.store.name, "explanations", ending=form),
                mime=FORMATS[form],
                key=f"export {form}",
                on_click="ignore",
                icon=":material/download:",
                type="tertiary",
                help="One row per unit and method: explanations, terms and scores of the whole filter, not only of this page",
            )
        with st.popover(
            "Onto a list", icon=":material/star:", type="tertiary", key="onto menu", **access.off()
        ):
            st.text_input(
                "Put them on the list",
                key="onto",
                max_chars=LONGEST_NAME,
                placeholder="Name of an old or a new list",
            )
            st.button("Put", type="primary", key="put", on_click=shell.told(_put), args=(opened, wanted))


def _file(opened: Opened, wanted: UnitQuery, form: str) -> bytes:
    store = opened.store
    facts = {
        "store": {"id": store.id, "name": store.name},
        "filter": store.sentence(wanted) if wanted.filtered else "All units.",
    }
    return as_bytes(store.export(wanted, people(store.id)), form, facts)


def _put(opened: Opened, wanted: UnitQuery) -> None:
    name, store = st.session_state["onto"], opened.store
    rows = store.find(wanted, None, 0, people(store.id)).rows
    new = star.safely(_say, Notes.of(store).star_all, name, zip(rows["layer"], rows["unit"], strict=True))
    if new is not None:
        star.use(" ".join(name.split()))
        known = len(rows) - new
        text = f"{plural(new, 'unit')} put on the list “{' '.join(name.split())}”" + (
            f"; {known:,} were there already." if known else "."
        )
        st.session_state["lists said"] = [("done", text)]


def _say(problem: str) -> None:
    st.session_state["lists said"] = [("problem", problem)]
