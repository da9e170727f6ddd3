"""Tokenizers: from disk, never guessed, and never another model's."""

from __future__ import annotations

import gzip
import json

import numpy as np
import open_clip
import pytest

from lexplain_core.base.errors import UserError

from .encoders import CLIP_CFG, PREPROCESS, SIGLIP_CFG, make_model, save_folder, save_t5_tokenizer
from .test_encoder import TEXTS, error, load


@pytest.fixture(scope="module")
def bare_siglip(tmp_path_factory):
    """A folder without tokenizer files."""
    return save_folder(tmp_path_factory.mktemp("bare-siglip"), make_model(SIGLIP_CFG), SIGLIP_CFG)


def merges_config(**text) -> dict:
    return CLIP_CFG | {"text_cfg": CLIP_CFG["text_cfg"] | text}


def write_merges(path):
    path.write_bytes(gzip.compress(b"# words\nc a\nca t</w>\nr e\nre d</w>"))
    return 2 * 256 + 4 + 2


def test_merges_beside_the_configuration(tmp_path, monkeypatch):
    size = write_merges(tmp_path / "merges.txt.gz")
    cfg = merges_config(vocab_size=size, tokenizer_kwargs={"bpe_path": "merges.txt.gz"})
    model = make_model(cfg)
    save_folder(tmp_path, model, cfg)
    monkeypatch.chdir(tmp_path.parent)
    encoder = load(model=tmp_path.name)
    own = open_clip.SimpleTokenizer(str(tmp_path / "merges.txt.gz"), context_length=16)
    expected = model.encode_text(own(TEXTS), normalize=True).detach().numpy()
    assert np.allclose(encoder.embed_texts(TEXTS), expected, atol=1e-6)
    (tmp_path / "merges.txt.gz").rename(tmp_path / "moved.gz")
    assert "no merges file" in error(model=str(tmp_path))


def test_a_merges_file_can_be_given(tmp_path):
    size = write_merges(tmp_path / "mine.gz")
    cfg = merges_config(vocab_size=size)
    folder = save_folder(tmp_path / "model", make_model(cfg), cfg)
    sentence = error(model=str(folder))  # open_clip would take its own 49,408 tokens
    assert "gives ids up to 49,407" in sentence or "49,408" in sentence
    assert load(model=str(folder), tokenizer=tmp_path / "mine.gz").embed_texts(["cat"]).shape == (1, 24)
    (tmp_path / "broken.gz").write_bytes(b"no gzip")
    assert "can't be read" in error(model=str(folder), tokenizer=tmp_path / "broken.gz")
    assert "no file or folder" in error(model=str(folder), tokenizer=tmp_path / "none.gz")


def test_more_rows_than_open_clips_tokens_is_not_open_clips_tokenizer(tmp_path):
    cfg = merges_config(vocab_size=60_000)
    folder = save_folder(tmp_path, make_model(cfg), cfg)
    assert "set explainer.tokenizer" in error(model=str(folder))


def test_siglip_in_a_name_fetches_nothing(tmp_path, monkeypatch):
    """By name, open_clip would fetch a vocabulary from the network: `get_tokenizer` on this fails offline."""
    import socket

    model = make_model(CLIP_CFG)
    folder = save_folder(tmp_path / "weights", model, CLIP_CFG)
    (tmp_path / "my-siglip2.json").write_text(json.dumps(CLIP_CFG | {"preprocess_cfg": PREPROCESS}))
    asked = []
    monkeypatch.setattr(socket.socket, "connect", lambda *a: asked.append(a))
    encoder = load(model=str(tmp_path / "my-siglip2.json"), pretrained=str(folder))
    assert not asked and type(encoder.tokenizer).__name__ == "SimpleTokenizer"


def test_a_missing_tokenizer_says_where_to_put_it(bare_siglip, tmp_path):
    sentence = error(model=str(bare_siglip))
    assert "tokenizer.json" in sentence and "explainer.tokenizer" in sentence
    given = save_t5_tokenizer(tmp_path / "given")
    assert load(model=str(bare_siglip), tokenizer=given).embed_texts(TEXTS).shape == (4, 64)
    (tmp_path / "empty").mkdir()
    assert "has no tokenizer" in error(model=str(bare_siglip), tokenizer=tmp_path / "empty")
    (tmp_path / "empty" / "tokenizer.json").write_text("{}")
    assert "can't be read" in error(model=str(bare_siglip), tokenizer=tmp_path / "empty")


def test_a_tokenizer_file_is_no_hugging_face_folder(bare_siglip, tmp_path):
    write_merges(tmp_path / "mine.gz")
    assert "must be the folder" in error(model=str(bare_siglip), tokenizer=tmp_path / "mine.gz")


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    """One with more tokens than the text tower knows, and one that fills texts up with another id."""
    given = save_t5_tokenizer(tmp_path / "given")
    cfg = SIGLIP_CFG | {"text_cfg": SIGLIP_CFG["text_cfg"] | {"vocab_size": 20}}
    few = save_folder(tmp_path / "few", make_model(cfg), cfg)
    assert "belongs to another model" in error(model=str(few), tokenizer=given)
    enough = save_folder(tmp_path / "enough", make_model(SIGLIP_CFG), SIGLIP_CFG)
    other = save_t5_tokenizer(tmp_path / "other", pad="<pad>")
    assert "fills texts up with id 0" in error(model=str(enough), tokenizer=other)


def test_t5s_fillers_are_no_reason_to_refuse(tmp_path):
    text = SIGLIP_CFG["text_cfg"] | {"tokenizer_kwargs": {"clean": "whitespace"}}
    cfg = SIGLIP_CFG | {"text_cfg": text}
    folder = save_folder(tmp_path, make_model(cfg), cfg)
    given = save_t5_tokenizer(tmp_path / "fillers", extra=100)
    plain = save_t5_tokenizer(tmp_path / "plain")
    with_fillers, without = (load(model=str(folder), tokenizer=t) for t in (given, plain))
    assert np.array_equal(with_fillers.embed_texts(TEXTS), without.embed_texts(TEXTS))
    with pytest.raises(UserError, match="doesn't know"):
        with_fillers.embed_texts(["a cat", "a <extra_id_0>"])


def test_code_of_a_tokenizers_own_is_never_run(tmp_path):
    text = SIGLIP_CFG["text_cfg"] | {"tokenizer_kwargs": {"trust_remote_code": True}}
    cfg = SIGLIP_CFG | {"text_cfg": text}
    folder = save_t5_tokenizer(save_folder(tmp_path, make_model(cfg), cfg))
    assert "run code of its own" in error(model=str(folder))
