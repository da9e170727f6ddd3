"""Places of the Compare page in its address, and the links that lead there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lexplain_core.views.compare import Place
from pages.ui import go, links

SLOTS = ("a", "b", "c", "d")


def filled(view: links.Compare) -> list[str]:
    """The texts of the places that the view fills, in their order."""
    return [text for slot in SLOTS if (text := getattr(view, slot))]


def put(view: links.Compare, texts: Sequence[str]) -> links.Compare:
    """The view with these places, from the first on; at most four."""
    row = [*texts, "", "", "", ""][: len(SLOTS)]
    fields: dict[str, Any] = dict(zip(SLOTS, row, strict=True))
    return replace(view, **fields)


def of_units(store: str, *places: Place, level: str = "concepts") -> links.Compare:
    """The page with these places side by side, in the store with an id."""
    own = [replace(place, store="" if place.store == store else place.store) for place in places]
    return put(links.Compare(store=store, level=level), [place.text for place in own])


def compare_link(view: links.Neuron, other: int | None = None, label: str = "Compare with …") -> None:
    """A link from a unit's page to the Compare page, beside `other`, a unit of the same layer, if one is given.

    view: with layer and unit filled in. Without `other` the Compare page asks what to put beside it.
    """
    places = [Place(view.layer, number, view.method) for number in (view.unit, other) if number is not None]
    go.link(
        label,
        of_units(view.store, *places, level=view.level),
        icon=":material/compare:",
        help="This unit beside others, on shared axes",
    )
