"""The places of the Compare page: which units stand side by side, and the pickers that change them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import streamlit as st

from lexplain_core.store import StoreError
from lexplain_core.views.compare import Place, Slot, alike, ranked
from lexplain_core.views.markdown import code, md
from lexplain_core.views.opened import Opened
from pages.ui import links, shell
from pages.ui.bound import Changes, bind, press
from pages.ui.compare_link import SLOTS, filled, put
from pages.ui.text import message

_BADGES: tuple[Literal["blue", "orange", "green", "violet"], ...] = ("blue", "orange", "green", "violet")
_FEW = 6  # suggestions of what to put beside a unit


def resolve(view: links.Compare, opened: Opened) -> tuple[list[Slot], list[str]]:
    """The places of a view, lettered in their order, and a sentence (Markdown) for each that can't be shown."""
    found: list[Slot] = []
    problems = []
    for text in filled(view):
        place = Place.of(text)
        if place is None:
            problems.append(md(f"“{text}” names no unit; an address says it as layer:unit."))
            continue
        try:
            found.append(_shown("ABCD"[len(found)], place, opened, problems))
        except StoreError as error:
            problems.append(message(error))
    return found, problems


def _shown(letter: str, place: Place, here: Opened, problems: list[str]) -> Slot:
    other = place.store and place.store != here.store.id
    opened = shell.opened_by_id(place.store) if other else here
    if opened is None:
        raise StoreError(
            f"The store with the id {place.store} is not here, so unit {place.unit} of it can’t be shown."
        )
    unit = opened.store.unit(place.layer, place.unit)
    known = [one.method for one in unit.explanations]
    method = place.method or opened.store.default_method
    if known and method not in known:
        if place.method:
            words = f"{letter}: this unit has no explanation by “{method}”; the one by “{known[0]}” is shown."
            problems.append(md(words))
        method = known[0]
    explanation = unit.explanation(method) if known else None
    matrices = unit.matrices(explanation) if explanation is not None and not explanation.reason else []
    full = Place(place.layer, place.unit, method, opened.store.id)
    return Slot(letter, full, opened, unit, explanation, matrices[0] if matrices else "")


def first_sight(opened: Opened) -> list[Place]:
    """What to show where the address names nothing: the network's best explained unit by two methods, else the best two."""
    layer = shell.last_layer(opened)
    rows = ranked(shell.units(opened), layer)
    methods = [opened.store.default_method, *shell.methods(opened)]
    by = list(dict.fromkeys(methods))[:2]
    if len(by) == 2 and len(rows):
        return [Place(layer, int(rows["unit"].iloc[0]), method) for method in by]
    return [Place(layer, int(unit)) for unit in rows["unit"].iloc[:2]]


# -- changing them ----------------------------------------------------------------------------------


def short(view: links.Compare, place: Place) -> Place:
    """The place as the address of a view says it: without the store that the page is in."""
    return replace(place, store="" if place.store == view.store else place.store)


def _set(view: links.Compare, change: Callable[[list[str]], list[str]]) -> Changes:
    """Other places, from those that the address has now: others may have changed in the same moment."""
    found = put(view, change(filled(shell.now(view))))
    return {slot: getattr(found, slot) for slot in SLOTS}


def _add(view: links.Compare, place: Place) -> Changes:
    return _set(view, lambda here: [*here, short(view, place).text])


def pickers(view: links.Compare, shown: list[Slot]) -> None:
    """A column for each place: store, layer, unit, method; a button that takes it away."""
    columns = st.columns(max(2, len(shown)), gap="small")
    for column, one in zip(columns, shown, strict=False):
        with column, st.container(gap="xsmall", key=f"lx_place_{one.letter}"):
            _one(view, shown, one)
    if len(shown) == 1:
        with columns[1], st.container(gap="xsmall"):
            st.markdown(f"**What to put beside {shown[0].letter}?** Its column can be changed afterwards.")
            suggested(view, shown)


def _one(view: links.Compare, shown: list[Slot], one: Slot) -> None:
    place = "ABCD".index(one.letter)
    _unit_row(view, one)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        _choices(view, one)
        if len(shown) > 1:
            st.button(
                f"Take {one.letter} away",  # for those who can't see the icon: the page's rules hide the words
                icon=":material/close:",
                key=f"compare {SLOTS[place]} remove",
                type="tertiary",
                help=f"Take {one.letter} away",
                **press(view, lambda: _set(view, lambda here: [*here[:place], *here[place + 1 :]])),
            )


def _bind(view: links.Compare, one: Slot, part: str, to: Callable[[Place, Any], Place]) -> dict[str, Any]:
    """A widget of a part of a place. to: the place with what was chosen."""
    slot = SLOTS["ABCD".index(one.letter)]

    def changed(chosen: Any) -> Changes:
        place = Place.of(getattr(shell.now(view), slot)) or one.place
        return {slot: short(view, to(replace(place, store=place.store or view.store), chosen)).text}

    return bind(view, slot, changed, shows=getattr(one.place, part), key=f"compare {slot} {part}")


