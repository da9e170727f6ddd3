"""How image folders are laid out: what is no image at all, and roots that hold something else than classes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import UserError
from ..text import folded

# Folders that systems and photo programs keep beside the images, with thumbnails and deleted files.
_CLUTTER = {
    "#recycle", "#snapshot", "~snapshot", "__macosx", "__pycache__", "_thumbnails", "_thumbs", "lost+found",
    "network trash folder", "node_modules", "recycled", "recycler", "system volume information", "temporary items",
    "thumbnails", "thumbs",
}  # fmt: skip
_PARTS = {
    "train": ("train", "training", "trainset", "trainval"),
    "val": ("val", "valid", "validation", "dev", "eval", "valset"),
    "test": ("test", "testing", "testset", "holdout"),
}
_PART_OF = {word: part for part, words in _PARTS.items() for word in words}
_BEST = ("val", "test", "train")


def is_clutter(name: str) -> bool:
    """Whether a file or folder is hidden, or was put there by a system or a photo program."""
    if name.startswith((".", "@", "$", "~$")):
        return True
    plain = name.casefold()
    return plain in _CLUTTER or (plain.startswith("syno") and "_thumb_" in plain)


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
    return [*_same_below(full, files), *_alike(full)]


def _first_choice(files: Sequence[str]) -> tuple[str, list[str], list[list[str]]]:
    """Where folders first branch: the path to there, '.' for the root itself; the folders with images in it,
    none where images lie beside them; and the parts of the images' paths from there on."""
    inside = [file.split("/") for file in files]
    path: list[str] = []
    while inside and all(len(parts) > 1 for parts in inside):
        found = sorted({parts[0] for parts in inside})
        if len(found) > 1 or _PART_OF.get(folded(found[0])):
            return "/".join(path) or ".", found, inside
        path.append(found[0])
        inside = [parts[1:] for parts in inside]
    return "/".join(path) or ".", [], inside


def _folders_in(name: str, inside: Sequence[Sequence[str]]) -> list[str]:
    """The folders with images in the folder `name`; [] if images lie beside them."""
    own = [parts for parts in inside if parts[0] == name]
    return sorted({parts[1] for parts in own}) if all(len(parts) > 2 for parts in own) else []


def _parts(names: Sequence[str]) -> bool:
    """Whether folders are the parts of a data set: by their names alone (`train`), or all by a word in
    them (`seg_train` and `seg_test`)."""
    exact = [_PART_OF.get(folded(name)) for name in names]
    if not names:
        return False
    if None not in exact or len({part for part in exact if part}) > 1:
        return True
    words = [{_PART_OF[word] for word in _words(name) if word in _PART_OF} for name in names]
    return all(words) and len(set.union(*words)) > 1


def _words(name: str) -> list[str]:
    return "".join(c if c.isalpha() else " " for c in folded(name)).split()


def _best(names: Sequence[str], inside: Sequence[Sequence[str]]) -> str:
    """The part to be shown: one with folders in it, and not the training part, where there is such."""

    def rank(name: str) -> tuple[bool, int]:
        part = next((p for p in _BEST if any(w in folded(name) for w in _PARTS[p])), _BEST[-1])
        return len(_folders_in(name, inside)) < 2, _BEST.index(part)

    return min(names, key=rank)


def _same_below(names: Sequence[str], files: Sequence[str]) -> list[str]:
    """A note where all class folders hold folders of the same names: these may be the classes."""
    inside: dict[str, list[list[str]]] = {name: [] for name in names}
    for parts in (file.split("/") for file in files):
        inside[parts[0]].append(parts)
    below = [_folders_in(name, parts) for name, parts in inside.items()]
    common = set(below[0]).intersection(*below[1:])
    if len(common) < 2:
        return []
    return [
        f"each of the class folders {_listed(names)} holds {_listed(sorted(common))}: if these are the classes, "
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
    return f"{count} that systems and photo programs keep left out: in or as {_listed(names)}"


def real_ancestors(path: str) -> set[str]:
    """A folder and all folders above it, without links."""
    real = Path(os.path.realpath(path))
    return {str(real), *map(str, real.parents)}
