"""Files that lie beside good stores, studies and notes and can't be opened: each in a way of its own."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb

DEEP = "[" * 50_000 + "]" * 50_000
# name of the file -> what its `meta` says instead; a text is written as it is, None is taken out
META = {
    "without id": {"id": None},
    "id a list": {"id": json.dumps(["a"])},
    "id a number": {"id": "7"},
    "id null": {"id": "null"},
    "id of two lines": {"id": json.dumps("a\nb")},
    "id too long": {"id": json.dumps("a" * 5000)},
    "name a number": {"name": "7"},
    "name null": {"name": "null"},
    "name a list": {"name": "[1]"},
    "name too long": {"name": json.dumps("n" * 10_000)},
    "deep": {"config": DEEP},
    "deep objects": {"build": '{"a":' * 3000 + "1" + "}" * 3000},
    "no json": {"config": "{"},
    "many digits": {"build": '{"a": ' + "9" * 10_000 + "}"},
    "config a list": {"config": "[]"},
    "target a text": {"target": '"x"'},
    "target name a number": {"target": '{"name": 1}'},
    "accuracy a text": {"target": '{"name": "x", "accuracy": "high"}'},
    "outputs numbers": {"outputs": "[1, 2]"},
    "outputs a text": {"outputs": '"abc"'},
    "versions a list": {"versions": "[]"},
    "version a text": {"schema_version": '"six"'},
    "version a list": {"schema_version": "[6]"},
    "huge": {"extra": json.dumps("x" * 9_000_000)},
}


def flipped(whole: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Copies of a file, each with another bit turned."""
    draw = random.Random(seed)
    for _ in range(count):
        data = bytearray(whole)
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        yield bytes(data)


def changed_meta(good: Path, to: Path, values: dict[str, str | None]) -> Path:
    """A copy of a store that says other things of itself."""
    shutil.copyfile(good, to)
    with duckdb.connect(str(to)) as con:
        for key, value in values.items():
            con.execute("DELETE FROM meta WHERE key = ?", [key])
            if value is not None:
                con.execute("INSERT INTO meta VALUES (?, ?)", [key, value])
    return to


def rotten_files(folder: Path, end: str) -> list[str]:
    """Entries of a folder that are no file that can be opened; the texts by which sentences name them."""
    (folder / f"folder{end}").mkdir()
    os.mkfifo(folder / f"pipe{end}")
    (folder / f"loop{end}").symlink_to(folder / f"loop{end}")
    (folder / f"gone{end}").symlink_to(folder / "nowhere")
    (folder / f"empty{end}").write_bytes(b"")
    (folder / f"text{end}").write_text("these are just my notes\n" * 100)
    (folder / f"zero{end}").write_bytes(bytes(20_000))
    (folder / f"two\nlines{end}").write_bytes(b"x")
    with open(os.fsencode(folder) + b"/caf\xe9" + end.encode(), "wb") as file:
        file.write(b"x")
    named = [f"{name}{end}" for name in ("folder", "pipe", "loop", "gone", "empty", "text", "zero")]
    return [*named, rf"two\nlines{end}", rf"caf\xe9{end}"]


def rotten_stores(folder: Path, good: Path) -> list[str]:
    """Fill a folder with them; the texts by which sentences name them."""
    named = rotten_files(folder, ".duckdb")
    for name, values in META.items():
        changed_meta(good, folder / f"{name}.duckdb", values)
    whole = good.read_bytes()
    (folder / "half.duckdb").write_bytes(whole[: len(whole) // 2])
    (folder / "head.duckdb").write_bytes(whole[:12] + os.urandom(50_000))
    return [*named, *(f"{name}.duckdb" for name in [*META, "half", "head"])]
