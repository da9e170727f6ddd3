"""Dual encoders by folder, file, JSON and name; nothing runs on random weights or guessed preprocessing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from lexplain_core.base.errors import UserError
from lexplain_core.concepts import encoder_folders, load_encoder
from lexplain_core.config import Encoder

from .encoders import CLIP_CFG, PREPROCESS, SIGLIP_CFG, make_model, pictures, save_folder, save_t5_tokenizer

TEXTS = ["a red cat", "Two green DOGS!", "house", "a photo of a large yellow bus on a blue hill"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> tuple[Path, torch.nn.Module]:
    model = make_model(CLIP_CFG)
    return save_folder(tmp_path_factory.mktemp("clip"), model, CLIP_CFG), model


@pytest.fixture(scope="module")
def siglip(tmp_path_factory) -> tuple[Path, torch.nn.Module]:
    model = make_model(SIGLIP_CFG)
    return save_t5_tokenizer(save_folder(tmp_path_factory.mktemp("tiny-siglip"), model, SIGLIP_CFG)), model


def load(**options):
    return load_encoder(Encoder(**options), "cpu")


def error(**options) -> str:
    with pytest.raises(UserError) as raised:
        load(**options)
    sentence = str(raised.value)
    assert sentence.endswith((".", "?")) and "\n" not in sentence
    return sentence


def embed_images(encoder, images):
    return encoder.embed_batch(torch.stack([encoder.preprocess(Image.fromarray(i)) for i in images])).numpy()


def by_open_clip(folder, model, images, texts):
    """What open_clip itself makes of the folder, with the model that was saved there."""
    _, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    with torch.inference_mode():
        stacked = torch.stack([preprocess(Image.fromarray(i)) for i in images])
        image = model.encode_image(stacked, normalize=True)
        return image.numpy(), model.encode_text(tokenizer(texts), normalize=True).numpy()


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_a_folder_gives_what_the_saved_model_gives(kind, request):
    folder, model = request.getfixturevalue(kind)
    encoder = load(model=str(folder))
    image, text = by_open_clip(folder, model, pictures(), TEXTS)
    found = encoder.embed_texts(TEXTS)
    assert found.dtype == np.float32 and np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.allclose(found, text, atol=1e-6)
    assert np.allclose(embed_images(encoder, pictures()), image, atol=1e-6)
    assert abs(image[0] - image[1]).max() > 1e-3 and abs(text[0] - text[2]).max() > 1e-3
    assert not encoder.model.training and encoder.published is None
    assert json.loads(json.dumps(encoder.facts))["resize_mode"] == "squash"
    assert encoder.embed_texts([]).shape == (0, encoder.facts["embedding"])


def test_siglips_classes_are_the_ones_that_the_paper_uses(siglip):
    big = open_clip.get_model_config("ViT-SO400M-14-SigLIP-384")
    assert set(SIGLIP_CFG) == set(big) and set(SIGLIP_CFG["vision_cfg"]) == set(big["vision_cfg"])
    assert set(SIGLIP_CFG["text_cfg"]) == set(big["text_cfg"]) - {"mlp_ratio"}
    for key in ("timm_pool", "timm_proj"):
        assert SIGLIP_CFG["vision_cfg"][key] == big["vision_cfg"][key]
    for key in ("pool_type", "no_causal_mask", "hf_tokenizer_name", "tokenizer_kwargs", "proj_bias"):
        assert SIGLIP_CFG["text_cfg"][key] == big["text_cfg"][key]
    assert type(load(model=str(siglip[0])).tokenizer).__name__ == "HFTokenizer"


def test_half_precision_and_pt_files_are_the_same_model(clip, tmp_path):
    folder, model = clip
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in model.state_dict().items()}},
        tmp_path / "a.pt",
    )
    same = load(model=str(folder), pretrained=str(tmp_path / "a.pt"))
    first = load(model=str(folder))
    assert (same.fingerprint, same.weights) == (first.fingerprint, first.weights)
    half = {k: v.half().contiguous() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    save_file(half, tmp_path / "half.safetensors")
    rounded = load(model=str(folder), pretrained=str(tmp_path / "half.safetensors"))
    assert next(rounded.model.parameters()).dtype == torch.float32
    assert rounded.fingerprint != first.fingerprint and rounded.weights == first.weights


def test_the_fingerprint_sees_weights_preprocessing_architecture_and_tokenizer(siglip, tmp_path):
    folder, model = siglip
    first = load(model=str(folder))
    assert load(model=str(folder), name="other", batch_size=3).fingerprint == first.fingerprint
    assert load(model=str(folder), squash=False).fingerprint != first.fingerprint
    assert load(model=str(folder), mean=(0.4, 0.5, 0.5)).fingerprint != first.fingerprint
    cfg = SIGLIP_CFG | {"text_cfg": SIGLIP_CFG["text_cfg"] | {"no_causal_mask": False}}
    causal = save_t5_tokenizer(save_folder(tmp_path / "causal", model, cfg))
    assert load(model=str(causal)).fingerprint != first.fingerprint
    cfg = SIGLIP_CFG | {"text_cfg": SIGLIP_CFG["text_cfg"] | {"tokenizer_kwargs": {"clean": "whitespace"}}}
    uncleaned = save_t5_tokenizer(save_folder(tmp_path / "uncleaned", model, cfg))
    assert load(model=str(uncleaned)).fingerprint != first.fingerprint
    with torch.no_grad():
        changed = make_model(SIGLIP_CFG)
        changed.text.ln_final.bias[3] += 1e-3
    other = load(model=str(save_t5_tokenizer(save_folder(tmp_path / "other", changed, SIGLIP_CFG))))
    assert other.fingerprint != first.fingerprint and other.weights != first.weights


def test_weights_must_cover_every_parameter_and_nothing_more(siglip, tmp_path):
    folder, model = siglip
    state = {k: v.contiguous() for k, v in model.state_dict().items()}

    def sentence(changed: dict) -> str:
        save_file(changed, tmp_path / "w.safetensors")
        return error(model=str(folder), pretrained=str(tmp_path / "w.safetensors"))

    assert "missing: text.ln_final.bias" in sentence(
        {k: v for k, v in state.items() if k != "text.ln_final.bias"}
    )
    assert "missing: logit_bias" in sentence({k: v for k, v in state.items() if k != "logit_bias"})
    assert "unexpected: visual.more" in sentence(state | {"visual.more": torch.ones(2)})
    assert "of another shape" in sentence(state | {"text.positional_embedding": torch.ones(8, 64)})
    text = sentence(state | {"text.ln_final.bias": torch.full((64,), torch.nan)})
    assert "not finite, in text.ln_final.bias" in text


def test_no_weights_at_all(clip, tmp_path):
    assert "random weights" in error(model="ViT-B-32")
    assert "explainer.model" in error()
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": CLIP_CFG}))
    assert "no weights file" in error(model=str(tmp_path))
    (tmp_path / "a.pt").touch(), (tmp_path / "b.pt").touch()
    assert "several weights files" in error(model=str(tmp_path))
    (tmp_path / "mine.json").write_text(json.dumps(CLIP_CFG | {"preprocess_cfg": PREPROCESS}))
    assert "has no weights" in error(model=str(tmp_path / "mine.json"))
    assert "no file or folder" in error(
        model=str(tmp_path / "mine.json"), pretrained=str(tmp_path / "none.pt")
    )
    assert "Did you mean 'laion2b_s34b_b79k'" in error(model="ViT-B-32", pretrained="laion2b_s34b_b79")
    assert "Did you mean" in error(model="ViT-L-16-SigLIP384", pretrained="webli")
    (tmp_path / "w.npz").touch()
    assert "NumPy form" in error(model="ViT-L-14-336", pretrained=str(tmp_path / "w.npz"))


def test_pickled_objects_are_refused(clip, tmp_path):
    torch.save(clip[1], tmp_path / "whole.pt")
    assert "Python objects" in error(model=str(clip[0]), pretrained=str(tmp_path / "whole.pt"))


def test_offline_a_tag_says_how_to_go_on_with_a_folder():
    sentence = error(model="ViT-L-16-SigLIP-384", pretrained="webli")
    assert "can't be downloaded" in sentence and "set explainer.model to the folder" in sentence


def test_a_json_configuration_with_weights(clip, tmp_path):
    folder, model = clip
    weights = str(folder / "open_clip_model.safetensors")
    (tmp_path / "my-siglip.json").write_text(json.dumps(CLIP_CFG | {"preprocess_cfg": PREPROCESS}))
    encoder = load(model=str(tmp_path / "my-siglip.json"), pretrained=weights)
    assert encoder.name == "my-siglip" and encoder.fingerprint == load(model=str(folder)).fingerprint
    bare = tmp_path / "bare.json"
    bare.write_text(json.dumps(CLIP_CFG))
    sentence = error(model=str(bare), pretrained=weights)
    assert "set explainer.mean, explainer.std, explainer.squash" in sentence
    told = load(model=str(bare), pretrained=weights, mean=(0.5,) * 3, std=(0.5,) * 3, squash=True)
    assert told.fingerprint == encoder.fingerprint
    bare.write_text(json.dumps(CLIP_CFG | {"vision_cfg": {"depth": 3}, "preprocess_cfg": PREPROCESS}))
    assert "can't build" in error(model=str(bare), pretrained=weights)
    bare.write_text("{")
    assert "can't be read as JSON" in error(model=str(bare), pretrained=weights)
    bare.write_text(json.dumps(CLIP_CFG | {"preprocess_cfg": PREPROCESS | {"resize_mode": "crop"}}))
    assert "resize_mode" in error(model=str(bare), pretrained=weights)


def test_squash_or_crop_is_what_was_asked_for(clip):
    tall = pictures(1, height=80, width=20)
    squashed, cropped = (load(model=str(clip[0]), squash=s) for s in (True, False))
    assert abs(embed_images(squashed, tall) - embed_images(cropped, tall)).max() > 1e-3


def test_registered_folders_go_by_name(clip):
    encoder_folders.register("test/registered")(clip[0])
    assert load(model="test/registered").name == "test/registered"
    assert load(model="test/registered", name="Mine").name == "Mine"
