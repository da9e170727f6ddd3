"""An encoder looking at a probing set: P, its calibration, and two that must not be one."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lexplain_core.base.errors import UserError
from lexplain_core.concepts import Concept, cross_entropy, load_encoder, refuse_same, view
from lexplain_core.config import Encoder

from .encoders import CLIP_CFG, make_model, pictures, probing_set, save_folder

TRAIN = np.arange(60) % 4 != 0
GIVEN = {"a": 50.0, "b": -0.1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_folder(tmp_path_factory.mktemp("encoder"), make_model(CLIP_CFG), CLIP_CFG)


@pytest.fixture(scope="module")
def probing():
    return probing_set(pictures(60))


def look(folder, probing, role="explainer", taken=(), cache=None, **options):
    return view(Encoder(model=str(folder), **options), role, probing, TRAIN, "cpu", cache, taken=taken)


def knowing(probing, encoder):
    """The encoder with texts that point to the images of their colour, so that there is something to find."""
    found = look(encoder, probing, **GIVEN)
    means = np.stack([found.images[probing.labels == c].mean(axis=0) for c in range(3)])
    means -= means.mean(axis=0)
    return found, means / np.linalg.norm(means, axis=1, keepdims=True)


def test_values_are_the_sigmoid_of_the_scaled_cosine(folder, probing):
    found = look(folder, probing, **GIVEN)
    texts = ["red", "a green thing", "blue"]
    cosine = found.encoder.embed_texts(texts).astype(float) @ found.images.T.astype(float)
    values = found.values(texts)
    assert values.dtype == np.float32 and values.shape == (3, 60)
    assert np.allclose(found.cosine(texts), cosine, atol=1e-6)
    assert np.allclose(values, 1 / (1 + np.exp(-50 * (cosine - 0.1))), atol=1e-5)
    assert found.values([]).shape == (0, 60)


def test_blocks_change_nothing(folder, probing, monkeypatch):
    found = look(folder, probing, **GIVEN)
    whole = found.values(["red", "green", "blue", "grey"])
    monkeypatch.setattr(import_module("lexplain_core.concepts.view"), "_AT_ONCE", 70)
    assert np.allclose(found.values(["red", "green", "blue", "grey"]), whole, atol=1e-6)


def test_given_a_and_b_are_taken_with_the_loss_they_have(folder, probing):
    found = look(folder, probing, **GIVEN)
    told = found.config["calibration"]
    labels = probing.class_presence().T[:, TRAIN]
    loss = cross_entropy(found.cosine(["red", "green", "blue"])[:, TRAIN], labels, 50, -0.1)
    assert told == {"source": "given", "labels": 3, "images": 45, "loss": pytest.approx(loss)}
    assert (found.a, found.b) == (50, -0.1) and json.loads(json.dumps(found.config)) == found.config
    for half in ({"a": 3.0}, {"b": 0.1}):
        with pytest.raises(UserError, match="go together"):
            look(folder, probing, **half)


def test_a_and_b_are_fitted_on_the_train_split_alone(folder, probing, monkeypatch):
    encoder = load_encoder(Encoder(model=str(folder)), "cpu")
    _, directions = knowing(probing, folder)
    known = dict(zip(("red", "green", "blue"), directions.astype(np.float32), strict=True))
    monkeypatch.setattr(
        type(encoder), "embed_texts", lambda self, texts, advance=None: np.stack([known[t] for t in texts])
    )
    rng = np.random.default_rng(0)
    labels = probing.labels.copy()
    labels[rng.random(60) < 0.1] = 0  # some mistakes, else there is no best a
    spec = Encoder(model=str(folder))

    def fitted(labels):
        return view(spec, "explainer", replace(probing, labels=labels), TRAIN, encoder=encoder)

    first = fitted(labels)
    assert first.config["calibration"]["source"] == "calibrated" and first.config["calibration"]["converged"]
    elsewhere = labels.copy()
    elsewhere[~TRAIN] = 2
    assert (fitted(elsewhere).a, fitted(elsewhere).b) == (first.a, first.b)
    loss = first.config["calibration"]["loss"]
    cosine = first.cosine(["red", "green", "blue"])[:, TRAIN]
    present = (labels[None] == np.arange(3)[:, None])[:, TRAIN]
    assert loss < min(cross_entropy(cosine, present, first.a * s, first.b) for s in (0.9, 1.1))


def test_the_matrix_has_the_views_name_and_config(folder, probing):
    found = look(folder, probing, **GIVEN, name="Tiny")
    concepts = [Concept("class:red", "red", "class"), Concept("noun:sky", "sky", "noun")]
    matrix = found.matrix(concepts)
    assert matrix.name == found.name == "Tiny" and matrix.concepts == tuple(concepts)
    assert np.array_equal(matrix.values, found.values(["red", "sky"]))
    assert matrix.config["fingerprint"] == found.fingerprint and matrix.config["a"] == 50
    assert "texts" in matrix.config and "texts" not in found.config


def test_names_are_unique_and_never_label(folder, probing):
    assert look(folder, probing, **GIVEN, name="label").name == "label (explainer)"
    taken = look(folder, probing, "simulator", taken=["Tiny"], **GIVEN, name="Tiny")
    assert taken.name == "Tiny (simulator)" and taken.role == "simulator"


def test_one_model_for_both_is_refused_under_any_name(folder, probing, tmp_path):
    explainer = look(folder, probing, **GIVEN)
    half = {k: v.half() if v.is_floating_point() else v for k, v in make_model(CLIP_CFG).state_dict().items()}
    save_file({k: v.contiguous() for k, v in half.items()}, tmp_path / "half.safetensors")
    again = {"squash": False, "pretrained": str(tmp_path / "half.safetensors"), "name": "Another"}
    simulator = look(folder, probing, "simulator", **GIVEN, **again)
    assert simulator.fingerprint != explainer.fingerprint
    for one, other in ((explainer, simulator), (explainer.encoder, explainer.encoder)):
        with pytest.raises(UserError, match="simulate.same_encoder"):
            refuse_same(one, other, allow=False)
        assert refuse_same(one, other, allow=True) is True


def test_a_copy_in_any_precision_is_the_same_model(tmp_path):
    """Rounded once, twice, and against each other's rounding."""
    state = make_model(CLIP_CFG).state_dict()
    folder = save_folder(tmp_path / "float32", make_model(CLIP_CFG), CLIP_CFG)
    ways = {"half": [torch.float16], "brain": [torch.bfloat16], "both": [torch.float16, torch.bfloat16]}
    encoders = [load_encoder(Encoder(model=str(folder)), "cpu")]
    for name, types in ways.items():
        copy = {key: value.clone() for key, value in state.items()}
        for dtype in types:
            copy = {k: v.to(dtype).contiguous() if v.is_floating_point() else v for k, v in copy.items()}
        save_file(copy, tmp_path / f"{name}.safetensors")
        spec = Encoder(model=str(folder), pretrained=str(tmp_path / f"{name}.safetensors"), squash=False)
        encoders.append(load_encoder(spec, "cpu"))
    assert len({encoder.fingerprint for encoder in encoders}) == 4
    for one in encoders:
        for other in encoders:
            assert refuse_same(one, other, allow=True) is True
            with pytest.raises(UserError, match="same model"):
                refuse_same(one, other, allow=False)


