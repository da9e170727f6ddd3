"""Compare."""

from __future__ import annotations

import streamlit as st

from pages import common


def render() -> None:
    view, opened, offer = common.start("compare")
    offer(view)
    st.title("Compare", anchor=False)


common.run(render)
