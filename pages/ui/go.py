"""Ways from page to page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import streamlit as st

from pages.ui import links


def page(name: str, draw: Callable[[], None] = lambda: None, title: str = "") -> Any:
    """A page as Streamlit knows it: by its address alone."""
    return st.Page(draw, title=title or name, url_path=name)


def link(label: str, view: Any, **more: Any) -> None:
    """A link to a view, of whatever page; `more` as `st.page_link` takes it."""
    st.page_link(page(view.page), label=label, query_params=links.query(view), **more)


def to(view: Any) -> NoReturn:
    """Go to a view."""
    st.switch_page(page(view.page), query_params=links.query(view))


def unit(view: Any, layer: str, number: int, method: str = "") -> NoReturn:
    """Go to a unit's page, in the store of a view."""
    to(links.Neuron(store=view.store, layer=str(layer), unit=int(number), method=method))
