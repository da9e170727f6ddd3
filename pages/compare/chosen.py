"""The highlighted image of the Compare page: what each unit does on it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from lexplain_core.base.pictures import data_url
from lexplain_core.views.compare import (
    Chosen,
    Slot,
    on_image,
    on_image_table,
)
from lexplain_core.views.examples import SMALL, Shot
from lexplain_core.views.markdown import md
from pages.ui import links, shell, thumbs
from pages.ui.bound import press
from pages.ui.text import unusable

_SIDE = 104  # CSS pixels
HOW = (
    "Click an image, or go to one with <kbd>Tab</kbd> and the arrow keys and press <kbd>Enter</kbd>: it is highlighted in every "
    "column, its activation is marked in every chart, and what each unit does on it stands here. <kbd>Esc</kbd> lets go of it."
)


def panel(view: links.Compare, shown: Sequence[Slot], chosen: Chosen | None) -> None:
    """The image with a row for each unit, or how to choose one."""
    if chosen is None:
        if view.key:
            unusable(md(f"None of these stores has an image “{view.key}”."))
        st.html(f'<p class="lx-facts lx-muted">{HOW}</p>')
        return
    picture, table, button = st.columns([0.1, 0.8, 0.1], gap="small", vertical_alignment="center")
    with picture:
        _picture(shown, chosen)
    with table:
        st.html(on_image_table(on_image(shown, chosen)))
    with button:
        st.button(
            "Let go",
            key="compare let go",
            icon=":material/close:",
            type="tertiary",
            help="Highlight no image",
            **press(view, key=""),
        )


def _picture(shown: Sequence[Slot], chosen: Chosen) -> None:
    if chosen.hidden:
        st.html(
            f'<p class="lx-facts lx-muted">Hidden in {escape(", ".join(chosen.hidden))}, so it is not shown.</p>'
        )
        return
    one, i = next((one, i) for one, i in zip(shown, chosen.ids, strict=True) if i is not None)
    row = shell.images(one.opened).loc[i]
    words, source = f"{row['label']}, {chosen.key}", data_url(one.opened.store.crops([i])[i])
    small = max(row["width"], row["height"]) < SMALL
    thumbs.strip([Shot(source, escape(str(row["label"])), words, words, small)], _SIDE)
