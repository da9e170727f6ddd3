"""`python -m lexplain_core figure`: what a user got wrong is one sentence."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.cli.main import app
from lexplain_core.notes import Notes
from lexplain_core.store import Store

from ..conftest import ROOT


def figure(*words) -> None:
    app(["figure", *map(str, words)], standalone_mode=False)


@pytest.mark.parametrize(
    "words, said",
    [
        (["--units", "nowhere:1"], "has no layer 'nowhere'"),
        (["--units", "planted:1", "--out", "x.gif"], "not 'x.gif'"),
        (["--units", "planted:1", "--palette", "pink"], "default, bright, muted, grey"),
        (["--units", "planted:1", "--method", "unheard"], "no explanations by 'unheard'"),
        (["--units", "planted:1", "--out", "/nowhere/x.txt"], "can't be written"),
    ],
)
def test_one_sentence(demo_store, words, said):
    with pytest.raises(UserError) as error:
        figure(demo_store, *words)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_fault_ends_the_command_with_code_2(demo_store):
    command = [sys.executable, "-m", "lexplain_core", "figure", str(demo_store), "--units", "planted"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("Error: A unit is written") and done.stdout == ""


def test_images_that_were_hidden_on_a_page_are_not_used(demo_store, tmp_path):
    path = tmp_path / "demo.duckdb"
    shutil.copy(demo_store, path)
    words = [path, "--units", "planted:1", "--figure", "ranges", "--per", "1", "--out"]
    figure(*words, tmp_path / "a.csv")
    keys = [line.split(",")[3] for line in (tmp_path / "a.csv").read_text("utf-8").splitlines()[1:]]
    with Store.open(path) as store:
        Notes.of(store).hide(keys[0])
    figure(*words, tmp_path / "b.csv")
    text = (tmp_path / "b.csv").read_text("utf-8")
    assert keys[0] not in text and keys[1] in text
