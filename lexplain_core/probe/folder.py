"""Image folders: a folder a class."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from ..base.errors import UserError, did_you_mean, quote, refuse_shortage
from ..base.files import expanded
from ..base.progress import Progress
from ..config import Probe
from ..trust import opening
from .base import ClassInfo, ProbingSet, Skipped, probing_sets
from .images import EXTENSIONS, ImageFiles, Stamp, check_files
from .layout import check_layout, clutter_sentence, is_clutter, real_ancestors
from .splits import draw


@probing_sets.register("folder")
def load_folder(probe: Probe, *, seed: int, progress: Progress, **_rest: Any) -> ProbingSet:
    """Read `probe.root`: each folder in it is a class, with images at any depth.

    Classes are sorted by folder name, images by path. Hidden files, what systems and photo programs keep
    beside the images (`layout.is_clutter`), and files with other endings than an image's, are left alone.
    Unusable images are listed in `skipped`; classes without a usable image are left out.
    """
    root = image_root(probe)
    names, files, labels, loose, others, clutter = walk(root)
    left_out = clutter_sentence(clutter)
    if not files:
        raise UserError(_why_empty(root, names, loose) + (f" And {left_out}." if left_out else ""))
    if left_out:
        progress.note(left_out)
    for note in check_layout(root, names, files, labels):
        progress.note(note)
    if loose:
        progress.note(f"{loose} images directly in {root} are in no class folder and are left out")
    if others:
        progress.note(f"{others} files in {root} have no image ending ({_endings()}) and are left out")
    classes = [ClassInfo(n, n) for n in names]
    name = "/".join(root.parts[-2:])  # `cifar10/test` says more than `test`
    return from_files(name, f"image folder {root}", root, files, labels, classes, probe, seed, progress)


def image_root(probe: Probe) -> Path:
    """Return `probe.root` as an existing folder, or raise `UserError`; also where a store names it and it isn't trusted."""
    if probe.root is None:
        raise UserError(
            f"The probing set {quote(probe.set)} needs probe.root: the folder where its images are."
        )
    root = opening("images", expanded(probe.root).absolute())
    if not root.is_dir():
        there = "is a file, not a folder" if root.exists() else "doesn't exist"
        siblings = [p.name for p in root.parent.iterdir() if p.is_dir()] if root.parent.is_dir() else []
        hint = did_you_mean(root.name, siblings)
        raise UserError(f"The image folder {root} {there}: set probe.root to the folder of the images.{hint}")
    return root


def from_files(
    name: str,
    source: str,
    root: Path,
    files: Sequence[str],
    labels: Sequence[int],
    classes: Sequence[ClassInfo],
    probe: Probe,
    seed: int,
    progress: Progress,
) -> ProbingSet:
    """Make a probing set of image files, given by posix paths below `root`, with their labels.

    Draws `probe.limit` images, and decodes each one once; what can't be shown goes to `skipped`.
    Classes none of whose images is usable are left out, with a note; those that merely got no
    image from a small limit stay.
    """
    classes_of = np.asarray(labels, dtype=np.int64)
    bad: dict[int, str] = {}
    stamps: dict[int, Stamp] = {}
    with progress.task("checking images", min(len(files), probe.limit or len(files))) as advance:

        def check(indices: np.ndarray) -> np.ndarray:
            paths = [root / files[i] for i in indices]
            results = check_files(paths, probe.max_pixels, advance)
            for i, result in zip(indices, results, strict=True):
                if isinstance(result, Stamp):
                    stamps[int(i)] = result
                else:
                    bad[int(i)] = result
            return np.array([isinstance(result, Stamp) for result in results], dtype=bool)

        kept = draw(classes_of, probe.limit, seed, check)
    usable = np.ones(len(files), dtype=bool)
    usable[list(bad)] = False
    alive = np.flatnonzero(np.bincount(classes_of[usable], minlength=len(classes)))
    if len(alive) < len(classes):
        gone = [classes[c].key for c in np.setdiff1d(np.arange(len(classes)), alive)]
        number = _count(len(gone), "class", "classes")
        progress.note(f"{number} without a usable image left out: {_few(gone)}")
    if note := _copies(root, [files[i] for i in kept], classes_of[kept]):
        progress.note(note)
    position = np.full(len(classes), -1)
    position[alive] = np.arange(len(alive))
    keys = tuple(files[i] for i in kept)
    return ProbingSet(
        name=name,
        source=source,
        keys=keys,
        labels=position[classes_of[kept]],
        classes=tuple(classes[int(c)] for c in alive),
        load=ImageFiles(root, keys, [stamps[int(i)] for i in kept]),
        skipped=tuple(Skipped(_printable(files[i]), bad[i]) for i in sorted(bad)),
    )


