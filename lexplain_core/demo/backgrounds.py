"""The places: each a function that paints a background at SCALE × 96 pixels."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import pi, sin

from PIL import Image, ImageDraw

from .draw import Draws
from .palette import RGB, mix, rgb
from .scene import SCALE, SIDE

W = SIDE * SCALE


def _wash(*colours: RGB, stops: tuple[float, ...] | None = None, height: int = W) -> Image.Image:
    """A vertical gradient, W × height."""
    column = Image.new("RGB", (1, 24))
    stops = stops or tuple(i / (len(colours) - 1) for i in range(len(colours)))
    for y in range(24):
        t, k = y / 23, 0
        while k < len(stops) - 2 and t > stops[k + 1]:
            k += 1
        share = (t - stops[k]) / (stops[k + 1] - stops[k])
        column.putpixel((0, y), mix(colours[k], colours[k + 1], min(max(share, 0), 1)))
    return column.resize((1, height), Image.Resampling.BILINEAR).resize((W, height), Image.Resampling.NEAREST)


@lru_cache(maxsize=32)
def _halo(strength: float) -> Image.Image:
    """'L' 64 × 64: `strength` × 255 in the middle, falling to 0 at the rim."""
    round_off = Image.radial_gradient("L").reduce(4)
    return round_off.point([int(max(0, 255 - v * 1.42) * strength) for v in range(256)])


def glow(image: Image.Image, x: float, y: float, rx: float, ry: float, colour: RGB, strength: float) -> None:
    """Blend a soft round spot of `colour` into the image."""
    mask = _halo(strength).resize((max(2, int(2 * rx)), max(2, int(2 * ry))), Image.Resampling.BILINEAR)
    image.paste(colour, (int(x - rx), int(y - ry)), mask)


def _jitter(d: Draws, colour: RGB, amount: int = 7) -> RGB:
    red, green, blue = (min(255, max(0, round(c + d.uniform(-amount, amount)))) for c in colour)
    return red, green, blue


def _ridge(d: Draws, y: float, swing: float, waves: float = 1.5) -> list[tuple[float, float]]:
    """A rolling line from left to right at about height y, closed along the bottom."""
    a, b = d.uniform(0, 2 * pi), d.uniform(0, 2 * pi)
    k, m = d.uniform(0.6, 1.1) * waves, d.uniform(1.3, 2.0) * waves
    top = [
        (x, y + swing * (0.65 * sin(a + k * 2 * pi * x / W) + 0.35 * sin(b + m * 2 * pi * x / W)))
        for x in range(0, W + 10, 9)
    ]
    return [*top, (W, W), (0, W)]


def _cloud(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, colour: RGB, shade: RGB) -> None:
    """Five puffs over a flat base, with a shaded underside."""
    puffs = (
        (-0.75, -0.02, 0.34),
        (-0.36, -0.24, 0.44),
        (0.08, -0.36, 0.5),
        (0.46, -0.16, 0.4),
        (0.78, 0.0, 0.3),
    )
    for drop, tint in ((0.1, shade), (0.0, colour)):
        for px, py, r in puffs:
            cx, cy, rr = x + px * size, y + (py + drop) * size, r * size
            draw.ellipse([cx - rr, cy - rr * 0.8, cx + rr, cy + rr * 0.8], fill=tint)
        bottom = y + (0.24 + drop) * size
        draw.rounded_rectangle(
            [x - size * 1.02, bottom - 0.36 * size, x + size * 1.04, bottom], 0.18 * size, tint
        )


def _clouds(d: Draws, image: Image.Image, most: int, low: float, colour: RGB, shade: RGB) -> None:
    draw = ImageDraw.Draw(image)
    for _ in range(d.integer(most + 1)):
        _cloud(draw, d.uniform(0, W), d.uniform(0.08 * W, low), d.uniform(0.07, 0.12) * W, colour, shade)


def _sun(d: Draws, image: Image.Image, low: float, colour: RGB, chance: float = 0.5) -> None:
    if not d.chance(chance):
        return
    x, y, r = d.uniform(0.1, 0.9) * W, d.uniform(0.1 * W, low), d.uniform(0.05, 0.07) * W
    glow(image, x, y, r * 3.4, r * 3.4, colour, 0.75)
    ImageDraw.Draw(image).ellipse([x - r, y - r, x + r, y + r], fill=mix(colour, (255, 255, 255), 0.55))


def beach(d: Draws, horizon: float) -> Image.Image:
    shore = horizon
    sea = shore - d.uniform(0.11, 0.17) * W
    image = _wash(
        _jitter(d, rgb("#8fd0ea")), rgb("#d9f1f0"), _jitter(d, rgb("#fdf3dc")), stops=(0, 0.4, 0.62)
    )
    _sun(d, image, sea - 0.14 * W, rgb("#ffeeb5"))
    _clouds(d, image, 2, sea - 0.16 * W, rgb("#ffffff"), rgb("#dcecf2"))
    water = _wash(rgb("#3a9fc4"), rgb("#79cfd4"), height=int(shore - sea) + 30)
    image.paste(water, (0, int(sea)))
    draw = ImageDraw.Draw(image)
    for _ in range(7):
        x, y, w = d.uniform(0, W), d.uniform(sea + 8, shore - 14), d.uniform(14, 40)
        draw.line([x, y, x + w, y], fill=rgb("#b9e8ea"), width=2)
    edge = _ridge(d, shore, 6, 1.2)
    draw.polygon([(x, y - 7) if y < W else (x, y) for x, y in edge], fill=rgb("#f3fbf7"))
    mask = Image.new("L", (W, W), 0)
    ImageDraw.Draw(mask).polygon(edge, fill=255)
    sand = _jitter(d, rgb("#efd3a0"))
    image.paste(
        _wash(mix(sand, rgb("#b98b57"), 0.35), sand, mix(sand, rgb("#fff2d0"), 0.35), stops=(0.5, 0.62, 1)),
        (0, 0),
        mask,
    )
    for _ in range(46):
        x, y = d.uniform(0, W), d.uniform(shore + 16, W)
        r = d.uniform(1.2, 3.2)
        draw.ellipse(
            [x - r, y - r * 0.6, x + r, y + r * 0.6],
            fill=d.choice((rgb("#cfa873"), rgb("#fff3d6"), rgb("#dcb988"))),
        )
    return image


def meadow(d: Draws, horizon: float) -> Image.Image:
    image = _wash(_jitter(d, rgb("#86c5ee")), _jitter(d, rgb("#e8f5f3")), stops=(0, 0.62))
    _sun(d, image, horizon - 0.22 * W, rgb("#fff0b0"))
    _clouds(d, image, 3, horizon - 0.2 * W, rgb("#ffffff"), rgb("#d6e7f3"))
    draw = ImageDraw.Draw(image)
    draw.polygon(_ridge(d, horizon - 0.08 * W, 22), fill=_jitter(d, rgb("#a9cfc0")))
    draw.polygon(_ridge(d, horizon - 0.02 * W, 14), fill=_jitter(d, rgb("#93c48f")))
    mask = Image.new("L", (W, W), 0)
    ImageDraw.Draw(mask).polygon(_ridge(d, horizon + 4, 7, 1.0), fill=255)
    grass = _jitter(d, rgb("#8cc56a"))
    image.paste(
        _wash(mix(grass, rgb("#d6e88f"), 0.4), grass, mix(grass, rgb("#3f8a4d"), 0.45), stops=(0.5, 0.68, 1)),
        (0, 0),
        mask,
    )
    for _ in range(34):
        x, y = d.uniform(0, W), d.uniform(horizon + 20, W)
        h = 5 + 12 * (y - horizon) / (W - horizon)
        blade = d.choice((rgb("#6cab53"), rgb("#a9d67f"), rgb("#5f9f4f")))
        for lean in (-0.5, 0.0, 0.5):
            draw.line([x + lean * 4, y, x + lean * h, y - h * (1 - 0.2 * abs(lean))], fill=blade, width=2)
    for _ in range(9):
        x, y, r = d.uniform(0, W), d.uniform(horizon + 24, W), d.uniform(1.8, 3)
        draw.ellipse([x - r, y - r, x + r, y + r], fill=rgb("#fdf7e2"))
    return image


def snow(d: Draws, horizon: float) -> Image.Image:
    image = _wash(_jitter(d, rgb("#a6b6d3"), 9), _jitter(d, rgb("#dfe4ef")), stops=(0, 0.6))
    draw = ImageDraw.Draw(image)
    draw.polygon(_ridge(d, horizon - 0.07 * W, 20), fill=rgb("#c6d3e6"))
    draw.polygon(_ridge(d, horizon - 0.01 * W, 12), fill=rgb("#d9e3f1"))
    mask = Image.new("L", (W, W), 0)
    ImageDraw.Draw(mask).polygon(_ridge(d, horizon + 6, 8, 1.0), fill=255)
    image.paste(
        _wash(rgb("#f4f8fd"), rgb("#eef4fb"), _jitter(d, rgb("#cbd9ec"), 5), stops=(0.5, 0.68, 1)),
        (0, 0),
        mask,
    )
    for _ in range(5):
        x, y, w = d.uniform(0, W), d.uniform(horizon + 30, W - 10), d.uniform(30, 80)
        draw.arc([x - w, y - 9, x + w, y + 9], 200, 340, fill=rgb("#d3dfef"), width=3)
    for _ in range(48):
        x, y, r = d.uniform(0, W), d.uniform(0, W), d.uniform(1.3, 3.6)
        draw.ellipse([x - r, y - r, x + r, y + r], fill=rgb("#ffffff"))
    return image


def night(d: Draws, horizon: float) -> Image.Image:
    top = _jitter(d, d.choice((rgb("#151a40"), rgb("#1c1745"), rgb("#10233f"))), 5)
    image = _wash(top, mix(top, rgb("#4d4b8f"), 0.55), mix(top, rgb("#7a6aa8"), 0.7), stops=(0, 0.55, 0.85))
    draw = ImageDraw.Draw(image)
    for _ in range(46):
        x, y, r = d.uniform(0, W), d.uniform(0, horizon), d.weighted((1.2, 1.8, 2.6), (6, 3, 1))
        draw.ellipse([x - r, y - r, x + r, y + r], fill=mix(top, rgb("#fdf6dc"), d.uniform(0.5, 1)))
    for _ in range(3):
        x, y, r = d.uniform(0, W), d.uniform(0, horizon), d.uniform(5, 7)
        draw.polygon(
            [
                (x, y - r),
                (x + r * 0.2, y - r * 0.2),
                (x + r, y),
                (x + r * 0.2, y + r * 0.2),
                (x, y + r),
                (x - r * 0.2, y + r * 0.2),
                (x - r, y),
                (x - r * 0.2, y - r * 0.2),
            ],
            fill=rgb("#fff8dd"),
        )
    if d.chance(0.75):
        x, y, r = d.uniform(0.1, 0.9) * W, d.uniform(0.1, 0.3) * W, d.uniform(0.055, 0.075) * W
        glow(image, x, y, r * 3.2, r * 3.2, rgb("#f5e9c0"), 0.5)
        disc = Image.new("L", (W, W), 0)
        pen = ImageDraw.Draw(disc)
        pen.ellipse([x - r, y - r, x + r, y + r], fill=255)
        if d.chance(0.6):  # a crescent: the rest of the disc stays sky, stars and all
            c = d.choice((-1, 1)) * r * 0.5
            pen.ellipse([x - r + c, y - r * 1.06, x + r + c, y + r * 0.94], fill=0)
        image.paste(rgb("#fbf1cf"), (0, 0), disc)
    draw.polygon(_ridge(d, horizon - 0.05 * W, 20), fill=mix(top, rgb("#6a68ac"), 0.5))
    draw.polygon(_ridge(d, horizon + 2, 10, 1.0), fill=mix(top, rgb("#4a5c92"), 0.58))
    mask = Image.new("L", (W, W), 0)
    ImageDraw.Draw(mask).polygon(_ridge(d, horizon + 0.06 * W, 8, 1.2), fill=255)
    image.paste(
        _wash(mix(top, rgb("#46618e"), 0.72), mix(top, rgb("#3a4d78"), 0.45), stops=(0.62, 1)), (0, 0), mask
    )
    return image


def sea(d: Draws, horizon: float) -> Image.Image:
    dusk = d.chance(0.3)
    high, low = (rgb("#8fb4e0"), rgb("#ffdcc0")) if dusk else (rgb("#8ecbf0"), rgb("#eaf6f6"))
    image = _wash(_jitter(d, high), _jitter(d, low), stops=(0, 0.5))
    _sun(d, image, horizon - 0.1 * W, rgb("#ffd9a0") if dusk else rgb("#fff0b0"), 0.6)
    _clouds(d, image, 2, horizon - 0.14 * W, rgb("#ffffff"), rgb("#dbe8f2"))
    near, far = _jitter(d, rgb("#1f5f9c")), _jitter(d, rgb("#66b4d6"))
    draw = ImageDraw.Draw(image)
    y, step, phase = horizon, 0.055 * W, d.uniform(0, 2 * pi)
    while y < W + 16:
        depth = (y - horizon) / (W - horizon)
        length, swing = 40 + 70 * depth, 1.5 + 5 * depth
        crest = [(x, y - swing * abs(sin(phase + pi * x / length))) for x in range(0, W + 6, 5)]
        if y > horizon:
            draw.line(
                [(x, v - 1.5) for x, v in crest],
                fill=mix(mix(far, near, depth), (255, 255, 255), 0.4),
                width=2,
            )
        draw.polygon([*crest, (W, W), (0, W)], fill=mix(far, near, min(1, depth)))
        phase += 1.9
        y += step
        step *= 1.24
    for _ in range(8):
        x, y, w = d.uniform(0, W), d.uniform(horizon + 12, W), d.uniform(8, 22)
        draw.line([x, y, x + w, y], fill=mix(far, (255, 255, 255), 0.45), width=2)
    return image


def sky(d: Draws, _horizon: float) -> Image.Image:
    high, low = d.choice((("#5aa7e8", "#d2ecfb"), ("#6d9fe0", "#f3e3ea"), ("#62b6e4", "#e6f5ee")))
    image = _wash(_jitter(d, rgb(high)), _jitter(d, rgb(low)))
    _sun(d, image, 0.4 * W, rgb("#fff2c0"), 0.35)
    draw = ImageDraw.Draw(image)
    shade = mix(rgb(low), rgb(high), 0.22)
    for _ in range(2 + d.integer(3)):
        _cloud(
            draw, d.uniform(0, W), d.uniform(0.08, 0.75) * W, d.uniform(0.09, 0.16) * W, rgb("#ffffff"), shade
        )
    x = d.uniform(-0.1, 0.05) * W
    while x < 1.1 * W:  # a bank of cloud to look down on
        r = d.uniform(0.09, 0.15) * W
        y = W - d.uniform(-0.03, 0.05) * W
        draw.ellipse([x - r, y - r * 0.8, x + r, y + r], fill=rgb("#ffffff"))
        x += r * 1.1
    return image


def room(d: Draws, horizon: float) -> Image.Image:
    wall = _jitter(
        d, d.choice((rgb("#d8c7b4"), rgb("#b9c7bd"), rgb("#c9bccb"), rgb("#b8c6d3"), rgb("#ddc3b2"))), 5
    )
    image = _wash(mix(wall, (255, 255, 255), 0.18), mix(wall, (60, 50, 70), 0.1), stops=(0, 0.7))
    draw = ImageDraw.Draw(image)
    left = d.chance(0.5)
    x, y, w, h = (0.1 if left else 0.62) * W + d.uniform(0, 0.06) * W, 0.09 * W, 0.22 * W, 0.3 * W
    if d.chance(0.65):
        draw.rounded_rectangle([x - 9, y - 9, x + w + 9, y + h + 9], 7, rgb("#f7f1e6"))
        pane = _wash(rgb("#a9d6ef"), rgb("#eaf6f4"), height=int(h)).crop((0, 0, int(w), int(h)))
        image.paste(pane, (int(x), int(y)))
        draw.line([x + w / 2, y, x + w / 2, y + h], fill=rgb("#f7f1e6"), width=6)
        draw.line([x, y + h / 2, x + w, y + h / 2], fill=rgb("#f7f1e6"), width=6)
        draw.rectangle([x - 16, y + h + 8, x + w + 16, y + h + 17], fill=rgb("#e9e0d0"))
    floor = int(horizon)
    tone = _jitter(d, d.choice((rgb("#b98a62"), rgb("#a97c5c"), rgb("#c39a72"))), 6)
    image.paste(
        _wash(mix(tone, (40, 25, 30), 0.2), mix(tone, (255, 240, 220), 0.15), height=W - floor), (0, floor)
    )
    for k in range(-9, 10):
        draw.line([W / 2 + k * 34, floor, W / 2 + k * 82, W], fill=mix(tone, (50, 30, 30), 0.28), width=2)
    draw.rectangle([0, floor - 18, W, floor], fill=rgb("#f3ebdf"))
    draw.line([0, floor, W, floor], fill=mix(tone, (40, 25, 30), 0.45), width=3)
    rug = _jitter(d, d.choice((rgb("#8fa3a6"), rgb("#a89aa8"), rgb("#b0a48e"))), 6)
    cx, cy, rx, ry = d.uniform(0.35, 0.65) * W, W - 0.11 * W, d.uniform(0.34, 0.44) * W, 0.085 * W
    draw.ellipse([cx - rx, cy - ry, cx + rx, cy + ry], fill=rug)
    draw.ellipse(
        [cx - rx + 14, cy - ry + 6, cx + rx - 14, cy + ry - 6],
        outline=mix(rug, (255, 255, 255), 0.35),
        width=3,
    )
    return image


PAINTERS: dict[str, Callable[[Draws, float], Image.Image]] = {
    "beach": beach, "meadow": meadow, "snow": snow, "night": night, "sea": sea, "sky": sky, "room": room,
}  # fmt: skip


def paint_background(seed: int, index: int, name: str, horizon: float) -> Image.Image:
    """RGB image of SCALE × 96 pixels; `horizon` in pixels of the 96-pixel image."""
    return PAINTERS[name](Draws(seed, "background", index), horizon * SCALE)
