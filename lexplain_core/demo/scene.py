"""What is in each picture, before a single pixel is drawn.

Scene `index` of a world is a pure function of (seed, index): any subset can be drawn, in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from .draw import Draws
from .kinds import KINDS, solid_points
from .palette import COLOURS, TEXTURES
from .pen import rotate

SIDE = 96
SCALE = 3  # supersampling
BACKGROUNDS = ("beach", "meadow", "snow", "night", "sea", "sky", "room")
SIZES = ("small", "medium", "large")
COLOUR_NAMES = tuple(COLOURS)
DEMO_SEED, TRAIN_SEED, HELD_OUT_SEED = 0, 1, 2  # worlds that share no picture

_SIDES = {"small": (22.0, 29.0), "medium": (37.0, 45.0), "large": (55.0, 65.0)}
_CLEARLY_SMALLER = 0.68  # the other objects against the main one, so that "main" is no riddle
_OVERLAP = 0.07  # largest part of the smaller one's box that two boxes may share
# Height of the line between ground and air, as a range of fractions; the sky has none.
_HORIZON = {
    "beach": (0.5, 0.62),
    "meadow": (0.48, 0.62),
    "snow": (0.46, 0.6),
    "night": (0.56, 0.66),
    "sea": (0.4, 0.55),
    "sky": (1.0, 1.0),
    "room": (0.54, 0.63),
}


@dataclass(frozen=True)
class Item:
    """An object: what it is and where. Lengths in pixels of the 96-pixel image; angles in degrees.

    side: length of the drawing's −1 … 1. box: (left, top, right, bottom) of the silhouette.
    """

    kind: int
    colour: str
    texture: str
    size: str
    side: float
    x: float
    y: float
    angle: float
    flip: bool
    box: tuple[float, float, float, float]
    grounded: bool
    pattern: tuple[int, int, int, int]  # period and angle of the texture, and its shift


@dataclass(frozen=True)
class Scene:
    """A picture to draw. `items` has the main object first; it is clearly the largest."""

    seed: int
    index: int
    background: str
    horizon: float
    items: tuple[Item, ...]


def place(points: np.ndarray, side: float, angle: float, flip: bool, x: float, y: float) -> np.ndarray:
    """Drawing units to pixels: mirror, turn, scale, move. Shape (n, 2)."""
    if flip:
        points = points * (-1, 1)
    return rotate(points, angle) * (side / 2) + (x, y)


@cache
def _fullness(kind: int) -> float:
    """Scale that makes slim kinds somewhat longer, so that kinds of a size look alike in size."""
    width, height = np.ptp(solid_points(kind), axis=0)
    return min(max((3.3 / (width * height)) ** 0.25, 0.96), 1.14)


@cache
def _turned(kind: int, angle: int, flip: bool) -> tuple[float, float, float, float]:
    """Extent of a kind's silhouette in drawing units, turned by whole degrees."""
    points = place(solid_points(kind), 2.0, angle, flip, 0, 0)
    return (*points.min(0), *points.max(0))


def _kind_of_main(seed: int, index: int) -> int:
    """Main objects come in shuffled rounds of all kinds, so that classes are balanced in any prefix."""
    turn, step = divmod(index, len(KINDS))
    return Draws(seed, "round", turn).permutation(len(KINDS))[step]


def _sizes(draws: Draws, count: int) -> list[str]:
    if count == 1:
        return [draws.weighted(SIZES, (0.15, 0.35, 0.5))]
    main = draws.weighted(SIZES, (0, 0.3, 0.7))
    medium = (0.45 if count == 2 else 0.25) if main == "large" else 0
    return [main, *(draws.weighted(SIZES, (1 - medium, medium, 0)) for _ in range(count - 1))]


def _size_name(nominal: float) -> str:
    """What an object is called once it has its final size; crowded scenes are drawn smaller."""
    return "small" if nominal < 33 else "medium" if nominal < 50 else "large"


