"""The places of the Compare page: which units stand side by side, and the pickers that change them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from lexplain_core.store import StoreError
from lexplain_core.views.compare import Place, Shown, alike, ranked
from lexplain_core.views.markdown import code, md
from lexplain_core.views.opened import Opened, distinct
from pages.ui import links, shell
from pages.ui.compare_link import SLOTS, filled, put
from pages.ui.text import message

_BADGES = ("blue", "orange", "green", "violet")
_FEW = 6  # suggestions of what to put beside a unit


def resolve(view: links.Compare, opened: Opened) -> tuple[list[Shown], list[str]]:
    """The places of a view, lettered in their order, and a sentence (Markdown) for each that can't be shown."""
    found: list[Shown] = []
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


def _shown(letter: str, place: Place, here: Opened, problems: list[str]) -> Shown:
    opened = here
    if place.store and place.store != here.store.id:
        opened = shell.opened_by_id(place.store)
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
    return Shown(letter, full, opened, unit, explanation, matrices[0] if matrices else "")


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


def _add(view: links.Compare, place: Place) -> None:
    """Show one more place; a callback."""
    _put(view, [*filled(shell.now(view)), short(view, place).text])


def _take(view: links.Compare, letter: str) -> None:
    """Show a place no more; a callback."""
    here = filled(shell.now(view))
    del here["ABCD".index(letter)]
    _put(view, here)


def _put(view: links.Compare, texts: Sequence[str]) -> None:
    found = put(view, texts)
    shell.change(view, **{slot: getattr(found, slot) for slot in SLOTS})


def pickers(view: links.Compare, shown: list[Shown]) -> None:
    """A column for each place: store, layer, unit, method; a button that takes it away."""
    stores = {entry.id: entry.name for entry in distinct(shell.entries())[0]}
    columns = st.columns(max(2, len(shown)), gap="small")
    for column, one in zip(columns, shown, strict=False):
        with column, st.container(gap="xsmall", key=f"lx_place_{one.letter}"):
            _one(view, shown, one, stores)
    if len(shown) == 1:
        with columns[1], st.container(gap="xsmall"):
            st.markdown(f"**What to put beside {shown[0].letter}?** Its column can be changed afterwards.")
            suggested(view, shown)


def _one(view: links.Compare, shown: list[Shown], one: Shown, stores: dict[str, str]) -> None:
    slot = SLOTS["ABCD".index(one.letter)]
    keys = {part: f"compare {slot} {part}" for part in ("store", "layer", "unit", "method")}
    _unit_row(view, one, keys)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        _choices(view, one, stores, keys)
        if len(shown) > 1:
            st.button(
                f"Take {one.letter} away",  # for those who can't see the icon: the page's rules hide the words
                icon=":material/close:",
                key=f"compare {slot} remove",
                type="tertiary",
                help=f"Take {one.letter} away",
                on_click=_take,
                args=(view, one.letter),
            )


def _unit_row(view: links.Compare, one: Shown, keys: dict[str, str]) -> None:
    """The letter of a place, its layer and its unit."""
    state = st.session_state
    state[keys["layer"]], state[keys["unit"]] = one.place.layer, one.place.unit
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.badge(one.letter, color=_BADGES["ABCD".index(one.letter)])
        st.selectbox(
            f"Layer of {one.letter}",
            list(shell.layers(one.opened)["layer"]),
            key=keys["layer"],
            format_func=str,
            label_visibility="collapsed",
            width="stretch",
            on_change=_to_layer,
            args=(view, one, keys["layer"]),
        )
        st.number_input(
            f"Unit of {one.letter}, 0 to {one.unit.units - 1}",
            0,
            one.unit.units - 1,
            step=1,
            key=keys["unit"],
            label_visibility="collapsed",
            width=108,
            on_change=_to_unit,
            args=(view, one, keys["unit"]),
        )


def _choices(view: links.Compare, one: Shown, stores: dict[str, str], keys: dict[str, str]) -> None:
    """The method that explains a place's unit, and the store it is from, where there are several."""
    state = st.session_state
    methods = [explanation.method for explanation in one.unit.explanations]
    if len(methods) > 1:
        state[keys["method"]] = one.place.method
        st.selectbox(
            f"Explained by, {one.letter}",
            methods,
            key=keys["method"],
            label_visibility="collapsed",
            width="stretch",
            on_change=_to_method,
            args=(view, one, keys["method"]),
            help="The method that put the unit in words",
        )
    if len(stores) > 1:
        state[keys["store"]] = one.place.store
        st.selectbox(
            f"Store of {one.letter}",
            list(stores),
            key=keys["store"],
            format_func=stores.get,
            label_visibility="collapsed",
            width="stretch",
            on_change=_to_store,
            args=(view, one, keys["store"]),
            help="The store that the unit is from",
        )


def _place(view: links.Compare, one: Shown) -> Place:
    """The place as it is now: another of its pickers may have changed in the same moment."""
    place = Place.of(getattr(shell.now(view), SLOTS["ABCD".index(one.letter)])) or one.place
    return replace(place, store=place.store or view.store)


def _changed(view: links.Compare, one: Shown, place: Place) -> None:
    shell.change(view, **{SLOTS["ABCD".index(one.letter)]: short(view, place).text})


@shell.told
def _to_layer(view: links.Compare, one: Shown, key: str) -> None:
    layer, place = st.session_state[key], _place(view, one)
    _changed(view, one, replace(place, layer=layer, unit=_inside(one.opened, layer, place.unit)))


def _to_unit(view: links.Compare, one: Shown, key: str) -> None:
    _changed(view, one, replace(_place(view, one), unit=int(st.session_state[key])))


def _to_method(view: links.Compare, one: Shown, key: str) -> None:
    _changed(view, one, replace(_place(view, one), method=st.session_state[key]))


@shell.told
def _to_store(view: links.Compare, one: Shown, key: str) -> None:
    opened = shell.opened_by_id(st.session_state[key])
    if opened is not None:
        _changed(view, one, counterpart(_place(view, one), opened))


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


def adding(view: links.Compare, shown: list[Shown]) -> None:
    """A menu of what may come beside the places that are there; nothing where four are, or only one."""
    if not 2 <= len(shown) < len(SLOTS):
        return
    with st.popover(
        "Add …", icon=":material/add:", help="Put another unit, method, layer or store beside these"
    ):
        suggested(view, shown)


def suggested(view: links.Compare, shown: list[Shown]) -> None:
    """A button for each suggestion of what to put beside the places; anything else is reached from there by its pickers."""
    for number, (label, place) in enumerate(suggestions(shown)):
        st.button(
            label,
            key=f"compare suggestion {number}",
            width="stretch",
            on_click=_add,
            args=(view, place),
        )


def suggestions(shown: list[Shown]) -> list[tuple[str, Place]]:
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
    for entry in distinct(shell.entries())[0]:
        if entry.id not in {other.place.store for other in shown}:
            try:
                opened = shell.opened_by_id(entry.id)
            except StoreError:  # said where it is asked for
                continue
            place = counterpart(one.place, opened)
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
