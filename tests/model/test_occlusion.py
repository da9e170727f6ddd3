"""Occlusion maps: covering a part of the image shows what a unit looks at."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from lexplain_core.config import Record
from lexplain_core.model import LayerInfo, TargetModel, list_layers
from lexplain_core.model.occlusion import occlusion_map, pooled_units, record_occlusions, windows
from lexplain_core.model.preprocess import Preprocessing
from lexplain_core.model.units import Channels, Features


class Corners(nn.Module):
    """Unit 0: brightness of the upper left corner; unit 1: minus that of the lower right one; unit 2: 1."""

    def __init__(self):
        super().__init__()
        self.look = Look()
        self.after = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.after(self.look(x))


class Look(nn.Module):
    def forward(self, x):
        corner, other = x[:, :, :8, :8].mean((1, 2, 3)), x[:, :, -8:, -8:].mean((1, 2, 3))
        return torch.stack([corner, -other, torch.ones_like(corner)], 1)


FEATURES = LayerInfo("look", Features((3,)), "Look")


def test_only_the_corner_that_a_unit_looks_at_is_on_its_map():
    image = torch.full((3, 64, 64), 2.0)
    found = occlusion_map(Corners(), FEATURES, "none", [0, 1, 2], image, grid=8, batch=7)
    assert list(found) == [0, 1, 2]
    assert all(m.kind == "occlusion" and m.values.shape == (8, 8) for m in found.values())
    expected = np.zeros((8, 8), np.float32)
    # windows of 2 × 2 cells, moved by one: all four over the corner's cell cover it wholly, half of
    # those over its neighbours do
    expected[0, 0], expected[0, 1], expected[1, 0], expected[1, 1] = 2, 1, 1, 0.5
    np.testing.assert_allclose(found[0].values, expected, atol=1e-6)
    np.testing.assert_allclose(found[1].values, -expected[::-1, ::-1], atol=1e-6)  # it was held down
    assert not found[2].values.any()


def plain_occlusion(module, info, pooling, unit, image, grid):
    """One window after the other, one image at a time."""
    covers, pixels = windows(tuple(image.shape[-2:]), grid)
    whole = pooled_units(module, info, pooling, image[None])[0, unit]
    total, count = torch.zeros(covers.shape[1:]), torch.zeros(covers.shape[1:])
    for cover, (rows, columns) in zip(covers, pixels, strict=True):
        copy = image.clone()
        copy[:, rows, columns] = 0
        total[cover] += whole - pooled_units(module, info, pooling, copy[None])[0, unit]
        count[cover] += 1
    return (total / count).numpy()


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_all_windows_at_once_are_each_window_by_itself(pooling):
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), nn.Flatten(), nn.LazyLinear(2)
    )
    image = torch.randn(3, 20, 33)
    with torch.inference_mode():
        module(image[None])
        info = LayerInfo("0", Channels((4, 20, 33)), "Conv2d")
        found = occlusion_map(module.eval(), info, pooling, [3, 1], image, grid=5, batch=4)
        for unit in (3, 1):
            assert found[unit].values.shape == (3, 5)
            expected = plain_occlusion(module, info, pooling, unit, image, 5)
            np.testing.assert_allclose(found[unit].values, expected, atol=1e-6)


@pytest.mark.parametrize(("size", "grid", "cells"), [((64, 64), 8, (8, 8)), ((30, 90), 8, (3, 8)), ((5, 3), 8, (5, 3)),
                                                     ((200, 2), 4, (4, 1)), ((64, 64), 1, (1, 1))])  # fmt: skip
def test_windows_cover_every_cell_four_times_and_every_pixel(size, grid, cells):
    covers, pixels = windows(size, grid)
    assert covers.shape[1:] == cells
    assert (covers.sum(0) == 4).all()
    seen = np.zeros(size, int)
    for rows, columns in pixels:
        seen[rows, columns] += 1
    assert (seen == 4).all()


def test_units_without_a_map_have_occlusion_maps_of_stored_images():
    prepare = Preprocessing(mean=(0.5,) * 3, std=(0.5,) * 3)
    model = TargetModel("corners", Corners(), prepare, prepare.cut, (64, 64), "a test")
    white, half = Image.new("RGB", (64, 64), "white"), Image.new("RGB", (64, 64), "white")
    half.paste((0, 0, 0), (0, 0, 32, 32))
    info = next(layer for layer in list_layers(model) if layer.name == "look")
    assert info.kind == "features"
    found = record_occlusions(
        model, info, "none", [white, half].__getitem__, {1: [0], 0: [1, 0]}, Record(device="cpu"), grid=4
    )
    found = [(image, unit, m.values) for image, unit, m in found]
    assert [(image, unit) for image, unit, _ in found] == [(1, 0), (0, 1), (0, 0)]
    assert found[0][2][0, 0] < 0 and not found[0][2][2:].any()  # black there: covering it raises the unit
    assert found[1][2][-1, -1] < 0 and not found[1][2][:2].any()
    assert found[2][2][0, 0] == pytest.approx(1)
