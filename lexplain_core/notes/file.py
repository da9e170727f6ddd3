"""The file of notes beside a store (SQLite, write-ahead log): the home of its SQL.

All is kept by names and keys, so that it outlives a rebuild of the store.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

from ..base import sqlite_file
from ..base.entries import regular
from ..base.errors import UserError, quote
from ..base.text import composed
from ..base.writing import check_writing
from ..store import Store, UserExplanation
from . import base, explanation_json
from .base import Brought, Hidden, Starred, UnitList, check_name

END = ".notes.sqlite"
_DDL = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE lists (list_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, begun TEXT NOT NULL);
CREATE TABLE starred (
    list_id INTEGER NOT NULL REFERENCES lists ON DELETE CASCADE,
    layer TEXT NOT NULL, unit INTEGER NOT NULL, remark TEXT NOT NULL, added TEXT NOT NULL,
    PRIMARY KEY (list_id, layer, unit)
);
CREATE TABLE hidden (key TEXT PRIMARY KEY, since TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE made (
    layer TEXT NOT NULL, unit INTEGER NOT NULL, method TEXT NOT NULL, made TEXT NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (layer, unit, method)
);
"""
# 'lxnt'. Raise the schema with every change of the tables; 1 had no digest, and stays as it is.
NOTES = sqlite_file.Kind("notes file", 0x6C786E74, 2, lambda _: _DDL, busy_s=10.0)


# What is read together, and has a digest in `meta` of its own: lists, hidden images, and words can be damaged one by one.
_LISTS, _HIDDEN, _WORDS = "lists", "hidden images", "words"
_PARTS = {
    _LISTS: ("SELECT * FROM lists ORDER BY list_id", "SELECT rowid, * FROM starred ORDER BY rowid"),
    _HIDDEN: ("SELECT * FROM hidden ORDER BY key",),
    _WORDS: ("SELECT * FROM made ORDER BY layer, unit, method",),
}


