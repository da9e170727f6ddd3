"""Presets: every network is built, and one batch is recorded from every layer that it names."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lexplain_core.base.errors import UserError
from lexplain_core.config import LayerSpec, Preprocess, Record, Target
from lexplain_core.model import load_target, record, resolve_layers
from lexplain_core.model.open_clip_tower import _agreed
from lexplain_core.model.presets import filled, presets, toml

ROOT = Path(__file__).resolve().parents[2]
PRESET = LayerSpec(name="preset")
LE = {"resnet50-imagenet", "resnet18-places365", "vgg16-cifar100", "vit-b-16-imagenet", "vit-l-32-imagenet"}
IMI = {
    "googlenet", "densenet_201", "wide_resnet50", "clip-vit_b32", "in1k-vit_b32", "convnext_b", "resnet50", "resnet50-l2",
    "clip-resnet50",
}  # fmt: skip

# One network of each kind: residual, plain, of tokens, with branches, a tower of open_clip. The others are proofs.
KINDS = {
    "le/resnet18-places365",
    "le/vgg16-cifar100",
    "le/vit-b-16-imagenet",
    "imi/googlenet",
    "imi/clip-resnet50",
}


@pytest.fixture(autouse=True)
def large_networks_go():
    yield
    gc.collect()  # the largest network takes more than a gigabyte


def pictures(i: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(i).integers(0, 256, (240, 300, 3), np.uint8))


def test_the_papers_networks_are_there():
    assert set(presets) == {f"le/{n}" for n in LE} | {f"imi/{n}" for n in IMI}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.proofs] * (name not in KINDS)) for name in presets]
)
def test_one_batch_from_every_layer_of_interest(name):
    preset = presets[name]
    model = load_target(Target(model=name, weights="random"))
    run = record(model, pictures, ["a", "b"], [PRESET], Record(device="cpu"))
    assert len(run.layers) == preset.count == len({layer.info.name for layer in run.layers})
    for layer in run.layers:
        assert layer.values.shape == (layer.info.units, 2) and layer.info.units > 1
        assert np.isfinite(layer.values).all() and layer.pooling in ("mean", "cls", "none")
    last = run.layers[-1].values
    assert last.std() > 0 and not np.array_equal(last[:, 0], last[:, 1])  # it sees the pictures
    tower = preset.model.startswith("open_clip/")
    assert (run.predicted is None) == tower
    if tower:
        assert run.n_outputs is None and all(layer.info.name.startswith("visual.") for layer in run.layers)
    if name.startswith("le/vit"):
        assert run.layers[0].pooling == "cls"


def test_normalisations_are_recorded_before_the_relu():
    model = load_target(Target(model="imi/googlenet", weights="random"))
    run = record(model, pictures, ["a", "b"], [LayerSpec(name="inception3a.branch1.bn", pooling="mean")])
    assert (run.layers[0].values < 0).any()


def test_a_preset_is_its_target_section():
    target = filled(Target(model="imi/wide_resnet50"))
    assert (target.model, target.weights) == ("torchvision/wide_resnet50_2", "IMAGENET1K_V2")
    assert (target.preprocess.resize, target.preprocess.crop) == (256, 224)
    own = filled(
        Target(
            model="imi/wide_resnet50",
            weights="mine/w.pth",
            preprocess=Preprocess(resize=230),
            outputs="classes",
        )
    )
    assert (own.weights, own.preprocess.resize, own.preprocess.crop) == ("mine/w.pth", 230, 224)
    assert (
        own.outputs == "classes"
        and filled(Target(model="le/vgg16-cifar100", weights="random")).outputs == "classes"
    )
    for other in ("resnet50", "timm/resnet50", "le/mine.py:net", "demo"):
        assert filled(Target(model=other)) == Target(model=other)


def test_wrong_presets_and_missing_weights_are_said_in_a_sentence():
    with pytest.raises(
        UserError, match="There is no preset 'le/resnet51-imagenet'.*Did you mean 'le/resnet50-imagenet'"
    ):
        load_target(Target(model="le/resnet51-imagenet"))
    for name in (n for n in presets if presets[n].weights is None):
        with pytest.raises(UserError, match=f"weights of {name} must be given: get .* http") as error:
            load_target(Target(model=name))
        assert "\n" not in str(error.value)
    model = load_target(Target(model="squeezenet1_1", weights="random"))
    with pytest.raises(UserError, match="needs a preset as target.model"):
        resolve_layers(model, [PRESET])


def test_layers_can_be_named_beside_a_presets():
    model = load_target(Target(model="le/resnet18-places365", weights="random"))
    found = resolve_layers(model, [LayerSpec(name="layer4", pooling="max"), PRESET, LayerSpec(name="layer1")])
    assert [(layer.name, pooling) for layer, pooling in found] == [("layer4", "max"), ("layer1", "mean")]
    found = resolve_layers(model, [PRESET, LayerSpec(name="layer4", pooling="max")])  # in any order
    assert [(layer.name, pooling) for layer, pooling in found] == [("layer4", "max")]


def test_a_file_of_vgg16_fits_and_keeps_its_weights(tmp_path):
    made = load_target(Target(model="le/vgg16-cifar100", weights="random"))
    state = {key: value + 1 for key, value in made.module.state_dict().items()}
    assert state["classifier.6.weight"].shape == (100, 512) and "features.40.weight" in state
    torch.save(state, tmp_path / "cifar100_vgg16_bn.pt")
    loaded = load_target(Target(model="le/vgg16-cifar100", weights=str(tmp_path / "cifar100_vgg16_bn.pt")))
    assert torch.equal(loaded.module.classifier[6].weight, state["classifier.6.weight"])
    assert loaded.input_size == (32, 32) and loaded.preprocess.mean == (0.5070, 0.4865, 0.4409)


def test_a_file_of_a_whole_open_clip_model_fills_its_tower(tmp_path):
    import open_clip

    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
        "text_cfg": {"context_length": 8, "vocab_size": 20, "width": 16, "heads": 2, "layers": 1},
    }
    (tmp_path / "small-tower.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path)
    torch.manual_seed(3)
    whole = open_clip.create_model("small-tower", load_weights=False).eval()
    parts = {"whole": whole.state_dict(), "tower": whole.visual.state_dict()}
    parts["wrapped"] = {"state_dict": {f"module.{key}": value for key, value in parts["whole"].items()}}
    for name, state in parts.items():
        torch.save(state, tmp_path / f"{name}.pt")
        tower = load_target(Target(model="open_clip/small-tower", weights=str(tmp_path / f"{name}.pt")))
        image = tower.preprocess(pictures(0))[None]
        with torch.inference_mode():
            torch.testing.assert_close(tower.module(image)["image_features"], whole.encode_image(image))
    assert tower.source == "open_clip's image tower small-tower with weights from wrapped.pt"


def test_towers_prepare_images_as_open_clip_does():
    from open_clip.transform import PreprocessCfg, image_transform_v2

    for name, entry in {
        "ViT-B-16-SigLIP": {
            "mean": (0.5,) * 3,
            "std": (0.5,) * 3,
            "interpolation": "bicubic",
            "resize_mode": "squash",
        },
        "RN50": {},
    }.items():
        tower = load_target(Target(model=f"open_clip/{name}", weights="random"))
        theirs = image_transform_v2(PreprocessCfg(size=tower.input_size, **entry), is_train=False)
        torch.testing.assert_close(tower.preprocess(pictures(1)), theirs(pictures(1)), rtol=0, atol=0.03)
        assert tower.outputs is None


def test_open_clip_names_and_weights_that_are_not_there(tmp_path):
    for model, weights, words in [
        ("open_clip/ViT-B-33", "random", "no target model 'open_clip/ViT-B-33'.*open_clip/ViT-B-32"),
        ("open_clip/ViT-B-32", "default", "needs one of open_clip's tags"),
        ("open_clip/ViT-B-32", "openaj", "no weights 'openaj'.*Did you mean 'openai'"),
        ("open_clip/RN50", str(tmp_path / "gone.pt"), "There is no weights file"),
        ("open_clip/ViT-L-14", str(tmp_path / "some.pt"), "target.preprocess.mean and target.preprocess.std"),
    ]:
        with pytest.raises(UserError, match=words):
            load_target(Target(model=model, weights=weights))
    torch.save({"visual.conv1.weight": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(UserError, match="don't fit the image tower of RN50"):
        load_target(Target(model="open_clip/RN50", weights=str(tmp_path / "other.pt")))
    assert _agreed([{"mean": 1, "std": 2}, {"mean": 1, "std": 3}])[1] == ["std"]


def test_all_presets_are_documented_with_the_number_of_their_layers():
    text = (ROOT / "docs/reference/presets.md").read_text("utf-8")
    for name in presets:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}`"))
        assert name.startswith("le/") or f"{presets[name].count}" in row
        assert (presets[name].weights or "a file") in row


def test_the_lines_of_a_config_that_use_a_preset_are_valid():
    import tomllib

    from lexplain_core.config import Build

    for name in presets:
        data = tomllib.loads(toml(presets[name]))
        config = Build.model_validate({"name": "x", "store": "x.duckdb", **data})
        assert config.layers == [PRESET] and config.target.model == name
        assert (config.target.weights == "default") == (presets[name].weights is not None)
