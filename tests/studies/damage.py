"""Study files that say something else than they should."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from lexplain_core.studies.file.seals import meta_digest, picture_digest, plan_digest, seal


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
    with rewritten(path) as con:
        con.execute("UPDATE meta SET value = json_quote(?) WHERE key = 'name'", [name])
    return path


@contextmanager
def rewritten(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to change anything in a study, as a stranger may who then computes all digests anew."""
    with closing(sqlite3.connect(path)) as con, con:
        yield con
        for row in con.execute(
            "SELECT picture_id, source, key, type, width, height, data FROM pictures"
        ).fetchall():
            made = picture_digest(row[0], list(row[1:6]), row[6])
            con.execute("UPDATE pictures SET digest = ? WHERE picture_id = ?", (made, row[0]))
        seal(con)
        con.execute("UPDATE meta SET value = ? WHERE key = 'plan'", [json.dumps(plan_digest(con))])
        meta = dict(con.execute("SELECT key, value FROM meta"))
        con.execute("UPDATE meta SET value = ? WHERE key = 'digest'", [json.dumps(meta_digest(meta))])
