"""How image folders are laid out: what is not an image at all, and roots that hold something else than classes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from ..base.errors import UserError
from ..base.text import folded

# Folders that systems and photo programs keep beside the images, with thumbnails, earlier versions and deleted files.
_CLUTTER = {
    "[originals]", "__macosx", "__pycache__", "captureone", "corel auto-preserve", "files_trashbin", "files_versions", "found.",
    "lost+found", "network recycle bin", "network trash folder", "node_modules", "picasa originals", "pwg_high", "pwg_representative",
    "recycled", "recycler", "system volume information", "temporary items", "trashbin", "trashbox",
}  # fmt: skip
_CLUTTER_ENDS = (".lrdata", ".lrcat-data")
_MARKED = set(
    "recycle recyclebin snapshot snapshots trash versions".split()
)  # with a sign before them: `#recycle`
_SIGNS = "#_~"
_SMALL = set("cache preview previews thmbnl thumb thumbnail thumbnails thumbs tn".split())
_OF_SMALL = set("image images ipod large medium photo photos picture pictures small smart".split())
# What words in folders' names say: the part of a data set, in the order in which one is proposed; or nothing.
_PARTS = {
    "val": "val valid validation dev devel development eval evaluation",
    "test": "test testing tst holdout heldout held pred prediction predictions inference",
    "train": "train training trn",
    "gallery": "gallery",
    "query": "query queries probe support",
    "images": "image images img imgs picture pictures pic pics photo photos",
    "labeled": "labeled labelled",
    "unlabeled": "unlabeled unlabelled unsup extra",
    "fold": "fold folds split splits part parts batch chunk shard subset",
    "labels": "label labels mask masks annotation annotations segmentation segmentations truth groundtruth gt",
}
_PART_OF = {word: part for part, words in _PARTS.items() for word in words.split()}
_OF_A_SPLIT = {"train", "val", "test"}
_FILLING = set(
    "all bbox bounding box boxes crop cropped crops data dataset full ground jpeg jpg large mini other out png raw "
    "resized set sets small sub tiny".split()
)
_KNOWN = sorted({*_PART_OF, *_FILLING}, key=len, reverse=True)


def is_clutter(name: str) -> bool:
    """Whether a file or folder is hidden, or was put there by a system or a photo program."""
    if name.startswith((".", "@", "$", "~$")):
        return True
    plain = folded(name)
    words = _words(plain)
    return (
        plain.rstrip("0123456789") in _CLUTTER
        or plain.endswith(_CLUTTER_ENDS)
        or (plain[:1] in _SIGNS and plain.lstrip(_SIGNS).replace(" ", "") in _MARKED)
        or (not _SMALL.isdisjoint(words) and _SMALL | _OF_SMALL >= {*words})
        or (plain.startswith("syno") and "_thumb_" in plain)
    )


def check_layout(root: Path, names: Sequence[str], files: Sequence[str], labels: Sequence[int]) -> list[str]:
    """Sentences on class folders that are probably not what was meant.

    names: the folders in `root`. files: posix paths of the images below it, with their labels. Raises
    `UserError` where the folders are the parts of a data set, or one folder that holds the classes.
    """
    full = [names[label] for label in sorted(set(labels))]
    inner, below, inside = _first_choice(files)
    if _parts(below):
        raise UserError(
            f"The image folder {root / inner} holds {_listed(below)}: parts of a data set, not classes. Set probe.root "
            f"to one of them, such as {root / inner / _best(below, inside)}; a class of such a name needs another one."
        )
    if inner != "." and len(below) > 1:
        raise UserError(
            f"All images of {root} are in one folder, {full[0]!r}, which holds {_listed(below)}: if these are "
            f"the classes, set probe.root to {root / inner}; if it is one class, move its images up into it."
        )
    if len(full) == 1:
        if (root / "val_annotations.txt").is_file():  # Tiny ImageNet's part `val`
            raise UserError(
                f"The images of {root} are in one folder; their classes stand in val_annotations.txt. Sort them into a "
                f"folder a class, or set probe.root to another part, such as {root.with_name('train')}."
            )
        return [f"all images are in one folder, {full[0]!r}: there is one class, and labels explain nothing"]
    return [*_maybe_parts(full), *_same_below(full, files), *_alike(full)]


def _first_choice(files: Sequence[str]) -> tuple[str, list[str], list[list[str]]]:
    """Where folders first branch: the path to there, '.' for the root itself; the folders with images in it,
    none where images lie beside them; and the parts of the images' paths from there on."""
    inside = [file.split("/") for file in files]
    path: list[str] = []
    while inside and all(len(parts) > 1 for parts in inside):
        found = sorted({parts[0] for parts in inside})
        if len(found) > 1 or _parts(found):
            return "/".join(path) or ".", found, inside
        path.append(found[0])
        inside = [parts[1:] for parts in inside]
    return "/".join(path) or ".", [], inside


