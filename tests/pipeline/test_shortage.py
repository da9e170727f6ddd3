"""The machine runs out of something, or is told to stop: one sentence, nothing left behind, the old store as it was."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image

from lexplain_core.base.errors import UserError
from lexplain_core.base.memory import limited, room
from lexplain_core.base.progress import Silent
from lexplain_core.cli import main
from lexplain_core.config import Probe, apply_overrides, parse_config
from lexplain_core.model import record
from lexplain_core.model.columns import Columns
from lexplain_core.notes import Notes
from lexplain_core.pipeline.build import build, stages
from lexplain_core.pipeline.import_explanations import import_explanations
from lexplain_core.pipeline.stage import Stage
from lexplain_core.probe import load_probing_set
from lexplain_core.studies.results.export import export_csv

from ..conftest import ROOT
from ..small_folder import config_dict

QUICK = [
    'layers=["conv"]', "importance.run=false", "ablation.run=false", "maps.run=false", "observer.run=false",
]  # fmt: skip

# A network that waits in the middle of its first batch of images, once it was loaded and tried.
WAITING = """
import pathlib, time
from torch import nn
from tiny import make as other

class Waiting(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = other()
        self.preprocess = self.inner.preprocess

    def forward(self, x):
        if len(x) > 16:
            pathlib.Path(__file__).with_name("waits").touch()
            time.sleep(100)
        return self.inner(x)

def make():
    return Waiting().eval()
"""


def settings(world: Path, store: Path, *overrides: str):
    data = config_dict(world / "images", world / "tiny.py", store)
    return parse_config(apply_overrides(data, [*QUICK, *overrides]), "of the test")


@pytest.fixture(scope="module")
def built(world) -> Path:
    (world / "stores").mkdir()
    return build(settings(world, world / "stores" / "small.duckdb"))


@pytest.fixture
def store(built, tmp_path) -> Path:
    return Path(shutil.copy(built, tmp_path / "stores.duckdb"))


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes: as on a full disk, writing fails, without a disk of one's own."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def refused(call, *words: str) -> None:
    """The call ends in one sentence with these words."""
    with pytest.raises(UserError) as caught:
        call()
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)


def all_below(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# -- full disks ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 100_000, 400_000, 700_000])
def test_a_disk_that_fills_up_while_the_store_is_written(world, store, tmp_path, monkeypatch, size):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before, config = all_below(tmp_path), settings(world, store)
    with largest_file(size):
        refused(lambda: build(config), str(store), "can't be written")
    assert all_below(tmp_path) == before and set(tmp_path.iterdir()) == {store}


def test_a_disk_that_fills_up_while_activations_are_recorded(world, tmp_path, monkeypatch):
    config = settings(world, tmp_path / "s.duckdb")

    def full(*arguments, **options):
        room().arrays = 0
        with largest_file(1000):
            return record(*arguments, **options)

    monkeypatch.setattr("lexplain_core.pipeline.stages.recording.record", full)
    refused(lambda: build(config), "make room", str(tmp_path), "(memory)")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_room_for_activations_is_taken_before_they_come(tmp_path):
    """A page of a mapped file for which there is no room would kill the process by a signal."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True
    ).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                with limited(0, disk):
                    columns = Columns([100], 1000)
                with contextlib.suppress(OSError):
                    (disk / "others").write_bytes(bytes(2_000_000))
                columns.add(np.ones((1000, 100), np.float32))
                os._exit(int(columns.finish()[0].sum() != 100_000))
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_disk_too_small_for_the_store_is_noted_before_hours_of_work(world, tmp_path, monkeypatch):
    class Listening(Silent):
        notes: ClassVar[list[str]] = []

        def note(self, text: str) -> None:
            self.notes.append(text)

    real, free = shutil.disk_usage, iter([10_000, 1_000])  # the activations take the room of the store

    def usage(path):
        found = real(path)
        return found._replace(free=next(free, found.free))

    monkeypatch.setattr("shutil.disk_usage", usage)
    build(settings(world, tmp_path / "s.duckdb"), Listening())
    assert any("make room before the build ends" in note for note in Listening.notes)


