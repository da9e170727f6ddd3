"""Networks of every kind: what can't be looked into is refused in a sentence, grey ones and odd outputs of layers work."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from lexplain_core.base.errors import UserError
from lexplain_core.config import LayerSpec, Record, Target
from lexplain_core.model import list_layers, load_target, open_effects, record
from lexplain_core.model.replace import Replacer

from .test_record import pictures

NETWORKS = """
from collections import namedtuple
from dataclasses import dataclass

import torch
from torch import nn

Two = namedtuple("Two", "main side")


@dataclass(frozen=True)
class Box:
    main: torch.Tensor
    side: int = 0


def plain(channels=3):
    return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


def scripted():
    return torch.jit.script(plain())


def traced():
    return torch.jit.trace(plain().eval(), torch.zeros(1, 3, 24, 24))


def partly_scripted():
    net = plain()
    net[0] = torch.jit.script(net[0])
    return net


def quantised():
    return torch.ao.quantization.quantize_dynamic(plain().eval(), {nn.Linear})


def lazy():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.LazyLinear(3))


def lazy_run_once():
    net = lazy()
    net(torch.zeros(1, 3, 24, 24))
    return net


def on_meta():
    with torch.device("meta"):
        return plain()


def compiled():
    return torch.compile(plain())


def grey():
    net = plain(1)
    net.preprocess = {"crop": 24, "mean": [0.1307], "std": 0.3081}
    return net


def grey_without_convolution():
    return nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 6), nn.ReLU(), nn.Linear(6, 3))


class Wrapped(nn.Module):
    def __init__(self, wrap):
        super().__init__()
        self.conv, self.wrap = nn.Conv2d(3, 4, 3), wrap

    def forward(self, x):
        return self.wrap(self.conv(x))


class Net(nn.Module):
    def __init__(self, wrap, unwrap):
        super().__init__()
        self.block, self.unwrap, self.head = Wrapped(wrap), unwrap, nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.unwrap(self.block(x)).mean((2, 3)))


def with_tuple():
    return Net(lambda x: (x, None), lambda y: y[0])


def with_named_tuple():
    return Net(lambda x: Two(x, 1), lambda y: y.main)


def with_list():
    return Net(lambda x: [x, 2], lambda y: y[0])


def with_dict():
    return Net(lambda x: {"main": x, "side": 2}, lambda y: y["main"])


def with_dataclass():
    return Net(lambda x: Box(x), lambda y: y.main)
"""


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    path = tmp_path_factory.mktemp("networks") / "net.py"
    path.write_text(NETWORKS)
    return lambda function, **more: load_target(Target(model=f"{path}:{function}", **more))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("function", "words"), [
    ("scripted", "it is TorchScript, whose layers can't be looked into"),
    ("traced", "it is TorchScript"),
    ("partly_scripted", "its module '0' is TorchScript"),
    ("quantised", "its module '4' (Linear) is quantised"),
    ("lazy", "'2.weight' is lazy and has no size yet. Run it once"),
    ("on_meta", "'0.weight' is on the device `meta`"),
])  # fmt: skip
def test_what_can_not_be_looked_into_is_refused_in_a_sentence(load, function, words):
    with pytest.raises(UserError) as caught:
        load(function)
    assert f"net.py:{function} can't be used: " in str(caught.value) and words in str(caught.value)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("function", ["lazy_run_once", "compiled"])
def test_networks_that_are_ready_are_taken(load, function):
    model = load(function, preprocess={"crop": 24})
    assert [layer.name for layer in list_layers(model)][0] == "0"


def test_a_grey_network_sees_rgb_images_as_pillow_makes_them_grey(load):
    model = load("grey")
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8))
    seen = []
    handle = model.module[0].register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0]))
    model.module(model.preprocess(image)[None])
    handle.remove()
    expected = (np.asarray(image.convert("L")) / 255 - 0.1307) / 0.3081
    assert seen[0].shape == (1, 1, 24, 24)
    assert (
        np.abs(seen[0][0, 0].numpy() - expected).max() < 0.6 / 255 / 0.3081
    )  # Pillow rounds to whole numbers


@pytest.mark.parametrize("function", ["grey", "grey_without_convolution"])
def test_a_grey_network_is_recorded_and_its_units_replaced(load, function):
    model, images = (
        load(function, preprocess={} if function == "grey" else {"resize": 28, "crop": 28}),
        pictures(5),
    )
    name = {"grey": "1", "grey_without_convolution": "2"}[function]
    keys = list("abcde")
    found = record(model, images.__getitem__, keys, [LayerSpec(name=name)], Record(device="cpu", workers=0), outputs=True)  # fmt: skip
    labels = np.zeros(5, dtype=np.int64)
    effects = open_effects(model, found.layers[0], np.ascontiguousarray(found.outputs.T), labels, 1.0, images.__getitem__, keys, torch.device("cpu"), workers=0)  # fmt: skip
    assert effects.intervention == "closed"


@pytest.mark.parametrize("kind", ["tuple", "named_tuple", "list", "dict", "dataclass"])
def test_layers_that_return_more_than_a_tensor_are_layers_like_others(load, kind):
    model = load(f"with_{kind}", preprocess={"crop": 24})
    layers = {layer.name: layer for layer in list_layers(model)}
    assert layers["block"].shape == layers["block.conv"].shape == (4, 22, 22)
    batch = torch.randn(2, 3, 24, 24)
    runs = []
    for name in ("block", "block.conv"):
        replacer = Replacer(model.module, layers[name], "mean")
        shown = replacer.show(batch)
        runs.append(
            replacer.run(shown, torch.tensor([0, 1]), torch.tensor([2, 2]), torch.tensor([3.0, -3.0]))
        )
    assert torch.allclose(*runs) and not torch.allclose(runs[0], shown.logits)
