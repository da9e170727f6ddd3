"""A grid of example images with captions, as one piece of HTML."""

from __future__ import annotations

from base64 import b64encode
from html import escape

import pandas as pd
import streamlit as st

from lexplain_core.figures import plain
from lexplain_core.store import Store

_WIDTH = 96  # CSS pixels
_SMALL = 64  # images narrower than this keep hard pixel edges when enlarged


def rows(store: Store, groups: list[tuple[str, str, pd.DataFrame]], places: int) -> None:
    """Rows of images: (title, note, examples as `Unit.examples` gives them), one below the other;
    activations have `places` decimals.

    Each image carries its activation and label, and where the examples have a column `simulated` that,
    too, and its split; key, split, prediction and caption are in its title.
    """
    ids = [int(i) for _, _, examples in groups for i in examples["image"]]
    pictures = store.thumbnails(ids)
    sizes = store.images(ids)[["width", "height"]].max(axis=1) if ids else {}
    html = []
    for title, note, examples in groups:
        shots = "".join(
            _figure(row, pictures[row.image], bool(sizes[row.image].max() < _SMALL), places)
            for row in examples.itertuples()
        )
        html.append(
            f'<section class="lx-row"><div><h4>{escape(title)}</h4><p>{escape(note)}</p></div>'
            f'<div class="lx-shots" style="--w:{_WIDTH}px">{shots}</div></section>'
        )
    st.html("".join(html))


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
