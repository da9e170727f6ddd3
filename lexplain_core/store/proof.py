"""The proof that a store can be made at a path."""

from __future__ import annotations

from pathlib import Path

from ..base.files import temporary_folder
from .place import for_duckdb
from .reader import Store
from .version import StoreError
from .writer import StoreWriter

_LONGEST_END = ".notes.sqlite-journal"  # of the files that come to lie beside a store


def check_place(path: Path) -> None:
    """Make a store at a path, without a trace, and read it: `StoreError` where that fails.

    What is at the path stays; its folder is made.
    """
    for_duckdb(path)
    try:
        target = path.resolve()  # a link stays a link
        target.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(path.stem + _LONGEST_END).exists()
        if path.is_dir():
            raise IsADirectoryError(None, "that is a folder")
        with temporary_folder(target.parent) as folder:
            trial = folder / target.name
            with StoreWriter(trial) as store:
                store.meta(id="trial")
            Store.open(trial).close()
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        why = getattr(error, "strerror", None) or error
        raise StoreError(
            f"The store can't be written to {path}: {why}; set `store` to another place."
        ) from None
    except StoreError as error:
        raise StoreError(str(error).replace(str(trial), str(path))) from None
