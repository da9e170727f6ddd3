"""The command line: its words, its exit codes and its JSON."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lexplain_core.cli import info as info_cli
from lexplain_core.cli import main

from ..conftest import ROOT
from ..small_folder import config_dict, make_world
from ..store.helpers import write


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    folder = make_world(tmp_path_factory.mktemp("world"))
    write(folder / "small.duckdb")
    (folder / "text.duckdb").write_text("just notes")
    config = config_dict(folder / "images", folder / "tiny.py", folder / "built.duckdb")
    (folder / "small.toml").write_text(toml(config))
    return folder


def toml(data: dict) -> str:
    """A config as TOML; JSON's values are TOML's, but for inline tables."""
    plain = {k: v for k, v in data.items() if not isinstance(v, dict)}
    lines = [f"{k} = {json.dumps(v)}" for k, v in plain.items() if k != "layers"]
    lines.append('layers = ["conv", { name = "last", pooling = "mean" }]')
    for name, section in data.items():
        if isinstance(section, dict):
            lines += [f"[{name}]", *(f"{k} = {json.dumps(v)}" for k, v in section.items())]
    return "\n".join(lines)


@pytest.fixture
def run(capsys, monkeypatch):
    """Run `python -m lexplain_core …` in this process: (exit code, stdout, stderr)."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lexplain_core", *map(str, arguments)])
        for module in (main, info_cli):
            monkeypatch.setattr(module, "out", main.Console(width=200))
        with pytest.raises(SystemExit) as left:
            main.main()
            raise SystemExit(0)
        output = capsys.readouterr()
        return left.value.code or 0, output.out, output.err

    return call


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["layers", "resnet51"], ["no target model 'resnet51'", "'resnet50'"]),
        (["layers", "{world}/tiny.py:mak"], ["no function 'mak'", "'make'"]),
        (["layers", "{world}/none.py:make"], ["no file", "none.py"]),
        (["layers", "{world}/tiny.py"], ["doesn't say which function"]),
        (["info", "{world}/none.duckdb"], ["There is no store at", "none.duckdb"]),
        (["info", "{world}/text.duckdb", "--json"], ["text.duckdb is not a lexplain store"]),
        (["info", "{world}"], ["is a folder, not a lexplain store"]),
        (["build", "{world}/none.toml"], ["There is no config file", "none.toml"]),
        (["serve", "--plugin", "{world}/none.py"], ["There is no plugin file", "none.py"]),
        (["build", "{world}/text.duckdb"], ["can't be read as TOML"]),
        (["build", "{world}/small.toml", "--set", 'layers=["lst"]'], ["'lst'", "last"]),
        (["build", "{world}/small.toml", "--set", "probe.root={world}/imagse"], ["imagse", "'images'"]),
        (["build", "{world}/small.toml", "--set", "explain.epsilom=1"], ["small.toml", "'explain.epsilom'"]),
        (["build", "{world}/small.toml", "--set", "nonsense"], ["key=value"]),
        (["build", "{world}/small.toml", "--set", "target.weights={world}/no.pth"], ["no.pth"]),
        (["build", "{world}/small.toml", "--set", "memory=lots"], ["'lots'", "4GiB"]),
        (["build", "{world}/small.toml", "--set", "record.device=gpu9"], ["gpu9"]),
        (["demo", "--set", "explain.epsilom=1"], ["of the demo", "'explain.epsilom'"]),
    ],
)
def test_what_a_user_got_wrong_is_one_sentence_and_exit_code_2(run, world, arguments, words):
    code, out, err = run(*(a.format(world=world) for a in arguments))
    assert code == 2 and out == ""
    last = err.strip().splitlines()[-1]  # notes of progress may come before it
    assert last.startswith("Error: ") and last.endswith((".", "?", ")")) and "Traceback" not in err
    for word in words:
        assert word in last
    assert not (world / "built.duckdb").exists()


@pytest.mark.parametrize(
    "arguments", [["layers"], ["nonsense"], ["info", "x", "--jso"], ["layers", "resnet18", "--size", "0"]]
)
def test_wrong_usage_is_exit_code_2(run, arguments):
    code, _, err = run(*arguments)
    assert code == 2 and "Usage:" in err and "Traceback" not in err


