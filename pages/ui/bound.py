"""The one way from a widget to the address: each stands for a field of the page's view, which its next run reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from pages.ui import shell
from pages.ui.links import next_draw

_OWN = object()
Changes = dict[str, Any]  # fields of a view with what they become


def bind(
    view: Any,
    field: str,
    to: Callable[[Any], Changes | None] | None = None,
    *,
    shows: Any = _OWN,
    key: str = "",
    moving: bool = False,
) -> dict[str, Any]:
    """How a widget is called that stands for a field: `st.selectbox(label, layers, **bind(view, "layer"))`.

    Args:
        to: what a choice changes; the field alone without it. None for nothing. It may read the store: a `UserError`
            stands on the page then. Other widgets may have changed in the same moment: `shell.now(view)` has all.
        shows: what the widget shows, where that isn't the field as it is.
        key: of the widget; page and field without one.
        moving: of a slider, which would jump back if it was set while somebody moves it.
    """
    key = key or f"{view.page} {field}"
    value = getattr(view, field) if shows is _OWN else shows
    if not moving or st.session_state.get(key, _OWN) != value:
        st.session_state[key] = value

    def changed() -> None:
        chosen = st.session_state[key]
        _change(view, {field: chosen} if to is None else to(chosen))

    return {"key": key, "on_change": shell.told(changed)}


def press(view: Any, to: Callable[[], Changes | None] | None = None, /, **fields: Any) -> dict[str, Any]:
    """How a button is called that changes fields of the view, `to` what is found when it is pressed; without any, the
    address becomes that of the whole view."""
    if to is None and not fields:
        return {"on_click": shell.show, "args": (view,)}

    def pressed() -> None:
        _change(view, fields if to is None else to())

    return {"on_click": shell.told(pressed)}


def _change(view: Any, fields: Changes | None) -> None:
    if fields is not None:
        shell.change(view, **fields)


def switch(
    view: Any,
    field: str,
    titles: Mapping[str, str] | Mapping[int, str],
    label: str = "Show",
    to: Callable[[Any], Changes | None] | None = None,
    *,
    words: str = "",
    shows: Any = _OWN,
    help: str | None = None,
) -> None:
    """A bar of buttons of which one is on.

    Args:
        titles: what each value is called, as Markdown, in order.
        label: for those who can't see the bar; `words`, which stand before it, without one.
    """
    if words:
        st.html(f'<span class="lx-muted">{words}</span>', width="content")
    st.segmented_control(
        words or label,
        list(titles),
        format_func=dict[Any, str](titles).__getitem__,
        required=True,
        label_visibility="collapsed",
        width="content",
        help=help,
        **bind(view, field, to, shows=shows),
    )


def labelled(
    view: Any,
    field: str,
    titles: Mapping[str, str],
    label: str,
    to: Callable[[Any], Changes | None] | None = None,
    help: str | None = None,
) -> None:
    """A bar as `switch`, below its label."""
    st.segmented_control(
        label,
        list(titles),
        format_func=titles.__getitem__,
        required=True,
        help=help,
        **bind(view, field, to),
    )


def redraw(view: Any, words: str = "Other images of the same ranges; the address keeps the draw") -> None:
    """A button for other images."""
    st.button(
        "Draw again",
        icon=":material/casino:",
        shortcut="D",
        key=f"{view.page} redraw",
        help=words,
        **press(view, lambda: {"draw": next_draw(shell.now(view).draw)}),
    )
