"""The stores in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .reader import Store
from .version import StoreError


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
    entries = []
    for path in Path(folder).glob("*.duckdb"):
        if path.name.startswith("."):
            continue
        try:
            modified = path.stat().st_mtime
            with Store.open(path) as store:
                entries.append(StoreEntry(path, store.id, store.name, None, modified))
        except StoreError as error:
            entries.append(StoreEntry(path, None, path.stem, str(error), modified))
        except FileNotFoundError:
            continue  # replaced or removed while we looked
    return sorted(entries, key=lambda entry: (-entry.modified, entry.path.name))
