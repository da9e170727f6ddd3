"""Example images of a unit, in groups, and the maps over them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import Any

from PIL import Image

from ..base.numbers import plain, plural, share
from ..base.pictures import data_url, rgb_or_grey
from ..store import Store, Unit, UnitMap
from .ranges import images_in, numbered, ranges_of

PER_ROW = 8  # images of each range
IMAGES = 40  # of one range
THUMBNAIL = 96  # CSS pixels
SMALL = 64  # images narrower than this keep hard pixel edges when enlarged
_SIDE = 2 * THUMBNAIL  # pixels of an image with a map over it, for screens with small pixels


@dataclass(frozen=True)
class Overlay:
    """Maps to lay over images, by image id, and how opaque: more than 0, 1 at most."""

    maps: dict[int, UnitMap]
    opacity: float


def maps_signed(maps: dict[int, UnitMap]) -> bool:
    """Whether any of the maps goes below 0: then all are drawn on the scale with two ends."""
    return any(float(m.values.min()) < 0 for m in maps.values())


def overlaid(crops: dict[int, bytes], overlay: Overlay) -> dict[int, bytes]:
    """JPEGs of the images with their maps over them, all on one scale."""
    from ..live import overlay as compose

    both = maps_signed(overlay.maps)
    most = max(float(abs(m.values).max() if both else m.values.max()) for m in overlay.maps.values())
    found = {}
    for image, jpeg in crops.items():
        picture = rgb_or_grey(jpeg)
        size = max(picture.size)
        if size > _SIDE or size < THUMBNAIL:
            way = Image.Resampling.NEAREST if size < SMALL else Image.Resampling.BILINEAR
            width, height = (max(1, round(n * _SIDE / size)) for n in picture.size)
            picture = picture.resize((width, height), way)
        buffer = BytesIO()
        laid = compose(picture, overlay.maps[image], overlay.opacity, signed=both, scale=most)
        laid.save(buffer, "JPEG", quality=85)
        found[image] = buffer.getvalue()
    return found


@dataclass(frozen=True)
class Shot:
    """An image of a strip.

    source: a URL of data. caption: below it, HTML. words: for those who can't see it. title: for hovering, '' for none.
    small: whether it keeps hard pixel edges when enlarged. look: a CSS class of the image.
    """

    source: str
    caption: str
    words: str
    title: str = ""
    small: bool = False
    look: str = ""


def strip_html(shots: Iterable[Shot], width: int) -> str:
    """Images beside one another. width: in CSS pixels."""
    return f'<div class="lx-shots" style="--w:{width}px">{"".join(map(_figure, shots))}</div>'


def _figure(shot: Shot) -> str:
    title = f' title="{escape(shot.title, quote=True)}"' if shot.title else ""
    return (
        f'<figure{title}><img class="{shot.look}{" px" if shot.small else ""}" src="{shot.source}" '
        f'alt="{escape(shot.words, quote=True)}"><figcaption>{shot.caption}</figcaption></figure>'
    )


def thumbnail(row: Any, picture: bytes, small: bool, places: int) -> Shot:
    """An example image of a unit, with its activation. row: as `Unit.examples` has it."""
    activation = plain(row.activation, places)
    facts = [row.key, f"{row.split} split"]
    if isinstance(row.predicted, str):
        facts.append(f"the network says: {row.predicted}")
    if isinstance(row.caption, str) and row.caption:
        facts.append(row.caption)
    words, below = f"{row.label}, activation {activation}", ""
    if hasattr(row, "simulated"):
        words += f", simulated {plain(row.simulated, places)}"
        below = (
            f"<br>simulated {plain(row.simulated, places)}"
            f'<br><span class="lx-muted">{escape(row.split)}</span>'
        )
    caption = f"<b>{activation}</b> {escape(row.label)}{below}"
    return Shot(data_url(picture), caption, words, "\n".join([words, *facts]), small)


def hidden_words(store: Store) -> str:
    """How many images are hidden here, as a sentence; '' where none is."""
    if not store.hidden:
        return ""
    count = len(store.hidden)
    return f"{plural(count, 'image')} of this store {'is' if count == 1 else 'are'} hidden"


def _ends(unit: Unit) -> list[tuple]:
    """The strongest and the weakest images of a unit without ranges."""
    strong, weak = unit.top(PER_ROW), unit.bottom(PER_ROW)
    return [
        ("Strongest", f"the {len(strong)} images with the largest activations", strong),
        ("Weakest", f"the {len(weak)} images with the smallest activations", weak),
    ]


def example_groups(unit: Unit, only: int | None, draw: int, top: bool) -> list[tuple]:
    """A group a range, the highest first, and one for what is below 0; or only that of the chosen range.

    Of a unit without ranges: its strongest and its weakest images.
    """
    if unit.buckets is None:
        return _ends(unit)
    if only is not None:
        return [_group(unit, only, IMAGES, draw, top)]
    return [
        _group(unit, bucket, PER_ROW, draw, top)
        for bucket in ranges_of(unit)
        if unit.status != "constant" or images_in(unit, bucket)
    ]


def _group(unit: Unit, bucket: int, most: int, draw: int, top: bool) -> tuple:
    examples = unit.examples(bucket, count=most, seed=draw, top=top)
    count = images_in(unit, bucket)
    note = plural(count, "image") + (f", {share(count, len(unit.activations))}" if count else "")
    return numbered(unit, bucket), note, examples


def map_words(opacity: int, maps: dict[int, UnitMap], images: int) -> str:
    """What the colours over the examples mean. opacity: in percent. images: how many examples there are."""
    if not opacity:
        return "Off. Move it to see where in the images the unit fires."
    missing = images - len(maps)
    colours = "orange is above 0, purple below" if maps_signed(maps) else "the brighter (yellow), the more"
    words = f"Where the unit fires: {colours}; one scale for all."
    if missing:
        words += f" {plural(missing, 'image')} without a kept map {'is' if missing == 1 else 'are'} plain."
    return words
