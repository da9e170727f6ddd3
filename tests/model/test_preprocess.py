"""Preprocessing agrees with that of the libraries that the weights come from."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from pydantic import ValidationError
from torchvision.models import get_model_weights

from lexplain_core.base.errors import UserError
from lexplain_core.config import Preprocess, Target
from lexplain_core.model import load_target
from lexplain_core.model.preprocess import (
    Preprocessing,
    from_attribute,
    from_timm,
    from_torchvision,
    with_settings,
)


def picture(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(width)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))


SIZES = [(300, 217), (64, 64), (500, 90), (224, 224), (333, 334)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("tag", ["resnet50.IMAGENET1K_V1", "resnet50.IMAGENET1K_V2", "vit_b_16.IMAGENET1K_V1",
                                 "vit_b_16.IMAGENET1K_SWAG_E2E_V1", "swin_t.IMAGENET1K_V1"])  # fmt: skip
def test_torchvision_presets(tag, size):
    name, _, weights = tag.partition(".")
    preset = get_model_weights(name)[weights].transforms()
    ours = from_torchvision(preset)
    image = picture(*size)
    torch.testing.assert_close(ours(image), preset(image), rtol=0, atol=1e-5)
    seen = np.asarray(ours.cut(image), np.float32).transpose(2, 0, 1) / 255
    normalised = (seen - np.array(ours.mean)[:, None, None]) / np.array(ours.std)[:, None, None]
    np.testing.assert_allclose(normalised, preset(image).numpy(), atol=1e-5)


@pytest.mark.parametrize("mode", ["center", "squash", "border"])
@pytest.mark.parametrize("size", SIZES)
def test_timm_data_config(size, mode):
    from timm.data import create_transform, resolve_model_data_config

    network = timm.create_model(
        "test_resnet", pretrained_cfg_overlay={"crop_mode": mode, "interpolation": "bicubic"}
    )
    expected = create_transform(**resolve_model_data_config(network), is_training=False)
    image = picture(*size)
    torch.testing.assert_close(from_timm(network)(image), expected(image), rtol=0, atol=1e-5)


def test_gray_and_transparent_images_become_rgb():
    prepare = Preprocessing(resize=8, crop=(8, 8))
    for mode in ("L", "RGBA", "P", "CMYK"):
        assert prepare(picture(20, 10).convert(mode)).shape == (3, 8, 8)


def test_settings_replace_what_comes_with_the_weights():
    model = load_target(
        Target(
            model="resnet50",
            weights="random",
            preprocess=Preprocess(resize=70, crop=64, mean=(0.5, 0.5, 0.5)),
        )
    )
    assert model.input_size == (64, 64)
    image = picture(100, 70)
    assert model.crop(image).size == (64, 64)
    expected = torch.from_numpy(np.asarray(image)[3:67, 18:82].copy()).permute(2, 0, 1) / 255
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    torch.testing.assert_close(model.preprocess(image), (expected - 0.5) / std)


def test_squash_keeps_no_proportions():
    squashed = with_settings(Preprocessing(resize=256, crop=(224, 224)), Preprocess(squash=True, crop=32))
    halves = Image.new("RGB", (200, 50), "red")
    halves.paste("blue", (100, 0, 200, 50))
    pixels = np.asarray(squashed.cut(halves))
    assert pixels.shape == (32, 32, 3)
    assert (pixels[:, :12] == (255, 0, 0)).all() and (pixels[:, 20:] == (0, 0, 255)).all()


def test_settings_override_timms_own_geometry():
    network = timm.create_model("test_resnet")
    assert from_timm(network).cut(picture(50, 60)).size == (160, 160)
    changed = with_settings(from_timm(network), Preprocess(resize=40, crop=32, interpolation="nearest"))
    assert changed.cut(picture(50, 60)).size == (32, 32)


def test_contradicting_settings():
    with pytest.raises(UserError, match=r"crop \(300 pixels\) is larger than the resized image \(256\)"):
        with_settings(Preprocessing(resize=256, crop=(224, 224)), Preprocess(crop=300))
    with pytest.raises(UserError, match="squash needs target.preprocess.crop"):
        with_settings(Preprocessing(), Preprocess(squash=True))
    with pytest.raises(ValidationError):
        Preprocess(interpolation="cubist")


def test_a_factorys_attribute():
    prepare = from_attribute({"resize": 40, "crop": 32, "mean": (0, 0, 0), "std": (1, 1, 1)}, "f.py:f")
    assert (prepare.resize, prepare.crop, prepare.mean) == (40, (32, 32), (0.0, 0.0, 0.0))
    with pytest.raises(UserError, match="attribute of the module from f.py:f has a wrong 'croop'"):
        from_attribute({"croop": 3}, "f.py:f")
