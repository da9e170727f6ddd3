"""The few rules of our own for the pages' looks, in the theme's colours."""

from __future__ import annotations

import streamlit as st

from lexplain_core.figures import Theme
from pages.ui.front import asset


def style(look: Theme) -> None:
    """Put the rules into the page; `--lx-…` are the theme's colours that Streamlit has no variables for."""
    colours = f":root {{ --lx-grid: {look.grid}; --lx-muted: {look.muted}; --lx-accent: {look.accent}; }}"
    st.html(f"<style>{colours}\n{asset('pages.css')}</style>")
