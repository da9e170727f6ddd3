"""The browser's half of the pages: HTML, CSS and JavaScript, as files of `assets/`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_ASSETS = Path(__file__).parent / "assets"


@cache
def asset(name: str) -> str:
    """The text of a file of `assets/`."""
    return (_ASSETS / name).read_text("utf-8")


def component(name: str) -> Callable[..., Any]:
    """A component of Streamlit's whose HTML, CSS and JavaScript are `name`.html, .css and .js; it may lack any of them."""
    files = {
        kind: f"{name}.{kind}" for kind in ("html", "css", "js") if (_ASSETS / f"{name}.{kind}").is_file()
    }
    parts: dict[str, Any] = {kind: asset(file) for kind, file in files.items()}
    return st.components.v2.component(f"lexplain_{name}", **parts)
