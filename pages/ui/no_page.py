"""A page in place of one that there is not: the address stays, and links lead on."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from lexplain_core.views.markdown import code
from pages.ui import go, links

_ASKED = "unknown page"


def asked_for(known: set[str]) -> str:
    """The page that the address names and that is not among `known`; '' where there is none such."""
    context = get_script_run_ctx()
    name = (context.pages_manager.intended_page_name or "").strip("/") if context else ""
    if name:
        st.session_state[_ASKED] = "" if name in known else name
    return st.session_state.get(_ASKED, "")


def no_page(name: str, pages: Mapping[str, tuple[str, str]], unlisted: set[str]) -> None:
    """Say that there is no such page. pages: title and icon by name."""
    st.html('<div class="lx-brand">lexplain</div>', width="content")
    st.header("There is no such page", anchor=False)
    st.markdown(
        f"The address asks for {code('/' + name[:200])}, and the dashboard has no page of that name: "
        "it may be mistyped, or from another version. These are the pages:"
    )
    store = st.query_params.get("store", "")
    for page, (title, icon) in pages.items():
        if page not in unlisted:
            go.link(title, links.VIEWS[page](store=store), icon=icon)
