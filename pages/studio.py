"""Figures."""

from __future__ import annotations

import streamlit as st

from pages import common


def render() -> None:
    view, opened, offer = common.start("studio")
    offer(view)
    st.title("Figures", anchor=False)


common.run(render)
