"""Target models by what a config says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

from lexplain_core.base.errors import UserError
from lexplain_core.config import LayerSpec, Preprocess, Record, Target
from lexplain_core.model import list_layers, load_target, record, target_models

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "resnet20_cifar10.py"

FACTORY = """
import torch
from torch import nn
import neighbour

number = 3

def make():
    return neighbour.net()

def with_hints():
    net = neighbour.net()
    net.preprocess = {"resize": 12, "crop": 10, "mean": (0, 0, 0), "std": (1, 1, 1)}
    net.categories = ["a", "b", "c", "d"]
    return net

def fails():
    raise ValueError("no\\nluck.")

def returns_a_list():
    return [1]

def double():
    return neighbour.net().double().train()
"""
NEIGHBOUR = """
from torch import nn

def net():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""


@pytest.fixture
def factory(tmp_path) -> Path:
    (tmp_path / "nets.py").write_text(FACTORY)
    (tmp_path / "neighbour.py").write_text(NEIGHBOUR)
    (tmp_path / "broken.py").write_text("x = 1\ndef make(:\n")
    (tmp_path / "raises.py").write_text("x = 1\nraise RuntimeError('at import')\n")
    return tmp_path


def test_factory(factory):
    model = load_target(Target(model=f"{factory}/nets.py:make"))
    assert model.name == "nets:make" and model.source == "make() of nets.py"
    assert model.outputs is None and model.input_size == (224, 224) and not model.module.training
    again = load_target(Target(model=f"{factory}/nets.py:make"), image_size=(20, 30))
    assert again.input_size == (20, 30)
    assert torch.equal(model.module[0].weight, again.module[0].weight)  # seeded


def test_factory_with_hints(factory):
    model = load_target(Target(model=f"{factory}/nets.py:with_hints"))
    assert model.outputs == ("a", "b", "c", "d") and model.input_size == (10, 10)
    model = load_target(
        Target(model=f"{factory}/nets.py:with_hints", outputs="classes", preprocess=Preprocess(crop=8)),
        list("wxyz"),
    )
    assert model.outputs == tuple("wxyz") and model.input_size == (8, 8)


def test_factory_with_weights(factory):
    made = load_target(Target(model=f"{factory}/nets.py:make")).module
    torch.save({f"module.{k}": v + 1 for k, v in made.state_dict().items()}, factory / "w.pth")
    model = load_target(Target(model=f"{factory}/nets.py:make", weights=str(factory / "w.pth")))
    torch.testing.assert_close(model.module[0].weight, made[0].weight + 1)
    assert model.source == "make() of nets.py with weights from w.pth"


