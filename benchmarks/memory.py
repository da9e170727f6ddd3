"""The most memory that each stage of a build takes, without files that it maps.

    python -m benchmarks.memory [--memory 1.5GiB] [--images 6000] [--units 1000] [--labels 3000]

A made-up probing set of small images with as many labels, a network with one wide layer, the demo's explainer asked for
5,978 nouns. Each build runs in a process of its own: without a limit, and under the one that is given, where the system
kills what goes beyond (a control group, if this user may make one). Figures are GiB at the most, sampled every 5 ms; libraries and weights, which
are there before the first stage, are counted. The two stores must be the same.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import Image

from lexplain_core.base.memory import parse_size, taken
from lexplain_core.base.progress import Advance, Silent
from scripts.guard.stores import compare

from .common import alone, report

CLASSES, SIDE = 20, 32


class Watched:
    """Progress that samples the memory of the process, stage by stage."""

    def __init__(self) -> None:
        self.most: dict[str, float] = {}
        self._stage, self._ended = "", threading.Event()

    def __enter__(self) -> Watched:
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(0.005):
            self.most[self._stage] = max(self.most.get(self._stage, 0.0), taken() / 2**30)

    def stage(self, name: str) -> None:
        self._stage = name

    def task(self, label: str, total: int) -> AbstractContextManager[Advance]:
        return Silent().task(label, total)

    def note(self, text: str) -> None:
        pass


def register(images: int, units: int, labels: int) -> None:
    """The probing set `noise` and the network `wide`."""
    import torch
    from torch import nn

    from lexplain_core.model.base import TargetModel
    from lexplain_core.model.factory import seeded
    from lexplain_core.model.preprocess import Preprocessing
    from lexplain_core.model.registry import target_models
    from lexplain_core.probe.base import Attribute, ClassInfo, ProbingSet, probing_sets

    def load(i: int) -> Image.Image:
        rng = np.random.default_rng(i)
        pixels = rng.integers(0, 256, (4, 4, 3)) // 2 + 6 * (i % CLASSES)
        return Image.fromarray(pixels.astype(np.uint8)).resize((SIDE, SIDE))

    @probing_sets.register("noise")
    def noise(*_: object, **__: object) -> ProbingSet:
        rng = np.random.default_rng(0)
        return ProbingSet(
            name="noise", source="noise", keys=tuple(f"{i}.png" for i in range(images)),
            labels=np.arange(images) % CLASSES, load=load,
            classes=tuple(ClassInfo(f"class{c}", f"class {c}") for c in range(CLASSES)),
            attributes=tuple(
                Attribute(f"label{a}", f"label {a}", "label", rng.random(images) < 0.02) for a in range(labels)
            ),
        )  # fmt: skip

    @target_models.register("wide")
    def wide(_target: object) -> TargetModel:
        with seeded():
            module = nn.Sequential(
                nn.AvgPool2d(8), nn.Flatten(), nn.Linear(48, units), nn.ReLU(), nn.Linear(units, CLASSES)
            )
            with torch.no_grad():
                module[2].weight.normal_()
        cut = Preprocessing(resize=SIDE, crop=(SIDE, SIDE), mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
        return TargetModel(
            name="wide", module=module.eval().requires_grad_(False), preprocess=cut, crop=cut.cut,
            input_size=(SIDE, SIDE), source="a wide layer", outputs=tuple(f"class {c}" for c in range(CLASSES)),
        )  # fmt: skip


def config(store: str, memory: str | None) -> dict:
    return {
        "name": "memory", "store": store, "memory": memory, "cache": f"{store}.cache", "layers": ["3"],
        "probe": {"set": "noise"}, "target": {"model": "wide", "outputs": "classes"},
        "concepts": {"sets": ["nouns"]}, "explainer": {"model": "demo/explainer", "a": 20.0, "b": 0.0},
        "explain": {"min_top5_mean": 0.0}, "record": {"device": "cpu", "batch_size": 64},
        "importance": {"runs": 2000}, "ablation": {"runs": 2000},
    }  # fmt: skip


@contextmanager
def refused_beyond(limit: int) -> Iterator[None]:
    """The system kills this process where it holds more, in a control group of its own; where none can be made (which
    takes root), it only counts."""
    groups = (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"), (Path("/sys/fs/cgroup"), "memory.max")
    for root, name in groups:
        group = root / f"lexplain-{os.getpid()}"
        with suppress(OSError):
            group.mkdir()
            (group / name).write_text(str(limit))
            (group / "cgroup.procs").write_text(str(os.getpid()))
            break
    try:
        yield
    finally:
        with suppress(OSError):
            (root / "cgroup.procs").write_text(str(os.getpid()))
        for root, _ in groups:
            with suppress(OSError):
                (root / group.name).rmdir()


def child(given: argparse.Namespace) -> None:
    """Build, and print what each stage took."""
    from lexplain_core import demo  # noqa: F401  (registers the encoders)
    from lexplain_core.config import parse_config
    from lexplain_core.pipeline.build import build

    register(given.images, given.units, given.labels)
    with Watched() as watched:
        build(parse_config(config(given.store, given.memory), "of the benchmark"), watched)
    print(json.dumps(watched.most))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--memory", default="1.5GiB")
    parser.add_argument("--images", type=int, default=6_000)
    parser.add_argument("--units", type=int, default=1_000)
    parser.add_argument("--labels", type=int, default=3_000)
    parser.add_argument("--store", help=argparse.SUPPRESS)  # a child builds it
    given = parser.parse_args()
    if given.store:
        given.memory = given.memory or None
        with refused_beyond(parse_size(given.memory or "1TiB")):
            child(given)
        return
    sizes = [f"--{name}={getattr(given, name)}" for name in ("images", "units", "labels")]
    with tempfile.TemporaryDirectory() as folder:
        stores = {memory: Path(folder) / f"s{len(memory)}.duckdb" for memory in ("", given.memory)}
        most = [
            alone("benchmarks.memory", *sizes, f"--memory={memory}", f"--store={store}", threads=1)
            for memory, store in stores.items()
        ]
        differences, _ = compare(*stores.values())
    assert not differences, differences
    stages = [stage for stage in most[0] if stage]
    report(
        "memory",
        f"Most memory by stage, GiB: {given.images:,} images, {given.units:,} units, {given.labels:,} labels",
        ["stage", "no limit", f"limit {given.memory}"],
        [[stage, *(f"{one.get(stage, 0):.2f}" for one in most)] for stage in stages],
        {
            "memory": given.memory,
            "images": given.images,
            "units": given.units,
            "labels": given.labels,
            "most": most,
        },
    )


if __name__ == "__main__":
    main()