def _looks(draws: Draws, main_kind: int, count: int) -> list[tuple[int, str, str]]:
    """Kind, colour and texture of each object; some pictures repeat the main one."""
    looks: list[tuple[int, str, str]] = []
    for i in range(count):
        kind, colour = main_kind, draws.choice(COLOUR_NAMES)
        texture = draws.weighted(TEXTURES, (0.37, 0.21, 0.21, 0.21))
        if i:
            if not draws.chance(0.18):
                kind = draws.integer(len(KINDS))
            elif draws.chance(0.6):
                colour, texture = looks[0][1:]
        looks.append((kind, colour, texture))
    return looks


def _position(draws: Draws, flies: bool, box: tuple, horizon: float) -> tuple[float, float, bool]:
    """A centre for an object whose silhouette spans `box` about it, and whether it stands on the ground."""
    left, top, right, bottom = box
    margin = 2.5
    x = draws.uniform(margin - left, SIDE - margin - right)
    low, high = margin - top, SIDE - margin - bottom
    if horizon >= SIDE:
        return x, draws.uniform(low, high), False
    if flies:
        return x, draws.uniform(low, max(low, min(high, horizon + 8 - bottom))), False
    # Near things stand lower in the picture than far ones: the larger, the nearer.
    near = min(1.0, (bottom - top) / 60)
    highest = min(high, max(low, horizon + 5 + near * (SIDE - 20 - horizon) - bottom))
    return x, draws.uniform(highest, high), True


def _overlaps(a: tuple, b: tuple) -> bool:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return False
    smaller = min((c[2] - c[0]) * (c[3] - c[1]) for c in (a, b))
    return width * height > _OVERLAP * smaller


def _pattern(draws: Draws, texture: str, side: float) -> tuple[int, int, int, int]:
    """Period in supersampled pixels, whole angle, shift. Wide enough to be seen on the smallest object."""
    share, least = {"plain": (0, 1), "striped": (0.19, 17), "dotted": (0.2, 18), "checked": (0.32, 27)}[
        texture
    ]
    period = 3 * round(max(share * side * SCALE, least) / 3)
    return period, 30 * draws.integer(6), draws.integer(17) - 8, draws.integer(17) - 8


def make_scene(seed: int, index: int) -> Scene:
    """Scene `index` of world `seed`."""
    draws = Draws(seed, "scene", index)
    background = draws.choice(BACKGROUNDS)
    horizon = SIDE * draws.uniform(*_HORIZON[background])
    count = draws.weighted((1, 2, 3), (0.44, 0.36, 0.2))
    looks = _looks(draws, _kind_of_main(seed, index), count)
    sizes = _sizes(draws, count)
    shrink, loose = 1.0, False
    for attempt in range(200):
        items = _try(draws, looks, sizes, horizon, shrink, loose)
        if items is not None:
            return Scene(seed, index, background, horizon, items)
        if attempt % 6 == 5:
            # First a little smaller; where the ground is still too narrow, small things may float above it.
            loose = shrink < 0.9
            shrink *= 0.97
    raise AssertionError(f"scene {seed}/{index} has no room")


def _try(
    draws: Draws, looks: list, sizes: list[str], horizon: float, shrink: float, loose: bool
) -> tuple[Item, ...] | None:
    """Sizes and places for all objects, or None where they would hide each other."""
    items: list[Item] = []
    main_side = 0.0
    for (kind, colour, texture), size in zip(looks, sizes, strict=True):
        nominal = draws.uniform(*_SIDES[size]) * shrink
        if items:
            nominal = min(nominal, _CLEARLY_SMALLER * main_side)
        else:
            main_side = nominal
        side = nominal * _fullness(kind)
        angle = round(draws.uniform(-1, 1) * KINDS[kind].tilt)
        flip = draws.chance(0.5)
        box = tuple(side / 2 * v for v in _turned(kind, angle, flip))
        flies = KINDS[kind].flies or (loose and bool(items))
        for _ in range(10):
            x, y, grounded = _position(draws, flies, box, horizon)
            placed = (box[0] + x, box[1] + y, box[2] + x, box[3] + y)
            if not any(_overlaps(placed, other.box) for other in items):
                break
        else:
            return None
        pattern = _pattern(draws, texture, side)
        items.append(
            Item(
                kind, colour, texture, _size_name(nominal), side, x, y, angle, flip, placed, grounded, pattern
            )
        )
    return tuple(items)
