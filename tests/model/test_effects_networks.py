"""Replacing units in the networks people use, against plain hooks and whole forward passes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lexplain_core.config import LayerSpec, Record, load_config
from lexplain_core.model import load_target, open_effects, record
from lexplain_core.model.outputs import map_classes_to_outputs
from lexplain_core.probe import load_probing_set

EXAMPLES = Path(__file__).resolve().parents[2] / "docs/examples"
CPU = torch.device("cpu")

CASES = [
    # network, layer, pooling, the fastest way that is right
    ("resnet18", "layer4", "mean", "closed"),
    ("resnet18", "layer3", "mean", "prefix"),
    ("resnet18", "layer2.0.relu#2", "max", "prefix"),  # between two residual blocks
    ("resnet18", "layer3.1.conv1", "mean", "whole"),  # inside one
    ("resnet18", "layer4.0.downsample.0", "mean", "whole"),  # on a skip connection
    ("squeezenet1_1", "features.12", "mean", "prefix"),  # a convolution and a ReLU follow
    ("squeezenet1_1", "features.12.expand3x3_activation", "mean", "whole"),  # half of the fire module
    ("densenet121", "features.denseblock4.denselayer16.conv2", "mean", "whole"),
    ("densenet121", "features.transition3", "mean", "prefix"),
    ("densenet121", "features.norm5", "mean", "prefix"),  # a ReLU follows
    ("timm/vit_tiny_patch16_224", "norm", "cls", "closed"),
    ("timm/vit_tiny_patch16_224", "blocks.10", "cls", "prefix"),
    ("timm/vit_tiny_patch16_224", "blocks.10", "mean", "prefix"),
    ("timm/vit_tiny_patch16_224", "blocks.11.mlp.act", "mean", "whole"),  # beside the residual stream
]


def images(count: int = 3) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [
        Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8)).resize((256, 256)) for _ in range(count)
    ]


def call_of(module, name: str) -> tuple[torch.nn.Module, int]:
    base, _, call = name.partition("#")
    return module.get_submodule(base), int(call or 1)


@torch.inference_mode()
def by_hook(model, image, name: str, pooling: str, unit: int, value: float) -> torch.Tensor:
    """Logits (C,) of one image, by one hook that is written down here and nothing else."""
    module, wanted = call_of(model.module, name)
    calls = 0

    def change(_module, _inputs, output):
        nonlocal calls
        calls += 1
        if calls != wanted:
            return None
        output = output.clone()
        part = {4: (0, unit), 3: (0, slice(None), unit), 2: (0, unit)}[output.ndim]
        if pooling == "cls":
            output[0, 0, unit] = value
        else:
            pooled = output[part].max() if pooling == "max" else output[part].mean()
            output[part] = output[part] + (value - pooled)
        return output

    handle = module.register_forward_hook(change)
    try:
        return model.module(model.preprocess(image)[None])[0]
    finally:
        handle.remove()


def opened(model, shown, keys, recording, outputs, labels=None, intervention=None):
    labels = np.zeros(len(keys), dtype=np.int64) if labels is None else labels
    return open_effects(
        model, recording, outputs, labels, 1.0, shown, keys, CPU, workers=0, intervention=intervention
    )


def logits_of(engine, at, units, values, classes: int) -> torch.Tensor:
    found = torch.full((len(at), classes), torch.nan)

    def take(rows, logits):
        found[rows] = logits

    engine.rows(at, units, values, take)
    return found


@pytest.mark.parametrize(
    "name, layer, pooling, way",
    [  # the slowest network's other cases are of the kinds of resnet18's
        pytest.param(
            *case,
            marks=[pytest.mark.proofs] * (case[0] == "densenet121" and case[1] != "features.transition3"),
        )
        for case in CASES
    ],
)
def test_ways_of_known_networks(name, layer, pooling, way, network):
    model, shown = network(name), images()
    keys = ["a", "b", "c"]
    settings = Record(device="cpu", batch_size=3)
    run = record(
        model, shown.__getitem__, keys, [LayerSpec(name=layer, pooling=pooling)], settings, outputs=True
    )
    recording, outputs = run.layers[0], np.ascontiguousarray(run.outputs.T)
    engine = opened(model, shown.__getitem__, keys, recording, outputs)
    assert engine.intervention == way
    rng = np.random.default_rng(1)
    count = 3
    at, units = rng.integers(3, size=count), rng.integers(recording.info.units, size=count)
    spread = 3 * np.abs(recording.values).max()
    values = np.float32(recording.values[units, at] + rng.normal(size=count) * spread)
    values[0] = 0
    expected = torch.stack(
        [
            by_hook(model, shown[i], layer, pooling, int(u), float(v))
            for i, u, v in zip(at, units, values, strict=True)
        ]
    )
    size = float(expected.abs().max())
    plain = torch.from_numpy(outputs[at])
    assert (expected - plain).abs().max() > 1e-4 * size  # replacing does something
    for one in {way, "whole"} | ({"prefix"} if way == "closed" else set()):
        same = (
            engine
            if one == way
            else opened(model, shown.__getitem__, keys, recording, outputs, intervention=one)
        )
        assert same.intervention == one
        found = logits_of(same, at, units, values, outputs.shape[1])
        assert (found - expected).abs().max() <= 1e-5 * size, one
    assert not any(m._forward_hooks for m in model.module.modules())


# -- on the real networks and images, where they are at hand -----------------------------------


class Real:
    """A network of docs/examples with its weights, recorded on a few real images."""

    def __init__(self, example: str, overrides: list[str], layers: list[str], limit: int):
        config = load_config(EXAMPLES / example, [*overrides, f"probe.limit={limit}"])
        self.probing = load_probing_set(config.probe, 0)
        self.model = load_target(config.target, [c.name for c in self.probing.classes])
        self.keys, self.load = self.probing.keys, self.probing.load
        outputs_of = map_classes_to_outputs(self.probing.classes, self.model.outputs, self.model.output_keys)
        assert None not in outputs_of
        self.labels = np.array(outputs_of)[self.probing.labels]
        specs = [LayerSpec(name=name) for name in layers]
        run = record(self.model, self.load, self.keys, specs, Record(device="cpu", workers=0), outputs=True)
        self.layers = {layer.info.name: layer for layer in run.layers}
        self.outputs = np.ascontiguousarray(run.outputs.T)

    def open(self, layer: str, intervention: str | None = None):
        return opened(
            self.model, self.load, self.keys, self.layers[layer], self.outputs, self.labels, intervention
        )


INSIDE = "layer2.1.conv1"


@pytest.fixture(scope="module")
def resnet20(shared) -> Real:
    overrides = [
        f"probe.root={shared / 'data/cifar10/test'}",
        f"target.weights={shared / 'data/weights/resnet20_cifar10.th'}",
    ]
    return Real("cifar10-resnet20.toml", overrides, ["layer2", "layer3", INSIDE], 60)


def test_layer3_of_resnet20_in_closed_form_is_the_whole_network(resnet20):
    """All 64 units on 12 images, taken out and at their mean."""
    closed, whole = resnet20.open("layer3"), resnet20.open("layer3", "whole")
    assert (closed.intervention, whole.intervention) == ("closed", "whole")
    q = resnet20.layers["layer3"].values
    units, some = np.arange(64), np.arange(0, 60, 5)
    values = np.stack([np.zeros((64, 12)), np.repeat(q.mean(1, dtype=np.float64)[:, None], 12, 1)])
    found, truth = closed.block(units, some, values), whole.block(units, some, values)
    assert whole.runs == 2 * 64 * 12 and closed.runs == 0
    np.testing.assert_allclose(found.loss, truth.loss, atol=2e-5)
    assert (found.right == truth.right).all()
    assert (found.right != closed.right[some]).any() and np.abs(found.loss - closed.loss[some]).max() > 0.1


def test_layer2_of_resnet20_from_its_cached_output_is_the_whole_network(resnet20):
    prefix, whole = resnet20.open("layer2"), resnet20.open("layer2", "whole")
    assert prefix.intervention == "prefix"
    check_rows(resnet20, "layer2", prefix, whole, 120, hooked=8)


def test_a_convolution_inside_a_residual_block_needs_whole_runs(resnet20):
    engine = resnet20.open(INSIDE)
    assert engine.intervention == "whole"
    for way in ("prefix", "closed"):
        with pytest.raises(ValueError, match="no cut"):
            resnet20.open(INSIDE, way)
    check_rows(resnet20, INSIDE, engine, engine, 30, hooked=30)


def test_features_12_of_squeezenet_from_its_cached_output_is_the_whole_network(shared):
    overrides = [
        f"probe.root={shared / 'data/tiny-imagenet/val'}",
        f"probe.names={shared / 'data/tiny-imagenet/words.txt'}",
        f"target.weights={shared / 'data/weights/squeezenet1_1_imagenet.pth'}",
    ]
    real = Real("tiny-imagenet-squeezenet.toml", overrides, ["features.12"], 50)
    prefix, whole = real.open("features.12"), real.open("features.12", "whole")
    assert prefix.intervention == "prefix"
    check_rows(real, "features.12", prefix, whole, 16, hooked=2)


def check_rows(real: Real, layer: str, one, other, count: int, hooked: int) -> None:
    """Random images, units and values: the two engines give the same logits, and a plain hook does, too."""
    rng = np.random.default_rng(0)
    recording = real.layers[layer]
    at, units = rng.integers(len(real.keys), size=count), rng.integers(recording.info.units, size=count)
    values = np.float32(rng.normal(size=count) * recording.values[units].std(1) * 3)
    values[::3] = 0
    classes = real.outputs.shape[1]
    found, truth = (logits_of(engine, at, units, values, classes) for engine in (one, other))
    size = float(truth.abs().max())
    assert (found - truth).abs().max() <= 1e-5 * size
    assert (found - torch.from_numpy(real.outputs[at])).abs().max() > 1e-2 * size
    for row in range(hooked):
        image, unit, value = int(at[row]), int(units[row]), float(values[row])
        own = by_hook(real.model, real.load(image), layer, recording.pooling, unit, value)
        assert (found[row] - own).abs().max() <= 1e-5 * size
