"""torchvision's sets, on small files in the sets' own form on disk."""

import hashlib
import json
import pickle
import sys
import tarfile

import numpy as np
import pytest
from torchvision import datasets

from lexplain_core.base.errors import UserError
from lexplain_core.config import Probe
from lexplain_core.probe import load_probing_set, probing_sets
from lexplain_core.probe.wordnet import DATA

from .conftest import write_image

CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck".split()
COARSE = json.loads((DATA / "cifar100.json").read_text())
FINE = sorted(c for members in COARSE.values() for c in members)


def pickled(path, content) -> str:
    """Write what the set's makers wrote, and return its MD5 sum, which torchvision checks."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps(content))
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def cifar10(tmp_path, monkeypatch):
    """60 test and 5 × 12 training images; returns root and pixels (N, 3, 32, 32)."""
    folder = tmp_path / "cifar-10-batches-py"
    rng = np.random.default_rng(0)
    pixels = {}

    def batch(name, n):
        pixels[name] = rng.integers(0, 256, (n, 3072), dtype=np.uint8)
        return [name, pickled(folder / name, {"data": pixels[name], "labels": [i % 10 for i in range(n)]})]

    monkeypatch.setattr(datasets.CIFAR10, "test_list", [batch("test_batch", 60)])
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [batch(f"data_batch_{i}", 12) for i in range(1, 6)])
    md5 = pickled(folder / "batches.meta", {"label_names": CIFAR10})
    meta = {"filename": "batches.meta", "key": "label_names", "md5": md5}
    monkeypatch.setattr(datasets.CIFAR10, "meta", meta)
    return tmp_path, pixels


def test_cifar10(cifar10):
    root, pixels = cifar10
    found = load_probing_set(Probe(set="cifar10", root=root))  # without a word, the part held out
    assert len(found) == 60 and found.keys[7] == "test/00007"
    assert [c.name for c in found.classes] == CIFAR10
    assert found.labels.tolist() == [i % 10 for i in range(60)]
    expected = pixels["test_batch"][7].reshape(3, 32, 32).transpose(1, 2, 0)
    assert np.array_equal(np.asarray(found.load(7)), expected)
    assert "CIFAR-10 test set" in found.source
    train = load_probing_set(Probe(set="cifar10", root=root, partition="train", limit=50))
    assert np.bincount(train.labels).tolist() == [5] * 10
    i = int(train.keys[20].removeprefix("train/"))
    expected = pixels[f"data_batch_{i // 12 + 1}"][i % 12].reshape(3, 32, 32).transpose(1, 2, 0)
    assert np.array_equal(np.asarray(train.load(20)), expected)


def test_wrong_partition(cifar10):
    with pytest.raises(UserError, match="'cifar10' has no labelled partition 'val': .* 'test' or 'train'"):
        load_probing_set(Probe(set="cifar10", root=cifar10[0], partition="val"))


def test_damaged_cifar(cifar10):
    root, _ = cifar10
    (root / "cifar-10-batches-py" / "test_batch").write_bytes(b"cut")
    with pytest.raises(
        UserError, match="'cifar10' can't be read .*corrupted.*put the folder cifar-10-batches"
    ):
        load_probing_set(Probe(set="cifar10", root=root))


def test_cifar100_brings_its_superclasses(tmp_path, monkeypatch):
    folder = tmp_path / "cifar-100-python"
    for name, attribute in (("train", "train_list"), ("test", "test_list")):
        pixels = np.zeros((100, 3072), dtype=np.uint8)
        md5 = pickled(
            folder / name, {"data": pixels, "fine_labels": list(range(100)), "coarse_labels": [0] * 100}
        )
        monkeypatch.setattr(datasets.CIFAR100, attribute, [[name, md5]])
    md5 = pickled(folder / "meta", {"fine_label_names": FINE, "coarse_label_names": sorted(COARSE)})
    meta = {"filename": "meta", "key": "fine_label_names", "md5": md5}
    monkeypatch.setattr(datasets.CIFAR100, "meta", meta)
    found = load_probing_set(Probe(set="cifar100", root=tmp_path))
    assert (found.classes[1].key, found.classes[1].name) == ("aquarium_fish", "aquarium fish")
    assert len(found.superclasses) == 20
    trees = next(s for s in found.superclasses if s.name == "trees")
    assert [found.classes[c].name for c in trees.classes] == [
        "maple tree",
        "oak tree",
        "palm tree",
        "pine tree",
        "willow tree",
    ]


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Two scenes, numbered against the alphabet, with 30 images each."""
    categories = "/f/field/wild 1\n/a/apartment_building/outdoor 2\n/b/barn 0\n"
    (tmp_path / "categories_places365.txt").write_text(categories)
    lines = []
    for i in range(60):
        write_image(tmp_path / "val_256" / f"Places365_val_{i:08d}.jpg", seed=i)
        lines.append(f"Places365_val_{i:08d}.jpg {i % 3}")
    (tmp_path / "places365_val.txt").write_text("\n".join(lines) + "\n")

    def md5(name):
        return name, hashlib.md5((tmp_path / name).read_bytes()).hexdigest()

    monkeypatch.setattr(datasets.Places365, "_CATEGORIES_META", md5("categories_places365.txt"))
    monkeypatch.setattr(datasets.Places365, "_FILE_LIST_META", {"val": md5("places365_val.txt")})
    return tmp_path


