"""What a figure looks like: its kind, whose words, colours, width and letters."""

from __future__ import annotations

import streamlit as st

from lexplain_core.views.opened import Opened
from pages.ui import links, shell
from pages.ui.bound import bind, labelled, redraw, switch

_FIGURES = {"areas": "Area charts", "ranges": "Range images"}
_LEVELS = {"concepts": "Concepts", "classes": "Classes", "superclasses": "Superclasses"}
_SCALES = {"relative": "% of each unit’s largest", "same": "Same activations"}
_COLUMNS = {"single": "Single, 3.25 in", "double": "Double, 6.75 in"}
_PALETTES = {
    "default": "Okabe–Ito (the pages’)",
    "bright": "Bright (Tol)",
    "muted": "Muted (Tol)",
    "grey": "Grey",
}


def what(view: links.Studio) -> None:
    """Which of the two figures."""
    switch(view, "figure", _FIGURES, "Figure")


def how(view: links.Studio, opened: Opened) -> None:
    """All other choices, each in the address."""
    methods = shell.methods(opened)
    if len(methods) > 1:
        shown = view.method or opened.store.default_method
        known = methods if shown in methods else [shown, *methods]
        st.selectbox("Explained by", known, **bind(view, "method", shows=shown))
    if view.figure == "areas":
        labelled(view, "level", _LEVELS, "Areas are")
        labelled(view, "scale", _SCALES, "Activation axis")
    labelled(view, "column", _COLUMNS, "Column width")
    left, right = st.columns(2)
    left.number_input("Font size, points", 5.0, 16.0, step=0.5, **bind(view, "size"))
    if view.figure == "ranges":
        right.number_input("Images per range", 1, 12, step=1, **bind(view, "per"))
    else:
        right.selectbox(
            "Colours", list(_PALETTES), format_func=_PALETTES.__getitem__, **bind(view, "palette")
        )
    if view.figure == "ranges":
        with st.container(horizontal=True, vertical_alignment="center"):
            redraw(view, "Other images of the same ranges; pinned ones stay")
            st.html(f'<span class="lx-muted">draw {view.draw}</span>', width="content")
    _toggle(view, "words", "Scores, counts and captions in the figure")
    _toggle(view, "paths", "SVG: letters as paths, not as text")


def _toggle(view: links.Studio, field: str, label: str) -> None:
    st.toggle(label, **bind(view, field, lambda on: {field: int(on)}, shows=bool(getattr(view, field))))
