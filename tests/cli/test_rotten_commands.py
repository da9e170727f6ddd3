"""Every command on a damaged store ends in an answer or in one sentence."""

from __future__ import annotations

import shutil

import duckdb
import pytest
from typer.testing import CliRunner

from lexplain_core.base.errors import UserError
from lexplain_core.cli import main

from ..store.test_damage import whole  # noqa: F401  (a fixture)

COMMANDS = [
    ["info"],
    ["check"],
    ["export", "--out", "o.json"],
    ["figure", "--units", "layer1:1", "--figure", "ranges"],
    ["study", "new", "--name", "n", "--trials", "2", "--set", "course.catch=0", "--set", "stimuli.images=stored"],
    ["trust", "--yes"],
    ["import", "explanations", "e.csv", "--method", "x"],
]  # fmt: skip
CHANGES = [
    "DELETE FROM images; DELETE FROM activations; DELETE FROM maps",
    "DELETE FROM activations WHERE image_id > 20; UPDATE terms SET concept_id = 77",
    "UPDATE concept_matrices SET a = NULL, config = '[]', filter = '3'; UPDATE units SET truth = '7'",
    """UPDATE meta SET value = '{"accuracy": 0.5}' WHERE key = 'target'; UPDATE images SET class_id = 77""",
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_command_on_a_damaged_store_ends_in_a_sentence(whole, tmp_path, monkeypatch, change):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEXPLAIN_STUDIES", str(tmp_path))
    (tmp_path / "e.csv").write_text("layer,unit,text\nlayer1,1,boat\n")
    shutil.copyfile(whole, tmp_path / "s.duckdb")
    with duckdb.connect("s.duckdb") as con:
        con.execute(change)
    for command in COMMANDS:
        error = CliRunner().invoke(main.app, [*command, "s.duckdb"]).exception
        assert error is None or isinstance(error, UserError | SystemExit), (command, repr(error))
        assert "\n" not in str(error), command
