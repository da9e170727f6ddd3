"""torchvision's data sets by name, read by torchvision's own loaders."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..base.errors import UserError, quote
from ..base.progress import Progress
from ..config import Probe
from ..trust import by_store
from .base import ClassInfo, ProbingSet, probing_sets
from .folder import from_files, image_root, walk
from .layout import clutter_sentence, is_clutter
from .superclasses import read_superclasses
from .wordnet import DATA

# What must lie in the root, said when it doesn't.
_NEEDED = {
    "cifar10": "the folder cifar-10-batches-py (cifar-10-python.tar.gz, unpacked)",
    "cifar100": "the folder cifar-100-python (cifar-100-python.tar.gz, unpacked)",
    "places365": "the file lists (filelist_places365-standard.tar, unpacked) and images, such as val_256,",
    "imagenette": "the folder imagenette2, imagenette2-320 or imagenette2-160 (from the .tgz of that name)",
    "imagenet": "a folder {partition} with a folder a WordNet id, or ILSVRC2012_devkit_t12.tar.gz and "
    "ILSVRC2012_img_{partition}.tar,",
}


@dataclass(frozen=True)
class _Arrays:
    """`load(i)` over images that are all in memory: uint8 (N, H, W, 3)."""

    images: np.ndarray

    def __call__(self, i: int) -> Image.Image:
        return Image.fromarray(self.images[i])


@probing_sets.register("cifar10")
def load_cifar10(probe: Probe, **_: Any) -> ProbingSet:
    """CIFAR-10: 10 classes, 32 × 32 pixels; partitions `test` (10,000 images) and `train` (50,000)."""
    from torchvision.datasets import CIFAR10

    return _cifar(CIFAR10, probe, "CIFAR-10")


@probing_sets.register("cifar100")
def load_cifar100(probe: Probe, **_: Any) -> ProbingSet:
    """CIFAR-100: 100 fine classes, with the set's own 20 coarse classes as superclasses."""
    from torchvision.datasets import CIFAR100

    found = _cifar(CIFAR100, probe, "CIFAR-100")
    return replace(found, superclasses=read_superclasses(DATA / "cifar100.json", found.classes))


def _cifar(dataset: type, probe: Probe, title: str) -> ProbingSet:
    partition = _partition(probe, ("test", "train"))
    root = _root(probe)
    with _explained(probe, root, partition):
        data = dataset(root, train=partition == "train", download=probe.download)
    return ProbingSet(
        name=probe.set,
        source=f"{title} {partition} set in {root}",
        keys=tuple(f"{partition}/{i:05d}" for i in range(len(data))),
        labels=np.asarray(data.targets, dtype=np.int64),
        classes=tuple(ClassInfo(c, c.replace("_", " ")) for c in data.classes),
        load=_Arrays(data.data),
    )


@probing_sets.register("places365")
def load_places365(probe: Probe, *, seed: int, progress: Progress, **_rest: Any) -> ProbingSet:
    """Places365: 365 scenes; partitions `val`, `train` (train-standard) and `train-challenge`.

    The 256 × 256 images are taken where they are there (and when downloading), else the large ones.
    A class is named as in the paper on linear explanations: `/f/field/wild` is "field, wild".
    """
    from torchvision.datasets import Places365

    partition = _partition(probe, ("val", "train", "train-standard", "train-challenge"))
    root = _root(probe)
    part = "train-standard" if partition == "train" else partition
    with _explained(probe, root, partition):
        data = Places365(root, split=part, small=True, download=probe.download)
        if not Path(data.images_dir).is_dir():
            data = Places365(root, split=part, small=False)
        if not Path(data.images_dir).is_dir():
            raise RuntimeError(f"There is no folder {data.images_dir}")
    # The ids are those in the file of categories; torchvision's `classes` is sorted by name, another order.
    keys = sorted(data.class_to_idx, key=data.class_to_idx.get)
    classes = [ClassInfo(k, ", ".join(k.split("/")[2:]).replace("_", " ")) for k in keys]
    files = [Path(path).relative_to(root).as_posix() for path, _ in data.imgs]
    source = f"Places365 {partition} set in {root}"
    return from_files("places365", source, root, files, data.targets, classes, probe, seed, progress)


