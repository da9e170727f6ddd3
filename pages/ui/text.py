"""What is wrong with stores, notes and addresses, as sentences on a page."""

from __future__ import annotations

import streamlit as st

from lexplain_core.views.markdown import sentence
from pages.ui import access


def message(error: object) -> str:
    """The sentence of an error as Markdown; on a dashboard for strangers files stand without their folders."""
    return sentence(error, folders=not access.readonly())


def unusable(*sentences: str) -> None:
    """Say what of an address can't be used (Markdown)."""
    for one in sentences:
        st.warning(one, icon=":material/link_off:")
