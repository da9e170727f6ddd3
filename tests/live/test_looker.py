"""Looking at one image with a network at hand."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from lexplain_core.base.errors import UserError
from lexplain_core.config import Build, LayerSpec, Record, Target
from lexplain_core.demo.config import DEMO_CONFIG
from lexplain_core.live import Looker, gradients
from lexplain_core.model import TargetModel, load_target, record
from lexplain_core.model.preprocess import Preprocessing

from ..conftest import ROOT


@pytest.fixture(scope="module")
def demo() -> Looker:
    return Looker.open(Build.model_validate(DEMO_CONFIG).model_dump(mode="json"), device="cpu")


@pytest.fixture
def no_captum(monkeypatch):
    monkeypatch.setitem(sys.modules, "captum", None)
    monkeypatch.setattr(gradients, "find_spec", lambda name: None)


def picture(width: int = 120, height: int = 100, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def test_the_activation_is_the_recorded_one_and_the_mean_of_the_map(demo):
    shown = [picture(seed=i) for i in range(2)]
    specs = [LayerSpec(name="block4"), LayerSpec(name="block7", pooling="max"), LayerSpec(name="head")]
    layers = record(demo.model, shown.__getitem__, ["a", "b"], specs, Record(device="cpu")).layers
    for recording in layers:
        unit = int(recording.values[:, 1].argmax())
        found = demo.look(shown[1], recording.info.name, recording.pooling, unit)
        assert found.activation == pytest.approx(float(recording.values[unit, 1]), rel=1e-4)
        if recording.info.kind == "features":
            assert found.map is None
            assert (
                found.reason
                == "The output of 'head' has no places in the image, so its units have no activation map."
            )
        else:
            assert found.reason is None and found.map.kind == "activation"
            pooled = found.map.values.mean() if recording.pooling == "mean" else found.map.values.max()
            assert found.activation == pytest.approx(float(pooled), rel=1e-5)


def test_a_crop_is_not_cut_again(demo):
    image = picture()
    crop = demo.seen(image)
    assert crop.size == (96, 96)
    whole, cropped = demo.look(image, "block4", "mean", 3), demo.look(crop, "block4", "mean", 3, cropped=True)
    assert whole.activation == cropped.activation
    np.testing.assert_array_equal(whole.map.values, cropped.map.values)
    # a store keeps crops of at most 288 pixels: one that is smaller than the input is made larger
    assert demo.look(crop.resize((80, 80)), "block4", "mean", 3, cropped=True).map.values.shape == (12, 12)


def test_units_of_a_computed_layer_are_not_asked(demo):
    assert demo.kinds("planted") == ()
    found = demo.look(picture(), "planted", "none", 0)
    assert found.activation is None and found.map is None
    assert found.reason == (
        "DemoNet has no layer 'planted': its units are computed without a network, so it can't be asked where they fire."
    )


def test_wrong_questions_are_answered_in_a_sentence(demo):
    with pytest.raises(UserError, match="'block4' of DemoNet has units 0 to 47, not 48"):
        demo.look(picture(), "block4", "mean", 48)
    with pytest.raises(UserError, match="Pooling 'cls' doesn't apply to layer 'block4' of DemoNet"):
        demo.look(picture(), "block4", "cls", 0)
    with pytest.raises(ValueError, match="kind is one of activation, occlusion"):
        demo.look(picture(), "block4", "mean", 0, "lime")


def test_what_is_not_at_hand_is_said(tmp_path):
    config = DEMO_CONFIG | {"target": {"model": "demo", "weights": str(tmp_path / "gone.pth")}}
    with pytest.raises(UserError, match="gone.pth") as error:
        Looker.open(config)
    assert str(error.value).count("\n") == 0
    with pytest.raises(
        UserError, match="names the network code .*mine.py:net, which this machine has not been told to trust"
    ):
        Looker.open(DEMO_CONFIG | {"target": {"model": f"{tmp_path / 'mine.py'}:net"}})
    with pytest.raises(UserError, match="no target model 'resnet1800'"):
        Looker.open(DEMO_CONFIG | {"target": {"model": "resnet1800"}})


def test_names_of_classes_are_not_needed():
    target = {"model": "squeezenet1_1", "weights": "random", "outputs": "classes"}
    assert "features.12" in Looker.open(DEMO_CONFIG | {"target": target}, device="cpu").layers


def test_the_demo_is_found_by_a_process_that_knows_nothing_of_it():
    code = (
        "from lexplain_core.config import Target\nfrom lexplain_core.model import load_target\n"
        "assert load_target(Target(model='demo', weights='random')).name == 'DemoNet'"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_several_threads_take_turns(demo):
    images = [picture(seed=i) for i in range(6)]
    alone = [demo.look(image, "block4", "mean", 5).map.values for image in images]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda image: demo.look(image, "block4", "mean", 5).map.values, images * 3))
    for i, values in enumerate(together):
        np.testing.assert_array_equal(values, alone[i % 6])


def test_occlusion_works_for_plain_features(demo):
    found = demo.look(picture(), "head", "none", 3, "occlusion", grid=4)
    assert found.reason is None and found.map.kind == "occlusion"
    assert found.map.values.shape == (4, 4) and found.map.values.any()


def test_without_captum_the_rest_works(demo, no_captum):
    assert demo.kinds("block7") == ("activation", "occlusion")
    assert demo.kinds("head") == ("occlusion",)
    for kind in ("saliency", "gradcam"):
        found = demo.look(picture(), "block7", "mean", 0, kind)
        assert found.activation is not None and found.map is None
        assert "captum, which is not installed" in found.reason
    assert demo.look(picture(), "block7", "mean", 0, "occlusion", grid=2).map is not None


def corner() -> Looker:
    """A network whose only unit is the brightness of the left half's red, by way of a map."""

    class Half(nn.Module):
        def forward(self, x):
            return x[..., :4].flatten(1)

    conv = nn.Conv2d(3, 2, 2, stride=2, bias=False)
    head = nn.Linear(2 * 4 * 4, 2, bias=False)
    prepare = Preprocessing(mean=(0.5,) * 3, std=(0.5,) * 3)
    module = nn.Sequential(conv, nn.ReLU(inplace=True), Half(), head).eval()
    with torch.no_grad():
        conv.weight.zero_()
        conv.weight[0, 0] = 1
        conv.weight[1, 1] = 1
        head.weight.zero_()
        head.weight[0, :16] = 1
        head.weight[1, :16] = -1
    return Looker(TargetModel("half", module, prepare, prepare.cut, (8, 16), "a test"), "cpu")


