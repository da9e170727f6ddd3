"""The kinds of objects and their hierarchy: kind < group < family < realm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from . import shapes_animals as animals
from . import shapes_plants as plants
from . import shapes_things as things
from . import shapes_vehicles as vehicles
from .pen import Part


@dataclass(frozen=True)
class Kind:
    """A kind of object.

    flies: placed in the air, without a shadow on the ground. tilt: most degrees it leans.
    """

    name: str
    plural: str
    group: str
    family: str
    realm: str
    draw: Callable[[], tuple[Part, ...]]
    flies: bool = False
    tilt: float = 4.0


def _kind(
    name: str,
    group: str,
    family: str,
    realm: str,
    draw: Callable[[], tuple[Part, ...]],
    plural: str | None = None,
    flies: bool = False,
    tilt: float = 4.0,
) -> Kind:
    return Kind(name, plural or f"{name}s", group, family, realm, draw, flies, tilt)


KINDS: tuple[Kind, ...] = (
    _kind("cat", "land animal", "animal", "living", animals.cat),
    _kind("dog", "land animal", "animal", "living", animals.dog),
    _kind("rabbit", "land animal", "animal", "living", animals.rabbit),
    _kind("duck", "bird", "animal", "living", animals.duck),
    _kind("owl", "bird", "animal", "living", animals.owl),
    _kind("penguin", "bird", "animal", "living", animals.penguin),
    _kind("fish", "sea animal", "animal", "living", animals.fish, plural="fish", tilt=12),
    _kind("whale", "sea animal", "animal", "living", animals.whale),
    _kind("butterfly", "insect", "animal", "living", animals.butterfly, "butterflies", True, 22),
    _kind("beetle", "insect", "animal", "living", animals.beetle, tilt=28),
    _kind("tulip", "flower", "plant", "living", plants.tulip, tilt=7),
    _kind("sunflower", "flower", "plant", "living", plants.sunflower, tilt=7),
    _kind("fir tree", "tree", "plant", "living", plants.fir_tree),
    _kind("palm tree", "tree", "plant", "living", plants.palm_tree),
    _kind("apple", "fruit", "plant", "living", plants.apple, tilt=12),
    _kind("pear", "fruit", "plant", "living", plants.pear, tilt=14),
    _kind("car", "road vehicle", "vehicle", "human-made", vehicles.car),
    _kind("bus", "road vehicle", "vehicle", "human-made", vehicles.bus, plural="buses"),
    _kind("boat", "water vehicle", "vehicle", "human-made", vehicles.boat, tilt=7),
    _kind("submarine", "water vehicle", "vehicle", "human-made", vehicles.submarine, tilt=7),
    _kind("rocket", "air vehicle", "vehicle", "human-made", vehicles.rocket, flies=True, tilt=30),
    _kind("balloon", "air vehicle", "vehicle", "human-made", vehicles.balloon, flies=True, tilt=8),
    _kind("house", "building", "thing", "human-made", things.house, tilt=2),
    _kind("castle", "building", "thing", "human-made", things.castle, tilt=2),
    _kind("mug", "household thing", "thing", "human-made", things.mug),
    _kind("umbrella", "household thing", "thing", "human-made", things.umbrella, tilt=16),
    _kind("drum", "instrument", "thing", "human-made", things.drum),
    _kind("guitar", "instrument", "thing", "human-made", things.guitar, tilt=10),
)

KIND_NAMES: tuple[str, ...] = tuple(kind.name for kind in KINDS)
LEVELS: tuple[str, ...] = ("group", "family", "realm")


def superclass_members() -> dict[tuple[str, str], tuple[int, ...]]:
    """(level, name) -> indices of its kinds, from groups to realms, in order of first kind."""
    members: dict[tuple[str, str], list[int]] = {}
    for level in LEVELS:
        for i, kind in enumerate(KINDS):
            members.setdefault((level, getattr(kind, level)), []).append(i)
    return {key: tuple(value) for key, value in members.items()}


@cache
def drawing(kind: int) -> tuple[Part, ...]:
    """The kind's parts, centred and scaled so that its larger side spans −1 … 1."""
    parts = KINDS[kind].draw()
    points = np.concatenate([part.points for part in parts if part.solid])
    low, high = points.min(0), points.max(0)
    centre, half = (low + high) / 2, (high - low).max() / 2
    return tuple(
        Part((part.points - centre) / half, part.fill, part.tone, part.edge, part.solid) for part in parts
    )


@cache
def solid_points(kind: int) -> np.ndarray:
    """All points of the silhouette, float64 (n, 2), in the units of `drawing`."""
    return np.concatenate([part.points for part in drawing(kind) if part.solid])
