"""What people keep beside a store, shown by the store."""

from __future__ import annotations

import threading
from weakref import WeakKeyDictionary

from ..base.errors import UserError, quote
from ..store import Store, StoreError
from .file import Notes

_turn = threading.Lock()
_WITHOUT_WORDS = " without words"
_taken: WeakKeyDictionary[Store, tuple[str, tuple[str, ...]]] = WeakKeyDictionary()


def take_in(store: Store) -> tuple[str, tuple[str, ...]]:
    """Let a store show its notes' explanations and leave out their hidden images (`Store.take_in`), unless it does.

    Quick where nothing has changed. Returns the notes' `version`, and a sentence for each explanation that can't be
    read, or that the store can't hold; images stay hidden whatever is wrong with explanations. Raises `StoreError` where
    it can't be known which images are hidden: the store should then not be shown.
    """
    notes = Notes.of(store)
    with _turn:
        try:
            version = notes.version()  # read first: what is newer is taken in the next time
            known = _taken.get(store, ("", ()))
            if known[0] == version:
                return known
            hidden = [image.key for image in notes.hidden()]
        except UserError as error:
            raise StoreError(
                f"{error} Until they can be read, the store {quote(store.name)} isn't shown: images may be hidden in them. If "
                "that file is of no use, move it away."
            ) from error
        try:
            made, problems = notes.made_and_faults()
        except UserError as error:
            made, problems = [], [str(error)]
            version += _WITHOUT_WORDS  # so it is tried again
        problems += store.take_in(made, hidden)
        known = _taken[store] = (version, tuple(problems))
        return known
