"""What the network is shown: image folders, torchvision sets, labels, superclasses, splits, thumbnails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from ..base.checkpoints import Checkpoints, NoCheckpoints
from ..base.errors import UserError
from ..base.progress import Progress, Silent
from ..config import Probe
from . import folder, torchvision_sets  # noqa: F401  (they register their sets)
from .base import (
    Attribute,
    ClassInfo,
    ComputedLayer,
    ComputedUnit,
    ProbingSet,
    Skipped,
    Superclass,
    probing_sets,
)
from .images import open_rgb, thumbnail_jpeg
from .names import apply_names
from .splits import draw, split
from .superclasses import find_superclasses

__all__ = [
    "LEAST_IMAGES",
    "Attribute",
    "ClassInfo",
    "ComputedLayer",
    "ComputedUnit",
    "ProbingSet",
    "Skipped",
    "Superclass",
    "UnreadableImage",
    "load_probing_set",
    "open_rgb",
    "probing_sets",
    "split",
    "take",
    "thumbnail_jpeg",
]

# With fewer, the test split has under ten images and no correlation means anything.
LEAST_IMAGES = 50


def load_probing_set(
    probe: Probe, seed: int = 0, progress: Progress | None = None, kept: Checkpoints | None = None
) -> ProbingSet:
    """Load the probing set that a build's config asks for.

    The set itself comes from the registry by its name; then `probe.limit`, `probe.names` and
    `probe.superclasses` are applied (superclasses given here replace those that the set brings). kept: keeps what takes
    long to make.
    Raises `UserError` for what the user got wrong, and for fewer than 50 usable images.
    """
    progress = progress or Silent()
    probing_set = probing_sets[probe.set](probe, seed=seed, progress=progress, kept=kept or NoCheckpoints())
    if probing_set.skipped:
        images = "1 image" if len(probing_set.skipped) == 1 else f"{len(probing_set.skipped):,} images"
        progress.note(f"{images} skipped: {_listed(probing_set)}")
    if probe.limit is not None and len(probing_set) > probe.limit:
        probing_set = take(probing_set, draw(probing_set.labels, probe.limit, seed))
    _check_size(probing_set)
    if probe.names is not None:
        probing_set = replace(probing_set, classes=apply_names(probing_set.classes, probe.names))
    if probe.superclasses is not None:
        found = find_superclasses(probe.superclasses, probing_set.classes)
        probing_set = replace(probing_set, superclasses=found)
    return probing_set


def take(probing_set: ProbingSet, indices: np.ndarray) -> ProbingSet:
    """Return the probing set with only the images at `indices`, in that order; classes all stay."""
    indices = np.asarray(indices, dtype=np.int64)
    keys = tuple(probing_set.keys[i] for i in indices)
    captions = probing_set.captions
    return replace(
        probing_set,
        keys=keys,
        labels=probing_set.labels[indices],
        load=_Taken(probing_set.load, indices),
        attributes=tuple(replace(a, present=a.present[indices]) for a in probing_set.attributes),
        presence=None if probing_set.presence is None else probing_set.presence[indices],
        captions=None if captions is None else tuple(captions[i] for i in indices),
        computed_layers=tuple(
            replace(layer, activations=layer.activations[:, indices]) for layer in probing_set.computed_layers
        ),
    )


@dataclass(frozen=True)
class _Taken:
    """`load` of a part of a set; a class, not a closure, so that it may cross processes."""

    load: Callable[[int], Image.Image]
    indices: np.ndarray

    def __call__(self, i: int) -> Image.Image:
        return self.load(int(self.indices[i]))


def _check_size(probing_set: ProbingSet) -> None:
    n = len(probing_set)
    if n >= LEAST_IMAGES:
        return
    bad = len(probing_set.skipped)
    why = f" ({bad:,} more can't be used: {_listed(probing_set)})" if bad else ""
    raise UserError(
        f"The {probing_set.source} has {n} good images{why}; at least {LEAST_IMAGES} are needed: add some."
    )


def _listed(probing_set: ProbingSet, most: int = 3) -> str:
    """The first few skipped images with their reasons."""
    few = "; ".join(f"{s.key} ({s.reason})" for s in probing_set.skipped[:most])
    return few + ("; …" if len(probing_set.skipped) > most else "")
