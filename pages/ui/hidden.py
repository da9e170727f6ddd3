"""Images that are hidden from a store's examples: how many, which, and the way to hide and to bring back."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from lexplain_core.base.errors import UserError
from lexplain_core.base.pictures import rgb_or_grey
from lexplain_core.notes import Notes
from lexplain_core.views.examples import hidden_words
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from pages.ui import access
from pages.ui.text import message

_MOST = 200  # of hidden images that are listed one by one


def bar(opened: Opened, shown: Mapping[int, str]) -> None:
    """Below the examples: hide one of the images shown there, and how many are hidden. shown: id → the figure that stands
    below the image, in their order."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="lx_hidden"):
        _hide(opened, shown)
        _note(opened)
    _said()


def note(opened: Opened) -> None:
    """How many images are hidden, with the way to bring them back; nothing where none is."""
    if opened.store.hidden:
        _note(opened)
    _said()


def _note(opened: Opened) -> None:
    store = opened.store
    if not store.hidden:
        return
    with st.popover(
        hidden_words(store), icon=":material/visibility_off:", type="tertiary", key="hidden images"
    ):
        st.markdown(
            "Hidden images are shown nowhere as pictures: not among examples, in trials, or in figures. Counts, charts and "
            "scores hold them as before."
        )
        frame = store.images(sorted(store.hidden))
        look = st.toggle("Show them here", key="look at hidden", help="Their pictures, on this page only")
        pictures = store.thumbnails(frame.index[:_MOST], hidden=True) if look else {}
        with st.container(height=320 if len(frame) > 5 else "content", border=False):
            for image, row in frame.head(_MOST).iterrows():
                with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                    if image in pictures:
                        st.image(rgb_or_grey(pictures[image]), width=48)
                    st.markdown(
                        f"{md(row['key'])} ({md(row['label'])}, {md(row['split'])} split)", width="stretch"
                    )
                    st.button(
                        "Bring back",
                        key=f"unhide {image}",
                        on_click=_change,
                        args=(Notes.of(store), "unhide", row["key"]),
                        **access.off(),
                    )
        if len(frame) > _MOST:
            st.caption(f"The first {_MOST} of {len(frame):,} are listed.")
        if len(frame) > 1:
            st.button(
                "Bring all back",
                icon=":material/visibility:",
                key="unhide all",
                on_click=_change,
                args=(Notes.of(store), "unhide", *frame["key"]),
                **access.off(),
            )


def _hide(opened: Opened, shown: Mapping[int, str]) -> None:
    store = opened.store
    ids = [i for i in shown if i not in store.hidden]
    if not ids:
        return
    with st.popover(
        "Hide an image", icon=":material/hide_image:", type="tertiary", key="hide menu", **access.off()
    ):
        frame = store.images(ids)
        facts = zip(ids, frame["label"], frame["key"], strict=True)
        names = {i: f"{shown[i]} · {label} · {key}" for i, label, key in facts}
        st.markdown(
            "A hidden image is no longer shown to anybody who uses this store here, until it is brought back."
        )
        image = st.selectbox(
            "Which of the images on this page",
            ids,
            key="hide which",
            index=None,
            format_func=names.__getitem__,
            placeholder="Choose by activation, class and file",
        )
        if image is None:
            return
        st.image(rgb_or_grey(store.thumbnails([image])[image]), width=160)
        st.button(
            "Hide it",
            icon=":material/visibility_off:",
            type="primary",
            key="hide",
            on_click=_change,
            args=(Notes.of(store), "hide", frame.loc[image, "key"]),
        )


def _change(notes: Notes, what: str, *keys: str) -> None:
    try:
        getattr(notes, what)(*keys)
        st.session_state["hide which"] = None
    except UserError as error:
        st.session_state["hidden problem"] = str(error)


def _said() -> None:
    if problem := st.session_state.pop("hidden problem", None):
        st.warning(message(problem), icon=":material/error:")
