"""The tutorials' commands and snippets run as they stand there."""

from __future__ import annotations

import re
import shlex
import sys

import pytest
from typer.main import get_command

from lexplain_core.cli.main import app

from ..conftest import ROOT
from . import test_readme as readme

TUTORIALS = ROOT / "docs/tutorials"
FIRST, STUDY = ((TUTORIALS / f"{name}.md").read_text("utf-8") for name in ("first-store", "first-study"))


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


def commands(text: str) -> list[str]:
    return [line for block in blocks(text, "bash") for line in block.splitlines()]


def test_ones_own_images_are_the_readme_s_example():
    """Which is run: see test_readme."""
    assert blocks(FIRST, "toml") == readme.blocks("toml")[:1]
    assert {*readme.core("layers", "build")} <= {*commands(FIRST)}


@pytest.mark.parametrize("text", [FIRST, STUDY], ids=["first-store", "first-study"])
def test_every_command_is_one_that_exists(text):
    for command in commands(text):
        first, *rest = shlex.split(command)
        if first == "python":
            assert rest[:2] == ["-m", "lexplain_core"] and rest[2] in get_command(app).commands, command
        else:
            assert command in ("make demo", "source .venv/bin/activate")


def test_the_unit_is_read_in_python(demo_store, capsys):
    [snippet] = blocks(FIRST, "python")
    exec(compile(snippet.replace("data/stores/demo.duckdb", str(demo_store)), "first-store", "exec"), {})
    printed = capsys.readouterr().out
    assert "guitar" in printed and "chance" in printed and "share" in printed


def test_the_study_is_made_served_and_exported(demo_store, tmp_path):
    (tmp_path / "data/stores").mkdir(parents=True)
    (tmp_path / "data/stores/demo.duckdb").symlink_to(demo_store)
    study = [c for c in commands(STUDY) if c.startswith("python -m lexplain_core study ")]
    new, invite, listed, export = study
    fewer = ("--set", "stimuli.images=stored")  # nobody has to draw the demo's scenes again
    assert "4 tasks" in readme.run(new, tmp_path, *fewer)
    assert len(readme.run(invite, tmp_path).split()) == 4
    assert "glance" in readme.run(listed, tmp_path)
    assert "0 answers" in readme.run(export, tmp_path)
    preview = next(c for c in commands(STUDY) if "--preview" in c)
    assert readme.answers(preview.replace("python", shlex.quote(sys.executable), 1), tmp_path)
