"""Image folders: what is found, what is left out, and what is said about it."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.config import Probe
from lexplain_core.probe import load_probing_set

from .conftest import write_image


def test_a_folder_a_class(make_folder):
    root = make_folder({"b": 30, "a": 1, "c d": 25})
    found = load_probing_set(Probe(root=root))
    assert [(c.key, c.name) for c in found.classes] == [("a", "a"), ("b", "b"), ("c d", "c d")]
    assert np.bincount(found.labels).tolist() == [1, 30, 25]  # a class of one image is fine
    assert found.labels.dtype == np.int64
    assert found.keys[:2] == ("a/000.png", "b/000.png")  # the same file name in two classes
    assert len(set(found.keys)) == len(found) == 56
    assert found.class_presence().sum(axis=0).tolist() == [1, 30, 25]
    assert (found.name, found.skipped, found.superclasses) == (f"{root.parent.name}/images", (), ())
    image = found.load(1)
    assert (image.mode, image.size) == ("RGB", (24, 16))


def test_load_crosses_processes(make_folder):
    found = load_probing_set(Probe(root=make_folder({"a": 60}), limit=50))
    again = pickle.loads(pickle.dumps(found.load))
    assert np.array_equal(np.asarray(again(7)), np.asarray(found.load(7)))


def test_nested_hidden_and_other_files(make_folder, notes):
    root = make_folder({"a": 50, ".hidden": 3, "empty": 0})
    write_image(root / "a" / "deep" / "er" / "x.JPG")
    write_image(root / "a" / ".thumbs" / "x.png")
    write_image(root / "a" / ".x.png")
    write_image(root / "loose.png")
    (root / "a" / "notes.txt").write_text("hello")
    os.symlink(root / "a", root / "a" / "again")  # a loop
    found = load_probing_set(Probe(root=root), progress=notes)
    assert len(found) == 51
    assert found.keys[-1] == "a/deep/er/x.JPG"
    assert [c.key for c in found.classes] == ["a"]
    assert any("1 class without a usable image left out: empty" in n for n in notes.notes)
    assert any("1 images directly in" in n for n in notes.notes)
    assert any("1 files in" in n and "no image ending" in n for n in notes.notes)


def test_linked_class_folders(make_folder, tmp_path):
    target = make_folder({"a": 55}, name="elsewhere")
    root = tmp_path / "links"
    root.mkdir()
    os.symlink(target / "a", root / "cat")
    assert load_probing_set(Probe(root=root)).keys[0] == "cat/000.png"


def test_bad_images_are_skipped_and_listed(make_folder, notes):
    root = make_folder({"a": 40, "aa": 2, "b": 40})
    (root / "a" / "001.png").write_text("a text file")
    cut = root / "b" / "000.jpg"
    write_image(cut, size=(80, 80))
    cut.write_bytes(cut.read_bytes()[:2000])
    write_image(root / "b" / "big.bmp", size=(200, 200))
    for file in (root / "aa").iterdir():
        file.write_bytes(b"")
    found = load_probing_set(Probe(root=root, max_pixels=30_000), progress=notes)
    assert [s.key for s in found.skipped] == [
        "a/001.png",
        "aa/000.png",
        "aa/001.png",
        "b/000.jpg",
        "b/big.bmp",
    ]
    reasons = [s.reason for s in found.skipped]
    assert "not an image" in reasons[0] and "truncated" in reasons[3]
    assert "200 × 200 pixels, more than 30,000" in reasons[4]
    assert len(found) == 79 and not {s.key for s in found.skipped} & set(found.keys)
    assert [c.key for c in found.classes] == ["a", "b"]
    assert set(found.labels) == {0, 1}
    for i in range(len(found)):
        assert found.keys[i].startswith(found.classes[found.labels[i]].key + "/")
        found.load(i)
    assert any("5 images skipped: a/001.png (not an image" in n for n in notes.notes)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: None, r"folder .*images is empty: it needs a folder for each class"),
        (
            lambda root: write_image(root / "x.png"),
            r"The 1 images in .* are in no class folder: make a folder",
        ),
        (lambda root: (root / "a").mkdir(), r"no images in its 1 class folder \(a\): images end in bmp, gif"),
    ],
    ids=["empty", "loose", "empty class"],
)
def test_folders_without_images(tmp_path, make, message):
    root = tmp_path / "images"
    root.mkdir()
    make(root)
    with pytest.raises(UserError, match=message):
        load_probing_set(Probe(root=root))


def test_missing_folder(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(UserError, match=r"imagse doesn't exist.*Did you mean 'images'"):
        load_probing_set(Probe(root=tmp_path / "imagse"))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file, not a folder"):
        load_probing_set(Probe(root=tmp_path / "file"))
    with pytest.raises(UserError, match=r"needs probe\.root"):
        load_probing_set(Probe())
    with pytest.raises(UserError, match="no probing set named 'foldre'.*Did you mean 'folder'"):
        load_probing_set(Probe(set="foldre", root=tmp_path))


def test_at_least_fifty_good_images(make_folder):
    root = make_folder({"a": 50})
    assert len(load_probing_set(Probe(root=root))) == 50
    (root / "a" / "010.png").write_text("broken")
    with pytest.raises(
        UserError, match=r"has 49 good images \(1 more can't be used: a/010\.png \(not an.*least 50"
    ):
        load_probing_set(Probe(root=root))


def test_limit_is_balanced_and_fixed_by_the_seed(make_folder):
    root = make_folder({"a": 60, "b": 10, "c": 60})
    (root / "a" / "000.png").write_text("broken")
    found = load_probing_set(Probe(root=root, limit=60), seed=1)
    assert np.bincount(found.labels).tolist() == [25, 10, 25]
    assert list(found.keys) == sorted(found.keys)
    assert load_probing_set(Probe(root=root, limit=60), seed=1).keys == found.keys
    assert load_probing_set(Probe(root=root, limit=60), seed=2).keys != found.keys
    assert len(load_probing_set(Probe(root=root, limit=129))) == 129
    assert len(load_probing_set(Probe(root=root, limit=500))) == 129


def test_limit_below_the_number_of_classes_keeps_them_all(make_folder):
    root = make_folder({f"{c:02d}": 1 for c in range(70)})
    found = load_probing_set(Probe(root=root, limit=50))
    assert len(found) == 50 and len(found.classes) == 70
    for key, label in zip(found.keys, found.labels, strict=True):
        assert found.classes[label].key == key[:2]


def test_file_names_that_are_not_text(make_folder):
    root = make_folder({"a": 50})
    strange = os.fsencode(str(root / "a")) + b"/\xff.png"
    try:
        Path(os.fsdecode(strange)).write_bytes((root / "a" / "000.png").read_bytes())
    except OSError:
        pytest.skip("this file system refuses names that are not UTF-8")
    found = load_probing_set(Probe(root=root))
    assert len(found) == 50
    assert found.skipped[0].reason == "its path is not valid UTF-8"
    found.skipped[0].key.encode("utf-8")


def test_cifar10_images(shared):
    found = load_probing_set(Probe(root=shared / "data" / "cifar10" / "test"))
    assert len(found) == 10_000 and found.skipped == ()
    assert np.bincount(found.labels).tolist() == [1000] * 10
    assert found.load(0).size == (32, 32)