def _unit_row(view: links.Compare, one: Slot) -> None:
    """The letter of a place, its layer and its unit."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.badge(one.letter, color=_BADGES["ABCD".index(one.letter)])
        st.selectbox(
            f"Layer of {one.letter}",
            list(shell.layers(one.opened)["layer"]),
            format_func=str,
            label_visibility="collapsed",
            width="stretch",
            **_bind(
                view,
                one,
                "layer",
                lambda place, layer: replace(place, layer=layer, unit=_inside(one.opened, layer, place.unit)),
            ),
        )
        st.number_input(
            f"Unit of {one.letter}, 0 to {one.unit.units - 1}",
            0,
            one.unit.units - 1,
            step=1,
            label_visibility="collapsed",
            width=108,
            **_bind(view, one, "unit", lambda place, unit: replace(place, unit=unit)),
        )


def _choices(view: links.Compare, one: Slot) -> None:
    """The method that explains a place's unit, and the store it is from, where there are several."""
    methods, stores = [explanation.method for explanation in one.unit.explanations], shell.stores()
    if len(methods) > 1:
        st.selectbox(
            f"Explained by, {one.letter}",
            methods,
            label_visibility="collapsed",
            width="stretch",
            help="The method that put the unit in words",
            **_bind(view, one, "method", lambda place, method: replace(place, method=method)),
        )
    if len(stores) > 1:
        st.selectbox(
            f"Store of {one.letter}",
            list(stores),
            format_func=lambda store: stores[store].name if store in stores else store,
            label_visibility="collapsed",
            width="stretch",
            help="The store that the unit is from",
            **_bind(view, one, "store", _in_store),
        )


def _in_store(place: Place, store: str) -> Place:
    opened = shell.opened_by_id(store)
    return place if opened is None else counterpart(place, opened)


def _inside(opened: Opened, layer: str, unit: int) -> int:
    """The number of a unit that the layer has: the same, or 0."""
    layers = shell.layers(opened).set_index("layer")["units"]
    return unit if unit < layers[layer] else 0


def counterpart(place: Place, opened: Opened) -> Place:
    """The same unit in another store, by the same method; what comes closest where it has no such."""
    layers = list(shell.layers(opened)["layer"])
    layer = place.layer if place.layer in layers else layers[-1]
    method = place.method if place.method in shell.methods(opened) else ""
    return Place(layer, _inside(opened, layer, place.unit), method, opened.store.id)


# -- what to put beside them ------------------------------------------------------------------------


def adding(view: links.Compare, shown: list[Slot]) -> None:
    """A menu of what may come beside the places that are there; nothing where four are, or only one."""
    if not 2 <= len(shown) < len(SLOTS):
        return
    with st.popover(
        "Add …", icon=":material/add:", help="Put another unit, method, layer or store beside these"
    ):
        suggested(view, shown)


def suggested(view: links.Compare, shown: list[Slot]) -> None:
    """A button for each suggestion of what to put beside the places; anything else is reached from there by its pickers."""
    for number, (label, place) in enumerate(suggestions(shown)):
        st.button(
            label,
            key=f"compare suggestion {number}",
            width="stretch",
            **press(view, partial(_add, view, place)),
        )


def suggestions(shown: list[Slot]) -> list[tuple[str, Place]]:
    """What may be worth putting beside the last place: (words as Markdown, the place)."""
    one = shown[-1]
    texts = {other.place.text for other in shown}
    found = [
        (
            md(f"{one.letter} in the words of {explanation.method}"),
            replace(one.place, method=explanation.method),
        )
        for explanation in one.unit.explanations
        if explanation.method != one.place.method
    ]
    for words, unit in alike(one):
        found.append((md(f"{words}: unit {unit}"), replace(one.place, unit=unit)))
    table = shell.units(one.opened)
    for layer in reversed(list(shell.layers(one.opened)["layer"])):
        if layer not in {other.place.layer for other in shown}:
            rows = ranked(table, layer)
            if len(rows):
                unit = int(rows["unit"].iloc[0])
                place = Place(layer, unit, one.place.method, one.place.store)
                found.append((f"The best explained unit of {code(layer)}: {unit}", place))
                break
    for identity, entry in shell.stores().items():
        if identity not in {other.place.store for other in shown}:
            try:
                place = _in_store(one.place, identity)
            except StoreError:  # said where it is asked for
                continue
            found.append((f"{code(f'{place.layer}:{place.unit}')} of the store {md(entry.name)}", place))
            break
    following = (one.place.unit + 1) % one.unit.units
    found.append(
        (f"The next unit of {code(one.place.layer)}: {following}", replace(one.place, unit=following))
    )
    new: dict[str, tuple[str, Place]] = {}
    for label, place in found:
        if place.text not in texts:
            new.setdefault(place.text, (label, place))
    return [*new.values()][:_FEW]
