"""Registries keyed by name: adding a target, probing set or method is one file and one decorator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from .errors import UserError, did_you_mean, quote

T = TypeVar("T")


class Registry(Generic[T]):
    """Named things of one kind.

    >>> solvers = Registry("solver")
    >>> @solvers.register("exact")
    ... def exact(): ...
    >>> solvers["exact"] is exact
    True

    A name that is taken is a `ValueError` (a programming mistake); a name that is
    unknown is a `UserError` that lists what there is.
    """

    def __init__(self, kind: str):
        self.kind = kind
        self._items: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """A decorator that registers what it decorates, and gives it back as it is.

        Args:
            name: What the registry will know it by.

        Raises:
            ValueError: The name is taken.
        """

        def keep(item: T) -> T:
            if name in self._items:
                raise ValueError(f"{self.kind} {quote(name)} is registered twice")
            self._items[name] = item
            return item

        return keep

    def __getitem__(self, name: str) -> T:
        if name not in self._items:
            known = sorted(self._items)
            raise UserError(
                f"There is no {self.kind} named {quote(name)}; known: {', '.join(known)}."
                + did_you_mean(name, known)
            )
        return self._items[name]

    def values(self) -> list[T]:
        """What is registered, in the order in which it was."""
        return list(self._items.values())

    def __contains__(self, name: str) -> bool:
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._items))

    def __len__(self) -> int:
        return len(self._items)
