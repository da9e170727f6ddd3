"""Where a store may lie: paths as DuckDB takes them."""

from __future__ import annotations

from pathlib import Path

from .version import StoreError


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
