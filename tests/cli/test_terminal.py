"""What others wrote is printed as it is, on any terminal, and commands nothing."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lexplain_core.base.progress import Terminal
from lexplain_core.base.terminal import Console
from lexplain_core.cli import main
from lexplain_core.store import StoreWriter

from ..conftest import ROOT
from ..store.helpers import fill, make

NAME = "ein :dog: café \u4e2d [red] [/] \x1b[31mrot\x1b[0m \x9b2J"
SHOWN = "ein :dog: café \u4e2d [red] [/] [31mrot[0m 2J"


@pytest.fixture(scope="module")
def odd_store(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("odd") / "odd.duckdb"
    with StoreWriter(path) as store:
        fill(store, make(), name=NAME, target={"name": NAME, "accuracy": 0.5, "accuracy_images": 9, "outputs": 3},
             probing_set={"name": NAME, "source": NAME})  # fmt: skip
    return path


def command(*arguments: object, **env: str) -> subprocess.Popen:
    words = [sys.executable, "-m", "lexplain_core", *map(str, arguments)]
    keep = {
        k: v for k, v in os.environ.items() if k not in ("LANG", "LC_ALL", "PYTHONUTF8", "PYTHONIOENCODING")
    }
    return subprocess.Popen(
        words, cwd=ROOT, env=keep | env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    )  # fmt: skip


def test_names_are_no_markup_no_emoji_and_no_commands(odd_store, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["lexplain_core", "info", str(odd_store)])
    monkeypatch.setattr(main, "out", Console(width=200))
    with pytest.raises(SystemExit) as left:
        main.main()
    out = capsys.readouterr().out
    assert not left.value.code
    assert out.count(SHOWN) == 3 and "\x1b" not in out and "\x9b" not in out


def test_errors_are_no_markup_and_no_emoji(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["lexplain_core", "info", "no/:dog: [/red].duckdb"])
    with pytest.raises(SystemExit):
        main.main()
    assert "no/:dog: [/red].duckdb" in capsys.readouterr().err


@pytest.mark.parametrize("name", [":dog: [/]", "[red]x", "a \x1b[2Jb"])
def test_progress_and_notes_show_names_as_they_are(name):
    out = io.StringIO()
    progress = Terminal(Console(file=out, width=200))
    with progress.task(f"layer {name}", total=2) as advance:
        advance(2)
    progress.note(f"note {name}")
    shown = name.replace("\x1b", "")
    assert f"layer {shown}" in out.getvalue() and f"note {shown}" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_tables_show_names_as_they_are():
    from rich.table import Table

    out, table = io.StringIO(), Table("[bold]:cat:")
    table.add_row("[/] :dog:\x1b[31m")
    Console(file=out, width=80).print(table)
    assert (
        "[bold]:cat:" in out.getvalue() and "[/] :dog:[31m" in out.getvalue() and "\x1b" not in out.getvalue()
    )


def test_a_terminal_that_lacks_a_character_gets_its_number(odd_store):
    out, err = command("info", odd_store, PYTHONIOENCODING="cp1252").communicate()
    assert not err and b"ein :dog: " in out and b"\\u4e2d" in out


def test_a_reader_that_goes_away_is_no_error(odd_store):
    process = command("info", odd_store)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.wait()


def test_json_stays_json(odd_store):
    out, _ = command("info", "--json", odd_store, PYTHONIOENCODING="ascii").communicate()
    assert json.loads(out)["name"] == NAME and b"\x1b" not in out and b"\x9b" not in out
