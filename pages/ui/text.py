"""Numbers of a unit in plain words, and text of others made safe for Markdown."""

from __future__ import annotations

from lexplain_core.views.markdown import sentence
from pages.ui import access


def message(error: object) -> str:
    """The sentence of an error as Markdown; on a dashboard for strangers files stand without their folders."""
    return sentence(error, folders=not access.readonly())
