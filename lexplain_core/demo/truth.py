"""What is true of each picture: labels of every sort, and a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .kinds import KIND_NAMES, KINDS, superclass_members
from .palette import TEXTURES
from .scene import BACKGROUNDS, COLOUR_NAMES, SIZES, Item, Scene

COUNTS = ("one object", "two objects", "three objects")
SIZE_NAMES = tuple(f"{size} object" for size in SIZES)
NUMBERS = ("no", "one", "two", "three")
PLACES = {
    "beach": "on the beach",
    "meadow": "in a meadow",
    "snow": "in the snow",
    "night": "at night",
    "sea": "at sea",
    "sky": "in the sky",
    "room": "in a room",
}


@dataclass(frozen=True)
class Truth:
    """Labels of N pictures.

    main: int64 (N,), the kind of the main object. The rest are boolean, one column for each of
    `KIND_NAMES`, `COLOUR_NAMES`, `TEXTURES`, `SIZES`, `BACKGROUNDS`, `COUNTS`: kinds, colours,
    textures and sizes are there if any object has them.
    """

    main: np.ndarray
    kinds: np.ndarray
    colours: np.ndarray
    textures: np.ndarray
    sizes: np.ndarray
    backgrounds: np.ndarray
    counts: np.ndarray

    def concepts(self) -> dict[str, np.ndarray]:
        """Display name -> boolean (N,), for everything that can be said of a picture."""
        out = dict(zip(KIND_NAMES, self.kinds.T, strict=True))
        for (_, name), members in superclass_members().items():
            out[name] = self.kinds[:, list(members)].any(1)
        for _, names, columns in self.attributes():
            out.update(zip(names, columns.T, strict=True))
        return out

    def attributes(self) -> tuple[tuple[str, tuple[str, ...], np.ndarray], ...]:
        """(sort, display names, boolean (N, n)) of what is not a kind of object."""
        return (
            ("colour", COLOUR_NAMES, self.colours),
            ("texture", TEXTURES, self.textures),
            ("background", BACKGROUNDS, self.backgrounds),
            ("size", SIZE_NAMES, self.sizes),
            ("count", COUNTS, self.counts),
        )


def truth_of(scenes: Sequence[Scene]) -> Truth:
    """The labels of `scenes`, in their order."""

    def any_of(names: tuple, value: Callable[[Item], object]) -> np.ndarray:
        return np.array([[name in {value(item) for item in s.items} for name in names] for s in scenes], bool)

    return Truth(
        main=np.array([s.items[0].kind for s in scenes], np.int64),
        kinds=any_of(tuple(range(len(KINDS))), lambda item: item.kind),
        colours=any_of(COLOUR_NAMES, lambda item: item.colour),
        textures=any_of(TEXTURES, lambda item: item.texture),
        sizes=any_of(SIZES, lambda item: item.size),
        backgrounds=np.array([[name == s.background for name in BACKGROUNDS] for s in scenes], bool),
        counts=np.array([[n == len(s.items) for n in (1, 2, 3)] for s in scenes], bool),
    )


def _phrase(item: Item, size: bool, count: int) -> str:
    """'a small striped red boat', 'two red boats'."""
    words = [item.size] if size and item.size != "medium" else []
    if item.texture != "plain":
        words.append(item.texture)
    words.append(item.colour)
    kind = KINDS[item.kind]
    words.append(kind.name if count == 1 else kind.plural)
    if count > 1:
        return f"{NUMBERS[count]} {' '.join(words)}"
    return f"{'an' if words[0][0] in 'aeiou' else 'a'} {' '.join(words)}"


def caption(scene: Scene) -> str:
    """A sentence that names every object and the place: 'two striped red boats and a blue cat at night'."""
    groups: dict[tuple, list[Item]] = {}
    for item in scene.items:
        groups.setdefault((item.kind, item.colour, item.texture), []).append(item)
    phrases = [
        _phrase(items[0], all(i.size == items[0].size for i in items), len(items))
        for items in groups.values()
    ]
    listed = phrases[-1] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"
    return f"{listed} {PLACES[scene.background]}"