class Notes:
    """Notes of one store. A missing file is an empty one; the first note makes it. Threads may share an object.

    Raises `UserError`, in one sentence, where the file can't be read or written, isn't one of notes, or this process may
    not write (`writing`).
    """

    def __init__(self, path: str | Path, store: tuple[str, str] = ("", "")) -> None:
        """path: of the file. store: id and name of the store, for lists as files."""
        self.path = Path(path)
        self._store = {"id": store[0], "name": store[1]}

    @classmethod
    def of(cls, store: Store) -> Notes:
        """The notes beside a store: `demo.notes.sqlite` beside `demo.duckdb`."""
        return cls(cls.beside(store.path).path, (store.id, store.name))

    @classmethod
    def beside(cls, path: Path) -> Notes:
        """The notes beside a store's file, whether it can be opened or not."""
        return cls(path.with_name(path.stem + END))

    def version(self) -> str:
        """A token that changes with what changes a store: explanations that people wrote, and hidden images."""
        return next((row[0] for row in self._rows("", "SELECT value FROM meta WHERE key = 'version'")), "")

    # -- lists of units

    def lists(self) -> list[UnitList]:
        """All lists, in the order in which they were begun."""
        rows = self._rows(
            _LISTS,
            "SELECT l.name, count(s.unit), l.begun FROM lists l LEFT JOIN starred s USING (list_id) "
            "GROUP BY l.list_id ORDER BY l.list_id",
        )
        return [UnitList(*row) for row in rows]

    def units(self, name: str) -> list[Starred]:
        """The units of a list, in the order in which they were starred. `UserError` where there is no such list."""
        rows = self._rows(
            _LISTS,
            "SELECT s.layer, s.unit, s.remark, s.added FROM lists l LEFT JOIN starred s USING (list_id) "
            "WHERE l.name = ? ORDER BY s.rowid",
            composed(name),
        )
        if not rows:
            raise _no_list(name)
        return [Starred(*row) for row in rows if row[0] is not None]

    def lists_of(self, layer: str, unit: int) -> dict[str, str]:
        """Name -> remark of all lists that a unit is on."""
        rows = self._rows(
            _LISTS,
            "SELECT l.name, s.remark FROM starred s JOIN lists l USING (list_id) "
            "WHERE s.layer = ? AND s.unit = ? ORDER BY l.list_id",
            layer,
            int(unit),
        )
        return dict(rows)

    def among(
        self, name: str = "", address: str = ""
    ) -> tuple[tuple[tuple[str, int], ...] | None, str, list[str]]:
        """The (layer, unit)s on a list ('' for none) and on the list that an address holds (`base.shared`, '' for none):
        on both, where both are given; None where neither is. Beside them what they are in words, and a sentence for each
        part of the address that can't be read. Raises `UserError` where there is no such list."""
        found: list[tuple[str, int]] | None = None
        words: list[str] = []
        problems: list[str] = []
        if address:
            found, problems = base.unshared(address)
            words.append("on the list that the address holds")
        if name:
            both = None if found is None else set(found)
            rows = [(row.layer, row.unit) for row in self.units(name)]
            found = [key for key in rows if both is None or key in both]
            words.append(f"on the list “{name}”")
        return (None if found is None else tuple(found)), " and ".join(words), problems

    def begin(self, name: str) -> str:
        """Begin an empty list, unless there is one of that name; its name."""
        name = check_name(name, "a list")
        with self._writing() as con:
            _list_id(con, name, make=True)
        return name

    def star(self, name: str, layer: str, unit: int, remark: str | None = None) -> None:
        """Put a unit on a list, which is begun if need be. remark: None leaves one that is there."""
        self.star_all(name, [(layer, unit)], remark)

    def star_all(self, name: str, units: Iterable[tuple[str, int]], remark: str | None = None) -> int:
        """Put (layer, unit)s on a list; how many were not there before."""
        name, now = check_name(name, "a list"), _now()
        text = None if remark is None else base.check_remark(remark)
        with self._writing() as con:
            identity = _list_id(con, name, make=True)
            rows = [(identity, layer, int(unit), text or "", now) for layer, unit in units]
            before = con.total_changes
            con.executemany("INSERT OR IGNORE INTO starred VALUES (?, ?, ?, ?, ?)", rows)
            new = con.total_changes - before
            if text is not None:
                con.executemany(
                    "UPDATE starred SET remark = ? WHERE list_id = ? AND layer = ? AND unit = ?",
                    [(text, *row[:3]) for row in rows],
                )
        return new

    def unstar(self, name: str, layer: str, unit: int) -> None:
        """Take a unit off a list, and its remark with it."""
        with self._writing() as con:
            con.execute(
                "DELETE FROM starred WHERE list_id = ? AND layer = ? AND unit = ?",
                (_list_id(con, name), layer, int(unit)),
            )

    def remark(self, name: str, layer: str, unit: int, text: str) -> None:
        """Note a remark on a unit, which is put on the list if need be."""
        self.star(name, layer, unit, text)

    def rename(self, name: str, new: str) -> str:
        """Give a list another name; that name. `UserError` where another list has it."""
        new = check_name(new, "a list")
        with self._writing() as con:
            identity = _list_id(con, name)
            if new != name and con.execute("SELECT 1 FROM lists WHERE name = ?", (new,)).fetchone():
                raise UserError(f"There is a list {quote(new)} already; choose another name.")
            con.execute("UPDATE lists SET name = ? WHERE list_id = ?", (new, identity))
        return new

    def delete(self, name: str) -> None:
        """Delete a list with its remarks."""
        with self._writing() as con:
            con.execute("DELETE FROM lists WHERE list_id = ?", (_list_id(con, name),))

    def to_json(self, name: str) -> bytes:
        """A list as a file, for `from_json` here or elsewhere."""
        return base.to_json(name, self.units(name), self._store)

    def from_json(self, data: bytes) -> Brought:
        """Take in a list's file, as a list of its own: where the name is taken, `name (2)`.

        Units are kept by name, whether the store has them or not. Raises `UserError` where the file is
        no list, or larger than `LARGEST_FILE`; what is wrong with single entries is told in `problems`.
        """
        name, units, problems = base.from_json(data)
        now = _now()
        with self._writing() as con:
            taken = {row[0] for row in con.execute("SELECT name FROM lists")}
            free = name
            for number in range(2, len(taken) + 3):
                if free not in taken:
                    break
                end = f" ({number})"
                free = name[: base.LONGEST_NAME - len(end)].rstrip() + end
            identity = _list_id(con, free, make=True)
            rows = [(identity, layer, unit, remark, now) for layer, unit, remark in units]
            con.executemany("INSERT INTO starred VALUES (?, ?, ?, ?, ?)", rows)
        return Brought(free, len(units), tuple(problems))

    # -- images that aren't shown

    def hide(self, *keys: str) -> None:
        """Show the images with these keys no more, for good."""
        with self._writing(changing=True) as con:
            con.executemany("INSERT OR IGNORE INTO hidden VALUES (?, ?)", [(key, _now()) for key in keys])

    def unhide(self, *keys: str) -> None:
        """Show images again."""
        with self._writing(changing=True) as con:
            con.executemany("DELETE FROM hidden WHERE key = ?", [(key,) for key in keys])

    def hidden(self) -> list[Hidden]:
        """The images that aren't shown, the last hidden first."""
        return [
            Hidden(*row)
            for row in self._rows(_HIDDEN, "SELECT key, since FROM hidden ORDER BY since DESC, key")
        ]

    # -- explanations that people wrote

    def keep(self, explanation: UserExplanation) -> UserExplanation:
        """Keep an explanation, in place of an earlier one of that unit and name; what was kept.

        Its `store`, where it doesn't say one, is the store of these notes. Raises `UserError` where the name can't be one, or a number isn't finite. Whether the name is a
        method's of the store is not known here: `Store.with_notes` leaves such an explanation out.
        """
        name = check_name(explanation.method, "an explanation")
        if not explanation.terms or not all(
            map(isfinite, (explanation.bias, *(w for w, _ in explanation.terms)))
        ):
            raise UserError("An explanation needs at least one concept, and weights that are numbers.")
        when = explanation.made or _now()
        data = explanation_json.written(replace(explanation, store=explanation.store or self._store["id"]))
        row = (explanation.layer, int(explanation.unit), name, when, data)
        try:
            kept = explanation_json.read(*row)  # what couldn't be read again is not written
        except ValueError as error:
            raise UserError(f"The explanation {quote(name)} can't be kept: {error}.") from None
        with self._writing(changing=True) as con:
            con.execute("INSERT OR REPLACE INTO made VALUES (?, ?, ?, ?, ?)", row)
        return kept

    def explanations(self) -> list[UserExplanation]:
        """All explanations that people wrote, by layer, unit and name, but those that can't be read."""
        return self.explanations_and_faults()[0]

    def explanations_and_faults(self) -> tuple[list[UserExplanation], list[str]]:
        """All explanations that people wrote and that can be read, and a sentence for each that can't."""
        found, faults = [], []
        for row in self._rows(
            _WORDS, "SELECT layer, unit, method, made, data FROM made ORDER BY layer, unit, method"
        ):
            try:
                found.append(explanation_json.read(*row))
            except ValueError as error:
                layer, unit, method = row[:3]
                faults.append(
                    f"{quote(method)} of {layer}, unit {unit}, can't be read from {self.path.name} ({error}): words that "
                    "are kept under that name take its place."
                )
        return found, faults

    def forget(self, method: str, layer: str, unit: int) -> bool:
        """Delete an explanation that was kept; whether there was one."""
        with self._writing(changing=True) as con:
            done = con.execute(
                "DELETE FROM made WHERE method = ? AND layer = ? AND unit = ?", (method, layer, int(unit))
            )
            return done.rowcount > 0

    # -- the file

    def back_up(self, to: Path | None = None) -> Path:
        """Copy the notes to a new file, also while they are in use, and read it again; where it is.

        to: a file with the notes' name and the time, in the present folder, without one. Raises `UserError` where there
        are no notes, they are damaged, or `to` is taken or can't be written.
        """
        if not self.version() and not self.lists():
            raise UserError(f"There are no notes {self.path}: nothing was starred, hidden or kept yet.")
        to = to or sqlite_file.dated(self.path.name.removesuffix(END), END)
        with NOTES.plainly(self.path), closing(self._connect("ro")) as con:
            sqlite_file.back_up(con, to, lambda copy: Notes(copy)._check_all())
        return to

    def _check_all(self) -> None:
        with closing(self._connect("ro")) as con:
            self._check(con, *_PARTS)

    def _rows(self, part: str, query: str, *parameters: str | int) -> list[tuple]:
        """The rows of a query about a part of the notes, '' for none; no rows where there is no file."""
        if not os.path.lexists(self.path):
            return []
        with NOTES.plainly(self.path):
            before = sqlite_file.state(self.path)
            if not sqlite_file.waiting(self.path):
                try:
                    rows = self._read("ro&immutable=1", part, query, parameters)
                    if sqlite_file.state(self.path) == before:
                        return rows
                except (sqlite3.Error, UserError):
                    if sqlite_file.state(self.path) == before:
                        raise
            return self._read("ro", part, query, parameters)  # somebody writes, or is about to

    def _read(self, mode: str, part: str, query: str, parameters: tuple) -> list[tuple]:
        with closing(self._connect(mode)) as con:
            if not self._version(con):
                return []
            checked = [part] if part else []
            sqlite_file.once(
                self.path, sqlite_file.state(self.path), lambda: self._check(con, *checked), part
            )
            return con.execute(query, parameters).fetchall()

    def _check(self, con: sqlite3.Connection, *parts: str) -> None:
        """Raise `UserError` where parts of the notes are not what was written."""
        alone = not con.in_transaction
        if alone:
            con.execute("BEGIN")
        wrong = sqlite_file.unsound(con)
        if wrong is None and _schema(con) > 1:
            kept = dict(con.execute("SELECT key, value FROM meta"))
            wrong = next(
                (
                    f"its {p} are not what was written"
                    for p in parts
                    if kept.get(f"digest {p}") != _digest(con, p)
                ),
                None,
            )
        if alone:
            con.execute("COMMIT")
        if wrong is not None:
            raise NOTES.damaged(self.path, wrong)

    @contextmanager
    def _writing(self, changing: bool = False) -> Iterator[sqlite3.Connection]:
        """One transaction, on disk when the block is left, undone if it raises. changing: what `version` is about."""
        check_writing()
        with NOTES.plainly(self.path, "move the store to one that can"), closing(self._connect("rwc")) as con:
            if not self._version(con):
                _found(con)
            with sqlite_file.transaction(con):
                self._check(con, *_PARTS)  # what is damaged must not be sealed again
                yield con
                if changing:
                    con.execute("INSERT OR REPLACE INTO meta VALUES ('version', ?)", (secrets.token_hex(8),))
                _seal(con)

    def _connect(self, mode: str) -> sqlite3.Connection:
        with suppress(FileNotFoundError):
            regular(self.path, "a file of notes")  # opening a pipe would wait for ever
        con = NOTES.connect(sqlite_file.address(self.path, mode))
        con.execute("PRAGMA foreign_keys=ON")
        return con

    def _version(self, con: sqlite3.Connection) -> int:
        """The version of the file's tables; 0 where it is blank: another process has just begun it."""
        con.execute("BEGIN")  # all as of one moment: another process may just make the tables
        version = NOTES.version(con, self.path, blank=True)
        con.execute("COMMIT")
        return version


