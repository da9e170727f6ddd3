"""The examples of docs/how-to run as they stand there, from files outside the package."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lexplain_core.store import Store

from ..conftest import ROOT
from ..small_folder import config_dict

PAGE = (ROOT / "docs/how-to/methods.md").read_text("utf-8")


def block(language: str) -> str:
    return re.search(rf"```{language}[^\n]*\n(.*?)```", PAGE, re.S)[1]


def toml(value) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}" = {toml(one)}' for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return (
        {True: "true", False: "false"}.get(value) or repr(value)
        if not isinstance(value, str)
        else f'"{value}"'
    )


def run(folder: Path, *words: str, ends: int = 0, **variables: str) -> str:
    """A command of its own, since plugins stay in a process."""
    done = subprocess.run(
        [sys.executable, "-m", "lexplain_core", *words], cwd=folder, text=True, capture_output=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"} | variables,
    )  # fmt: skip
    assert done.returncode == ends, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(world) -> Path:
    """A build with the page's method and the page's options."""
    (world / "best_concept.py").write_text(block("python"))
    config = config_dict(world / "images", world / "tiny.py", world / "s.duckdb")
    config |= {
        "importance": {"run": False},
        "ablation": {"run": False},
        "maps": {"run": False},
        "observer": {"run": False},
    }
    given = tomllib.loads(block("toml"))
    config["explain"] |= given.pop("explain")
    config |= given
    (world / "c.toml").write_text("".join(f"{key} = {toml(value)}\n" for key, value in config.items()))
    run(world, "build", "c.toml")
    return world


def test_a_method_in_a_file_outside_the_package_is_known_everywhere(folder):
    assert not subprocess.run(
        ["git", "grep", "-l", "best-concept", "--", "lexplain_core", "pages"], cwd=ROOT, capture_output=True
    ).stdout
    with Store.open(folder / "s.duckdb") as store:
        assert store.methods() == ["best-concept", "le-label"]
        found = [store.unit("conv", unit).explanation("best-concept") for unit in range(3)]
        assert all(len(one.terms) == 1 or one.reason for one in found) and any(one.terms for one in found)
        assert any(one.score().value is not None for one in found if one.terms)
        assert found[0].config["least"] == 0.3
        dead = [one for one in found if not one.terms]
        assert all("by 0.3 or more" in one.reason for one in dead)
        assert store.meta["config"]["explain"]["own"] == {"best-concept": {"least": 0.3}}
    assert "best-concept" in run(folder, "info", "s.duckdb")
    run(folder, "export", "s.duckdb", "--method", "best-concept", "--out", "table.csv")
    assert "best-concept" in (folder / "table.csv").read_text()


def test_only_this_method_runs_again_where_its_options_change(folder):
    run(folder, "build", "c.toml", "--keep")
    said = run(folder, "build", "c.toml", "--set", "explain.best-concept.least=0.9", "--dry-run")
    rows = {line.strip().split("  ")[0]: line for line in said.splitlines() if "  " in line}
    assert (
        "runs" in rows["explanations, best-concept"]
        and "the options of best-concept" in rows["explanations, best-concept"]
    )
    assert "kept" in rows["explanations, le-label"] and "kept" in rows["recording"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "explain.best-concept.leest=0.9"], "[explain.best-concept] has a wrong 'leest': there is no such option. Did you mean 'least'?"),
        (["--set", "explain.best-concept.least=2"], "has a wrong 'least'"),
        (["--set", 'plugins=["nowhere.py"]'], "There is no plugin file"),
        (["--plugin", "broken.py"], "fails when it is loaded: ZeroDivisionError: division by zero (line 2)"),
        (["--plugin", "s.duckdb"], "its name must end in .py"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_sentence(folder, words, said):
    (folder / "broken.py").write_text("import math\n1 / 0\n")
    text = run(folder, "build", "c.toml", *words, ends=2)
    assert said in " ".join(text.split()) and "Traceback" not in text


def test_plugins_of_the_environment_and_of_installed_packages(folder, tmp_path):
    source = "from lexplain_core.explain import methods\n@methods.register('{0}')\nclass M:\n    matrix = 'label'\n    from lexplain_core.config import Section as Options\n"
    (tmp_path / "one.py").write_text(source.format("one"))
    (tmp_path / "two.py").write_text(source.format("two"))
    (tmp_path / "three-1.dist-info").mkdir()
    (tmp_path / "three-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: three\nVersion: 1\n")
    (tmp_path / "three-1.dist-info/entry_points.txt").write_text("[lexplain.plugins]\nthree = three\n")
    (tmp_path / "three.py").write_text(source.format("three"))
    text = run(
        folder, "build", "c.toml", "--set", 'explain.methods=["nine"]', ends=2,
        LEXPLAIN_PLUGINS=os.pathsep.join(str(tmp_path / f"{name}.py") for name in ("one", "two")),
        PYTHONPATH=f"{ROOT}{os.pathsep}{tmp_path}",
    )  # fmt: skip
    assert all(name in text for name in ("one", "two", "three", "best-concept")) and "known:" in text


def test_a_store_never_runs_what_it_names(folder):
    """`info`, `check` and `export` of a store whose config names a plugin that would leave a trace."""
    trace = folder / "trace"
    (folder / "best_concept.py").write_text(f"open({str(trace)!r}, 'w').close()\n" + block("python"))
    for words in (["info", "s.duckdb"], ["check", "s.duckdb"], ["export", "s.duckdb", "--out", "t.csv"]):
        run(folder, *words)
    assert not trace.exists()
