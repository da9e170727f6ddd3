"""The encoders' tokenizer knows every word of the demo world as one token."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from lexplain_core.concepts import load_encoder
from lexplain_core.config import Encoder
from lexplain_core.demo import vocabulary
from lexplain_core.demo.captions import Contents
from lexplain_core.demo.encoders import FOLDER


@pytest.fixture(scope="module", params=["explainer", "simulator"])
def encoder(request):
    return load_encoder(Encoder(model=f"demo/{request.param}"), "cpu")


def test_every_word_is_a_token_of_its_own(encoder):
    words = vocabulary.words()
    assert 80 < len(words) < 200 and len(set(words)) == len(words)
    ids = encoder.tokenizer(list(words)).numpy()
    start, end = encoder.tokenizer.sot_token_id, encoder.tokenizer.eot_token_id
    assert (ids[:, 0] == start).all() and (ids[:, 2] == end).all() and (ids[:, 3:] == 0).all()
    assert len(set(ids[:, 1].tolist())) == len(words)


def test_concepts_and_captions_are_made_of_these_words(encoder, truth, scenes):
    rng = np.random.default_rng(0)
    contents = Contents(scenes)
    texts = [*truth.concepts(), *(str(contents.claim(n, rng)) for n in range(1000))]
    pieces = [text.replace(",", " ,").replace("-", " - ").split() for text in texts]
    words = {word for found in pieces for word in found} - {",", "-"}
    assert words <= set(vocabulary.words())
    ids = encoder.tokenizer(texts).numpy()
    np.testing.assert_array_equal((ids != 0).sum(1), [2 + len(found) for found in pieces])
    assert (ids != 0).sum(1).max() <= encoder.tokenizer.context_length  # none is cut


@pytest.mark.parametrize("role", ["explainer", "simulator"])
def test_the_committed_merges_are_what_is_written(tmp_path, role):
    size = vocabulary.write(tmp_path / "merges.txt.gz")
    committed = (FOLDER / role / "merges.txt.gz").read_bytes()
    # what is packed, byte for byte; the packing itself differs between versions of Python and zlib
    assert gzip.decompress(committed) == gzip.decompress((tmp_path / "merges.txt.gz").read_bytes())
    assert committed[4:8] == bytes(4)  # no time
    encoder = load_encoder(Encoder(model=f"demo/{role}"), "cpu")
    assert encoder.tokenizer.vocab_size == size == encoder.model.token_embedding.num_embeddings


def test_there_is_no_merge_that_no_word_needs():
    merges = vocabulary.merges()
    assert len(set(merges)) == len(merges)
    made = {a + b for a, b in merges}
    words = vocabulary.words()
    assert {f"{word}</w>" for word in words if len(word) > 1} <= made
    for piece in made:
        assert any(piece in f"{word}</w>" for word in words), piece
