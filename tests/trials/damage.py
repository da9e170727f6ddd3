"""Study files that say something else than they should."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def damage(path: Path, table: str = "responses") -> Path:
    """Overwrite a table's first page: the file still says what it is, and the table can't be read."""
    with closing(sqlite3.connect(path)) as con:
        con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = con.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [table]).fetchone()[0]
        size = con.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    return path


def rename(path: Path, name: str) -> Path:
    """Give a study another name of its own, whatever its file is called, as one from elsewhere may have."""
    with closing(sqlite3.connect(path)) as con, con:
        con.execute("UPDATE meta SET value = json_quote(?) WHERE key = 'name'", [name])
    return path
