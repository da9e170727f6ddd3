"""What can be said of a picture in words, and of which pictures it is true.

Training pairs a picture with sentences; a sentence may be true of other pictures of the batch too,
and the encoders are told so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .kinds import KINDS
from .palette import TEXTURES
from .scene import BACKGROUNDS, COLOUR_NAMES, SIZES, Scene
from .truth import NUMBERS, PLACES

_MOST = 3  # objects in a scene
PREFIXES = ("", "", "", "a picture of ", "a drawing of ")


@dataclass(frozen=True)
class Phrase:
    """At least `count` objects of `kind`; an attribute of None is left unsaid."""

    kind: int
    colour: int | None = None
    texture: int | None = None
    size: int | None = None
    count: int = 1

    def __str__(self) -> str:
        words = []
        if self.size is not None:
            words.append(SIZES[self.size])
        if self.texture is not None:
            words.append(TEXTURES[self.texture])
        if self.colour is not None:
            words.append(COLOUR_NAMES[self.colour])
        if self.count > 1:
            return " ".join([NUMBERS[self.count], *words, KINDS[self.kind].plural])
        words.append(KINDS[self.kind].name)
        return f"{'an' if words[0][0] in 'aeiou' else 'a'} {' '.join(words)}"


@dataclass(frozen=True)
class Claim:
    """A sentence: phrases, and a background or None. True of a picture that shows all of it."""

    phrases: tuple[Phrase, ...]
    background: int | None = None
    prefix: str = ""

    def __str__(self) -> str:
        listed = [str(phrase) for phrase in self.phrases]
        text = listed[-1] if len(listed) == 1 else f"{', '.join(listed[:-1])} and {listed[-1]}"
        place = "" if self.background is None else f" {PLACES[BACKGROUNDS[self.background]]}"
        return f"{self.prefix}{text}{place}"


class Contents:
    """The objects of N scenes as codes, so that claims can be checked against many at once.

    `codes` is int64 (N, 3, 4): kind, colour, texture, size of each object, −1 where there is none;
    `backgrounds` is int64 (N,).
    """

    def __init__(self, scenes: Sequence[Scene]):
        self.codes = np.full((len(scenes), _MOST, 4), -1)
        for n, scene in enumerate(scenes):
            for k, item in enumerate(scene.items):
                self.codes[n, k] = (
                    item.kind,
                    COLOUR_NAMES.index(item.colour),
                    TEXTURES.index(item.texture),
                    SIZES.index(item.size),
                )
        self.backgrounds = np.array([BACKGROUNDS.index(scene.background) for scene in scenes])

    def claim(self, n: int, rng: np.random.Generator) -> Claim:
        """Something true of scene n: one of its objects or all, attributes and place said or not."""
        items = [tuple(code) for code in self.codes[n] if code[0] >= 0]
        said = items if rng.random() < 0.4 else [items[rng.integers(len(items))]]
        phrases: list[Phrase] = []
        for kind, colour, texture, size in said:
            colour, texture, size = (
                value if rng.random() < share else None
                for value, share in ((colour, 0.6), (texture, 0.5), (size, 0.3))
            )
            phrase = Phrase(kind, colour, texture, size)
            phrase = replace(phrase, count=sum(_fits(item, phrase) for item in items))
            if phrase not in phrases:
                phrases.append(phrase)
        place = int(self.backgrounds[n]) if rng.random() < 0.5 else None
        return Claim(tuple(phrases), place, PREFIXES[rng.integers(len(PREFIXES))])

    def matches(self, chosen: np.ndarray, claims: Sequence[Claim]) -> np.ndarray:
        """Which claims are true of which of the scenes `chosen`: boolean (len(chosen), len(claims))."""
        codes, backgrounds = self.codes[chosen], self.backgrounds[chosen]
        out = np.ones((len(chosen), len(claims)), bool)
        for j, claim in enumerate(claims):
            for p in claim.phrases:
                fits = codes[:, :, 0] == p.kind
                for column, value in enumerate((p.colour, p.texture, p.size), 1):
                    if value is not None:
                        fits = fits & (codes[:, :, column] == value)
                out[:, j] &= fits.sum(1) >= p.count
            if claim.background is not None:
                out[:, j] &= backgrounds == claim.background
        return out


def _fits(item: tuple, phrase: Phrase) -> bool:
    wanted = (phrase.kind, phrase.colour, phrase.texture, phrase.size)
    return all(value is None or value == have for value, have in zip(wanted, item, strict=True))
