"""The examples of docs/how-to run as they stand there, from files outside the package."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from lexplain_core.store import Store, UnitQuery
from lexplain_core.views.overview import titles
from lexplain_core.views.scores import other_judges

from ..conftest import ROOT
from ..pages.helpers import alerts, headings, opened
from ..small_folder import config_dict


def block(language: str, page: str = "methods") -> str:
    """The code of a page of docs/how-to."""
    text = (ROOT / f"docs/how-to/{page}.md").read_text("utf-8")
    return re.search(rf"```{language}[^\n]*\n(.*?)```", text, re.S)[1]


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
    """A build with the method, the measure and the options of the pages."""
    for name, page in (("best_concept", "methods"), ("sparseness", "measures")):
        (world / f"{name}.py").write_text(block("python", page))
    config = config_dict(world / "images", world / "tiny.py", world / "s.duckdb")
    config |= {
        "importance": {"run": False},
        "ablation": {"run": False},
        "maps": {"run": False},
        "observer": {"run": False},
    }
    given, more = tomllib.loads(block("toml")), tomllib.loads(block("toml", "measures"))
    config["explain"] |= given.pop("explain")
    config |= given | {"plugins": given["plugins"] + more["plugins"]}
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


def test_a_measure_in_a_file_outside_the_package_is_known_everywhere(folder):
    assert not subprocess.run(
        ["git", "grep", "-l", "sparseness", "--", "lexplain_core", "pages"], cwd=ROOT, capture_output=True
    ).stdout
    with Store.open(folder / "s.duckdb") as store:
        one = store.measures["sparseness"]
        assert (one.title, one.of, one.best, one.judge) == ("sparseness", "unit", "high", True)
        table = store.unit_table()
        known = table[table["sparseness"].notna()]
        for row in known.itertuples():
            unit = store.unit(row.layer, row.unit)
            q = np.maximum(unit.activations[unit.split == "test"].astype(float), 0)
            assert row.sparseness == pytest.approx(1 - q.mean() ** 2 / (q**2).mean())
            assert row.sparseness_n == len(q) and unit.score("sparseness").value == row.sparseness
        assert len(known) and table["sparseness_reason"].notna().equals(table["sparseness"].isna())
        query, problems = store.read_query({"where": "sparseness:0.1..0.9", "sort": "-sparseness"})
        found = store.find(query)
        assert not problems and "sparseness from 0.1 to 0.9" in store.sentence(query, found)
        assert "Sorted by sparseness, best first." in store.sentence(query, found)
        expected = known[known["sparseness"].between(0.1, 0.9)].sort_values("sparseness", ascending=False)
        assert found.rows["sparseness"].tolist() == expected["sparseness"].tolist() and len(expected)
        assert store.spans()["sparseness"][1] == pytest.approx(known["sparseness"].max())
        row = next(row for row in store.info()["scores"] if row["measure"] == "sparseness")
        assert row["scored"] and row["mean"] is not None
        assert "sparseness" in titles(store)
        lines = [
            line
            for name, line in other_judges(store.unit(known.layer.iloc[0], int(known.unit.iloc[0])), None)
        ]
        assert any("Sparseness" in line for line in lines)
    run(folder, "export", "s.duckdb", "--filter", "where=sparseness:0.1..", "--out", "table.csv")
    assert "sparseness_reason" in (folder / "table.csv").read_text().partition("\n")[0]
    assert "sparseness" in run(folder, "info", "s.duckdb", "--json")


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


# -- a kind of unit


KIND = "random-directions"
READ_ONLY = "random-readouts"


@pytest.fixture(scope="module")
def directions(world) -> Path:
    """A build with the page's kind and the page's options; and the same kind without `shift`, and without places."""
    source = block("python", "units")
    (world / "random_directions.py").write_text(source)
    (world / "readouts.py").write_text(
        source[: source.index("    def shift")]
        .replace(KIND, READ_ONLY)
        .replace("directions / ", "directions / 2 / ")
        .replace("bk...", "bk")
        .replace("bc...", "bc")
        .replace("read(output)  #", "read(output).flatten(2).mean(2)  #")
        .replace("        self.count =", "        self.space = ()\n        self.count =")
    )
    shutil.copytree(
        world / "images", world / "known", ignore=shutil.ignore_patterns("single")
    )  # it has no output
    config = config_dict(world / "known", world / "tiny.py", world / "u.duckdb")
    given = tomllib.loads(block("toml", "units"))
    given["plugins"].append("readouts.py")
    given["units"].append({"kind": READ_ONLY, "layer": "last", "name": "readouts", "count": 2, "seed": 3})
    config |= given
    (world / "u.toml").write_text("".join(f"{key} = {toml(value)}\n" for key, value in config.items()))
    run(world, "build", "u.toml", "--keep")
    return world


def test_a_kind_in_a_file_outside_the_package_is_known_everywhere(directions):
    known = ["git", "grep", "-l", "-e", KIND, "-e", "RandomDirections", "--", "lexplain_core", "pages"]
    assert not subprocess.run(known, cwd=ROOT, capture_output=True).stdout
    with Store.open(directions / "u.duckdb") as store:
        layers = store.layers().set_index("layer")
        assert list(layers.index) == ["conv", "last", f"conv/{KIND}", "readouts"]
        assert layers["kind"].tolist() == ["map", "map", KIND, READ_ONLY]
        assert layers["pooling"].tolist() == ["mean", "mean", "mean", "none"]
        units = [store.unit(f"conv/{KIND}", unit) for unit in range(4)]
        assert [unit.name for unit in units] == [f"direction {i}" for i in range(4)]
        assert all(
            unit.explanation().terms and unit.explanation().score().value is not None for unit in units
        )
        assert all(unit.score("margin").value is not None for unit in units)
        found = store.find(UnitQuery(layer=f"conv/{KIND}", sort="-correlation")).rows
        assert sorted(found["unit"]) == [0, 1, 2, 3] and found["correlation"].notna().all()
        _are_projections(store, units)
        assert len(store.unit_table(f"conv/{KIND}")) == 4
        assert store.meta["config"]["units"][0]["own"] == {"count": 4}
    assert "direction 2" in (_exported(directions)) and KIND in run(directions, "info", "u.duckdb")
    run(directions, "check", "u.duckdb")


def _exported(folder: Path) -> str:
    run(folder, "export", "u.duckdb", "--out", "u.csv")
    return (folder / "u.csv").read_text()


def _are_projections(store: Store, units: list) -> None:
    """Activations, maps and effects of directions are those of the channels, weighted."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(4, 6, generator=generator)
    weights /= weights.norm(dim=1, keepdim=True)
    channels = [store.unit("conv", unit) for unit in range(6)]
    expected = weights.numpy() @ np.stack([unit.activations for unit in channels])
    np.testing.assert_allclose([unit.activations for unit in units], expected, atol=1e-5)
    for unit in units:
        top = unit.top(5)["image"].tolist()
        maps = unit.maps(top)
        assert sorted(maps) == sorted(top) and unit.map_reason is None
        for image, one in maps.items():
            assert one.values.mean() == pytest.approx(
                unit.activations[image], abs=0.02 * float(np.ptp(one.values)) + 1e-6
            )
        assert unit.intervention == "prefix" and unit.impact().total > 0
        assert bool(len(unit.output_effects())) == (
            unit.status == "alive"
        )  # else all images are of one range
        assert unit.explanation().score("ablation").value is not None


