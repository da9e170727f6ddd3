"""Embeddings are computed once, kept by content, and never taken from a file that isn't theirs."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lexplain_core.base.errors import UserError
from lexplain_core.concepts import cache_folder, embed_concepts, embed_images, load_encoder
from lexplain_core.config import Build, Encoder

from ..probe.conftest import Notes
from .encoders import CLIP_CFG, make_model, pictures, probing_set, save_folder


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoders")
    folders = [save_folder(folder / str(seed), make_model(CLIP_CFG, seed), CLIP_CFG) for seed in (0, 1)]
    return [load_encoder(Encoder(model=str(f), batch_size=5), "cpu") for f in folders]


@pytest.fixture
def counted(encoders, monkeypatch):
    """The first encoder, and a list that grows by the number of images embedded."""
    batches = []
    whole = type(encoders[0]).embed_batch

    def embed_batch(self, images):
        batches.append(len(images))
        return whole(self, images)

    monkeypatch.setattr(type(encoders[0]), "embed_batch", embed_batch)
    return encoders[0], batches


def plain(encoder, images) -> np.ndarray:
    return np.concatenate([encoder.embed_batch(encoder.preprocess(Image.fromarray(i))[None]) for i in images])


def files(cache: Path) -> list[Path]:
    return sorted(p for p in cache.rglob("*") if p.is_file())


def test_images_one_by_one_and_in_batches_are_alike(encoders):
    images = pictures(13)
    found = embed_images(encoders[0], probing_set(images))
    assert found.dtype == np.float32 and found.shape == (13, 24)
    assert np.allclose(found, plain(encoders[0], images), atol=1e-6)


def test_the_second_time_nothing_is_embedded(counted, tmp_path):
    encoder, batches = counted
    first = embed_images(encoder, probing_set(pictures(13)), tmp_path)
    assert batches == [5, 5, 3]
    again = embed_images(
        encoder, replace(probing_set(pictures(13)), name="other", keys=tuple("abcdefghijklm")), tmp_path
    )
    assert batches == [5, 5, 3] and np.array_equal(first, again)
    assert len(files(tmp_path)) == 1


def test_another_image_order_or_encoder_is_embedded_anew(encoders, tmp_path):
    images = pictures(12)
    first = embed_images(encoders[0], probing_set(images), tmp_path)
    changed = images.copy()
    changed[7, 3, 3, 1] += 40
    found = embed_images(encoders[0], probing_set(changed), tmp_path)
    assert np.flatnonzero((found != first).any(axis=1)).tolist() == [7]
    turned = embed_images(encoders[0], probing_set(images[::-1]), tmp_path)
    assert np.allclose(turned, first[::-1], atol=1e-6)
    assert abs(embed_images(encoders[1], probing_set(images), tmp_path) - first).max() > 1e-3
    assert len(files(tmp_path)) == 4


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "foreign", "of another encoder"])
def test_a_damaged_or_foreign_file_is_made_again(damage, counted, encoders, tmp_path):
    encoder, batches = counted
    first = embed_images(encoder, probing_set(pictures()), tmp_path)
    (path,) = files(tmp_path)
    good = path.read_bytes()
    if damage == "cut":
        path.write_bytes(good[:-9])
    elif damage == "flipped":
        path.write_bytes(good[:-9] + bytes([good[-9] ^ 1]) + good[-8:])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "foreign":
        path.write_bytes(b"not of this kind" * 50)
    else:
        embed_images(encoders[1], probing_set(pictures()), tmp_path)
        (other,) = set(files(tmp_path)) - {path}
        other.replace(path)
    batches.clear()
    assert np.array_equal(embed_images(encoder, probing_set(pictures()), tmp_path), first)
    assert sum(batches) == 12
    assert np.array_equal(embed_images(encoder, probing_set(pictures()), tmp_path), first)
    assert sum(batches) == 12 and files(tmp_path) == [path]  # it is whole again, with nothing left beside it


def test_a_folder_that_cant_be_written_costs_a_note(encoders, tmp_path):
    (tmp_path / "file").touch()
    notes = Notes()
    found = embed_images(encoders[0], probing_set(pictures()), tmp_path / "file", notes)
    assert found.shape == (12, 24) and len(notes.notes) == 1
    assert "can't be kept" in notes.notes[0]


def test_an_image_without_a_finite_embedding_is_named(encoders, monkeypatch):
    real = encoders[0].preprocess
    dark = replace(
        encoders[0],
        preprocess=lambda image: real(image) * (np.nan if image.getpixel((0, 0)) == (1, 2, 3) else 1),
    )
    images = pictures()
    images[8, 0, 0] = (1, 2, 3)
    with pytest.raises(UserError, match="no finite embedding for the image '008'"):
        embed_images(dark, probing_set(images))


def test_texts_are_kept_by_their_set_whatever_their_order(encoders, tmp_path, monkeypatch):
    texts = [f"thing {i}" for i in range(70)]
    first = embed_concepts(encoders[0], [*texts, texts[0]], tmp_path)
    assert first.shape == (71, 24) and np.array_equal(first[0], first[70])
    assert np.allclose(first[:70], encoders[0].embed_texts(texts), atol=1e-6)
    monkeypatch.setattr(type(encoders[0]), "embed_texts", None)
    assert np.array_equal(embed_concepts(encoders[0], texts[::-1], tmp_path), first[69::-1])
    with pytest.raises(TypeError):
        embed_concepts(encoders[0], [*texts[:-1], "another"], tmp_path)


def test_few_texts_make_no_file(encoders, tmp_path):
    embed_concepts(encoders[0], ["a", "b"], tmp_path)
    assert not files(tmp_path)


def test_the_environment_replaces_the_default_folder(monkeypatch, tmp_path):
    default = Build.model_fields["cache"].default
    monkeypatch.delenv("LEXPLAIN_CACHE", raising=False)
    assert cache_folder(default) == Path(os.path.expanduser("~/.cache/lexplain"))
    monkeypatch.setenv("LEXPLAIN_CACHE", str(tmp_path))
    assert cache_folder(default) == tmp_path
    assert cache_folder(Path("/elsewhere")) == Path("/elsewhere")
