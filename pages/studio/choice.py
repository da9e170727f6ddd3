"""What a figure looks like: its kind, whose words, colours, width and letters."""

from __future__ import annotations

import streamlit as st

from lexplain_core.figures import print as prints
from lexplain_core.views.opened import Opened
from pages.ui import links, shell
from pages.ui.switch import changed, switch

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
    switch(view, "figure", _FIGURES, key="studio figure", label="Figure")


def how(view: links.Studio, opened: Opened) -> None:
    """All other choices, each in the address."""
    methods = shell.methods(opened)
    if len(methods) > 1:
        _select(view, "method", methods, "Explained by", value=view.method or opened.store.default_method)
    if view.figure == "areas":
        _labelled(view, "level", _LEVELS, "Areas are")
        _labelled(view, "scale", _SCALES, "Activation axis")
    _labelled(view, "column", _COLUMNS, "Column width")
    left, right = st.columns(2)
    with left:
        _number(view, "size", "Font size, points", 5.0, 16.0, 0.5)
    with right:
        if view.figure == "ranges":
            _number(view, "per", "Images per range", 1, 12, 1)
        else:
            _select(view, "palette", list(prints.PALETTES), "Colours", lambda name: _PALETTES.get(name, name))
    if view.figure == "ranges":
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Draw again",
                icon=":material/casino:",
                shortcut="D",
                key="studio redraw",
                on_click=_redraw,
                args=(view,),
                help="Other images of the same ranges; pinned ones stay",
            )
            st.html(f'<span class="lx-muted">draw {view.draw}</span>', width="content")
    _toggle(view, "words", "Scores, counts and captions in the figure")
    _toggle(view, "paths", "SVG: letters as paths, not as text")


def _labelled(view, field: str, titles: dict[str, str], label: str) -> None:
    with st.container(gap="xxsmall"):
        st.html(f'<span class="lx-muted">{label}</span>')
        switch(view, field, titles, key=f"studio {field}", label=label)


def _select(view, field: str, options: list[str], label: str, form=None, value: str | None = None) -> None:
    key = f"studio {field}"
    chosen = value if value is not None else getattr(view, field)
    if chosen not in options:
        options = [chosen, *options]
    st.session_state[key] = chosen
    st.selectbox(label, options, key=key, format_func=form or str, on_change=changed, args=(view, field, key))


def _number(view, field: str, label: str, low: float, high: float, step: float) -> None:
    key = f"studio {field}"
    st.session_state[key] = getattr(view, field)
    st.number_input(label, low, high, step=step, key=key, on_change=changed, args=(view, field, key))


def _toggle(view, field: str, label: str) -> None:
    key = f"studio {field}"
    st.session_state[key] = bool(getattr(view, field))
    st.toggle(label, key=key, on_change=_toggled, args=(view, field, key))


def _toggled(view, field: str, key: str) -> None:
    shell.change(view, **{field: int(st.session_state[key])})


def _redraw(view: links.Studio) -> None:
    shell.change(view, draw=links.next_draw(view.draw))