def _found(con: sqlite3.Connection) -> None:
    """Make the tables, unless another process was faster."""
    until = time.monotonic() + NOTES.busy_s
    while True:
        try:
            con.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:  # SQLite waits for no other process here
            if sqlite_file.error_code(error) not in sqlite_file.BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
    with sqlite_file.transaction(con):
        if con.execute("PRAGMA application_id").fetchone()[0] == 0:
            for statement in _DDL.split(";"):
                con.execute(statement)
            con.execute(f"PRAGMA application_id={NOTES.application_id}")
            con.execute(f"PRAGMA user_version={NOTES.schema}")
            _seal(con)


def _schema(con: sqlite3.Connection) -> int:
    return con.execute("PRAGMA user_version").fetchone()[0]


def _digest(con: sqlite3.Connection, part: str) -> str:
    return sqlite_file.digest([sqlite_file.rows_of(con, query) for query in _PARTS[part]]).hex()


def _seal(con: sqlite3.Connection) -> None:
    """Write the digests of all parts, after a change; nothing happens in notes of schema 1."""
    if _schema(con) > 1:
        rows = [(f"digest {part}", _digest(con, part)) for part in _PARTS]
        con.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)


def _list_id(con: sqlite3.Connection, name: str, make: bool = False) -> int:
    row = con.execute("SELECT list_id FROM lists WHERE name = ?", (composed(name),)).fetchone()
    if row:
        return row[0]
    if not make:
        raise _no_list(name)
    con.execute("INSERT INTO lists (name, begun) VALUES (?, ?)", (name, _now()))
    return con.execute("SELECT last_insert_rowid()").fetchone()[0]


def _no_list(name: str) -> UserError:
    return UserError(f"There is no list {quote(name)}; it may have been deleted or renamed.")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
