"""Which units a figure shows, and in which order."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from lexplain_core.base.errors import UserError
from lexplain_core.figures import print as prints
from lexplain_core.notes import Notes
from lexplain_core.store import StoreError
from lexplain_core.views.opened import Opened
from lexplain_core.views.studio import moved
from pages.ui import links, shell
from pages.ui.bound import Changes, press
from pages.ui.front import component
from pages.ui.text import message

_FIRST = 3  # units of a figure that nobody has chosen yet

_component = component("studio_units")


def filled(view: links.Studio, opened: Opened) -> links.Studio:
    """The view with units: those of the address, else the one last seen on the Neuron page, else the best explained.

    None are filled in where somebody has taken the last one away.
    """
    emptied = f"studio emptied {view.store}"
    if view.units:
        st.session_state.pop(emptied, None)
        return view
    if st.session_state.get(emptied):
        return view
    left = st.session_state.get(f"neuron of {view.store}", {})
    if left.get("layer") and left.get("unit"):
        units = [(left["layer"], int(left["unit"]))]
    else:
        units = _best(opened)
    view = replace(view, units=prints.units_text(units))
    st.query_params.from_dict(links.query(view))
    st.session_state[f"studio of {view.store}"] = links.query(view)
    return view


def _best(opened: Opened) -> list[tuple[str, int]]:
    """The best explained units of the network's last layer."""
    table = shell.units(opened)
    rows = table[(table["layer"] == shell.last_layer(opened)) & (table["status"] == "alive")]
    rows = rows.sort_values("correlation", ascending=False, kind="stable", na_position="last").head(_FIRST)
    return [(str(row.layer), int(row.unit)) for row in rows.itertuples()]


def show(view: links.Studio, opened: Opened, choice: prints.FigureChoice) -> None:
    """The list of units, and the ways to add some."""
    units = list(choice.units)
    with st.container(gap="xxsmall"):
        st.html(f'<span class="lx-muted">Units, in the order of the figure ({len(units)})</span>')
        if units:
            _mount(view, units)
    _add_one(view, opened, units)
    _add_list(view, opened)


def _mount(view: links.Studio, units: list[tuple[str, int]]) -> None:
    _component(
        data={"units": [f"{layer} · unit {unit}" for layer, unit in units]},
        key="studio units",
        height="content",
        on_move_change=lambda: _moved(view, units),
    )


def _moved(view: links.Studio, units: list[tuple[str, int]]) -> None:
    said = st.session_state["studio units"].get("move")
    if not isinstance(said, dict) or not isinstance(said.get("place"), int | float):
        return
    order, at = moved(units, view.at, str(said.get("move")), int(said["place"]))
    shell.change(view, **_put(view, order), at=at)


def _now(view: links.Studio) -> list[tuple[str, int]]:
    """The units as the address has them now: another callback may have changed them."""
    return list(prints.read_choice({"units": shell.now(view).units})[0].units)


def _put(view: links.Studio, units: list[tuple[str, int]]) -> Changes:
    """What the address is to say of other units; pins of those that are gone go, too."""
    if not units:
        st.session_state[f"studio emptied {view.store}"] = True
    known = {(layer, unit) for layer, unit in units}
    choice, _ = prints.read_choice({"pins": shell.now(view).pins})
    kept = [pin for pin in choice.pins if (pin.layer, pin.unit) in known]
    pins = prints.texts(prints.FigureChoice(pins=tuple(kept)))["pins"]
    return {"units": prints.units_text(dict.fromkeys(units)), "pins": pins}


def _add_one(view: links.Studio, opened: Opened, units: list[tuple[str, int]]) -> None:
    layers = shell.layers(opened)
    names = list(layers["layer"])
    if st.session_state.get("studio layer") not in names:
        st.session_state["studio layer"] = units[-1][0] if units and units[-1][0] in names else names[-1]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox("Layer", names, key="studio layer", width=130)
        count = int(layers.set_index("layer")["units"][st.session_state["studio layer"]])
        if st.session_state.get("studio number", 0) >= count:
            st.session_state["studio number"] = count - 1
        st.number_input(f"Unit, 0 to {count - 1}", 0, count - 1, step=1, key="studio number", width=115)
        st.button("Add", key="studio add", icon=":material/add:", **press(view, lambda: _added(view)))


def _added(view: links.Studio) -> Changes:
    return _put(
        view, [*_now(view), (st.session_state["studio layer"], int(st.session_state["studio number"]))]
    )


def _add_list(view: links.Studio, opened: Opened) -> None:
    """Units that somebody has starred."""
    try:
        notes = Notes.of(opened.store)
        lists = [one.name for one in notes.lists()]
    except UserError as error:
        st.caption(message(error))
        return
    if not lists:
        return
    if st.session_state.get("studio list") not in lists:
        st.session_state["studio list"] = lists[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox("List of starred units", lists, key="studio list", width=190)
        st.button("Add all", key="studio add list", **press(view, lambda: _added_list(view, opened)))


def _added_list(view: links.Studio, opened: Opened) -> Changes:
    found = []
    for starred in Notes.of(opened.store).units(st.session_state["studio list"]):
        try:
            opened.store.unit(starred.layer, starred.unit)
        except StoreError:
            continue
        found.append((starred.layer, starred.unit))
    return _put(view, [*_now(view), *found])
