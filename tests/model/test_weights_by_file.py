"""Weights from a file are treated as by name, and which of a file's weights were taken is said."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torchvision
from torch import nn

from lexplain_core.base.errors import UserError
from lexplain_core.config import Target
from lexplain_core.model import load, load_target, presets
from lexplain_core.model.checkpoints import load_weights


@pytest.fixture
def download(tmp_path, monkeypatch):
    """download(tag): a file of random weights where torchvision keeps its downloads of the tag."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))

    def make(tag) -> Path:
        folder = tmp_path / "home" / "hub" / "checkpoints"
        folder.mkdir(parents=True, exist_ok=True)
        name = type(tag).__name__.removesuffix("_Weights").lower()
        torch.manual_seed(1)
        options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        network = torchvision.models.get_model(name, **options)
        file = folder / tag.url.rpartition("/")[2]
        torch.save(network.state_dict(), file)
        return file

    return make


def alike(one, other, size: int) -> None:
    """Two target models do the same with an image, in every way."""
    image = torch.randn((1, 3, size, size), generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        torch.testing.assert_close(one.module(image), other.module(image), rtol=0, atol=0)
    assert one.preprocess == other.preprocess and one.input_size == other.input_size
    assert one.fingerprint() == other.fingerprint()
    assert one.outputs == other.outputs and one.output_keys == other.output_keys


TAGS = [
    "GoogLeNet_Weights.IMAGENET1K_V1",
    "Inception_V3_Weights.IMAGENET1K_V1",
    "MobileNet_V3_Small_Weights.IMAGENET1K_V1",
    "MNASNet0_5_Weights.IMAGENET1K_V1",
    "ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1",
    "EfficientNet_B0_Weights.IMAGENET1K_V1",
    "SqueezeNet1_1_Weights.IMAGENET1K_V1",
]


@pytest.mark.parametrize("name", TAGS)
def test_torchvisions_weights_by_file_are_as_by_name(name, download, tmp_path):
    tag = torchvision.models.get_weight(name)
    file = download(tag)
    model = type(tag).__name__.removesuffix("_Weights").lower()
    by_name = load_target(Target(model=model, weights=tag.name))
    mine = tmp_path / "mine.pth"
    mine.write_bytes(file.read_bytes())
    by_file = load_target(Target(model=model, weights=str(mine)))
    alike(by_name, by_file, 96)
    # saved again from what torchvision loads: without the auxiliary heads, where it drops them
    torch.save(by_name.module.state_dict(), mine)
    alike(by_name, load_target(Target(model=model, weights=str(mine))), 96)


@pytest.mark.parametrize(("model", "head"), [("googlenet", "aux"), ("inception_v3", "AuxLogits")])
def test_files_without_auxiliary_heads(model, head, tmp_path):
    torch.manual_seed(1)
    state = torchvision.models.get_model(model, init_weights=False).state_dict()
    plain = {f"module.{k}": v for k, v in state.items() if not k.startswith(head)}
    assert len(plain) < len(state)
    torch.save({"state_dict": plain}, tmp_path / "w.pth")
    module = load_target(Target(model=model, weights=str(tmp_path / "w.pth"))).module
    assert module.transform_input and all(not k.startswith(head) for k in module.state_dict())
    assert all(torch.equal(v, state[k]) for k, v in module.state_dict().items())


@pytest.mark.parametrize("model", ["googlenet", "inception_v3"])
def test_weights_trained_without_transform_input(model, tmp_path):
    torch.manual_seed(1)
    mine = torchvision.models.get_model(
        model, transform_input=False, aux_logits=False, init_weights=False
    ).eval()
    torch.save(mine.state_dict(), tmp_path / "w.pth")
    given = Target(model=model, weights=str(tmp_path / "w.pth"))
    taken = load_target(given)
    assert taken.module.transform_input and "set target.transform_input = false" in taken.source
    told = load_target(given.model_copy(update={"transform_input": False}))
    assert "target.transform_input" not in told.source
    image = torch.randn(1, 3, 96, 96)
    with torch.inference_mode():
        torch.testing.assert_close(told.module(image), mine(image), rtol=0, atol=0)


def test_torchvisions_own_file_is_known(download):
    tag = torchvision.models.GoogLeNet_Weights.IMAGENET1K_V1
    assert "transform_input" not in load_target(Target(model="googlenet", weights=str(download(tag)))).source


@pytest.mark.parametrize("model", ["squeezenet1_1", "timm/inception_v3", "open_clip/RN50"])
def test_transform_input_is_for_networks_that_have_it(model):
    with pytest.raises(
        UserError, match="transform_input is for torchvision's googlenet and inception_v3, not for"
    ):
        load_target(Target(model=model, weights="random", transform_input=False))


def test_a_vision_transformer_for_larger_images(tmp_path):
    """SWAG's weights by tag take 384 pixels; so does their file."""
    tag = torchvision.models.ViT_B_16_Weights.IMAGENET1K_SWAG_E2E_V1
    with torch.device("meta"):
        shapes = torchvision.models.vit_b_16(image_size=384).state_dict()
    torch.save({k: torch.zeros(()).expand(v.shape) for k, v in shapes.items()}, tmp_path / "w.pth")
    model = load_target(Target(model="vit_b_16", weights=str(tmp_path / "w.pth")))
    assert model.input_size == (384, 384) and model.module.image_size == 384
    assert model.preprocess.interpolation == tag.transforms().interpolation.value == "bicubic"


def test_which_recipe_a_file_is_from(tmp_path):
    tags = list(torchvision.models.MobileNet_V2_Weights)
    torch.manual_seed(0)
    torch.save(torchvision.models.mobilenet_v2().state_dict(), tmp_path / "mine.pth")
    mine = load_target(Target(model="mobilenet_v2", weights=str(tmp_path / "mine.pth")))
    assert mine.preprocess.resize == 256
    assert "taken for IMAGENET1K_V1 (for IMAGENET1K_V2 set target.preprocess)" in mine.source
    # a download under its own name says it
    second = tmp_path / tags[1].url.rpartition("/")[2]
    (tmp_path / "mine.pth").rename(second)
    known = load_target(Target(model="mobilenet_v2", weights=str(second)))
    assert known.preprocess.resize == 232 and "taken for" not in known.source


def test_a_download_under_another_name_is_known_by_its_digest(tmp_path):
    (tmp_path / "mine.pth").write_bytes(b"weights")
    first = SimpleNamespace(name="V1", url="https://there/net-00000000.pth")
    second = SimpleNamespace(name="V2", url="https://there/net-9a129038.pth")  # of b"weights"
    assert load._tag_of(tmp_path / "mine.pth", [first, second], None) is second
    assert load._tag_of(tmp_path / "mine.pth", [first, second], "V1") is first
    (tmp_path / "mine.pth").write_bytes(b"other")
    assert load._tag_of(tmp_path / "mine.pth", [first, second], None) is None


@pytest.fixture
def small_preset():
    """A preset of a small network of timm's that has many recipes."""
    preset = presets.Preset("imi/of-a-test", "a test", "timm/resnet18", "tv_in1k", (), 0)
    presets.presets.register(preset.name)(preset)
    yield preset
    del presets.presets._items[preset.name]


def test_a_presets_file_is_prepared_for_as_its_tag(small_preset, tmp_path):
    import timm

    torch.save(timm.create_model("resnet18").state_dict(), tmp_path / "w.pth")
    by_preset = load_target(Target(model=small_preset.name, weights=str(tmp_path / "w.pth")))
    plain = load_target(Target(model="timm/resnet18", weights=str(tmp_path / "w.pth")))
    named = load_target(Target(model="timm/resnet18.tv_in1k", weights=str(tmp_path / "w.pth")))
    expected = timm.get_pretrained_cfg("resnet18.tv_in1k")
    for model in (by_preset, named):
        assert model.preprocess.interpolation == expected.interpolation == "bilinear"
        assert "taken for" not in model.source
    assert plain.preprocess.interpolation == "bicubic" and "taken for a1_in1k (for" in plain.source


@pytest.mark.parametrize("name", ["test_resnet.r160_in1k", "test_vit.r160_in1k"])
def test_timms_weights_by_file_are_as_by_name(name, tmp_path, monkeypatch):
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(1)
    state = timm.create_model(name).state_dict()
    hub = tmp_path / "hub" / f"models--timm--{name}"
    (hub / "refs").mkdir(parents=True)
    (hub / "refs" / "main").write_text("0" * 40)
    (hub / "snapshots" / ("0" * 40)).mkdir(parents=True)
    file = hub / "snapshots" / ("0" * 40) / "model.safetensors"
    save_file(state, file)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    by_name = load_target(Target(model=f"timm/{name}"))
    by_file = load_target(Target(model=f"timm/{name}", weights=str(file)))
    image = torch.randn((1, 3, 160, 160), generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        torch.testing.assert_close(by_name.module(image), by_file.module(image), rtol=0, atol=0)
    picture = torchvision.transforms.functional.to_pil_image(image[0, :, :120, :90].sigmoid())
    assert torch.equal(by_name.preprocess(picture), by_file.preprocess(picture))
    assert by_name.fingerprint() == by_file.fingerprint() and by_name.outputs == by_file.outputs


def test_weights_as_they_were_published_are_converted_as_timm_does(tmp_path):
    """Swin's old files hold indices that timm no longer keeps; by tag it leaves them out."""
    import timm

    saved = timm.create_model("swin_tiny_patch4_window7_224")
    state = {k: v for k, v in saved.state_dict().items() if "relative_position_index" not in k}
    state["layers.0.blocks.0.attn.relative_position_index"] = torch.zeros(49, 49, dtype=torch.long)
    state["layers.0.blocks.1.attn_mask"] = torch.zeros(64, 49, 49)
    torch.save({"model": state}, tmp_path / "w.pth")
    model = load_target(Target(model="timm/swin_tiny_patch4_window7_224", weights=str(tmp_path / "w.pth")))
    assert torch.equal(model.module.head.fc.weight, saved.head.fc.weight)


# which of a file's weights


def net(seed: int, outputs: int = 4) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Linear(5, outputs))


def under(prefix: str, state: dict) -> dict:
    return {f"{prefix}{key}": value for key, value in state.items()}


COUNT = {"n_averaged": torch.tensor(7)}
# (what is saved of raw and averaged weights, the name of the averaged ones)
TWO = {
    "timm": (lambda raw, ema: {"state_dict": raw, "state_dict_ema": ema, "epoch": 3}, "state_dict_ema"),
    "torchvision": (lambda raw, ema: {"model": raw, "model_ema": COUNT | under("module.", ema)}, "model_ema"),
    "ema first": (lambda raw, ema: {"ema_state_dict": ema, "net": under("module.", raw)}, "ema_state_dict"),
    "params": (lambda raw, ema: {"params_ema": ema, "params": raw}, "params_ema"),
    "yolo": (lambda raw, ema: {"ema": under("module.", ema), "model": raw, "updates": 9}, "ema"),
    "swa": (lambda raw, ema: {"model": raw, "swa_model": COUNT | under("module.", ema)}, "swa_model"),
    "averaged": (lambda raw, ema: {"averaged_model": COUNT | under("module.", ema), "weights": raw}, "averaged_model"),
    "lightning": (
        lambda raw, ema: {"state_dict": under("model.", raw) | under("ema_model.module.", ema), "loops": {"a": 1}},
        "ema_model",
    ),
    "timm in lightning": (
        lambda raw, ema: {
            "state_dict": under("net._orig_mod.", raw) | under("model_ema.", ema) | {"model_ema.decay": torch.tensor(0.9)}
        },
        "model_ema",
    ),
    "flat": (lambda raw, ema: raw | under("ema.", ema), "ema"),
    "teacher": (lambda raw, ema: {"student": under("module.backbone.", raw), "teacher": under("backbone.", ema)}, "teacher"),
    "momentum": (lambda raw, ema: {"state_dict": under("encoder_q.", raw) | under("encoder_k.", ema)}, "encoder_k"),
}  # fmt: skip


@pytest.mark.parametrize("way", TWO)
def test_averaged_weights_beside_raw_ones(way, tmp_path):
    save, name = TWO[way]
    raw, averaged = net(1), net(2)
    torch.save(save(dict(raw.state_dict()), dict(averaged.state_dict())), tmp_path / "w.pth")
    module = net(3)
    said = load_weights(module, tmp_path / "w.pth", "net")
    assert torch.equal(module[0].weight, raw[0].weight)
    assert name in said and "target.weights_key" in said
    load_weights(module, tmp_path / "w.pth", "net", name)
    assert torch.equal(module[0].weight, averaged[0].weight)
    with pytest.raises(
        UserError, match="target.weights_key is 'nope', but the weights file .*w.pth holds .*'"
    ):
        load_weights(module, tmp_path / "w.pth", "net", "nope")


def test_a_file_with_one_copy_needs_no_words(tmp_path):
    torch.save({"state_dict_ema": net(1).state_dict()}, tmp_path / "w.pth")
    module = net(2)
    assert load_weights(module, tmp_path / "w.pth", "net") == ""
    assert torch.equal(module[0].weight, net(1)[0].weight)


def test_a_module_that_holds_its_own_average_takes_both(tmp_path):
    def both(seed: int) -> nn.Module:
        return nn.ModuleDict({"net": net(seed), "ema": net(seed + 1)})

    torch.save(both(1).state_dict(), tmp_path / "w.pth")
    module = both(5)
    assert load_weights(module, tmp_path / "w.pth", "both") == ""
    assert torch.equal(module["ema"][0].weight, net(2)[0].weight)


@pytest.mark.parametrize(
    "extra",
    [
        {"n_averaged": torch.tensor(3)},
        {"0.total_ops": torch.zeros(1, dtype=torch.float64), "0.total_params": torch.zeros(1, dtype=torch.float64)},
        {"num_updates": torch.tensor(4), "decay": torch.tensor(0.99)},
        {"0.num_batches_tracked": torch.tensor(4)},
        {"epoch": 3, "best": 0.7, "names": ["a"], "lr": None},
    ],
    ids=["swa", "thop", "ema", "batches", "no tensors"],
)  # fmt: skip
def test_counters_do_not_refuse_a_file(extra, tmp_path):
    saved, module = net(1), net(2)
    torch.save(dict(saved.state_dict()) | extra, tmp_path / "w.pth")
    load_weights(module, tmp_path / "w.pth", "net")
    assert torch.equal(module[0].weight, saved[0].weight)


def test_a_missing_weight_of_one_number_is_missing(tmp_path):
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.decay, self.body = nn.Parameter(torch.ones(1)), nn.Linear(2, 2)

    torch.save({k: v for k, v in Scaled().state_dict().items() if k != "decay"}, tmp_path / "w.pth")
    with pytest.raises(UserError, match="1 missing: decay"):
        load_weights(Scaled(), tmp_path / "w.pth", "net")


def test_a_larger_network_of_the_same_kind_does_not_fit(tmp_path):
    torch.save(torchvision.models.resnet34().state_dict(), tmp_path / "w.pth")
    with pytest.raises(UserError, match="don't fit resnet18: .* unexpected"):
        load_target(Target(model="resnet18", weights=str(tmp_path / "w.pth")))


@pytest.mark.parametrize(
    "rename",
    [
        lambda key: f"lit.backbone.{key}",
        lambda key: key.replace("0.", "0._orig_mod.", 1) if key.startswith("0.") else key,
        lambda key: f"module.{key}".replace("module.0.", "module.0.module."),
        lambda key: f"_fsdp_wrapped_module.{key}",
    ],
    ids=["any prefix", "a compiled part", "a part in parallel", "sharded"],
)
def test_wrappers_anywhere(rename, tmp_path):
    saved, module = net(1), net(2)
    torch.save({rename(k): v for k, v in saved.state_dict().items()}, tmp_path / "w.pth")
    load_weights(module, tmp_path / "w.pth", "net")
    assert torch.equal(module[0].weight, saved[0].weight)


def test_a_model_says_which_weights_it_has(tmp_path):
    torch.manual_seed(0)
    raw, averaged = (torchvision.models.squeezenet1_1(num_classes=7).state_dict() for _ in range(2))
    torch.save({"model": raw, "model_ema": averaged}, tmp_path / "w.pth")
    model = load_target(Target(model="squeezenet1_1", weights=str(tmp_path / "w.pth")))
    assert (
        "those under 'model'; it also holds 'model_ema', which target.weights_key can choose" in model.source
    )
    chosen = load_target(
        Target(model="squeezenet1_1", weights=str(tmp_path / "w.pth"), weights_key="model_ema")
    )
    key = "features.0.weight"
    assert torch.equal(model.module.state_dict()[key], raw[key])
    assert torch.equal(chosen.module.state_dict()[key], averaged[key])