@probing_sets.register("imagenette")
def load_imagenette(probe: Probe, *, seed: int, progress: Progress, **_rest: Any) -> ProbingSet:
    """Imagenette: 10 ImageNet classes by WordNet id; partitions `val` and `train`.

    Of several sizes in the root the largest is taken; the one of 320 pixels is downloaded.
    """
    from torchvision.datasets import Imagenette

    partition = _partition(probe, ("val", "train"))
    root = _root(probe)
    there = [size for size, folder in _IMAGENETTE.items() if (root / folder).is_dir()]
    with _explained(probe, root, partition):
        size = there[0] if there else "320px"
        data = Imagenette(root, split=partition, size=size, download=probe.download and not there)
    classes = [ClassInfo(wnid, names[0]) for wnid, names in zip(data.wnids, data.classes, strict=True)]
    files = [Path(path).relative_to(root).as_posix() for path, _ in data._samples]
    labels = [label for _, label in data._samples]
    tidy = [i for i, file in enumerate(files) if not any(map(is_clutter, file.split("/")))]
    files, labels = [files[i] for i in tidy], [labels[i] for i in tidy]
    source = f"Imagenette {partition} set in {root}"
    return from_files("imagenette", source, root, files, labels, classes, probe, seed, progress)


_IMAGENETTE = {"full": "imagenette2", "320px": "imagenette2-320", "160px": "imagenette2-160"}


@probing_sets.register("imagenet")
def load_imagenet(probe: Probe, *, seed: int, progress: Progress, **_rest: Any) -> ProbingSet:
    """ImageNet from disk, by WordNet id; partitions `val` and `train`.

    Reads `root/val/n01440764/…`; where that folder isn't there, torchvision unpacks the original
    archives into it first. Classes have the names that torchvision's weights give their outputs.
    """
    from torchvision.datasets import ImageNet

    partition = _partition(probe, ("val", "train"))
    root = _root(probe)
    with _explained(probe, root, partition):
        if not (root / partition).is_dir():
            if by_store() or not (root / f"ILSVRC2012_img_{partition}.tar").is_file():
                raise RuntimeError(f"There is no folder {root / partition}, nor the archive to make it from")
            progress.note(f"unpacking ImageNet's archives in {root}, once")
            try:
                ImageNet(root, split=partition)
            except ImportError as error:  # torchvision reads the devkit's .mat file with SciPy
                raise UserError(
                    f"Unpacking ImageNet's archives in {root} needs SciPy ({error}): `pip install scipy`, "
                    f"or unpack them to {root / partition}/n01440764/…"
                ) from None
        folders, found, labels, *_, clutter = walk(root / partition)
    if note := clutter_sentence(clutter):
        progress.note(note)
    names = _imagenet_names()
    strange = [k for k in folders if k not in names]
    if strange:
        raise UserError(
            f"{root / partition} has folders that are not ImageNet classes, such as {quote(strange[0])}: "
            "they must be named by WordNet ids such as 'n01440764'; for other images use the set 'folder'."
        )
    classes = [ClassInfo(wnid, names[wnid]) for wnid in folders]
    files = [f"{partition}/{file}" for file in found]
    source = f"ImageNet {partition} set in {root}"
    return from_files("imagenet", source, root, files, labels, classes, probe, seed, progress)


def _imagenet_names() -> dict[str, str]:
    """WordNet id -> torchvision's name of the output; outputs are in the order of the ids."""
    from torchvision.models._meta import _IMAGENET_CATEGORIES

    from .wordnet import imagenet_ids

    return dict(zip(imagenet_ids(), _IMAGENET_CATEGORIES, strict=True))


def _partition(probe: Probe, known: tuple[str, ...]) -> str:
    """The partition asked for; where none was, the first of `known`, which is not the training part."""
    if probe.partition is None:
        return known[0]
    if probe.partition not in known:
        raise UserError(
            f"The probing set {quote(probe.set)} has no labelled partition {quote(probe.partition)}: "
            f"set probe.partition to {' or '.join(repr(k) for k in known)}."
        )
    return probe.partition


def _root(probe: Probe) -> Path:
    if probe.download and probe.root is not None:
        Path(probe.root).expanduser().mkdir(parents=True, exist_ok=True)
    return image_root(probe)


@contextmanager
def _explained(probe: Probe, root: Path, partition: str) -> Iterator[None]:
    """Turn what torchvision raises for missing or damaged files into one sentence."""
    try:
        yield
    except (RuntimeError, OSError, EOFError, tarfile.TarError) as error:
        reason = " ".join(str(error).split())
        # torchvision's own advice names its argument; ours, below, names the option.
        reason = re.sub(r" You can (use|set) download=True to download it", "", reason).rstrip(".")
        needed = _NEEDED[probe.set].format(partition=partition)
        download = "" if probe.download or probe.set == "imagenet" else ", or set probe.download = true"
        raise UserError(
            f"The set {quote(probe.set)} can't be read from {root} ({reason}): put {needed} there{download}."
        ) from None
