"""Where a store may lie: paths as DuckDB takes them, and the proof that a store can be made at one."""

from __future__ import annotations

from pathlib import Path

from ..base.files import temporary_folder
from .version import StoreError

_LONGEST_END = ".notes.sqlite-journal"  # of the files that come to lie beside a store


def for_duckdb(path: Path) -> str:
    """A path as DuckDB takes it: absolute, so that `md:x` is no address. `StoreError` for one that it can't open."""
    text = str(path.absolute())
    lost = any("\ud800" <= c <= "\udfff" for c in text)
    if lost or "\\" in text:
        why = "is not UTF-8 text" if lost else "has a backslash"
        raise StoreError(
            f"No store can lie at {str(path)!r}, whose path {why}: give the folder another name."
        )
    return text


def awkward(path: Path) -> bool:
    """Whether DuckDB can't write in a folder: it looks for the end of a file's name before the first question mark."""
    return "?" in str(path.absolute())


def check_place(path: Path) -> None:
    """Make a store at a path, without a trace, and read it: `StoreError` where that fails.

    What is at the path stays; its folder is made.
    """
    from .reader import Store
    from .writer import StoreWriter

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