def test_units_without_shift_or_places_say_what_they_lack(directions):
    with Store.open(directions / "u.duckdb") as store:
        unit = store.unit("readouts", 1)
        assert unit.explanation().score().value is not None and not unit.maps(unit.top(3)["image"].tolist())
        assert unit.impact() is None and not len(unit.output_effects())
        assert unit.explanation().score("ablation").value is None
        assert (
            unit.effect_reason
            == f"Units of the kind “{READ_ONLY}” can only be read, so none can be replaced to see what changes."
        )
        assert (
            unit.map_reason
            == "The units of 'readouts' have no places in the image, so they have no activation map."
        )


def test_a_page_shows_such_a_unit_and_a_closer_look_runs_its_kind(directions, monkeypatch):
    monkeypatch.setenv("LEXPLAIN_STORES", str(directions))
    app = opened("neuron", store=Store.open(directions / "u.duckdb").id, layer=f"conv/{KIND}", unit=1)
    assert any("direction 1" in heading for heading in headings(app)) and not alerts(app)
    look = """
import sys
from lexplain_core import Store
from lexplain_core.live import Looker
with Store.open("u.duckdb") as store:
    unit = store.unit(sys.argv[1], 1)
    image = int(unit.top(1)["image"].iloc[0])
    looker = Looker.open(store.meta["config"], "cpu", store.path)
    found = looker.look(store.picture(image), unit.layer, unit.pooling, 1, cropped=True)
    print(found.reason or f"{found.activation / unit.activations[image]:.2f} {found.map.values.shape}")
    print(looker.kinds("last"), looker.kinds(unit.layer))
"""
    name = f"conv/{KIND}"
    known = script(directions, look, name, LEXPLAIN_PLUGINS=str(directions / "random_directions.py"))
    assert re.match(r"(0\.9|1\.0)\d \(24, 24\)", known) and known.count("'activation', 'occlusion'") == 2
    unknown = script(directions, look, name)
    assert f"There is no kind of unit named '{KIND}' that [[units]] could ask for" in unknown
    assert unknown.count("'activation', 'occlusion'") == 1