def test_as_a_process_it_says_the_same(world):
    command = [sys.executable, "-m", "lexplain_core", "info", str(world / "text.duckdb")]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"COLUMNS": "40"}
    )
    assert done.returncode == 2 and done.stdout == ""
    assert re.fullmatch(r"Error: .*text\.duckdb is not a lexplain store: .*\.\n", done.stderr)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["build", "demo", "layers", "info", "neurons of vision models"]),
        (["build", "--help"], ["CONFIG.toml", "--set", "KEY=VALUE", "docs/reference/configuration.md"]),
        (["demo", "--help"], ["demo world", "--force"]),
        (["layers", "--help"], ["timm/NAME", "file.py:function", "--match", "--size"]),
        (["info", "--help"], ["STORE", "--json", "docs/reference/info-json.md"]),
    ],
)
def test_help_reads_well(arguments, words):
    shown = CliRunner().invoke(main.app, arguments, env={"COLUMNS": "120", "TERM": "dumb", "NO_COLOR": "1"})
    assert shown.exit_code == 0
    for word in words:
        assert word in shown.output
    assert "None" not in shown.output and "TEXT]" not in shown.output


def test_info_in_words_and_as_json(run, world):
    code, out, err = run("info", world / "small.duckdb")
    assert code == 0 and err == ""
    for words in (
        "small",
        "abc123abc123",
        "60 images of hand",
        "train 42, val 6, test 12; 1 skipped",
        "layer1",
        "planted",
    ):
        assert words in out
    assert "0.667" in out and "unknown accuracy" in out
    code, out, err = run("info", world / "small.duckdb", "--json")
    info = json.loads(out)
    assert code == 0 and err == ""
    assert {
        "id",
        "schema_version",
        "images",
        "splits",
        "layers",
        "units",
        "dead_units",
        "explanations",
    } <= set(info)
    assert (info["units"], info["dead_units"], info["images"]) == (7, 1, 60)
    assert [e["mean_correlation"] for e in info["explanations"]] == pytest.approx([2 / 3, 0.55])


def test_names_with_brackets_are_shown_as_they_are(run, tmp_path):
    write(tmp_path / "s.duckdb", name="my [red] set [/]", probing_set={"name": "[b]x[/b]", "source": ""})
    code, out, _ = run("info", tmp_path / "s.duckdb")
    assert code == 0 and "my [red] set [/]" in out and "[b]x[/b]" in out


def test_layers_lists_units_and_poolings(run, world):
    code, out, _ = run("layers", f"{world}/tiny.py:make")
    assert code == 0 and "8×24×24" in out
    rows = {line.split()[0]: line for line in out.splitlines() if line.startswith(" ") and line.split()}
    assert {"conv", "last", "head"} <= set(rows)
    assert "mean, max" in rows["last"] and "Conv2d" in rows["last"]
    assert all(len(rows[name].rstrip()) < 80 for name in ("conv", "last", "head"))
    code, out, _ = run("layers", f"{world}/tiny.py:make", "--match", "la*")
    assert code == 0 and "last" in out and "conv" not in out.split("Units:")[0].lower().replace("conv2d", "")


def test_a_build_ends_with_what_the_store_holds_and_says_how_to_rebuild_it(run, world, monkeypatch):
    monkeypatch.chdir(world)
    code, out, err = run("build", "small.toml", "--set", f"store={world}/cli.duckdb", "--set", "name=a b")
    assert code == 0 and "a b" in out and "last" in out and "1 skipped" in out
    assert "Wrote" in err and "1 image skipped: red_disc/broken.jpg" in err.replace("\n", " ")
    _, out, _ = run("info", "cli.duckdb", "--json")
    assert json.loads(out)["name"] == "a b"
    from lexplain_core.store import Store

    with Store.open("cli.duckdb") as store:
        rebuild = store.meta["rebuild"]
    assert (
        rebuild == f"python -m lexplain_core build small.toml --set store={world}/cli.duckdb --set 'name=a b'"
    )
