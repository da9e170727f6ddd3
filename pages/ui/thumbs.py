"""A grid of example images with captions, as one piece of HTML."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from html import escape
from io import BytesIO

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from lexplain_core.base.numbers import plain
from lexplain_core.base.pictures import rgb_or_grey
from lexplain_core.store import Store, UnitMap

_WIDTH = 96  # CSS pixels
_SMALL = 64  # images narrower than this keep hard pixel edges when enlarged
_SIDE = 2 * _WIDTH  # pixels of an image with a map over it, for screens with small pixels


@dataclass(frozen=True)
class Overlay:
    """Maps to lay over images, by image id, and how opaque: more than 0, 1 at most."""

    maps: dict[int, UnitMap]
    opacity: float


def signed(maps: dict[int, UnitMap]) -> bool:
    """Whether any of the maps goes below 0: then all are drawn on the scale with two ends."""
    return any(float(m.values.min()) < 0 for m in maps.values())


def rows(
    store: Store,
    groups: list[tuple[str, str, pd.DataFrame]],
    places: int,
    overlay: Overlay | None = None,
) -> None:
    """Rows of images: (title, note, examples as `Unit.examples` gives them), one below the other;
    activations have `places` decimals.

    Each image carries its activation and label, and where the examples have a column `simulated` that,
    too, and its split; key, split, prediction and caption are in its title. overlay: maps, which lie over
    the crop that the network saw.
    """
    ids = [int(i) for _, _, examples in groups for i in examples["image"]]
    pictures = store.thumbnails(ids)
    if overlay:
        pictures |= _overlaid(store.crops(list(overlay.maps)), overlay)
    facts = store.images(ids)
    sizes = dict(zip(ids, np.maximum(facts["width"], facts["height"]), strict=True))
    html = []
    for title, note, examples in groups:
        shots = "".join(
            _figure(row, pictures[row.image], sizes[row.image] < _SMALL, places)
            for row in examples.itertuples()
        )
        html.append(
            f'<section class="lx-row"><div><h4>{escape(title)}</h4><p>{escape(note)}</p></div>'
            f'<div class="lx-shots" style="--w:{_WIDTH}px">{shots}</div></section>'
        )
    st.html("".join(html))


def _overlaid(crops: dict[int, bytes], overlay: Overlay) -> dict[int, bytes]:
    """JPEGs of the images with their maps over them, all on one scale."""
    from lexplain_core.live import overlay as compose

    both = signed(overlay.maps)
    most = max(float(abs(m.values).max() if both else m.values.max()) for m in overlay.maps.values())
    found = {}
    for image, jpeg in crops.items():
        picture = rgb_or_grey(jpeg)
        size = max(picture.size)
        if size > _SIDE or size < _WIDTH:
            way = Image.Resampling.NEAREST if size < _SMALL else Image.Resampling.BILINEAR
            picture = picture.resize(tuple(max(1, round(n * _SIDE / size)) for n in picture.size), way)
        buffer = BytesIO()
        laid = compose(picture, overlay.maps[image], overlay.opacity, signed=both, scale=most)
        laid.save(buffer, "JPEG", quality=85)
        found[image] = buffer.getvalue()
    return found


def _figure(row, picture: bytes, small: bool, places: int) -> str:
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
    title = escape(f"{words}\n" + "\n".join(facts), quote=True)
    source = f"data:image/jpeg;base64,{b64encode(picture).decode()}"
    return (
        f'<figure title="{title}"><img {"class=px " if small else ""}src="{source}" '
        f'alt="{escape(words, quote=True)}">'
        f"<figcaption><b>{activation}</b> {escape(row.label)}{below}</figcaption></figure>"
    )