def test_room_that_is_not_there_is_asked_for_in_vain(tmp_path):
    with largest_file(1000), limited(0, tmp_path):
        refused(lambda: Columns([100], 1000), str(tmp_path), "make room there")


def test_a_disk_that_fills_up_during_an_import(store, tmp_path):
    (tmp_path / "words.csv").write_text("layer,unit,text\nconv,0,red disc\nconv,1,green disc\n")
    before = all_below(tmp_path)
    for size in (1000, store.stat().st_size + 1000):  # while it is copied, and while rows are added
        with largest_file(size):
            refused(lambda: import_explanations(tmp_path / "words.csv", store, "mine"), str(store))
        assert all_below(tmp_path) == before


@pytest.mark.parametrize("file", ["rows.csv", "rows.parquet"])
def test_a_disk_that_fills_up_during_an_export_leaves_the_old_file(
    store, tmp_path, monkeypatch, capsys, file
):
    old = tmp_path / file
    old.write_bytes(b"what was exported before")
    monkeypatch.setattr(sys, "argv", ["lexplain_core", "export", str(store), "--out", str(old)])
    with largest_file(100), pytest.raises(SystemExit) as left:
        main.main()
    assert left.value.code == 2 and f"{old} can't be written" in capsys.readouterr().err
    assert old.read_bytes() == b"what was exported before" and set(tmp_path.iterdir()) == {store, old}


def test_other_exports_leave_the_old_file_too(tmp_path, monkeypatch):
    import pandas as pd

    old = tmp_path / "answers.csv"
    old.write_bytes(b"old")
    monkeypatch.setattr(
        "lexplain_core.studies.results.export.export_responses", lambda study: pd.DataFrame({"a": range(999)})
    )
    with largest_file(100):
        refused(lambda: export_csv(None, old), "can't be written")
    assert old.read_bytes() == b"old" and list(tmp_path.iterdir()) == [old]


def test_a_disk_that_fills_up_while_notes_are_taken(tmp_path):
    notes = Notes(tmp_path / "s.notes.sqlite")
    notes.star("mine", "conv", 1)
    with largest_file(1000):
        refused(lambda: notes.star("mine", "conv", 2, "word " * 400), "s.notes.sqlite")
    assert [u.unit for u in notes.units("mine")] == [1]


def test_a_full_terminal_is_a_sentence(store):
    words = [sys.executable, "-m", "lexplain_core", "info", str(store), "--json"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and "the disk is full" in done.stderr and "Traceback" not in done.stderr


# -- full memories, too many files, failing disks ---------------------------------------------


def test_a_full_memory_is_not_the_images_fault(make_images, monkeypatch):
    def full(self):
        raise MemoryError

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", full)
    refused(lambda: load_probing_set(Probe(root=make_images)), "the memory is full", ".png")


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), OSError(5, "Input/output error")])
def test_what_the_machine_can_t_read_is_not_skipped(make_images, monkeypatch, error):
    real = io.open

    def failing(file, *rest, **options):
        if str(file).endswith("007.png"):
            raise error
        return real(file, *rest, **options)

    monkeypatch.setattr("builtins.open", failing)
    refused(lambda: load_probing_set(Probe(root=make_images)), "007.png")


@pytest.mark.parametrize(
    "error", [OSError(13, "Permission denied", "b"), OSError(24, "Too many open files", "b")]
)
def test_a_class_folder_that_can_t_be_listed_is_not_left_out(make_images, monkeypatch, error):
    real = os.scandir

    def failing(path):
        if str(path).endswith("/b"):
            raise error
        return real(path)

    monkeypatch.setattr("os.scandir", failing)
    refused(lambda: load_probing_set(Probe(root=make_images, limit=50)), "The folder b can't be read")


