"""The stored images that are most like a picture: by what a layer does on them, and by their colours."""

from __future__ import annotations

from html import escape

import pandas as pd
import streamlit as st

from lexplain_core.base.numbers import plain
from lexplain_core.base.pictures import data_url
from lexplain_core.views.examples import SMALL, Shot
from lexplain_core.views.opened import Opened
from pages.ui import links, shell, thumbs
from pages.ui.bound import bind


def by_layer(view: links.Picture, opened: Opened, frame: pd.DataFrame) -> None:
    """Images on which the layer does most nearly the same."""
    images = f"{len(shell.images(opened)):,}"
    st.subheader("The stored images most like it, to this layer", anchor=False)
    st.caption(
        f"Of {images} images, from all splits: those on which the layer’s living units do most nearly the same. The number is the "
        "cosine of the two patterns of activation, each unit’s measured from its mean in its standard deviations: 1 is the same "
        "pattern, 0 none in common."
    )
    _row(view, opened, frame, "similarity", "layer", 2)


def by_colour(view: links.Picture, opened: Opened, frame: pd.DataFrame) -> None:
    """Images with the same colours in the same places."""
    images = f"{len(shell.images(opened)):,}"
    st.subheader("The stored images most like it, by colours", anchor=False)
    st.caption(
        f"Of {images} images, from all splits; no network is asked. Each image is taken as 8 × 8 patches of their mean colour; the number is "
        "the root mean square difference from the picture’s, in levels of 0 to 255: 0 is the same."
    )
    _row(view, opened, frame, "distance", "colour", 0)


def _row(
    view: links.Picture, opened: Opened, frame: pd.DataFrame, column: str, key: str, places: int
) -> None:
    if frame.empty:
        st.markdown("None is there to show.")
        return
    ids = [int(i) for i in frame["image"]]
    pictures, facts = opened.store.thumbnails(ids), opened.store.images(ids)
    shots = []
    for image, value in zip(ids, frame[column], strict=True):
        row = facts.loc[image]
        words = f"Image {image}: {row['label']}, {column} {plain(value, places)}"
        caption = (
            f"<b>{plain(value, places)}</b> {escape(row['label'])}<br>"
            f'<span class="lx-muted">image {image}</span>'
        )
        title = f"{words}\n{row['key']}\n{row['split']} split"
        small = max(row["width"], row["height"]) < SMALL
        shots.append(Shot(data_url(pictures[image]), caption, words, title, small))
    thumbs.strip(shots)
    st.pills(
        "Look at one of these instead",
        ids,
        format_func=lambda i: f"image {i}",
        **bind(
            view,
            "image",
            lambda i: None if i is None else {"image": i, "unit": None},
            shows=None,
            key=f"{key} neighbour",
        ),
    )
