"""Which layers are listed, of which kind, and what is said of a wrong one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lexplain_core.base.errors import UserError
from lexplain_core.config import LayerSpec
from lexplain_core.model import TargetModel, list_layers, resolve_layers
from lexplain_core.model.preprocess import Preprocessing

MAP, TOKENS = ("mean", "max"), ("mean", "cls")
EXPECTED = {
    "resnet50": {
        "conv1": ("map", 64, (64, 112, 112), MAP),
        "layer1.0.relu#3": ("map", 256, (256, 56, 56), MAP),
        "layer4": ("map", 2048, (2048, 7, 7), MAP),
        "avgpool": ("map", 2048, (2048, 1, 1), MAP),
        "fc": ("features", 1000, (1000,), ("none",)),
    },
    "vit_b_16": {
        "conv_proj": ("map", 768, (768, 14, 14), MAP),
        "encoder.layers.encoder_layer_0.self_attention": ("tokens", 768, (197, 768), TOKENS),
        "encoder.layers.encoder_layer_0.mlp.1": ("tokens", 3072, (197, 3072), TOKENS),
        "encoder.layers.encoder_layer_11": ("tokens", 768, (197, 768), TOKENS),
        "heads.head": ("features", 1000, (1000,), ("none",)),
    },
    "convnext_tiny": {
        "features.0.1": ("map", 96, (96, 56, 56), MAP),  # a LayerNorm, but over channels that come first
        "features.1.0.block.0": ("map", 96, (96, 56, 56), MAP),
        "features.1.0.block.2": ("map-last", 96, (56, 56, 96), MAP),
        "features.1.0.block.3": ("map-last", 384, (56, 56, 384), MAP),
        "features.1.0.block.4": ("map-last", 384, (56, 56, 384), MAP),
        "features.1.0.block.6": ("map", 96, (96, 56, 56), MAP),
        "classifier.2": ("features", 1000, (1000,), ("none",)),
    },
    "densenet201": {
        "features.conv0": ("map", 64, (64, 112, 112), MAP),
        "features.denseblock1.denselayer1.conv2": ("map", 32, (32, 56, 56), MAP),
        "features": ("map", 1920, (1920, 7, 7), MAP),
        "classifier": ("features", 1000, (1000,), ("none",)),
    },
    "timm/test_vit": {
        "blocks.0.mlp.act": ("tokens", 192, (101, 192), TOKENS),
        "blocks.0": ("tokens", 64, (101, 64), TOKENS),
    },
    "timm/test_resnet": {"layer1.0.conv1": ("map", 32, (32, 40, 40), MAP)},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_layers_of_networks(name, network):
    model = network(name)
    listed = {layer.name: layer for layer in list_layers(model)}
    for layer, (kind, units, shape, poolings) in EXPECTED[name].items():
        found = listed[layer]
        assert (found.kind, found.units, found.shape, found.poolings) == (kind, units, shape, poolings), layer
    assert not any("attn_drop" in layer for layer in listed)
    assert not any(m._forward_hooks for m in model.module.modules())
    assert not model.module.training


class FixedSize(nn.Module):
    """Takes 8 × 8 images only, so that one pass has to tell the axes; 8 channels fit both ways."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.act = nn.ReLU()
        self.mix = nn.Linear(8, 8)
        self.mix_act = nn.GELU()
        self.softmax = nn.Softmax(-1)
        self.wide = nn.Linear(8, 20)
        self.wide_act = nn.GELU()
        self.head = nn.Linear(20 * 64, 4)
        self.windows = nn.Identity()
        self.pair = Pair()

    def forward(self, x):
        x = self.act(self.conv(x)).permute(0, 2, 3, 1)
        x = self.mix_act(self.mix(x))
        self.softmax(x)
        self.windows(x.reshape(-1, 4, 8))  # a first axis that is no batch
        self.pair(x)
        return self.head(self.wide_act(self.wide(x)).flatten(1))


class Pair(nn.Module):
    def forward(self, x):
        return "x", x  # the first member is no tensor


def small(module: nn.Module, side: int = 8) -> TargetModel:
    prepare = Preprocessing()
    return TargetModel("small", module, prepare, prepare.cut, (side, side), "a test")


def test_kinds_without_a_second_size():
    kinds = {layer.name: layer.kind for layer in list_layers(small(FixedSize()))}
    assert kinds == {
        "conv": "map",
        "act": "map",
        "mix": "map-last",
        "mix_act": "map-last",
        "wide": "map-last",
        "wide_act": "map-last",
        "head": "features",
    }


def test_attention_maps_are_no_units():
    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(3, 8, 4, 4)
            self.weights = nn.Identity()
            self.heads = nn.Identity()

        def forward(self, x):
            x = self.patches(x).flatten(2).transpose(1, 2)
            heads = self.heads(x.unflatten(2, (2, 4)).transpose(1, 2))
            return self.weights(heads @ heads.transpose(2, 3)).mean((2, 3))

    assert [layer.name for layer in list_layers(small(Attention(), 32))] == ["patches"]


@pytest.mark.parametrize(
    ("match", "names"),
    [("wide", ["wide", "wide_act"]), ("*act", ["act", "mix_act", "wide_act"]), ("nothing", [])],
)
def test_match(match, names):
    assert [layer.name for layer in list_layers(small(FixedSize()), match)] == names


def test_resolve_layers():
    model = small(FixedSize())
    specs = [LayerSpec(name="head"), LayerSpec(name="conv"), LayerSpec(name="wide", pooling="max")]
    chosen = resolve_layers(model, specs)
    assert [(info.name, pooling) for info, pooling in chosen] == [
        ("head", "none"),
        ("conv", "mean"),
        ("wide", "max"),
    ]


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (LayerSpec(name="hed"), "small has no layer 'hed'. Did you mean 'head'.*layers MODEL` lists them"),
        (
            LayerSpec(name="conv", pooling="cls"),
            r"'cls' doesn't apply to layer 'conv' .* a map \(8 × 8 × 8\); choose 'mean'",
        ),
        (LayerSpec(name="head", pooling="mean"), r"plain features \(4\); choose 'none'"),
        (LayerSpec(name="pair"), "The module 'pair' of small gives no output with units"),
        (LayerSpec(name="conv#2"), "'conv' of small is called 1 times, so there is no 'conv#2'"),
    ],
)
def test_wrong_layers(spec, sentence):
    with pytest.raises(UserError, match=sentence):
        resolve_layers(small(FixedSize()), [spec])


def test_a_size_that_the_network_does_not_take():
    with pytest.raises(
        UserError, match="small can't be run on images of 9 × 9 pixels .*target.preprocess.crop"
    ):
        list_layers(small(FixedSize(), 9))


def test_listing_leaves_the_module_and_the_random_state_alone():
    model = small(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    model.module.train()
    state = torch.random.get_rng_state()
    before = {k: v.clone() for k, v in model.module.state_dict().items()}
    list_layers(model)
    assert model.module.training
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(torch.equal(before[k], v) for k, v in model.module.state_dict().items())