def test_the_text_tower_may_be_a_module_of_its_own(folder, tmp_path):
    cfg = CLIP_CFG | {"custom_text": True}
    one, other = load_encoder(Encoder(model=str(folder)), "cpu"), make_model(cfg)
    state = {k.removeprefix("text."): k for k in other.state_dict()}
    source = make_model(CLIP_CFG).state_dict()
    other.load_state_dict({state[k]: v.to(torch.bfloat16).float() for k, v in source.items()})
    custom = load_encoder(Encoder(model=str(save_folder(tmp_path, other, cfg))), "cpu")
    assert one.weights != custom.weights and one.same_weights(custom) and custom.same_weights(one)


def test_one_weight_more_than_rounding_away_is_another_model(folder, tmp_path):
    one = load_encoder(Encoder(model=str(folder)), "cpu")
    for number, change in enumerate((lambda w: w * 1.02, lambda w: w + 1e-3)):
        model = make_model(CLIP_CFG)
        with torch.no_grad():
            weight = model.ln_final.weight if number == 0 else model.ln_final.bias
            weight[3] = change(weight[3])
        other = load_encoder(Encoder(model=str(save_folder(tmp_path / str(number), model, CLIP_CFG))), "cpu")
        assert not one.same_weights(other) and not other.same_weights(one)
        assert refuse_same(one, other, allow=False) is False


def test_two_models_are_two(folder, probing, tmp_path):
    explainer = look(folder, probing, **GIVEN)
    model = make_model(CLIP_CFG)
    with torch.no_grad():
        model.visual.proj += 0.01
    other = look(save_folder(tmp_path, model, CLIP_CFG), probing, "simulator", **GIVEN)
    assert refuse_same(explainer, other, allow=False) is False