def test_factory_in_double_precision_runs_in_single(factory):
    module = load_target(Target(model=f"{factory}/nets.py:double")).module
    assert module[0].weight.dtype == torch.float32 and not module.training


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("absent.py:make", "There is no file .*absent.py"),
        ("nets.py:mak", "There is no function 'mak' in .*nets.py .*Did you mean 'make'"),
        ("nets.py:number", "There is no function 'number'"),
        ("nets.py:fails", r"nets.py:fails fails: ValueError: no luck \(line 18\)"),
        ("nets.py:returns_a_list", "returned a list, not a torch.nn.Module"),
        ("nets.py", "nets.py:FUNCTION"),
        ("broken.py:make", "broken.py .* fails when it is loaded: SyntaxError"),
        ("raises.py:make", r"RuntimeError: at import \(line 2\)"),
    ],
)
def test_wrong_factories(factory, model, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        load_target(Target(model=f"{factory}/{model}"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "weights", "sentence"),
    [
        ("resnet5", "random", "no target model 'resnet5' in torchvision or timm. Did you mean 'resnet50"),
        ("timm/resnet5", "random", "no target model 'timm/resnet5' in timm. Did you mean 'timm/resnet"),
        ("torchvision/vit_b", "random", "Did you mean 'torchvision/vit_b"),
        ("other/resnet50", "random", "no target model 'other/resnet50': write a torchvision name"),
        ("squeezenet1_1", "IMAGENET1K_V9", "no weights 'IMAGENET1K_V9' .* there are IMAGENET1K_V1"),
        (
            "timm/test_resnet",
            "r161_in1k",
            "no weights 'r161_in1k' .* there are r160_in1k. Did you mean 'r160_in1k'",
        ),
        ("timm/test_resnet.nope", "default", "no weights 'nope' for timm's test_resnet"),
    ],
)
def test_wrong_names(model, weights, sentence):
    with pytest.raises(UserError, match=sentence):
        load_target(Target(model=model, weights=weights))


@pytest.mark.parametrize("model", ["squeezenet1_1", "timm/test_resnet"])
def test_a_failed_download_is_one_sentence(model, monkeypatch, tmp_path):
    import socket

    def no_network(*_arguments, **_more):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"can't be downloaded .* set weights = \"file.pth\"") as caught:
        load_target(Target(model=model))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "model", ["squeezenet1_1", "torchvision/squeezenet1_1", "timm/test_resnet", "test_resnet"]
)
def test_random_weights_are_always_the_same(model):
    state = torch.random.get_rng_state()
    first, second = (load_target(Target(model=model, weights="random")) for _ in range(2))
    assert torch.equal(state, torch.random.get_rng_state())
    assert first.outputs is None and first.source.endswith("with random weights (seed 0)")
    for a, b in zip(first.module.parameters(), second.module.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_file_of_imagenet_weights_brings_names_and_preprocessing(tmp_path):
    import torchvision

    torch.save(torchvision.models.squeezenet1_1().state_dict(), tmp_path / "w.pth")
    model = load_target(Target(model="squeezenet1_1", weights=str(tmp_path / "w.pth")))
    assert (model.outputs[0], model.output_keys[0], len(model.outputs)) == ("tench", "n01440764", 1000)
    assert model.input_size == (224, 224) and model.preprocess.resize == 256
    assert model.source == "torchvision squeezenet1_1 with weights from w.pth"


def test_a_file_of_timm_weights(tmp_path):
    import timm
    from safetensors.torch import save_file

    saved = timm.create_model("test_resnet")
    save_file(saved.state_dict(), tmp_path / "w.safetensors")
    model = load_target(Target(model="timm/test_resnet", weights=str(tmp_path / "w.safetensors")))
    assert torch.equal(model.module.fc.weight, saved.fc.weight)
    assert model.output_keys[999] == "n15075141" and model.input_size == (160, 160)


def test_registered_names_come_first(factory):
    name = "resnet50 of a test"
    made = load_target(Target(model=f"{factory}/nets.py:make"))
    target_models.register(name)(lambda target: made)
    try:
        assert load_target(Target(model=name)) is made
    finally:
        del target_models._items[name]


def test_resnet20_example_with_real_weights(shared):
    weights = shared / "data" / "weights" / "resnet20_cifar10.th"
    folder = shared / "data" / "cifar10" / "test"
    model = load_target(Target(model=f"{EXAMPLE}:resnet20", weights=str(weights)))
    assert model.input_size == (32, 32) and len(model.outputs) == 10
    listed = {layer.name: layer for layer in list_layers(model)}
    blocks = [f"layer{stage}.{block}" for stage in (1, 2, 3) for block in (0, 1, 2)]
    assert [listed[b].units for b in blocks] == [16] * 3 + [32] * 3 + [64] * 3
    assert {"conv1", "bn1", "layer1", "layer2", "layer3", "linear"} <= listed.keys()

    from PIL import Image

    labelled = [
        (f, i) for i, name in enumerate(model.outputs) for f in sorted((folder / name).iterdir())[:40]
    ]
    run = record(
        model,
        lambda i: Image.open(labelled[i][0]).convert("RGB"),
        [str(f) for f, _ in labelled],
        [LayerSpec(name="layer1"), LayerSpec(name="layer3"), LayerSpec(name="linear")],
        Record(device="cpu"),
    )
    right = (run.predicted == np.array([label for _, label in labelled])).mean()
    assert 0.75 < right < 0.87  # 81.0 % on all 10,000 of these JPEGs
    assert [r.values.shape for r in run.layers] == [(16, 400), (64, 400), (10, 400)]
    assert (run.layers[2].values.argmax(0) == run.predicted).all()
    assert (run.layers[1].values >= 0).all()  # after the block's ReLU


def test_squeezenet_with_real_weights(shared):
    weights = shared / "data" / "weights" / "squeezenet1_1_imagenet.pth"
    model = load_target(Target(model="squeezenet1_1", weights=str(weights)))

    from PIL import Image

    folder = shared / "data" / "tiny-imagenet" / "val"
    labelled = [
        (f, d.name) for d in sorted(folder.iterdir())[:20] if d.is_dir() for f in sorted(d.iterdir())[:3]
    ]
    run = record(
        model,
        lambda i: Image.open(labelled[i][0]).convert("RGB"),
        [f.name for f, _ in labelled],
        [LayerSpec(name="features.8"), LayerSpec(name="features.12", pooling="max")],
        Record(device="cpu"),
    )
    assert [r.info.units for r in run.layers] == [256, 512]
    right = np.mean(
        [model.output_keys[p] == wnid for p, (_, wnid) in zip(run.predicted, labelled, strict=True)]
    )
    assert right > 0.05  # among 1,000 classes, on images of 64 × 64


class _Payload:
    """What a forged checkpoint would run when it is unpickled."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


def test_a_forged_download_of_torchvisions_is_refused_and_not_run(tmp_path, monkeypatch):
    """torchvision trusts a file that lies in its cache, and unpickles it; lexplain doesn't."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    url = torchvision.models.ResNet18_Weights.DEFAULT.url
    cached = tmp_path / "hub" / "checkpoints" / url.rpartition("/")[2]
    cached.parent.mkdir(parents=True)
    torch.save(_Payload(tmp_path / "ran"), cached)
    with pytest.raises(UserError, match="more than weights"):
        load_target(Target(model="resnet18", weights="default"))
    assert not (tmp_path / "ran").exists()


def test_torchvisions_cached_weights_are_loaded(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    url = torchvision.models.SqueezeNet1_1_Weights.DEFAULT.url
    cached = tmp_path / "hub" / "checkpoints" / url.rpartition("/")[2]
    cached.parent.mkdir(parents=True)
    original = torchvision.models.squeezenet1_1()
    torch.save(original.state_dict(), cached)
    loaded = load_target(Target(model="squeezenet1_1", weights="default"))
    for name, tensor in loaded.module.state_dict().items():
        assert torch.equal(tensor, original.state_dict()[name])
    assert len(loaded.outputs) == 1000 and loaded.output_keys[0] == "n01440764"
