"""Open stores as pages share them."""

from __future__ import annotations

from dataclasses import dataclass

from ..store import Store, StoreEntry
from .markdown import md


@dataclass(frozen=True)
class Opened:
    """An open store with what people noted, and a key that changes when its file is replaced, or the notes that
    change what it says (for caches). problems: a sentence for each note that can't be shown."""

    store: Store
    key: tuple
    problems: tuple[str, ...] = ()


def distinct(found: list[StoreEntry]) -> tuple[list[StoreEntry], list[tuple[StoreEntry, StoreEntry]]]:
    """The stores that can be shown, and (hidden, shown) for each that can't.

    An address names a store by its id, which a copy of a file shares: only the newest of them is shown.
    """
    newest: dict[str, StoreEntry] = {}
    good = [(entry.id, entry) for entry in found if entry.error is None and entry.id is not None]
    for identity, entry in good:
        if identity not in newest or entry.modified > newest[identity].modified:
            newest[identity] = entry
    shown = [entry for identity, entry in good if newest[identity] is entry]
    return shown, [(entry, newest[identity]) for identity, entry in good if newest[identity] is not entry]


def same_id(hidden: StoreEntry, shown: StoreEntry) -> str:
    """A sentence (Markdown) that says why a store isn't shown."""
    name, other = hidden.path.name, shown.path.name
    if name == other:
        name, other = str(hidden.path), str(shown.path)
    which = "newer one" if shown.modified > hidden.modified else "latter"
    return md(f"“{name}” has the same id as “{other}”; the {which} is shown.")
