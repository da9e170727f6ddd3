"""Colours and patterns of every chart, safe for colour-blind eyes, in light and dark themes.

The seven colours are those of Okabe and Ito (2008), https://jfly.uni-koeln.de/color/, without
black. Where a chart needs more than seven kinds, the colours come round again under a hatch, so
that no two kinds look alike and none is told by its colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

K = TypeVar("K", int, str)
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, YELLOW = "#CC79A7", "#56B4E9", "#F0E442"
OKABE_ITO = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, YELLOW)
PATTERNS = ("", "/", ".", "x")  # plotly's names; the first round is plain


@dataclass(frozen=True)
class Style:
    """How one kind of thing is drawn: a fill colour, a hatch ('' for none), the colour of text on it."""

    color: str
    pattern: str = ""

    @property
    def ink(self) -> str:
        """Black or white, whichever stands out more on the fill (WCAG 2 contrast)."""
        light = _luminance(self.color)
        return "#000000" if (light + 0.05) / 0.05 > 1.05 / (light + 0.05) else "#ffffff"


@dataclass(frozen=True)
class Theme:
    """The colours of a chart that depend on the page's theme."""

    name: str
    text: str
    muted: str
    grid: str
    page: str
    other: Style
    accent: str


LIGHT = Theme("light", "#1d2733", "#5b6673", "rgba(29,39,51,0.14)", "#ffffff", Style("#c9cdd2"), BLUE)
DARK = Theme("dark", "#e6e9ee", "#a3adb9", "rgba(230,233,238,0.18)", "#12161c", Style("#565e69"), SKY)


def theme_of(name: str | None) -> Theme:
    """The theme by name: 'dark', and light for everything else."""
    return DARK if name == "dark" else LIGHT


def concept_styles(concepts: Iterable[K]) -> dict[K, Style]:
    """A style for each concept, by its id or name, in the order given (28 differ; then they come round)."""
    styles: dict[K, Style] = {}
    for position, concept in enumerate(concepts):
        turn, color = divmod(position, len(OKABE_ITO))
        styles[concept] = Style(OKABE_ITO[color], PATTERNS[turn % len(PATTERNS)])
    return styles


def _luminance(color: str) -> float:
    """Relative luminance of '#rrggbb' in [0, 1] (WCAG 2.1)."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def swatch(style: Style) -> str:
    """A style of the charts as CSS."""
    hatch = {
        "": "",
        "/": f"repeating-linear-gradient(135deg,transparent 0 4px,{style.ink} 4px 5px)",
        ".": f"radial-gradient({style.ink} 1px,transparent 1.4px) 0 0/5px 5px",
        "x": f"repeating-linear-gradient(45deg,transparent 0 5px,{style.ink} 5px 6px),"
        f"repeating-linear-gradient(135deg,transparent 0 5px,{style.ink} 5px 6px)",
    }[style.pattern]
    return f"background:{f'{hatch},' if hatch else ''}{style.color}"
