"""The pages that there are: a folder each, and those of plugins."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from lexplain_core.base.errors import UserError
from lexplain_core.base.pages import Page
from lexplain_core.base.plugins import load_all, loaded

_FOLDER = Path(__file__).parents[1]


@cache
def pages() -> dict[str, Page]:
    """All pages by name, in the order of the navigation."""
    problem()
    own = [import_module(f"pages.{path.parent.name}.page") for path in _FOLDER.glob("*/page.py")]
    found = [page for module in [*own, *loaded()] if isinstance(page := getattr(module, "PAGE", None), Page)]
    return {page.name: page for page in sorted(found, key=lambda page: (page.place, page.name))}


@cache
def problem() -> str:
    """Load the plugins, once for all visitors: why one can't be used, or ''."""
    try:
        load_all()
    except UserError as error:
        return str(error)
    return ""
