"""Activation maps: the layer's output at that call, over the image; packed small."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from lexplain_core.base.errors import UserError
from lexplain_core.config import LayerSpec, Record, Target
from lexplain_core.model import LayerInfo, TargetModel, list_layers, load_target, record
from lexplain_core.model.maps import (
    ActivationMap,
    Grid,
    grid_of,
    pack,
    record_maps,
    shrink,
    unit_maps,
    unpack,
)
from lexplain_core.model.preprocess import Preprocessing
from lexplain_core.model.units import Channels, ChannelsLast, Features, Tokens

CPU = Record(device="cpu", workers=0)


def small(module: nn.Module, size: tuple[int, int] = (16, 16)) -> TargetModel:
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    prepare = Preprocessing()
    return TargetModel("small", module.eval(), prepare, prepare.cut, size, "a test")


def pictures(count: int, height: int = 16, width: int = 16) -> list[Image.Image]:
    rng = np.random.default_rng(1)
    return [Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)) for _ in range(count)]


def info_of(model: TargetModel, name: str) -> LayerInfo:
    return next(layer for layer in list_layers(model) if layer.name == name)


def maps_of(model, name, shown, side=1000, units=None, settings=CPU) -> np.ndarray:
    """All maps of a layer, (images, units, h, w)."""
    info = info_of(model, name)
    units = list(range(info.units)) if units is None else units
    found = list(
        record_maps(
            model, info, shown.__getitem__, dict.fromkeys(range(len(shown)), units), settings, side=side
        )
    )
    assert [(i, u) for i, u, _ in found] == [(i, u) for i in range(len(shown)) for u in units]
    assert all(m.kind == "activation" and m.values.dtype == np.float32 for _, _, m in found)
    return np.stack([m.values for _, _, m in found]).reshape(
        len(shown), len(units), *found[0][2].values.shape
    )


def recorded(model, name, shown, *poolings: str) -> list[np.ndarray]:
    """Activations (images, units), one array for each pooling."""
    specs = [LayerSpec(name=name, pooling=pooling) for pooling in poolings]
    run = record(model, shown.__getitem__, [str(i) for i in range(len(shown))], specs, CPU)
    return [layer.values.T for layer in run.layers]


@pytest.mark.parametrize(
    ("network_name", "layer", "size"),
    [
        ("demo", "block4", (12, 12)),
        ("demo", "block7", (6, 6)),
        ("resnet18", "layer2.0.conv1", (28, 28)),  # the in-place ReLU after it comes by batch norm
        ("resnet18", "layer3.0.bn1", (14, 14)),  # an in-place ReLU follows directly
        ("resnet18", "layer3.1.relu#2", (14, 14)),  # one module, called twice
        ("squeezenet1_1", "features.12", (13, 13)),
        ("squeezenet1_1", "features.3.squeeze", (55, 55)),  # an in-place ReLU follows directly
        ("timm/swin_tiny_patch4_window7_224", "layers.1", (28, 28)),
        ("timm/swin_tiny_patch4_window7_224", "layers.2.blocks.1.mlp", (14, 14)),
        ("timm/vit_tiny_patch16_224", "patch_embed", (14, 14)),  # tokens without the class token
    ],
)
def test_the_mean_of_a_map_is_the_recorded_activation(network, network_name, layer, size):
    model = network(network_name)
    shown = pictures(2, 240, 240)
    maps = maps_of(model, layer, shown)
    assert maps.shape[2:] == size
    poolings = [p for p in info_of(model, layer).poolings if p != "cls"]
    for pooling, values in zip(poolings, recorded(model, layer, shown, *poolings), strict=True):
        pooled = maps.mean((2, 3), dtype=np.float64) if pooling == "mean" else maps.max((2, 3))
        np.testing.assert_allclose(pooled, values, rtol=1e-4, atol=1e-6)


def test_the_map_before_an_in_place_relu_keeps_its_negative_values(network):
    shown = pictures(1, 240, 240)
    before = maps_of(network("resnet18"), "layer3.0.bn1", shown)
    after = maps_of(network("resnet18"), "layer3.0.relu", shown)
    assert before.min() < 0
    np.testing.assert_allclose(after, before.clip(min=0), rtol=1e-6)


def test_patches_are_the_tokens_after_the_class_token(network):
    model = network("timm/vit_tiny_patch16_224")
    shown = pictures(2, 240, 240)
    maps = maps_of(model, "blocks.3", shown)
    assert maps.shape == (2, 192, 14, 14)
    mean, cls = recorded(model, "blocks.3", shown, "mean", "cls")
    np.testing.assert_allclose((maps.sum((2, 3)) + cls) / 197, mean, rtol=1e-4, atol=1e-5)


def vit(**options) -> nn.Module:
    """A timm ViT with one block, at a size of its own."""
    import timm

    return timm.create_model("vit_tiny_patch16_224", depth=1, num_classes=0, **options).eval()


@pytest.mark.parametrize(
    ("size", "options", "grid"),
    [
        ((64, 64), {"reg_tokens": 4, "class_token": False, "global_pool": "avg"}, Grid(4, 4, 4)),
        ((64, 64), {"reg_tokens": 4}, Grid(5, 4, 4)),
        ((48, 80), {}, Grid(1, 3, 5)),
    ],
    ids=["registers", "registers and a class token", "oblong"],
)
def test_the_patches_are_the_last_tokens(size, options, grid):
    model = small(vit(img_size=size, **options), size)
    info, shown = info_of(model, "blocks.0"), pictures(1, *size)
    assert grid_of(info, list_layers(model), size) == grid
    assert model.module.num_prefix_tokens == grid.skip
    tokens = []
    with torch.inference_mode():
        model.module.blocks[0].register_forward_hook(lambda _m, _i, output: tokens.append(output.clone()))
        model.module(model.preprocess(shown[0])[None])
    expected = tokens[0][0, grid.skip :].T.reshape(192, grid.height, grid.width).numpy()
    found = maps_of(model, "blocks.0", shown)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def tokens(count: int, class_token: bool = False) -> LayerInfo:
    return LayerInfo("x", Tokens((count, 8), class_token), "Block")


@pytest.mark.parametrize(
    ("info", "size", "grid"),
    [
        (tokens(49), (1, 1), Grid(0, 7, 7)),
        (tokens(50, class_token=True), (1, 1), Grid(1, 7, 7)),
        (tokens(53, class_token=True), (224, 224), Grid(4, 7, 7)),
        (tokens(50), (224, 224), None),  # nothing says that one of them is a class token
        (tokens(54), (100, 150), Grid(0, 6, 9)),
        (tokens(45), (90, 150), Grid(0, 5, 9)),  # patches of 16, rows and columns cut off
        (tokens(60), (90, 150), Grid(0, 6, 10)),  # or filled up
        (tokens(61, class_token=True), (160, 96), Grid(1, 10, 6)),
        (tokens(77, class_token=True), (1, 1), None),
        (tokens(1, class_token=True), (1, 1), None),
    ],
)
def test_the_grid_of_tokens_of_a_network_without_maps(info, size, grid):
    assert grid_of(info, (), size) == grid


def test_tokens_that_fit_no_map_of_the_network_are_a_grid_like_the_input():
    stem = LayerInfo("stem", Channels((8, 14, 14)), "Conv2d")
    assert grid_of(tokens(196), [stem]) == Grid(0, 14, 14)
    assert grid_of(tokens(49), [stem]) == Grid(0, 7, 7)  # merged by the network later on
    assert grid_of(tokens(77), [stem]) is None
    assert grid_of(stem, [stem]) == Grid(0, 14, 14)  # its own


def test_maps_are_copies_and_features_have_none():
    output = torch.rand(2, 3, 4, 5)
    info = LayerInfo("x", Channels((3, 4, 5)), "Conv2d")
    for kind, given, expected in [
        (Channels, output, output.clone()),
        (ChannelsLast, output.permute(0, 2, 3, 1), output.clone()),
        (partial(Tokens, class_token=True), torch.rand(2, 17, 3), None),
    ]:
        layer = LayerInfo("x", kind(tuple(given.shape[1:])), "Block")
        maps = unit_maps(given, layer)
        if expected is None:
            expected = given[:, 1:].transpose(1, 2).reshape(2, 3, 4, 4).clone()
        torch.testing.assert_close(maps, expected)
        given.neg_()
        torch.testing.assert_close(maps, expected)
        given.neg_()
    features = LayerInfo("x", Features((3,)), "Linear")
    assert unit_maps(torch.rand(2, 3), features) is None
    assert unit_maps(output.half(), info).dtype == torch.float32


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.conv(self.conv(x)).mul_(0).mean((2, 3))


def test_calls_of_one_module_have_maps_of_their_own():
    model, shown = small(Twice()), pictures(3)
    with torch.inference_mode():
        once = model.module.conv(torch.stack([model.preprocess(i) for i in shown]))
        twice = model.module.conv(once)
    for name, expected in (("conv", once), ("conv#2", twice)):
        np.testing.assert_allclose(maps_of(model, name, shown), expected, rtol=1e-5, atol=1e-5)


def brightness() -> TargetModel:
    """Unit 0 is the brightness of 3 × 3 pixels, unit 1 its negative."""
    conv = nn.Conv2d(3, 2, 3, padding=1, bias=False)
    model = small(
        nn.Sequential(conv, nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(2 * 24 * 32, 2)), (24, 32)
    )
    conv.weight.data[0], conv.weight.data[1] = 1 / 27, -1 / 27
    return model


def test_the_peak_lies_where_the_bright_patch_is():
    shown = []
    for top, left in ((2, 3), (16, 25)):
        picture = Image.new("RGB", (32, 24))
        picture.paste((255, 255, 255), (left, top, left + 5, top + 5))
        shown.append(picture)
    model = brightness()
    maps = maps_of(model, "0", shown)
    for (top, left), (bright, dark) in zip(((2, 3), (16, 25)), maps, strict=True):
        assert np.unravel_index(bright.argmax(), bright.shape)[0] in range(top + 1, top + 4)
        assert np.unravel_index(bright.argmax(), bright.shape)[1] in range(left + 1, left + 4)
        assert dark[top + 2, left + 2] == dark.min() < 0  # the in-place ReLU came later
    packed = [pack(ActivationMap("activation", m), 8) for m in maps[:, 0]]
    assert [p[:2] for p in packed] == [(6, 8), (6, 8)]
    peaks = [np.unravel_index(unpack(*p).values.argmax(), p[:2]) for p in packed]
    assert peaks == [(1, 1), (4, 6)]


def test_only_the_wanted_units_of_the_wanted_images_come_in_order_whatever_the_batch():
    model, shown = brightness(), pictures(5, 24, 32)
    wanted = {4: [1], 0: [1, 0], 3: [], 2: np.array([0])}
    loaded = []
    runs = []
    for batch in (1, 2, 5):
        settings = Record(device="cpu", batch_size=batch, workers=2)
        load = lambda i: (loaded.append(i), shown[i])[1]  # noqa: E731
        runs.append(list(record_maps(model, info_of(model, "0"), load, wanted, settings, side=1000)))
        assert [(i, u) for i, u, _ in runs[-1]] == [(4, 1), (0, 1), (0, 0), (2, 0)]
    assert set(loaded) == {0, 2, 4}
    whole = maps_of(model, "0", shown)
    for run in runs:
        for image, unit, found in run:
            np.testing.assert_allclose(found.values, whole[image, unit], rtol=1e-4, atol=1e-6)
    assert sum(len(m._forward_hooks) for m in model.module.modules()) == 0
    assert not torch.is_inference_mode_enabled()


def test_a_consumer_that_stops_early_leaves_nothing_behind():
    model, shown = brightness(), pictures(3, 24, 32)
    found = record_maps(model, info_of(model, "0"), shown.__getitem__, {0: [0], 1: [0]}, CPU)
    next(found)
    found.close()
    assert sum(len(m._forward_hooks) for m in model.module.modules()) == 0


def test_layers_without_maps_give_none_and_no_image_is_loaded():
    model = brightness()
    assert not list(record_maps(model, info_of(model, "3"), lambda i: pytest.fail("loaded"), {0: [0]}, CPU))
    assert not list(record_maps(model, info_of(model, "0"), lambda i: pytest.fail("loaded"), {0: []}, CPU))


def test_values_that_are_not_finite_are_an_error():
    model = brightness()
    model.module[0].weight.data[1] = float("nan")
    info, shown = info_of(model, "0"), pictures(1, 24, 32)
    with pytest.raises(UserError, match="Layer '0' of small .* not finite in unit 1 for image 0"):
        list(record_maps(model, info, shown.__getitem__, {0: [0, 1]}, CPU))


@pytest.mark.parametrize(
    ("size", "cells"),
    [
        ((28, 28), (14, 14)),
        ((27, 27), (14, 14)),
        ((13, 40), (5, 14)),
        ((1, 50), (1, 14)),
        ((100, 3), (14, 1)),
    ],
)
def test_shrinking_keeps_the_mean_and_the_proportions(size, cells):
    maps = torch.rand(2, *size, generator=torch.Generator().manual_seed(0))
    less = shrink(maps, 14)
    assert less.shape == (2, *cells)
    torch.testing.assert_close(less.mean((1, 2)), maps.mean((1, 2)))
    if size == (28, 28):  # whole cells: the plain mean of four
        torch.testing.assert_close(less, nn.functional.avg_pool2d(maps, 2))
    assert shrink(less, 14) is less


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_packing_is_off_by_less_than_a_255th_of_the_range(scale):
    rng = np.random.default_rng(0)
    values = (rng.normal(size=(9, 14)) * scale).astype(np.float32)
    height, width, low, high, data = packed = pack(ActivationMap("occlusion", values))
    assert (height, width, len(data)) == (9, 14, 126)
    back = unpack(*packed, kind="occlusion")
    assert back.kind == "occlusion" and back.values.dtype == np.float32
    assert (low, high) == (values.min(), values.max()) == (back.values.min(), back.values.max())
    assert np.abs(back.values.astype(float) - values).max() <= 0.501 * (high - low) / 255


def test_a_flat_map_is_packed_as_it_is():
    packed = pack(ActivationMap("activation", np.full((2, 3), -0.25, np.float32)))
    assert packed == (2, 3, -0.25, -0.25, bytes(6))
    assert (unpack(*packed).values == np.float32(-0.25)).all()


def test_a_cut_image_becomes_the_same_tensor():
    model = load_target(Target(model="demo", weights="random"))
    picture = pictures(1, 130, 170)[0]
    torch.testing.assert_close(
        model.to_tensor(model.crop(picture)), model.preprocess(picture), rtol=0, atol=0
    )
