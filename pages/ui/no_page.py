"""A page in place of one that there is not: the address stays, and links lead on."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from lexplain_core.views.markdown import code
from pages.ui import go
from pages.ui.found import pages

_ASKED = "unknown page"


def asked_for() -> str:
    """The page that the address names where there is none such, else ''."""
    context = get_script_run_ctx()
    name = (context.pages_manager.intended_page_name or "").strip("/") if context else ""
    if name:
        st.session_state[_ASKED] = "" if name in pages() else name
    return st.session_state.get(_ASKED, "")


def no_page(name: str) -> None:
    """Say that there is no such page, and which there are."""
    st.html('<div class="lx-brand">lexplain</div>', width="content")
    st.header("There is no such page", anchor=False)
    st.markdown(
        f"The address asks for {code('/' + name[:200])}, and the dashboard has no page of that name: "
        "it may be mistyped, or from another version. These are the pages:"
    )
    store = st.query_params.get("store", "")
    for page in pages().values():
        if page.listed:
            go.link(page.title, page.view(store=store), icon=page.icon)
