"""Your words."""

from __future__ import annotations

import streamlit as st

from pages import common


def render() -> None:
    view, opened, offer = common.start("words")
    offer(view)
    st.title("Your words", anchor=False)


common.run(render)