def test_places365(places):
    (places / "val_256" / "Places365_val_00000004.jpg").write_bytes(b"broken")
    found = load_probing_set(Probe(set="places365", root=places))
    assert [c.name for c in found.classes] == ["barn", "field, wild", "apartment building, outdoor"]
    assert [c.key for c in found.classes] == ["/b/barn", "/f/field/wild", "/a/apartment_building/outdoor"]
    assert found.keys[5] == "val_256/Places365_val_00000006.jpg" and found.labels[5] == 0
    assert [s.key for s in found.skipped] == ["val_256/Places365_val_00000004.jpg"]
    assert found.load(5).size == (24, 16)
    (places / "val_256").rename(places / "val_large")
    assert load_probing_set(Probe(set="places365", root=places)).keys[0].startswith("val_large/")


def test_places365_without_images_or_labels(places):
    with pytest.raises(UserError, match="no labelled partition 'test'"):
        load_probing_set(Probe(set="places365", root=places, partition="test"))
    (places / "val_256").rename(places / "elsewhere")
    with pytest.raises(UserError, match=r"no folder .*val_large\): put the file lists"):
        load_probing_set(Probe(set="places365", root=places))


def test_imagenette(tmp_path):
    for folder, side in (("imagenette2-160", 16), ("imagenette2-320", 32)):
        for wnid in ("n03888257", "n01440764"):
            for i in range(30):
                write_image(tmp_path / folder / "val" / wnid / f"{wnid}_{i}.JPEG", seed=i, size=(side, side))
    found = load_probing_set(Probe(set="imagenette", root=tmp_path, superclasses="wordnet"))
    assert [(c.key, c.name) for c in found.classes] == [("n01440764", "tench"), ("n03888257", "parachute")]
    assert np.bincount(found.labels).tolist() == [30, 30]
    assert found.load(0).size == (32, 32)  # the largest that is there
    assert found.keys[0] == "imagenette2-320/val/n01440764/n01440764_0.JPEG"
    # A fish and a parachute are both wholes: what is above that covers the same two.
    assert [(s.name, s.classes) for s in found.superclasses] == [("whole", (0, 1))]


def test_imagenet(tmp_path):
    # The two cranes: torchvision tells the names apart, WordNet does not.
    for wnid in ("n01440764", "n02012849", "n03126707"):
        for i in range(20):
            write_image(tmp_path / "val" / wnid / f"{i}.JPEG", seed=i)
    (tmp_path / "val" / "n02123045").mkdir()
    found = load_probing_set(Probe(set="imagenet", root=tmp_path))
    assert [c.key for c in found.classes] == ["n01440764", "n02012849", "n03126707"]
    assert [c.name for c in found.classes] == ["tench", "crane bird", "crane"]
    assert found.keys[0] == "val/n01440764/0.JPEG" and len(found) == 60
    write_image(tmp_path / "val" / "cat" / "0.JPEG")
    with pytest.raises(UserError, match="not ImageNet classes, such as 'cat'.*use the set 'folder'"):
        load_probing_set(Probe(set="imagenet", root=tmp_path))


def imagenet_archives(tmp_path):
    (tmp_path / "ILSVRC2012_devkit_t12.tar.gz").write_bytes(b"cut")
    with tarfile.open(tmp_path / "ILSVRC2012_img_val.tar", "w"):
        pass


def test_imagenet_archives_want_scipy(tmp_path, monkeypatch):
    imagenet_archives(tmp_path)
    monkeypatch.setitem(sys.modules, "scipy", None)  # as if it weren't installed
    with pytest.raises(
        UserError, match="needs SciPy .*: `pip install scipy`, or unpack them to .*val/n01440764"
    ):
        load_probing_set(Probe(set="imagenet", root=tmp_path))


def test_imagenet_archives_that_are_damaged(tmp_path):
    pytest.importorskip("scipy", reason="torchvision unpacks ImageNet's archives with SciPy")
    imagenet_archives(tmp_path)
    with pytest.raises(UserError, match="'imagenet' can't be read .*ILSVRC2012_img_val.tar, there"):
        load_probing_set(Probe(set="imagenet", root=tmp_path))


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "places365", "imagenette", "imagenet"])
def test_missing_data_says_what_is_needed(tmp_path, name):
    with pytest.raises(UserError, match=f"'{name}' can't be read from .*: put .* there") as caught:
        load_probing_set(Probe(set=name, root=tmp_path))
    assert ("probe.download = true" in str(caught.value)) == (name != "imagenet")
    assert "\n" not in str(caught.value) and "download=True" not in str(caught.value)
    with pytest.raises(UserError, match=r"needs probe\.root"):
        load_probing_set(Probe(set=name))


def test_every_set_of_the_config_is_registered():
    told = Probe.model_fields["set"].description
    assert all(f"`{name}`" in told for name in probing_sets)
    assert {"folder", "cifar10", "cifar100", "places365", "imagenette", "imagenet"} <= set(probing_sets)
