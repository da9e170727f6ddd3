"""What a page shows, in plain words, for those who ask."""

from __future__ import annotations

import streamlit as st


@st.fragment
def plain_words(text: str) -> None:
    """The note "What am I looking at?". text: Markdown, which the browser gets when the note is opened: closed, it
    would keep the browser busy for a tenth of a second at every first visit."""
    note = st.expander("What am I looking at?", icon=":material/help:", key="plain words", on_change="rerun")
    if note.open:
        note.markdown(text)
