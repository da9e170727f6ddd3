"""What the network is shown: a probing set and everything known about its images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from ..base.registry import Registry


@dataclass(frozen=True)
class ClassInfo:
    """A class of the probing set: `key` (folder name, WordNet id) and a name for people."""

    key: str
    name: str


@dataclass(frozen=True)
class Superclass:
    """A set of classes under one name. `key` tells apart two superclasses of the same name."""

    key: str
    name: str
    classes: tuple[int, ...]


@dataclass(frozen=True)
class Attribute:
    """A label that an image can have beside its class (a colour, a texture, a background).

    `present` is boolean, shape (N,). `kind` groups attributes ('colour', …).
    """

    key: str
    name: str
    kind: str
    present: np.ndarray


@dataclass(frozen=True)
class Skipped:
    """An image that was left out, and why."""

    key: str
    reason: str


@dataclass(frozen=True)
class ComputedUnit:
    """A unit of a computed layer: what it was made of, for people and for tests.

    `terms` are (weight, concept name) pairs, `bias` and `noise` (standard deviation) the rest of
    the recipe; an empty `terms` means that there is nothing to find.
    """

    name: str
    terms: tuple[tuple[float, str], ...] = ()
    bias: float = 0.0
    noise: float = 0.0


@dataclass(frozen=True)
class ComputedLayer:
    """Units that come with the probing set instead of from a network.

    `activations` is float32, shape (K, N). Interventions don't apply: `note` says why.
    """

    name: str
    units: tuple[ComputedUnit, ...]
    activations: np.ndarray
    note: str


@dataclass(frozen=True)
class ProbingSet:
    """N images with labels, in a fixed order.

    keys: a stable name per image, unique. labels: int64 (N,), index into `classes`.
    presence: boolean (N, C), which classes are anywhere in each image; the one-hot labels
    unless the set knows better. load(i): image i as a PIL RGB image, as stored (no resizing).
    captions: a sentence per image, or None.
    """

    name: str
    source: str
    keys: tuple[str, ...]
    labels: np.ndarray
    classes: tuple[ClassInfo, ...]
    load: Callable[[int], Image.Image]
    superclasses: tuple[Superclass, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    presence: np.ndarray | None = None
    captions: tuple[str, ...] | None = None
    skipped: tuple[Skipped, ...] = ()
    computed_layers: tuple[ComputedLayer, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.keys)

    def class_presence(self) -> np.ndarray:
        """Boolean (N, C): which classes are in which image."""
        if self.presence is not None:
            return self.presence
        return self.labels[:, None] == np.arange(len(self.classes))[None, :]


# name -> function(config.Probe, seed=, progress=, kept=) -> ProbingSet; kept: `Checkpoints` for what takes long to make
probing_sets: Registry[Callable[..., ProbingSet]] = Registry("probing set")