def walk(root: Path) -> tuple[list[str], list[str], list[int], int, int, dict[str, int]]:
    """Return class folders, image files, their labels, how many images and others are left alone, and the
    number of images by the name of the clutter that holds them."""
    top = sorted(entry.name for entry in root.iterdir())
    clutter: Counter[str] = Counter()
    for name in filter(is_clutter, top):
        clutter[name] += _images_below(root / name)
    top = [name for name in top if not is_clutter(name)]
    names = [name for name in top if _is_folder(root / name)]
    loose = [name for name in top if not _is_folder(root / name)]
    files: list[str] = []
    labels: list[int] = []
    others = sum(not _is_image(f) for f in loose)
    for label, name in enumerate(names):
        found = list(_files_below(root, name, clutter))
        images = sorted(f for f in found if _is_image(f))
        files += images
        labels += [label] * len(images)
        others += len(found) - len(images)
    return names, files, labels, sum(map(_is_image, loose)), others, clutter


def _files_below(root: Path, name: str, clutter: Counter[str]) -> Iterator[str]:
    """Yield the posix paths below `root` of the files in `root/name`; links are followed, once, and never upwards."""
    seen = real_ancestors(str(root))
    for folder, inner, names in os.walk(root / name, followlinks=True, onerror=_unreadable):
        real = os.path.realpath(folder)
        if real in seen:
            inner.clear()
            continue
        seen.add(real)
        for kept in filter(is_clutter, inner):
            clutter[kept] += _images_below(Path(folder) / kept)
        inner[:] = sorted(n for n in inner if not is_clutter(n))
        below = Path(folder).relative_to(root)
        for file in names:
            if is_clutter(file):
                clutter[file] += _is_image(file)
            else:
                yield (below / file).as_posix()


def _unreadable(error: OSError) -> None:
    """A folder that can't be listed ends the build; one that went meanwhile has no images."""
    refuse_shortage(error, f"The folder {error.filename} can't be read")


def _images_below(path: Path) -> int:
    """How many files end as images do: the file itself, or those in the folder."""
    if not _is_folder(path):
        return int(_is_image(path.name))
    return sum(_is_image(name) for _, _, names in os.walk(path) for name in names)


def _copies(root: Path, files: Sequence[str], labels: np.ndarray) -> str | None:
    """A sentence on images that are there more than once, byte by byte."""
    by_size: dict[int, list[int]] = {}
    for i, file in enumerate(files):
        by_size.setdefault((root / file).stat().st_size, []).append(i)
    by_content: dict[bytes, list[int]] = {}
    for i in (i for alike in by_size.values() if len(alike) > 1 for i in alike):
        by_content.setdefault(hashlib.sha256((root / files[i]).read_bytes()).digest(), []).append(i)
    same = [places for places in by_content.values() if len(places) > 1]
    if not same:
        return None
    across = [places for places in same if len(set(labels[places])) > 1]
    places = (across or same)[0]
    several = f", {len(across):,} of them in several classes," if across else ""
    images = _count(len(same), "image is", "images are")
    return f"{images} there more than once{several} such as {_few([files[i] for i in places], 3)}"


def _is_image(name: str) -> bool:
    return PurePath(name).suffix.lower() in EXTENSIONS


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - Path's raises where nobody may look


def _why_empty(root: Path, names: list[str], loose: int) -> str:
    if loose and not names:
        return (
            f"The {loose} images in {root} are in no class folder: make a folder for each class in it "
            f"and move the images there, as in {root.name}/cat/1.jpg{_above(root)}."
        )
    if not names:
        return f"The image folder {root} is empty: it needs a folder for each class, with images in it."
    where = f"its {_count(len(names), 'class folder', 'class folders')} ({_few(names)})"
    return f"The image folder {root} has no images in {where}: images end in {_endings()}."


def _above(root: Path) -> str:
    """Advice for a root that is itself a class folder: it has others beside it."""
    try:
        beside = [p for p in root.parent.iterdir() if p.is_dir() and p != root and not is_clutter(p.name)]
        if not any(_is_image(entry.name) for p in beside[:100] for entry in p.iterdir()):
            return ""
    except OSError:  # folders that aren't ours
        return ""
    return f"; or set probe.root to {root.parent}, where {root.name!r} is a class"


def _printable(path: str) -> str:
    """A path that any database takes, even if the file's name isn't valid text."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def _few(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(_printable(n) for n in names[:most]) + (", …" if len(names) > most else "")


def _count(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"


def _endings() -> str:
    return ", ".join(sorted(e.removeprefix(".") for e in EXTENSIONS))
