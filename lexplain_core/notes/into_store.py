"""A store with the notes that people keep beside it."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from ..base.errors import UserError, quote
from ..store import Store, StoreError
from .file import Notes

_WITHOUT_EXPLANATIONS = " without explanations"


@dataclass(frozen=True)
class Noted:
    """A store that shows its notes (`Store.with_notes`), and these notes' `version`.

    problems: a sentence for each explanation that can't be read, or that the store can't hold.
    """

    store: Store
    version: str = ""
    problems: tuple[str, ...] = ()


class _Latest:
    """The notes of a store as they were last read."""

    def __init__(self, store: Store):
        self.lock, self.noted = threading.Lock(), Noted(store)


def with_notes(store: Store) -> Noted:
    """The store with its notes as they are now; the same one until they change. Whoever has one keeps what it shows.

    Images stay hidden whatever is wrong with explanations. Raises `StoreError` where it can't be known which images are
    hidden: the store should then not be shown.
    """
    notes, latest = Notes.of(store), store.kept(_Latest)
    with latest.lock:
        try:
            version = notes.version()  # read first: what is newer is read the next time
            if version == latest.noted.version:
                return latest.noted
            hidden = [image.key for image in notes.hidden()]
        except UserError as error:
            raise StoreError(
                f"{error} Until they can be read, the store {quote(store.name)} isn't shown: images may be hidden in them. If "
                "that file is of no use, move it away."
            ) from error
        try:
            explanations, faults = notes.explanations_and_faults()
        except UserError as error:
            explanations, faults = [], [str(error)]
            version += _WITHOUT_EXPLANATIONS  # so it is tried again
        shown = latest.noted.store.with_notes(explanations, hidden)
        latest.noted = Noted(shown, version, (*faults, *shown.overlay.problems))
        return latest.noted