def test_saliency_is_there_where_the_unit_looks():
    pytest.importorskip("captum")
    looker, white = corner(), Image.new("RGB", (16, 8), "white")
    for unit in (0, 1):  # the size of the gradient, whatever its sign
        found = looker.look(white, "3", "none", unit, "saliency")
        assert found.reason is None and found.map.values.shape == (8, 16)
        assert (found.map.values[:, :8] == 1).all() and not found.map.values[:, 8:].any()
    grey = looker.look(Image.new("RGB", (16, 8), (90, 255, 0)), "3", "none", 0, "saliency")
    assert not grey.map.values.any()  # the ReLU is shut


def test_gradcam_is_the_weighted_map_before_the_layer():
    pytest.importorskip("captum")
    looker, image = corner(), Image.new("RGB", (16, 8), "black")
    image.paste((255, 255, 255), (0, 0, 4, 4))
    found = looker.look(image, "3", "none", 0, "gradcam")
    expected = np.zeros((4, 8))
    # a cell of channel 0 is 4 there; the gradient is 1 on half of the positions
    expected[:2, :2] = 4 * 0.5
    np.testing.assert_allclose(found.map.values, expected)
    assert not looker.look(image, "3", "none", 1, "gradcam").map.values.any()  # it only holds that unit down
    assert "gradcam" not in looker.kinds("0")
    reason = looker.look(image, "0", "mean", 0, "gradcam").reason
    assert reason == "Before '0' there is no map that its units depend on, so Grad-CAM has nothing to weigh."


def as_captum_does(looker: Looker, source: str, layer: str, pooling: str, unit: int, image) -> np.ndarray:
    from captum.attr import LayerGradCam

    units = gradients.PooledUnits(
        looker.model.module, looker._layers(looker.model.input_size)[layer], pooling
    )
    gradcam = LayerGradCam(units, looker.model.module.get_submodule(source))
    tensor = looker.model.preprocess(image)[None].requires_grad_()
    return gradcam.attribute(tensor, target=unit, relu_attributions=True)[0, 0].detach().numpy()


