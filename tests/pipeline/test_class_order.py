"""Outputs that are the class folders in some order: as text, or by their numbers."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lexplain_core.config import parse_config
from lexplain_core.model.outputs import in_order
from lexplain_core.pipeline.build import build
from lexplain_core.probe.base import ClassInfo
from lexplain_core.store import Store

from .test_build import Listening

# Image i of class c has the red value 20·c: the network reads the class off it.
NETWORK = """
import torch
from torch import nn


class Reads(nn.Module):
    def __init__(self, order):
        super().__init__()
        self.order = order
        self.conv = nn.Conv2d(3, 2, 1)
        self.preprocess = {"mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}

    def forward(self, x):
        self.conv(x)
        number = (x[:, 0].mean((1, 2)) * 255 / 20).round().long()
        return 10 * torch.eye(12)[torch.tensor([self.order.index(str(n)) for n in number.clamp(0, 11).tolist()])]


def by_number():
    return Reads([str(i) for i in range(12)])


def as_text():
    return Reads(sorted(str(i) for i in range(12)))
"""


@pytest.fixture(scope="module")
def numbered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbered")
    rng = np.random.default_rng(0)
    for c in range(12):
        (folder / "images" / str(c)).mkdir(parents=True)
        for i in range(6):
            pixels = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
            pixels[..., 0] = 20 * c
            Image.fromarray(pixels).save(folder / "images" / str(c) / f"{i}.png")
    (folder / "net.py").write_text(NETWORK)
    return folder


@pytest.mark.parametrize("function", ["by_number", "as_text"])
def test_numbered_folders_meet_outputs_in_either_order(numbered, function):
    off = {"run": False}
    config = parse_config(
        {"name": "n", "store": str(numbered / f"{function}.duckdb"), "layers": ["conv"], "probe": {"root": str(numbered / "images")},
         "target": {"model": f"{numbered}/net.py:{function}", "outputs": "classes"}, "importance": off, "ablation": off,
         "maps": off, "observer": off, "record": {"device": "cpu", "workers": 0}},
        "of the test",
    )  # fmt: skip
    progress = Listening()
    with Store.open(build(config, progress)) as store:
        assert store.meta["target"]["accuracy"] == 1.0
        numbers = [str(i) for i in range(12)]
        assert store.meta["outputs"] == (numbers if function == "by_number" else sorted(numbers))
    said = [n for n in progress.notes if "sorted by their numbers (0, 1, 2, 3, …)" in n]
    assert bool(said) == (function == "by_number") and all("100% of the images are right" in n for n in said)


def classes(*keys: str) -> list[ClassInfo]:
    return [ClassInfo(key, key) for key in keys]


def test_what_cannot_be_told_stays_and_is_noted():
    some = classes(*sorted(str(i) for i in range(12)))
    labels = np.arange(120) % 12
    for predicted in (None, np.zeros(120, dtype=np.int64), np.random.default_rng(0).integers(0, 12, 120)):
        order, note = in_order(some, labels, predicted)
        assert order == list(range(12))
        assert (
            "(0, 1, 10, 11, …), and not by their numbers (0, 1, 2, 3, …)" in note and "target.outputs" in note
        )


@pytest.mark.parametrize(
    "keys", [["000", "001", "010", "011"], ["a", "b", "c"], ["class_01", "class_02", "class_10"]]
)
def test_folders_that_sort_alike_say_nothing(keys):
    assert in_order(classes(*keys), np.arange(len(keys)), None) == (list(range(len(keys))), None)


def test_numbers_within_names_and_case_count_too():
    some = classes("class1", "class10", "class2")
    labels = np.repeat([0, 1, 2], 40)
    order, note = in_order(some, labels, np.array([0, 2, 1])[labels])
    assert order == [0, 2, 1] and "sorted by their numbers (class1, class2, class10)" in note
    order, note = in_order(classes("Zebra", "ant", "bee"), labels, np.array([2, 0, 1])[labels])
    assert order == [1, 2, 0] and "without regard to case (ant, bee, Zebra)" in note
    order, note = in_order(classes("Zebra", "ant", "bee"), labels, labels)
    assert order == [0, 1, 2] and note is None