@pytest.fixture
def make_images(tmp_path) -> Path:
    for i in range(60):
        (tmp_path / "images" / "abc"[i % 3]).mkdir(parents=True, exist_ok=True)
        pixels = np.full((8, 8, 3), 4 * i, np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / "abc"[i % 3] / f"{i:03}.png")
    return tmp_path / "images"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
)  # fmt: skip
def test_a_full_memory_ends_a_build_in_a_sentence(world, tmp_path, monkeypatch, error):
    def full(*_):
        raise error

    monkeypatch.setattr("lexplain_core.model.forward.Forward.__call__", full)
    refused(lambda: build(settings(world, tmp_path / "s.duckdb")), "recording", "memory is full")
    assert not list(tmp_path.iterdir())


# -- changed images --------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["recording", "maps", "pictures"])
@pytest.mark.parametrize("gone", [False, True])
def test_an_image_that_changes_or_goes_between_two_stages_is_named(world, tmp_path, monkeypatch, stage, gone):
    shutil.copytree(world / "images", tmp_path / "images")
    path = tmp_path / "images" / "red_disc" / "007.png"

    def tampered(config):
        for one in stages(config):
            if one.name == stage:
                yield Stage(
                    "tampering", lambda _: path.unlink() if gone else path.write_bytes(other.read_bytes())
                )
            yield one

    other = tmp_path / "images" / "red_disc" / "008.png"
    monkeypatch.setattr("lexplain_core.pipeline.build.stages", lambda config: list(tampered(config)))
    config = settings(world, tmp_path / "s.duckdb", f"probe.root={tmp_path / 'images'}", "maps.run=true")
    refused(lambda: build(config), "red_disc/007.png", "build again")
    assert not (tmp_path / "s.duckdb").exists()


# -- signals ---------------------------------------------------------------------------------


def begin(world: Path, folder: Path) -> subprocess.Popen:
    """A build that waits in the middle of recording; its temporary files lie in `folder/tmp`."""
    (folder / "tmp").mkdir(parents=True)
    shutil.copy(world / "tiny.py", folder)
    (folder / "waiting.py").write_text(WAITING)
    config = config_dict(world / "images", folder / "waiting.py", folder / "s.duckdb")
    config |= {"layers": ["inner.conv"], "record": {"device": "cpu", "batch_size": 32}}
    flat = {
        f"{section}.{key}": value
        for section in ("probe", "target", "record")
        for key, value in config[section].items()
    }
    options = [f"--set={key}={json.dumps(value)}" for key, value in flat.items()]
    (folder / "c.toml").write_text('name = "x"\nstore = "s.duckdb"\nlayers = ["inner.conv"]\n')
    with (folder / "said.txt").open("w") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "lexplain_core", "build", "c.toml", *options], cwd=folder, stdout=said, stderr=said,
            env=os.environ | {"TMPDIR": str(folder / "tmp"), "PYTHONPATH": str(ROOT)},
        )  # fmt: skip


@pytest.mark.proofs
def test_neither_a_signal_nor_a_kill_leaves_temporary_files(world, tmp_path):
    folders = {number: tmp_path / number.name for number in (signal.SIGTERM, signal.SIGKILL)}
    builds = {number: begin(world, folder) for number, folder in folders.items()}
    try:
        until = time.monotonic() + 300
        for number, folder in folders.items():
            while not (folder / "waits").exists():
                assert builds[number].poll() is None and time.monotonic() < until, (
                    folder / "said.txt"
                ).read_text()
                time.sleep(0.1)
            builds[number].send_signal(number)
            builds[number].wait(100)
    finally:
        for process in builds.values():
            process.kill()
    assert builds[signal.SIGTERM].returncode == 143
    assert "Traceback" not in (folders[signal.SIGTERM] / "said.txt").read_text()
    for folder in folders.values():  # large arrays are files without a name
        assert not list((folder / "tmp").iterdir())
