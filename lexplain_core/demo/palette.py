"""Colours and textures: the only place where the demo world's hues are chosen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import cos, radians, sin

from PIL import Image, ImageDraw

RGB = tuple[int, int, int]


def rgb(code: str) -> RGB:
    """'#rrggbb' as a tuple."""
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """`share` of b, the rest a."""
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


# The labelled colours of objects. Pastel enough to live together, far enough apart to be named.
COLOURS: dict[str, RGB] = {
    "red": rgb("#e23d44"),
    "orange": rgb("#f58a2e"),
    "yellow": rgb("#f7c62e"),
    "green": rgb("#3fae59"),
    "blue": rgb("#3a7bdc"),
    "purple": rgb("#8c55c4"),
    "pink": rgb("#f382b3"),
    "white": rgb("#f7f4ee"),
}

# What the pattern is drawn in: a tint of the colour, and grey on white, never another labelled colour.
PATTERN: dict[str, RGB] = {
    "red": rgb("#ffe2d2"),
    "orange": rgb("#ffe3b8"),
    "yellow": rgb("#fff6d2"),
    "green": rgb("#c4efbf"),
    "blue": rgb("#bfe0ff"),
    "purple": rgb("#e2c9fb"),
    "pink": rgb("#ffe8f0"),
    "white": rgb("#a9b3c7"),
}

TEXTURES = ("plain", "striped", "dotted", "checked")

# Fixed colours of details; muted, so that a trunk or a beak is never taken for a labelled colour.
INK = rgb("#2b2a40")
CREAM = rgb("#fff3de")
GLASS = rgb("#d3eaf3")
WOOD = rgb("#8a5f43")
OCHRE = rgb("#d9a24a")
MOSS = rgb("#5f7350")
STEEL = rgb("#a9b2c0")
COAL = rgb("#403f52")
SNOW = rgb("#ffffff")
BLUSH = rgb("#e7a79b")
DETAILS: dict[str, RGB] = {
    "ink": INK, "cream": CREAM, "glass": GLASS, "wood": WOOD, "ochre": OCHRE,
    "moss": MOSS, "steel": STEEL, "coal": COAL, "snow": SNOW, "blush": BLUSH,
}  # fmt: skip


def outline(colour: str) -> RGB:
    """Ink tinted with the object's colour: softer than black."""
    base = COLOURS[colour]
    return mix(mix(base, (0, 0, 0), 0.62), INK, 0.55)


_PATTERN_SIDE = 320  # covers the largest object, supersampled, with room to shift


@lru_cache(maxsize=256)
def pattern_mask(texture: str, period: int, angle: int) -> Image.Image:
    """'L' image, 255 where the pattern's second colour goes. `period` in pixels, `angle` in degrees."""
    side = _PATTERN_SIDE
    image = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(image)
    c, s = cos(radians(angle)), sin(radians(angle))

    def at(u: float, v: float) -> tuple[float, float]:
        return side / 2 + u * c - v * s, side / 2 + u * s + v * c

    reach = int(side * 0.75 / period) + 1
    far = side
    for i in range(-reach, reach + 1):
        u = i * period
        if texture == "striped":
            w = period * 0.44
            draw.polygon([at(u, -far), at(u + w, -far), at(u + w, far), at(u, far)], fill=255)
            continue
        for j in range(-reach, reach + 1):
            if texture == "dotted":
                x, y = at(u + (period / 2 if j % 2 else 0), j * period * 0.87)
                r = period * 0.29
                draw.ellipse([x - r, y - r, x + r, y + r], fill=255)
            elif texture == "checked" and (i + j) % 2 == 0:
                h = period / 2
                a, b = i * h, j * h
                draw.polygon([at(a, b), at(a + h, b), at(a + h, b + h), at(a, b + h)], fill=255)
    return image


@lru_cache(maxsize=1024)
def shade(colour: RGB, tone: float) -> RGB:
    """Darker (tone −1 … 0: the same hue with a little ink) or lighter (0 … 1)."""
    share = abs(tone) * 0.62
    if tone < 0:
        red, green, blue = (
            round(v * (1 - share) + t * share * 0.35) for v, t in zip(colour, INK, strict=True)
        )
        return red, green, blue
    return mix(colour, SNOW, share)


@lru_cache(maxsize=1024)
def _gradient(colour: str, tone: float, height: int) -> Image.Image:
    base = shade(COLOURS[colour], tone)
    column = Image.new("RGB", (1, 3))
    column.putpixel((0, 0), mix(base, SNOW, 0.20))
    column.putpixel((0, 1), base)
    column.putpixel((0, 2), mix(base, INK, 0.12))
    return column.resize((1, height), Image.Resampling.BILINEAR)


@dataclass(frozen=True)
class Skin:
    """The surface of one object, as wide and high as its tile."""

    colour: str
    texture: str
    size: tuple[int, int]
    period: int
    angle: int
    shift: tuple[int, int]

    def piece(self, tone: float, box: tuple[int, int, int, int]) -> Image.Image:
        """RGB: a soft vertical gradient with the pattern over it, cut to `box` of the tile."""
        left, top, right, bottom = box
        column = _gradient(self.colour, tone, self.size[1]).crop((0, top, 1, bottom))
        surface = column.resize((right - left, bottom - top), Image.Resampling.NEAREST)
        if self.texture != "plain":
            x = (_PATTERN_SIDE - self.size[0]) // 2 + self.shift[0] + left
            y = (_PATTERN_SIDE - self.size[1]) // 2 + self.shift[1] + top
            mask = pattern_mask(self.texture, self.period, self.angle)
            mask = mask.crop((x, y, x + right - left, y + bottom - top))
            surface.paste(shade(PATTERN[self.colour], tone), (0, 0), mask)
        return surface
