"""`python -m lexplain_core notes backup`: what is kept with a store, copied while it is in use."""

import re
import shutil
import sqlite3
import sys
from contextlib import closing

import pytest

from lexplain_core.cli import main
from lexplain_core.notes import Notes


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def call(*arguments) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lexplain_core", "notes", "backup", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main.main()
        written = capsys.readouterr()
        return left.value.code or 0, written.out, " ".join(written.err.split())

    return call


def test_a_backup_holds_what_is_only_in_the_log_and_is_never_replaced(run, tmp_path):
    notes = Notes(tmp_path / "demo.notes.sqlite")
    notes.star("old", "a", 1)
    notes.star("liked", "a", 1)
    notes.delete("old")  # leaves a gap in the numbers of rows, which a backup keeps
    with closing(sqlite3.connect(notes.path)) as con:  # as long as somebody reads, the log stays
        con.execute("BEGIN")
        con.execute("SELECT * FROM lists").fetchall()
        notes.star("liked", "b", 2, "fur")
        notes.hide("cat/1.jpg")
        shutil.copy(notes.path, tmp_path / "copied.sqlite")  # what people do
        code, out, _ = run("demo.duckdb", "there/kept.sqlite")
    assert code == 0 and "there/kept.sqlite: lists: 1, hidden images: 1, explanations: 0; read again" in out
    copy = Notes(tmp_path / "there" / "kept.sqlite")
    assert copy.units("liked") == notes.units("liked") and copy.hidden() == notes.hidden()
    copy.star("liked", "c", 3)
    assert len(Notes(tmp_path / "copied.sqlite").units("liked")) == 1
    code, _, said = run("demo.duckdb", "there/kept.sqlite")
    assert code == 2 and "There is a file there/kept.sqlite already" in said
    assert run("demo.duckdb")[0] == 0
    [made] = tmp_path.glob("demo-*")
    assert re.fullmatch(r"demo-\d{4}-\d\d-\d\d-\d{6}\.notes\.sqlite", made.name)


def test_no_backup_of_what_is_missing_or_damaged(run, tmp_path):
    assert "There are no notes demo.notes.sqlite" in run("demo.duckdb", "b.sqlite")[2]
    notes = Notes(tmp_path / "demo.notes.sqlite")
    notes.hide("cat/1.jpg", "cat/2.jpg")
    with closing(sqlite3.connect(notes.path)) as con, con:
        con.execute("DELETE FROM hidden WHERE key = 'cat/1.jpg'")
    code, _, said = run("demo.duckdb", "b.sqlite")
    assert code == 2 and "hidden images are not what was written" in said
    assert not (tmp_path / "b.sqlite").exists()
