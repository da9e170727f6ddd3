"""What open_clip's names stand for when the weights are a local file, and the paper's calibrations."""

from __future__ import annotations

import json
from pathlib import Path

import open_clip
import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.concepts.known import PUBLISHED, plain
from lexplain_core.concepts.sources import find_source
from lexplain_core.config import Encoder

CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]


@pytest.fixture
def file(tmp_path) -> Path:
    """Weights are not read here: what is asked is how they would be used."""
    path = tmp_path / "weights.safetensors"
    path.touch()
    return path


def find(**options):
    return find_source(Encoder(**options), "simulator")


def error(**options) -> str:
    with pytest.raises(UserError) as raised:
        find(**options)
    return str(raised.value)


def test_siglip_from_a_file_is_not_prepared_as_clip_is(file):
    """open_clip itself takes OpenAI's mean and crops, for a file under a SigLIP name."""
    found = find(model="ViT-L-16-SigLIP-384", pretrained=str(file))
    assert found.preprocess == {
        "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash"
    }  # fmt: skip
    assert find(model="ViT-B-16-SigLIP", pretrained=str(file.parent)).preprocess == found.preprocess


def test_openais_weights_have_their_activation(file):
    """open_clip only warns that these were trained with QuickGELU and runs on with GELU."""
    assert "quick_gelu" not in open_clip.get_model_config("ViT-L-14-336")
    assert find(model="ViT-L-14-336", pretrained=str(file)).model_cfg["quick_gelu"] is True
    sentence = error(model="ViT-B-32", pretrained=str(file))
    assert "QuickGELU" in sentence and "ViT-B-32-quickgelu" in sentence
    assert find(model="ViT-B-32-quickgelu", pretrained=str(file)).preprocess["mean"] == CLIP_MEAN
    assert find(model="roberta-ViT-B-32", pretrained=str(file)).model_cfg["quick_gelu"] is True


def test_where_the_tags_disagree_the_user_must_say(file):
    sentence = error(model="ViT-H-14-quickgelu", pretrained=str(file))
    assert "set simulator.squash." in sentence and "mean" not in sentence
    assert find(model="ViT-H-14-quickgelu", pretrained=str(file), squash=True).preprocess["mean"] == CLIP_MEAN


def test_where_open_clip_has_no_weights_the_user_must_say_all(file):
    sentence = error(model="ViT-S-32-alt", pretrained=str(file))
    assert "set simulator.mean, simulator.std, simulator.squash." in sentence
    given = {"mean": (0.5,) * 3, "std": (0.25,) * 3, "squash": False}
    found = find(model="ViT-S-32-alt", pretrained=str(file), **given)
    assert found.preprocess["resize_mode"] == "shortest" and found.preprocess["std"] == [0.25] * 3


def test_every_name_of_open_clip_is_clear_or_refused_in_a_sentence(file):
    clear = 0
    for name in open_clip.list_models():
        tags = open_clip.list_pretrained_tags_by_model(name)
        try:
            found = find(model=name, pretrained=str(file))
        except UserError as problem:
            assert "set simulator." in str(problem)
            continue
        clear += 1
        for tag in tags:
            entry = open_clip.pretrained.get_pretrained_cfg(name, tag)
            assert found.preprocess["mean"] == list(entry["mean"])
            assert found.preprocess["resize_mode"] == entry["resize_mode"]
            assert found.preprocess["interpolation"] == entry["interpolation"]
    assert clear > 90


@pytest.mark.parametrize("name, tag", PUBLISHED)
def test_the_papers_models_have_their_a_and_b(name, tag, file):
    a, b, how = find(model=name, pretrained=str(file)).published
    assert (a, b) == PUBLISHED[name, tag] and "local file" in how
    assert find(model=name, pretrained=str(file), mean=(0.4, 0.4, 0.4)).published is None


def test_a_folder_of_the_papers_model_counts_likewise(file):
    cfg = open_clip.get_model_config("ViT-SO400M-14-SigLIP-384")
    content = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash"}
    config = file.parent / "open_clip_config.json"
    config.write_text(json.dumps({"model_cfg": cfg, "preprocess_cfg": content}))
    assert find(model=str(file.parent)).published[:2] == (58, -0.13)
    assert find(model="ViT-SO400M-14-SigLIP-384", pretrained=str(file.parent)).published[:2] == (58, -0.13)
    sentence = error(model="ViT-L-16-SigLIP-384", pretrained=str(file.parent))
    assert "another architecture" in sentence
    cfg["text_cfg"]["no_causal_mask"] = False
    config.write_text(json.dumps({"model_cfg": cfg, "preprocess_cfg": content}))
    assert find(model=str(file.parent)).published is None


def test_other_models_have_no_published_a_and_b(file):
    for name in ("ViT-B-16-SigLIP", "ViT-L-16-SigLIP-256", "ViT-L-14-quickgelu"):
        assert find(model=name, pretrained=str(file)).published is None
    assert plain(open_clip.get_model_config("ViT-B-16")) != plain(open_clip.get_model_config("ViT-B-32"))
