"""Figures for print: the same choice, on a page or on the command line, gives the same bytes.

matplotlib is loaded when the first figure is drawn, and not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .choice import COLUMNS, PALETTES, FigureChoice, Pin, command, read_choice, texts, units_text
from .data import FigureData, Panel, Shot, gather
from .words import BIBTEX, caption, sources, sources_csv

if TYPE_CHECKING:
    from .base import Sheet

KINDS = {
    "pdf": "application/pdf",
    "svg": "image/svg+xml",
    "png": "image/png",
    "txt": "text/plain",
    "csv": "text/csv",
    "bib": "application/x-bibtex",
}
PAGE = 9.25  # inches of a page's height that a figure may fill


def make(data: FigureData, kind: str, dpi: int = 300) -> bytes:
    """A file: the figure as 'pdf', 'svg' or 'png' (at `dpi`), its caption as 'txt', its images as 'csv', or what to
    cite as 'bib'."""
    if kind == "txt":
        return f"{caption(data)}\n\n{data.command()}\n".encode()
    if kind == "csv":
        return sources_csv(data).encode()
    if kind == "bib":
        return BIBTEX.encode()
    from .base import render

    return render(_sheet(data), kind, paths=data.choice.paths, dpi=dpi)


def notes(data: FigureData) -> list[str]:
    """Sentences about the figure that its maker should know."""
    from ...base.pictures import lost
    from .base import unknown_letters

    page = _sheet(data)
    found = list(page.notes)
    if page.height > PAGE:
        found.append(
            f"The figure is {page.height:.1f} inches tall, more than a page holds ({PAGE:g}): take fewer units, "
            "or fewer images per range."
        )
    if grey := [image for image, jpeg in sorted(data.pictures.items()) if lost(jpeg)]:
        found.append(
            f"Pictures that the store can't give are grey squares: {', '.join(map(str, grey[:10]))}"
            f"{', …' if len(grey) > 10 else ''}. `python -m lexplain_core check` says what is wrong with a store."
        )
    if letters := unknown_letters(page.words()):
        found.append(f"The font has no letters {letters[:20]}; they show as empty boxes.")
    return found


def _sheet(data: FigureData) -> Sheet:
    from . import areas, ranges

    return areas.sheet(data) if data.choice.figure == "areas" else ranges.sheet(data)


__all__ = [
    "BIBTEX",
    "COLUMNS",
    "KINDS",
    "PALETTES",
    "FigureChoice",
    "FigureData",
    "Panel",
    "Pin",
    "Shot",
    "caption",
    "command",
    "gather",
    "make",
    "notes",
    "read_choice",
    "sources",
    "sources_csv",
    "texts",
    "units_text",
]