@pytest.mark.parametrize(
    ("network", "layer", "pooling", "source", "size"),
    [
        ("demo", "head", "none", "block7", (6, 6)),
        ("demo", "block7", "max", "block6", (12, 12)),
        ("resnet18", "layer4.0.conv2", "mean", "layer4.0.bn1", (7, 7)),  # an in-place ReLU in between
        ("resnet18", "layer4.1.relu#2", "mean", "layer4.1.bn2", (7, 7)),
        ("resnet18", "fc", "none", "layer4", (7, 7)),
        ("squeezenet1_1", "features.12.expand3x3", "mean", "features.12.squeeze_activation", (13, 13)),
    ],
)
def test_gradcam_is_captums_own_where_maps_have_channels_first(demo, network, layer, pooling, source, size):
    pytest.importorskip("captum")
    looker = demo if network == "demo" else random_looker(network)
    image = picture(240, 240)
    activations = [looker.look(image, layer, pooling, u).activation for u in range(8)]
    unit = int(np.argmax(activations))
    assert set(looker.kinds(layer, pooling)) >= {"occlusion", "saliency", "gradcam"}
    found = looker.look(image, layer, pooling, unit, "gradcam")
    assert found.reason is None and found.map.values.shape == size
    expected = as_captum_does(looker, source, layer, pooling, unit, image)
    np.testing.assert_allclose(found.map.values, expected, rtol=1e-4, atol=1e-8 + 1e-5 * expected.max())
    assert looker.look(image, layer, pooling, unit).activation == activations[unit]


@cache
def random_looker(name: str) -> Looker:
    return Looker(load_target(Target(model=name, weights="random")), "cpu")


@pytest.mark.parametrize(
    ("network", "layer", "poolings", "size", "kinds"),
    [
        ("timm/vit_tiny_patch16_224", "blocks.11.mlp.act", ("mean", "cls"), (14, 14), 4),
        ("timm/vit_tiny_patch16_224", "head", ("none",), (14, 14), 3),
        ("timm/swin_tiny_patch4_window7_224", "layers.3", ("max",), (14, 14), 4),
    ],
)
def test_transformers_have_maps_by_gradients(network, layer, poolings, size, kinds):
    pytest.importorskip("captum")
    looker, image = random_looker(network), picture(240, 240)
    for pooling in poolings:
        assert len(looker.kinds(layer, pooling)) == kinds
        saliency = looker.look(image, layer, pooling, 5, "saliency").map.values
        assert saliency.shape == (224, 224) and (saliency >= 0).all() and saliency.any()
        gradcam = looker.look(image, layer, pooling, 5, "gradcam")
        assert gradcam.map.values.shape == size and (gradcam.map.values >= 0).all()
    assert not any(p.grad is not None for p in looker.model.module.parameters())
    assert sum(len(m._forward_hooks) for m in looker.model.module.modules()) == 0


def test_a_units_saliency_is_its_gradient(demo):
    pytest.importorskip("captum")
    image = picture()
    tensor = demo.model.preprocess(image)[None].requires_grad_()
    units = demo.model.module.get_submodule("block1")(tensor).mean((2, 3))
    (gradient,) = torch.autograd.grad(units[0, 4], tensor)
    found = demo.look(image, "block1", "mean", 4, "saliency")
    np.testing.assert_allclose(found.map.values, gradient[0].abs().amax(0), rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_activation_that_is_no_number_is_said(value):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    with torch.no_grad():
        module[0].bias[2] = value
    prepare = Preprocessing(16, (16, 16))
    looker = Looker(TargetModel("bad", module.eval(), prepare, prepare.cut, (16, 16), "a test"), "cpu")
    with pytest.raises(UserError, match=f"Layer '0' of bad gives {value} in unit 2 for this picture"):
        looker.activations(picture(), "0")
    with pytest.raises(UserError, match=f"gives {value} in unit 2"):
        looker.look(picture(), "0", "mean", 2)
    assert np.isfinite(looker.look(picture(), "0", "mean", 1).activation)