def _folders_in(name: str, inside: Sequence[Sequence[str]]) -> list[str]:
    """The folders with images in the folder `name`; [] if images lie beside them."""
    own = [parts for parts in inside if parts[0] == name]
    return sorted({parts[1] for parts in own}) if all(len(parts) > 2 for parts in own) else []


def _parts(names: Sequence[str]) -> bool:
    """Whether folders are the parts of a data set: names that differ in words for parts alone (`train_images`
    and `extra`; `seg_train` and `seg_test`), or two names of a split among others (`train` and `val`)."""
    read = [_read(name) for name in names]
    splits = {parts & _OF_A_SPLIT for parts, rest in read if not rest} - {frozenset()}
    if len(read) < 2:
        return bool(splits)
    same = len({rest for _, rest in read}) == 1 and all(parts for parts, _ in read)
    return len(splits) > 1 or (same and len({parts for parts, _ in read}) > 1)


def _maybe_parts(names: Sequence[str]) -> list[str]:
    """A note for class folders whose names could be those of parts, or of classes: `test tube` and `train station`,
    `fold1` and `fold2`."""
    read = [_read(name) for name in names]
    named = [parts for parts, _ in read if parts]
    if (
        len(named) == len(names)
        and not any(rest for _, rest in read)
        or (len(named) > len(names) / 2 and len(set(named)) > 1)
    ):
        return [
            f"the class folders {_listed(names)} are named as parts of a data set are: if they are not classes, "
            "set probe.root to one of them"
        ]
    return []


def _read(name: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """What a folder's name says: parts of a data set, and the words that say something else."""
    parts, rest = set(), []
    for word in _words(name):
        if (known := _known(word)) is None:
            rest.append(word)
        else:
            parts |= {_PART_OF[inner] for inner in known if inner in _PART_OF}
    return frozenset(parts), tuple(rest)


def _known(word: str) -> list[str] | None:
    """The known words of which a word is put together (`minitrain`); None where something else is left."""
    found = []
    while word:
        first = next((known for known in _KNOWN if word.startswith(known)), None)
        if first is None:
            return None
        found.append(first)
        word = word.removeprefix(first)
    return found


def _words(name: str) -> list[str]:
    """The words in a name, without single letters: `trainA`, `Train_Images` and `train2017` begin with `train`."""
    apart = "".join(f" {c}" if c.isupper() and before.islower() else c for before, c in pairwise(f" {name}"))
    return [
        word for word in "".join(c if c.isalpha() else " " for c in folded(apart)).split() if len(word) > 1
    ]


def _best(names: Sequence[str], inside: Sequence[Sequence[str]]) -> str:
    """The part to be shown: one with folders in it, and not the training part, where there is such."""
    order = list(_PARTS)

    def rank(name: str) -> tuple[bool, int]:
        return len(_folders_in(name, inside)) < 2, min(map(order.index, _read(name)[0]), default=len(order))

    return min(names, key=rank)


def _same_below(names: Sequence[str], files: Sequence[str]) -> list[str]:
    """A note where class folders hold folders of the same names: these may be the classes."""
    inside: dict[str, list[list[str]]] = {name: [] for name in names}
    for parts in (file.split("/") for file in files):
        inside[parts[0]].append(parts)
    below = {name: folders for name, parts in inside.items() if (folders := _folders_in(name, parts))}
    common = set.intersection(*map(set, below.values())) if len(below) > 1 else set()
    if len(common) < 2:
        return []
    return [
        f"each of the class folders {_listed([*below])} holds {_listed(sorted(common))}: if these are the classes, "
        "set probe.root to a folder that holds each of them once"
    ]


def _alike(names: Sequence[str]) -> list[str]:
    """A note for class folders whose names differ in case or in the form of accents alone."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(folded(name), []).append(name)
    return [
        f"the class folders {_listed(group)} differ in case or accents alone; each is a class of its own"
        for group in groups.values()
        if len(group) > 1
    ]


def _listed(names: Sequence[str], most: int = 5) -> str:
    shown = [repr(name.encode("utf-8", "backslashreplace").decode()) for name in names[:most]]
    return ", ".join(shown) + (", …" if len(names) > most else "")


def clutter_sentence(found: dict[str, int]) -> str | None:
    """What was left out, from the number of images by the name of the folder or file that held them."""
    images = sum(found.values())
    if not images:
        return None
    names = sorted(found, key=lambda name: -found[name])
    count = "1 image" if images == 1 else f"{images:,} images"
    return (
        f"left out {count} that the system or photo software made, in or as {_listed(names)}; rename a folder that is meant "
        "to be read"
    )


def real_ancestors(path: str) -> set[str]:
    """A folder and all folders above it, without links."""
    real = Path(os.path.realpath(path))
    return {str(real), *map(str, real.parents)}
