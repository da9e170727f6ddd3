"""The one cache of the pages: what is read or computed once for all sessions."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import ParamSpec, TypeVar

import streamlit as st

from lexplain_core.base.entries import signature
from lexplain_core.views.opened import Opened
from lexplain_core.views.picture import Taken
from lexplain_core.views.study import Study

P = ParamSpec("P")
R = TypeVar("R")
_BY: dict[str | type, Callable[..., object]] = {
    Opened: attrgetter("key"),
    Study: attrgetter("key"),
    Taken: attrgetter("token"),
    type(Path()): signature,
}


def cached(spinner: str | bool = False, most: int = 8) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keep what a function returns, for all sessions, under its arguments.

    A store (`Opened`) counts as another one when its file is replaced, or notes change what it says; a study when
    answers come in; a path when its file changes. An argument whose name begins with an underscore doesn't count.
    What is returned is shared: it is not to be changed.

    Args:
        spinner: what the page says meanwhile; False for nothing.
        most: how many results are kept.
    """
    return st.cache_resource(show_spinner=spinner, max_entries=most, hash_funcs=_BY)
