"""What a copied link takes along, and what of a view only this machine knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from lexplain_core.base.errors import UserError
from lexplain_core.base.numbers import plural
from lexplain_core.notes import Notes, shared
from lexplain_core.store import Store
from pages.ui import links

LONGEST = 6000  # characters of units in an address: browsers and servers take 8,000 in all


def to_share(view: Any, store: Store | None) -> tuple[Any, list[str]]:
    """The view as a link has it, for people elsewhere, and sentences for what of it can't travel."""
    told = []
    if view.page == "picture" and view.image is None:
        told.append("A picture that was sent is in no link.")
    if view.page == "results" and view.study:
        told.append(f"The study “{view.study}” is a file of this machine: elsewhere the link needs its copy.")
    if store is None:
        return view, told
    if view.page == "overview" and view.starred:
        view, problems = _with_units(view, store)
        told += problems
    told += [
        f"You wrote “{name}” yourself: other machines don’t have it."
        for name in sorted(_methods(view) & store.user_methods)
    ]
    if store.hidden and view.page in ("neuron", "compare", "picture", "studio", "try_it"):
        told.append(f"Elsewhere the {plural(len(store.hidden), 'image')} that you hid may be shown.")
    return view, told


def _with_units(view: links.Overview, store: Store) -> tuple[links.Overview, list[str]]:
    """The units of a list themselves, in place of its name."""
    try:
        units, _, _ = Notes.of(store).among(view.starred, view.units)
    except UserError:  # there is no such list, and the page says so
        return replace(view, starred=""), [f"There is no list “{view.starred}” here; the link leaves it out."]
    text = shared(units or ())
    if not text:
        return view, [f"The list “{view.starred}” is empty, and known on this machine alone."]
    if len(text) > LONGEST:
        return view, [
            f"The list “{view.starred}” has too many units for a link, and is known on this machine alone: send its file."
        ]
    return replace(view, starred="", units=text), ["The link has the list’s units, not its name and remarks."]


def _methods(view: Any) -> set[str]:
    """The methods that a view names."""
    found = {getattr(view, name, "") for name in ("method", "by")}
    if view.page == "compare":
        parts = [place.split(":") for place in (view.a, view.b, view.c, view.d)]
        found |= {unquote(place[2]) for place in parts if len(place) > 2}
    return found - {""}
