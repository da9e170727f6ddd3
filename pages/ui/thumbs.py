"""Strips of images with captions, as one piece of HTML."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from lexplain_core.store import Store
from lexplain_core.views.examples import SMALL, THUMBNAIL, Overlay, Shot, overlaid, strip_html, thumbnail


def strip(shots: Iterable[Shot], width: int = THUMBNAIL) -> None:
    """Images beside one another, `width` CSS pixels wide."""
    st.html(strip_html(shots, width))


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
        pictures |= overlaid(store.crops(list(overlay.maps)), overlay)
    facts = store.images(ids)
    sizes = dict(zip(ids, np.maximum(facts["width"], facts["height"]), strict=True))
    html = []
    for title, note, examples in groups:
        shots = (
            thumbnail(row, pictures[row.image], sizes[row.image] < SMALL, places)
            for row in examples.itertuples()
        )
        html.append(
            f'<section class="lx-row"><div><h4>{escape(title)}</h4><p>{escape(note)}</p></div>'
            f"{strip_html(shots, THUMBNAIL)}</section>"
        )
    st.html("".join(html))
