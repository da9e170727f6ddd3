"""Scenes to pixels: objects are drawn three times as large and brought down with LANCZOS."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from .backgrounds import glow, paint_background
from .kinds import drawing
from .palette import DETAILS, INK, SNOW, Skin, mix, outline
from .scene import SCALE, SIDE, Item, Scene, make_scene, place

_RIM = 2.2  # width of the outline, in supersampled pixels
_PAD = 9


def _corners(item: Item, points: np.ndarray, origin: tuple[float, float]) -> list[float]:
    placed = place(points, item.side, item.angle, item.flip, item.x, item.y)
    return ((placed * SCALE) - origin).ravel().tolist()


def _tile(item: Item) -> tuple[int, int, int, int]:
    """Part of the supersampled image that the object may touch: left, top, right, bottom, all even."""
    left, top, right, bottom = item.box
    pad = _PAD + item.side * SCALE * 0.03
    return (
        int(left * SCALE - pad) // 2 * 2, int(top * SCALE - pad) // 2 * 2,
        int(right * SCALE + pad) // 2 * 2 + 2, int(bottom * SCALE + pad) // 2 * 2 + 2,
    )  # fmt: skip


def _silhouette(shapes: list[tuple], size: tuple[int, int]) -> tuple[Image.Image, Image.Image]:
    """The object's filled outline at half the tile's size, and at full size, grown by the outline."""
    mask = Image.new("L", size, 0)
    draw = ImageDraw.Draw(mask)
    for part, corners in shapes:
        if part.solid:
            draw.polygon(corners, fill=255)
    half = mask.reduce(2)
    grown = half.filter(ImageFilter.BoxBlur(_RIM / 2 + 0.3)).resize(size, Image.Resampling.BILINEAR)
    return half, grown.point(_STEP)


# Look-up tables: a steep step that turns a blur into a smooth edge, and opacities.
_STEP = [min(255, max(0, (v - 10) * 8)) for v in range(256)]
_SHADE = [int(v * 0.34) for v in range(256)]
_LIGHT = [int(v * 0.42) for v in range(256)]
_SHADOW = [int(v * 0.30) for v in range(256)]


def _draw_item(canvas: Image.Image, item: Item, relief: _Relief) -> None:
    left, top, right, bottom = tile = _tile(item)
    size = (right - left, bottom - top)
    shapes = [(part, _corners(item, part.points, (left, top))) for part in drawing(item.kind)]
    half, grown = _silhouette(shapes, size)
    ink = outline(item.colour)
    if item.grounded:
        width = (item.box[2] - item.box[0]) * SCALE
        x, y = (item.box[0] + item.box[2]) / 2 * SCALE, item.box[3] * SCALE - 3
        glow(canvas, x, y, width * 0.56, width * 0.11, mix(INK, (0, 0, 30), 0.3), 0.62)
    image = canvas.crop(tile)
    shadow = ImageChops.offset(half.filter(ImageFilter.BoxBlur(2)), 1, 2).point(_SHADOW)
    image.paste((20, 18, 48), (0, 0), shadow.resize(size, Image.Resampling.BILINEAR))
    image.paste(ink, (0, 0), grown)
    period, turn, right, down = item.pattern
    surface = Skin(item.colour, item.texture, size, period, turn, (right, down))
    draw = ImageDraw.Draw(image)
    for part, corners in shapes:
        if part.fill == "body":
            _fill(image, surface, part.tone, corners)
        else:
            draw.polygon(corners, fill=DETAILS[part.fill])
        if part.edge:
            draw.line([*corners, *corners[:4]], fill=ink, width=2)
    canvas.paste(image, tile[:2])
    relief.add(half, item, tile[:2])


def _fill(image: Image.Image, surface: Skin, tone: float, corners: list[float]) -> None:
    xs, ys = corners[0::2], corners[1::2]
    x0, y0 = max(0, int(min(xs))), max(0, int(min(ys)))
    x1, y1 = min(image.width, int(max(xs)) + 2), min(image.height, int(max(ys)) + 2)
    shape = Image.new("L", (x1 - x0, y1 - y0), 0)
    inside = [v - (y0 if i % 2 else x0) for i, v in enumerate(corners)]
    ImageDraw.Draw(shape).polygon(inside, fill=255)
    image.paste(surface.piece(tone, (x0, y0, x1, y1)), (x0, y0), shape)


class _Relief:
    """Light along each object's upper left edge, shade along its lower right: they look like cushions.

    Gathered for the whole picture at half the supersampled size, and laid on the finished image.
    """

    def __init__(self) -> None:
        side = SIDE * SCALE // 2
        self.light, self.shade = Image.new("L", (side, side)), Image.new("L", (side, side))

    def add(self, half: Image.Image, item: Item, corner: tuple[int, int]) -> None:
        step = max(2, int(item.side * SCALE * 0.014))
        soft = half.filter(ImageFilter.BoxBlur(step))
        towards, away = ImageChops.offset(soft, step, step), ImageChops.offset(soft, -step, -step)
        at = (corner[0] // 2, corner[1] // 2)
        self.light.paste(ImageChops.subtract(away, towards), at, half)
        self.shade.paste(ImageChops.subtract(towards, away), at, half)

    def lay_on(self, image: Image.Image) -> None:
        for mask, colour, table in ((self.light, SNOW, _LIGHT), (self.shade, INK, _SHADE)):
            image.paste(colour, (0, 0), mask.resize(image.size, Image.Resampling.BILINEAR).point(table))


def _order(scene: Scene) -> list[int]:
    """Indices of the items from far to near."""
    return sorted(range(len(scene.items)), key=lambda i: scene.items[i].box[3])


def draw_scene(scene: Scene) -> Image.Image:
    """RGB image, 96 × 96."""
    canvas = paint_background(scene.seed, scene.index, scene.background, scene.horizon)
    relief = _Relief()
    for i in _order(scene):
        _draw_item(canvas, scene.items[i], relief)
    image = canvas.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    relief.lay_on(image)
    return image


def draw_image(seed: int, index: int) -> Image.Image:
    """Image `index` of world `seed`: a pure function of the two."""
    return draw_scene(make_scene(seed, index))


def scene_masks(scene: Scene) -> np.ndarray:
    """Boolean (n_objects, 96, 96): the pixels where each item, outline included, is what one sees."""
    masks = np.zeros((len(scene.items), SIDE, SIDE), bool)
    for i in _order(scene):
        item = scene.items[i]
        tile = _tile(item)
        shapes = [(part, _corners(item, part.points, tile[:2])) for part in drawing(item.kind)]
        grown = _silhouette(shapes, (tile[2] - tile[0], tile[3] - tile[1]))[1]
        full = Image.new("L", (SIDE * SCALE, SIDE * SCALE), 0)
        full.paste(grown, tile[:2])
        mask = np.asarray(full.reduce(SCALE)) >= 128
        masks[:, mask] = False
        masks[i] = mask
    return masks


def object_masks(seed: int, index: int) -> np.ndarray:
    """`scene_masks` of image `index` of world `seed`."""
    return scene_masks(make_scene(seed, index))
