"""Builds that are killed at random moments, stopped in every stage, or run out of disk (`make proofs`).

Each time the next run ends with the store of an undisturbed build. `-s` prints the share of work that was saved.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.config import apply_overrides, parse_config
from lexplain_core.demo.config import DEMO_CONFIG
from lexplain_core.pipeline.build import build, stages
from lexplain_core.pipeline.folder import working_folder
from scripts.guard.stores import compare

from ..conftest import ROOT

pytestmark = pytest.mark.proofs
CIFAR = ROOT / "docs" / "examples" / "cifar10-resnet20.toml"


def demo_sets(store: Path, limit: int) -> list[str]:
    return [f"store={store}", f"probe.limit={limit}", "importance.runs=20000", "ablation.runs=10000"]


def run(words: list[str], stop: float | None = None, number: int = signal.SIGKILL) -> tuple[float, bool]:
    """Run a command, sent a signal after `stop` seconds; its seconds of the processor, and whether it ended by itself."""
    began = _processor()
    process = subprocess.Popen(
        [sys.executable, "-m", "lexplain_core", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    try:
        process.wait(stop)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
        process.wait(60)
        return _processor() - began, False
    assert process.returncode == 0
    return _processor() - began, True


def _processor() -> float:
    """Seconds that processes which this one started took, and which other work on the machine doesn't lengthen."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def kills(words, whole: Path, store: Path, moments: int, seed: int) -> None:
    """Kill a build at random moments, go on, compare; print how much of the work before the kill was saved."""
    began = time.monotonic()
    usual, _ = run([*words(whole)])
    length = time.monotonic() - began
    rng, saved = random.Random(seed), []
    for _ in range(moments):
        moment = rng.uniform(0.05, 0.95) * length
        before, ended = run(words(store), moment)
        after, _ = run(words(store))
        differences, counts = compare(whole, store)
        assert not differences and sum(counts.values())
        assert not working_folder(store).exists()
        if not ended:
            saved.append((before + after - usual, before))
        store.unlink()
    lost = [max(0.0, seconds) for seconds, _ in saved]
    assert saved, "no build was killed before it ended"
    share = 1 - sum(lost) / sum(before for _, before in saved)
    print(
        f"\n{len(saved)} kills of a build of {usual:.0f} s of the processor: {share:.0%} of those before them were saved; "
        f"lost: median {statistics.median(lost):.1f} s, most {max(lost):.1f} s (imports included)"
    )


@pytest.mark.parametrize(("limit", "moments"), [(600, 25), (4200, 5)])
def test_kills_of_the_demo(tmp_path, limit, moments):
    def words(store: Path) -> list[str]:
        sets = [part for one in demo_sets(store, limit) for part in ("--set", one)]
        return ["demo", "--force", *sets]

    kills(words, tmp_path / "whole.duckdb", tmp_path / "s.duckdb", moments, limit)


def test_kills_of_the_cifar_example(tmp_path, shared):
    root, weights = shared / "data" / "cifar10" / "test", shared / "data" / "weights" / "resnet20_cifar10.th"
    if not root.is_dir():
        pytest.skip(f"no CIFAR-10 at {root}")

    def words(store: Path) -> list[str]:
        sets = (f"store={store}", f"probe.root={root}", f"target.weights={weights}")
        return ["build", str(CIFAR), *(part for one in sets for part in ("--set", one))]

    kills(words, tmp_path / "whole.duckdb", tmp_path / "s.duckdb", 2, 3)


def config(store: Path):
    return parse_config(apply_overrides(DEMO_CONFIG, demo_sets(store, 200)), "of the test")


NAMES = [stage.name for stage in stages(config(Path("x.duckdb"))) if stage.keep in ("pieces", "result")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return build(config(tmp_path_factory.mktemp("whole") / "s.duckdb"))


class Interrupting:
    """Progress that sends SIGINT as soon as a stage begins, or in its first task."""

    def __init__(self, stage: str):
        from lexplain_core.base.progress import Silent

        self._at, self._silent, self.note = stage, Silent(), Silent().note

    def stage(self, name: str) -> None:
        if name == self._at:
            os.kill(os.getpid(), signal.SIGINT)

    def task(self, label: str, total: int):
        return self._silent.task(label, total)


@pytest.fixture
def interruptible():
    """Python's own handling of SIGINT, which what runs in the background of a shell ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("stage", NAMES)
def test_sigint_in_every_stage(whole, tmp_path, stage):
    settings = config(tmp_path / "s.duckdb")
    with pytest.raises(KeyboardInterrupt):
        build(settings, Interrupting(stage))
    build(settings)
    assert not compare(whole, settings.store)[0]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of a few megabytes: (folder, grow), where grow(size) changes its size."""
    if os.geteuid():
        pytest.skip("only root can mount a disk")
    place = tmp_path / "disk"
    place.mkdir()

    def size(megabytes: float, how: str = "") -> None:
        options = f"{how}size={int(megabytes * 1024)}k"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "lexplain", str(place)], check=True)

    try:
        size(1)
    except subprocess.CalledProcessError:
        pytest.skip("this machine mounts no tmpfs")
    yield place, lambda megabytes: size(megabytes, "remount,")
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_is_full_again_and_again(whole, small_disk):
    """The disk grows by half a megabyte after each failure, so the build fails in stage after stage."""
    place, grow = small_disk
    settings, failures, megabytes = config(place / "s.duckdb"), 0, 1.0
    while not settings.store.exists():
        try:
            build(settings)
        except UserError as error:
            assert "disk is full" in str(error) or "free" in str(error), error
            failures += 1
            megabytes += 0.5
            grow(megabytes)
    assert failures > 5
    assert not compare(whole, settings.store)[0]
    print(f"\n{failures} builds failed on a full disk before the store stood")
