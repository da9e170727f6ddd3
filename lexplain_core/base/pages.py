"""Pages of the dashboard: what a page is, and what its address holds.

A page is a folder of `pages/` whose `page.py` has a `PAGE`, or a plugin that has one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

VIEWS: dict[str, type[View]] = {}


@dataclass(frozen=True)
class View:
    """What a page shows: its fields are the parameters of the page's address, texts, whole numbers and floats, by name.

    Each field has a default, which the address leaves out.

    Attributes:
        page: The page's name, the first part of its address.
        old: Parameters that addresses of earlier editions have.
        store: The id of the store; '' for the newest.
    """

    page: ClassVar[str]
    old: ClassVar[frozenset[str]] = frozenset()
    store: str = ""

    @classmethod
    def current(cls, params: Mapping[str, str]) -> Mapping[str, str]:
        """The parameters of an address, with those of an earlier edition (`old`) as today's."""
        return params

    def __init_subclass__(cls) -> None:
        known = VIEWS.get(cls.page, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(f"there is a page named {cls.page!r} already")
        VIEWS[cls.page] = cls


def choice(default: str, options: Sequence[str]) -> Any:
    """A field that takes a few texts only."""
    return field(default=default, metadata={"choices": tuple(options)})


def within(default: float | None, low: float, high: float) -> Any:
    """A field that takes numbers of a range; others take whole numbers from 0 or floats from -1 to 1."""
    return field(default=default, metadata={"range": (low, high)})


def long(characters: int) -> Any:
    """A field that takes long texts."""
    return field(default="", metadata={"longest": characters})


@dataclass(frozen=True)
class Page:
    """A page of the dashboard.

    Args:
        title: In the navigation.
        icon: A Material symbol, `:material/groups:`.
        view: What its address holds.
        render: Draws it: `render(view, opened, offer)`. view: what the address asks for, with the id of its store;
            opened: the store (`opened.store`) with what people noted; offer: is to be called with the view, once that
            is complete, for the button "Copy link".
        place: Among the others in the navigation, from small to large.
        listed: Whether the navigation has it; else other pages lead there.
        stores: Whether it needs a store; else `opened` may be None.
    """

    title: str
    icon: str
    view: type[View]
    render: Callable[..., None]
    place: int = 100
    listed: bool = True
    stores: bool = True

    @property
    def name(self) -> str:
        """Its name in addresses."""
        return self.view.page
