"""The digest of a probing set's images: the same for the same pictures, another for any change."""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from PIL import Image

from lexplain_core.base.errors import UserError
from lexplain_core.config import Probe
from lexplain_core.probe import load_probing_set, take
from lexplain_core.probe.base import ClassInfo, ProbingSet
from lexplain_core.probe.digest import content_digest, image_digest

from .conftest import write_image


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (70, 6, 5, 3), dtype=np.uint8)


def in_memory(images: np.ndarray) -> ProbingSet:
    labels = np.zeros(len(images), np.int64)
    keys = tuple(map(str, range(len(images))))
    return ProbingSet(
        "m", "memory", keys, labels, (ClassInfo("a", "a"),), lambda i: Image.fromarray(images[i])
    )


def test_pixels_count_and_nothing_else(images):
    first = content_digest(in_memory(images))
    assert len(first) == 64
    relabelled = replace(
        in_memory(images), labels=np.arange(70), name="n", keys=tuple(f"k{i}" for i in range(70))
    )
    assert content_digest(relabelled) == first


@pytest.mark.parametrize("at", [0, 33, 69])
def test_any_pixel_changes_it(images, at):
    changed = images.copy()
    changed[at, 5, 4, 2] ^= 1
    assert content_digest(in_memory(changed)) != content_digest(in_memory(images))


def test_order_number_and_shape_change_it(images):
    digests = [
        content_digest(in_memory(i))
        for i in (images, images[::-1], images[:-1], images.reshape(70, 5, 6, 3), np.repeat(images, 2, 0))
    ]
    assert len(set(digests)) == 5


def test_a_part_is_known_by_its_own_images(images):
    some = np.array([4, 60, 9])
    assert content_digest(take(in_memory(images), some)) == content_digest(in_memory(images[some]))


def test_files_count_by_their_bytes_not_their_names(make_folder):
    first = load_probing_set(Probe(set="folder", root=make_folder({"cat": 30, "dog": 30})))
    digest = content_digest(first)
    moved = load_probing_set(Probe(set="folder", root=make_folder({"ant": 30, "bee": 30}, "others")))
    assert moved.keys != first.keys and content_digest(moved) == digest
    assert content_digest(take(first, np.arange(50))) != digest


def test_each_image_has_a_digest_of_its_own(images, make_folder):
    whole, part = in_memory(images), take(in_memory(images), np.array([4, 60]))
    assert image_digest(part.load, 1) == image_digest(whole.load, 60) != image_digest(whole.load, 4)
    root = make_folder({"cat": 30, "dog": 30})
    found = take(load_probing_set(Probe(set="folder", root=root)), np.array([31, 37]))
    assert image_digest(found.load, 1) == sha256((root / "dog" / "007.png").read_bytes()).digest()


def test_a_changed_file_is_named_and_another_date_is_no_change(make_folder):
    root = make_folder({"cat": 30, "dog": 30})
    found = load_probing_set(Probe(set="folder", root=root))
    digest, path = content_digest(found), root / "dog" / "007.png"
    os.utime(path, (1, 1))
    assert content_digest(found) == digest and found.load(37).size == found.load(36).size
    facts, good = path.stat(), path.read_bytes()
    write_image(path, seed=999)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))  # a change that dates don't show
    for look in (lambda: content_digest(found), lambda: found.load(37), lambda: image_digest(found.load, 37)):
        with pytest.raises(UserError, match=r"007\.png was changed after the build had begun"):
            look()
    path.write_bytes(good)
    assert content_digest(found) == digest
    path.unlink()
    for look in (lambda: content_digest(found), lambda: found.load(37)):
        with pytest.raises(UserError, match=r"007\.png can't be read any more \(.*No such file"):
            look()


def test_files_are_neither_decoded_nor_read_again(make_folder, monkeypatch):
    found = load_probing_set(Probe(set="folder", root=make_folder({"cat": 30, "dog": 30})))
    monkeypatch.setattr("builtins.open", None)
    assert len(content_digest(found)) == 64
