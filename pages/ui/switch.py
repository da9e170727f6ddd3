"""A bar of choices that stands for one field of a page's view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.ui import shell


def switch(
    view: Any, field: str, titles: Mapping[str, str], key: str | None = None, label: str = "Show"
) -> None:
    """Buttons of which one is on: the value of `view.field`. A press puts another one into the address.

    titles: what each value is called, in order. key: of the widget (the field's name without); label: for
    those who can't see the bar.
    """
    key = key or field
    st.session_state[key] = getattr(view, field)
    st.segmented_control(
        label,
        list(titles),
        key=key,
        format_func=titles.get,
        required=True,
        label_visibility="collapsed",
        on_change=changed,
        args=(view, field, key),
    )


def changed(view: Any, field: str, key: str) -> None:
    """Put what a widget says into a field of the view."""
    shell.change(view, **{field: st.session_state[key]})
