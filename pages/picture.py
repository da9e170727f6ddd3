"""By picture."""

from __future__ import annotations

import streamlit as st

from pages import common


def render() -> None:
    view, opened, offer = common.start("picture")
    offer(view)
    st.title("By picture", anchor=False)


common.run(render)
