"""A build that ends early goes on where it ended, and the store is the one that an undisturbed build makes."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.cli.main import app
from lexplain_core.config import apply_overrides, parse_config
from lexplain_core.pipeline import fingerprint, folder
from lexplain_core.pipeline.build import build, plan, stages
from lexplain_core.pipeline.folder import StageFolder, clean, locked, working_folder
from scripts.guard.stores import compare

from ..conftest import ROOT
from ..small_folder import config_dict

ALL = (
    "importance.runs=1000",
    "ablation.runs=1000",
    'importance.to=["zero", "mean"]',
    "importance.outputs='always'",
)


def settings(world: Path, store: Path, *overrides: str):
    data = config_dict(world / "images", world / "tiny.py", store)
    data["target"]["outputs"] = ["blue_square", "green_disc", "single"]
    return parse_config(apply_overrides(data, [*ALL, *overrides]), "of the test")


@pytest.fixture(scope="module")
def whole(world) -> Path:
    """The store of a build that nobody disturbed."""
    return build(settings(world, world / "whole.duckdb"))


def same(one: Path, other: Path) -> bool:
    differences, counts = compare(one, other)
    assert sum(counts.values()) > 1000
    return not differences


class Watched:
    """Progress that notes which stages ran."""

    def __init__(self):
        from lexplain_core.base.progress import Silent

        self.task, self.note, self.stages = Silent().task, Silent().note, []

    def stage(self, name: str) -> None:
        self.stages.append(name)


# -- the whole build -------------------------------------------------------------------------


def test_interrupted_at_every_save_it_makes_the_same_store(world, whole, tmp_path, monkeypatch):
    """Each run may save once, or is cut off in the middle of its first save."""
    write, left = folder._write, [0]

    def interrupted(place: Path, values: dict) -> None:
        if left[0] == 0:
            write(
                place.with_name("half.part"), values
            )  # what a kill leaves before the set is moved into place
            raise KeyboardInterrupt
        left[0] -= 1
        write(place, values)

    monkeypatch.setattr(folder, "_write", interrupted)
    config, runs = settings(world, tmp_path / "s.duckdb"), 0
    while not config.store.exists():
        left[0] = runs % 3
        runs += 1
        assert runs < 200
        try:
            build(config)
        except KeyboardInterrupt:
            assert working_folder(config.store).is_dir()
    assert runs > 15
    assert same(whole, config.store)
    assert [path.name for path in tmp_path.iterdir()] == ["s.duckdb"]


def test_what_was_made_is_not_made_again(world, tmp_path, monkeypatch):
    config = settings(world, tmp_path / "s.duckdb")
    names = [stage.name for stage in stages(config)]

    def failing(_):
        return [
            one if one.name != "store" else type(one)("store", lambda _: 1 / 0, "") for one in stages(config)
        ]

    with monkeypatch.context() as patch:
        patch.setattr("lexplain_core.pipeline.build.stages", failing)
        with pytest.raises(ZeroDivisionError):
            build(config)
    monkeypatch.setattr("lexplain_core.measures.impact._exact", None)  # nothing of this is called again
    monkeypatch.setattr("lexplain_core.explain.linear.greedy", None)
    watched = Watched()
    build(config, watched)
    kept = {stage.name for stage in stages(config) if stage.keep == "result"}
    assert kept and not kept & set(watched.stages)
    assert set(names) - kept == set(watched.stages)


@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_damaged_files_are_made_again(world, whole, tmp_path, monkeypatch, damage):
    config = settings(world, tmp_path / "s.duckdb")
    build(config, keep=True)
    config.store.unlink()
    rng = random.Random(0)
    files = sorted(file for file in working_folder(config.store).rglob("*") if file.is_file())
    assert len(files) > 40
    for file in rng.sample(files, len(files) // 3):
        data = bytearray(file.read_bytes())
        if damage == "gone":
            file.unlink()
        elif damage == "cut":
            file.write_bytes(data[: len(data) // 2])
        elif data:
            data[rng.randrange(len(data))] ^= 0x55
            file.write_bytes(data)
    build(config)
    assert same(whole, config.store)


CHANGES = {  # an option -> the stages that depend on it
    "explain.epsilon=0.1": {
        "explanations, le-label",
        "test correlation, le-label",
        "range shift, le-label",
        "ablation score, le-label",
    },
    "importance.runs=1500": {"output effects", "impacts", "impact"},
    "ablation.runs=1500": {"ablation score, le-label"},
    "observer.trials=30": {"machine 2AFC margin"},
    "maps.side=4": {"maps", "pictures"},
    "thumbnail=64": {"pictures"},
    "record.workers=2": set(),
    "memory='64GiB'": set(),
    "name='other'": set(),
}


@pytest.fixture(scope="module")
def kept(world, tmp_path_factory) -> Path:
    """A store whose working folder is still there."""
    store = tmp_path_factory.mktemp("kept") / "s.duckdb"
    return build(settings(world, store), keep=True)


@pytest.mark.parametrize("option", CHANGES)
def test_an_option_makes_only_what_depends_on_it_anew(world, kept, option):
    plans = plan(settings(world, kept, option))
    assert {one.stage for one in plans if one.action != "kept"} == CHANGES[option]
    assert all(one.seconds is not None for one in plans)
    part = option.partition(".")[0].partition("=")[0]
    if CHANGES[option]:
        first = next(one for one in plans if one.action == "runs")
        assert first.why == {"explain": "the options of le-label changed"}.get(part, f"{part} changed")


def test_a_changed_option_gives_the_store_of_a_fresh_build(world, kept, tmp_path):
    store = tmp_path / "s.duckdb"
    shutil.copytree(working_folder(kept), working_folder(store))
    changes = ["explain.epsilon=0.1", "maps.side=4", 'layers=["conv", {name="last", pooling="mean"}]']
    watched = Watched()
    build(settings(world, store, *changes), watched)
    assert "relations" not in watched.stages and "test correlation, le-label" in watched.stages
    fresh = build(settings(world, tmp_path / "fresh.duckdb", *changes))
    assert same(fresh, store)


def test_other_images_weights_or_code_are_noticed(world, kept, tmp_path, monkeypatch):
    def runs(root: Path) -> set[str]:
        data = config_dict(root / "images", root / "tiny.py", kept)
        data["target"]["outputs"] = ["blue_square", "green_disc", "single"]
        plans = plan(parse_config(apply_overrides(data, list(ALL)), "of the test"))
        return {one.stage for one in plans if one.action == "runs"}

    everything = {stage.name for stage in stages(settings(world, kept)) if stage.keep in ("result", "pieces")}
    moved = tmp_path / "moved"
    shutil.copytree(world, moved, ignore=shutil.ignore_patterns("*.duckdb", ".*"))
    network = (moved / "tiny.py").read_text()
    (moved / "tiny.py").write_text(network.replace("manual_seed(0)", "manual_seed(1)"))
    assert runs(moved) == everything
    (moved / "tiny.py").write_text(network)
    picture = moved / "images" / "red_disc" / "007.png"
    picture.write_bytes((moved / "images" / "red_disc" / "008.png").read_bytes())
    assert runs(moved) == everything
    monkeypatch.setattr(fingerprint, "of_code", lambda function: function.__module__)
    assert runs(world) == everything


# -- the folder ------------------------------------------------------------------------------


def test_values_come_back_as_they_were(tmp_path):
    kept = StageFolder(tmp_path / "stage", {"option": "1"})
    assert kept.load("a") is None and kept.changed() is None
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    table = pa.table(
        {"unit": [1, 2], "words": pa.array([[1], []], pa.list_(pa.int64())), "none": pa.nulls(2)}
    )
    facts = {"number": 0.1 + 0.2, "text": "ä", "nothing": None, "list": [1, "2"]}
    kept.within("layer 3").save("a", array=array, table=table, empty=pa.table({}), **facts)
    again = StageFolder(tmp_path / "stage", {"option": "1"})
    assert again.changed() == [] and again.load("a") is None
    found = again.within("layer 3").load("a")
    np.testing.assert_array_equal(found["array"], array)
    assert found["array"].dtype == np.float32 and found["table"].equals(table) and not len(found["empty"])
    assert {name: found[name] for name in facts} == facts
    other = StageFolder(tmp_path / "stage", {"option": "2", "new": "1"})
    assert other.changed() == ["new", "option"] and other.load("layer 3, a") is None
    other.save("b", value=1)
    assert StageFolder(tmp_path / "stage", {"option": "1"}).load("layer 3, a") is None


def test_keys_that_look_alike_have_sets_of_their_own(tmp_path):
    kept = StageFolder(tmp_path / "stage", {})
    keys = ["a/b", "a b", "a-b", "../a", "x" * 300, "x" * 301]
    for number, key in enumerate(keys):
        kept.save(key, value=number)
    assert [kept.load(key)["value"] for key in keys] == list(range(len(keys)))
    assert {path.parent for path in tmp_path.rglob("whole.json")} == set((tmp_path / "stage").glob("*-*"))


def test_two_builds_of_one_store(world, tmp_path):
    store = tmp_path / "s.duckdb"
    with locked(working_folder(store), store):
        for run in (lambda: build(settings(world, store)), lambda: clean(store)):
            with pytest.raises(UserError, match=r"Another build of .*s\.duckdb is running"):
                run()


def test_a_mistake_leaves_no_folder(world, tmp_path):
    with pytest.raises(UserError, match="nowhere"):
        build(settings(world, tmp_path / "s.duckdb", f"probe.root={tmp_path / 'nowhere'}"))
    assert not list(tmp_path.iterdir())


def test_options_without_effect_have_no_part_in_a_fingerprint(world, tmp_path):
    def config(*overrides: str):
        return settings(world, tmp_path / "s.duckdb", *overrides)

    def of(*overrides: str) -> str:
        return fingerprint.of_option(config(*overrides).record)

    assert of() == of("record.workers=3")
    assert fingerprint.of_option(config()) == fingerprint.of_option(config("memory='1GiB'"))
    assert of() != of("record.batch_size=8")


def test_the_code_of_a_stage_is_all_that_it_imports(tmp_path, monkeypatch):
    package = tmp_path / "lexplain_core_like"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "deep" / "__init__.py").touch()
    (package / "a.py").write_text("from .deep import b\ndef run(): from . import late\n")
    for name in ("deep/b", "late", "unused"):
        (package / f"{name}.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(fingerprint, "_OURS", "lexplain_core_like")
    from lexplain_core_like.a import run

    def now() -> str:
        fingerprint._of_module.cache_clear()
        return fingerprint.of_code(run)

    seen = [now()]
    for name in ("deep/b", "late", "deep/__init__", "a"):
        with (package / f"{name}.py").open("a") as file:
            file.write("# changed\n")
        seen.append(now())
    assert len(set(seen)) == len(seen)
    (package / "unused.py").write_text("x = 2\n")
    assert now() == seen[-1]


# -- the command line ------------------------------------------------------------------------


def command(world: Path, store: Path) -> list[str]:
    data = config_dict(world / "images", world / "tiny.py", store)
    data["target"]["outputs"] = ["blue_square", "green_disc", "single"]
    flat = {
        f"{a}.{b}": value for a in ("probe", "target", "record", "explain") for b, value in data[a].items()
    }
    config = store.with_suffix(".toml")
    config.write_text(
        f'name = "small"\nstore = "{store}"\nlayers = ["conv", {{name = "last", pooling = "mean"}}]\n'
    )
    sets = [f"--set={key}={json.dumps(value)}" for key, value in flat.items()]
    return ["build", str(config), *sets, *(f"--set={one}" for one in ALL)]


def test_dry_run_says_what_would_run_and_clean_removes(world, tmp_path, capsys):
    store = tmp_path / "s.duckdb"
    words = command(world, store)
    lexplain([*words, "--dry-run"])
    said = capsys.readouterr().out
    assert "recording" in said and "it has not run yet" in said and "isn't known" in said
    assert not store.exists() and not working_folder(store).exists()
    lexplain([*words, "--keep"])
    capsys.readouterr()
    lexplain([*words, "--dry-run"])
    assert "Everything is kept" in capsys.readouterr().out
    lexplain([*words, "--set=maps.side=4", "--dry-run"])
    said = capsys.readouterr().out
    assert "maps changed" in said and "s of work" in said
    lexplain(["clean", str(store)])
    assert "MB removed" in capsys.readouterr().out and not working_folder(store).exists()
    lexplain(["clean", str(store)])
    assert "nothing to remove" in capsys.readouterr().out


def lexplain(words: list[str]) -> None:
    app(words, standalone_mode=False)


def sets(store: Path) -> int:
    """How many sets of values a build has kept so far."""
    return sum("whole.json" in files for _, _, files in os.walk(working_folder(store)))


def test_kill_9(world, whole, tmp_path):
    """Killed as soon as it has kept something, and twice later."""
    store = tmp_path / "s.duckdb"
    words, seen = command(world, store), 0
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-m", "lexplain_core", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        while process.poll() is None and sets(store) <= seen + 5:
            time.sleep(0.01)
        process.kill()
        process.wait()
        seen = sets(store)
        assert seen
    lexplain(words)
    assert same(whole, store) and not working_folder(store).exists()