def script(folder: Path, source: str, *words: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", source, *words], cwd=folder, text=True, capture_output=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


WRONG = {
    '{kind="random-directions", layer="last", cuont=3}': "[[units]] of the kind random-directions has a wrong 'cuont': there is no such option. Did you mean 'count'?",
    '{kind="random-directions", layer="last", count=0}': "has a wrong 'count'",
    '{kind="random-directions", layer="lost"}': "has no layer 'lost'. Did you mean 'last'?",
    '{kind="random-directions", layer="last", name="conv"}': "two layers of the store would be called 'conv'",
    '{kind="random-directions", layer="last", pooling="cls"}': "Pooling 'cls' doesn't apply",
    '{kind="directions", layer="last"}': "There is no kind of unit named 'directions'",
    '{kind="map", layer="last"}': "There is no kind of unit named 'map' that [[units]] could ask for; known: random-directions, random-readouts.",
    '{kind="random-directions"}': "it is needed but not there",
}


def test_wrong_units_are_refused_in_one_sentence(directions):
    tried = """
import sys
from lexplain_core.base.errors import UserError
from lexplain_core.config import load_config
from lexplain_core.pipeline.build import plan
for units in sys.argv[1:]:
    try:
        plan(load_config("u.toml", [f"units=[{units}]"]))
    except UserError as error:
        print(error)
"""
    for said, line in zip(WRONG.values(), script(directions, tried, *WRONG).splitlines(), strict=True):
        assert said in line


def test_what_depends_on_units_runs_again_where_their_options_or_their_code_change(directions):
    units = f'units=[{{kind="{KIND}", layer="last", count=5}}]'
    for changed in (["--set", units], []):
        if not changed:
            plugin = directions / "random_directions.py"
            plugin.write_text(plugin.read_text() + "\n# another line\n")
        said = run(directions, "build", "u.toml", *changed, "--dry-run")
        rows = {line.strip().split("  ")[0]: line for line in said.splitlines() if "  " in line}
        assert "units changed" in rows["recording"] and "runs" in rows["impacts"]
