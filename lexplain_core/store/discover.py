"""The stores in a folder."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..base.entries import escaped, listing, regular, shown
from ..base.errors import UserError
from .reader import Store

END = ".duckdb"
_LOG = logging.getLogger("lexplain.store")


@dataclass(frozen=True)
class StoreEntry:
    """A file that looks like a store: its id and name, or why it can't be opened."""

    path: Path
    id: str | None
    name: str
    error: str | None
    modified: float


def find_stores(folder: str | Path) -> list[StoreEntry]:
    """The `.duckdb` files of a folder, newest first; empty where there is no such folder.

    A file that can't be opened is listed with its reason.
    """
    return stores_at(listing(folder, END))


def stores_at(paths: Iterable[Path]) -> list[StoreEntry]:
    """`find_stores` of files, without those that are gone."""
    entries = [entry for path in paths if (entry := _entry(path))]
    return sorted(entries, key=lambda entry: (-entry.modified, entry.path.name))


def _entry(path: Path) -> StoreEntry | None:
    """None for what was replaced or removed while we looked."""
    modified = 0.0
    try:
        modified = regular(path, "a store").st_mtime
        with Store.open(path) as store:
            return StoreEntry(path, store.id, store.name, None, modified)
    except FileNotFoundError:
        return None
    except Exception as error:
        return refused(path, error, modified)


def refused(path: Path, error: Exception, modified: float = 0.0) -> StoreEntry:
    """The entry of what can't be opened, whatever was raised: one file must not hide the others."""
    said = escaped(str(error))
    if not isinstance(error, UserError):
        _LOG.error("The store %s could not be opened", shown(path), exc_info=error)
        said = f"{shown(path)} can't be opened as a store: {type(error).__name__}."
    return StoreEntry(path, None, shown(path.stem), said, modified)
