"""The committed network names the main object, and loads as a target model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lexplain_core.base.errors import UserError
from lexplain_core.config import Target, parse_config
from lexplain_core.demo.config import DEMO_CONFIG
from lexplain_core.demo.kinds import KIND_NAMES
from lexplain_core.demo.network import WEIGHTS, demo_network
from lexplain_core.demo.scene import HELD_OUT_SEED
from lexplain_core.model import list_layers, load_target
from scripts.train_classifier import accuracy, pictures, save, to_input, train


@pytest.fixture(scope="module")
def held_out():
    return pictures(HELD_OUT_SEED, 308, workers=1)


def test_it_names_the_main_object_of_held_out_pictures(held_out):
    assert accuracy(demo_network(), *held_out).mean() >= 0.9


def test_the_accuracy_is_of_the_pictures(held_out):
    """With labels that belong to other pictures it is at chance."""
    images, labels = held_out
    assert accuracy(demo_network(), images, np.roll(labels, 3)).mean() < 0.15


def test_the_weights_are_small():
    assert WEIGHTS.stat().st_size < 2_000_000


def test_it_loads_as_a_target_model(held_out):
    model = load_target(Target(model="demo"))
    assert model.outputs == KIND_NAMES and model.input_size == (96, 96) and not model.module.training
    from PIL import Image

    picture = Image.fromarray(held_out[0][0])
    assert model.crop(picture).size == (96, 96)
    x = model.preprocess(picture)[None]
    assert torch.allclose(x, to_input(held_out[0][:1]), atol=1e-6)
    with torch.inference_mode():
        assert torch.equal(model.module(x), demo_network()(x))


def test_the_layers_of_the_demo_build_are_there():
    units = {layer.name: layer.units for layer in list_layers(load_target(Target(model="demo")))}
    recorded = [layer.name for layer in parse_config(DEMO_CONFIG, "of the demo").layers]
    assert set(recorded) <= set(units)
    assert 100 <= sum(units[name] for name in recorded) <= 200


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "other.pth"
    torch.save(torch.nn.Conv2d(3, 4, 3).state_dict(), path)
    with pytest.raises(UserError, match="don't fit the demo network"):
        load_target(Target(model="demo", weights=str(path)))


def test_random_weights_know_nothing(held_out):
    model = load_target(Target(model="demo", weights="random"))
    assert accuracy(model.module, *held_out).mean() < 0.2


def test_training_and_saving_work(tmp_path):
    images, labels = pictures(1, 128, workers=1)
    network = train(images, labels, epochs=1)
    save(network, tmp_path / "weights.safetensors")
    again = demo_network(tmp_path / "weights.safetensors")
    x = to_input(images[:4])
    with torch.inference_mode():
        assert torch.allclose(network(x), again(x), atol=0.05)
