"""Colours and textures: the only place where the demo world's hues are chosen."""

from __future__ import annotations

from functools import lru_cache
from math import cos, radians, sin

from PIL import Image, ImageDraw

RGB = tuple[int, int, int]


def rgb(code: str) -> RGB:
    """'#rrggbb' as a tuple."""
    return tuple(int(code[i : i + 2], 16) for i in (1, 3, 5))


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """`share` of b, the rest a."""
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b, strict=True))


# The labelled colours of objects. Pastel enough to live together, far enough apart to be named.
COLOURS: dict[str, RGB] = {
    "red": rgb("#e23d44"),
    "orange": rgb("#f58a2e"),
    "yellow": rgb("#f9d043"),
    "green": rgb("#3fae59"),
    "blue": rgb("#3a7bdc"),
    "purple": rgb("#8c55c4"),
    "pink": rgb("#f590bb"),
    "white": rgb("#f7f4ee"),
}

# What the pattern is drawn in: light on dark colours, dark on light ones.
PATTERN: dict[str, RGB] = {
    "red": rgb("#ffc2b8"),
    "orange": rgb("#ffe3b8"),
    "yellow": rgb("#d9881f"),
    "green": rgb("#c4efbf"),
    "blue": rgb("#bfe0ff"),
    "purple": rgb("#e2c9fb"),
    "pink": rgb("#c9437f"),
    "white": rgb("#8d97ab"),
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


_PATTERN_SIDE = 400  # at SCALE 4 this covers the largest object with room to shift


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


@lru_cache(maxsize=256)
def _gradient(colour: str, height: int) -> Image.Image:
    base = COLOURS[colour]
    column = Image.new("RGB", (1, 3))
    column.putpixel((0, 0), mix(base, SNOW, 0.20))
    column.putpixel((0, 1), base)
    column.putpixel((0, 2), mix(base, INK, 0.12))
    return column.resize((1, height), Image.BILINEAR)


def skin(colour: str, texture: str, size: tuple[int, int], period: int, angle: int, shift: tuple[int, int]):
    """RGB image of an object's surface: a soft vertical gradient with the pattern over it."""
    width, height = size
    surface = _gradient(colour, height).resize(size)
    if texture != "plain":
        x, y = (_PATTERN_SIDE - width) // 2 + shift[0], (_PATTERN_SIDE - height) // 2 + shift[1]
        mask = pattern_mask(texture, period, angle).crop((x, y, x + width, y + height))
        surface.paste(PATTERN[colour], (0, 0), mask)
    return surface
