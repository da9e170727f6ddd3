"""Colours and hatches for print: each safe for colour-blind eyes, and one without colour.

`default` is that of the pages (Okabe and Ito 2008); `bright` and `muted` are Paul Tol's
(https://personal.sron.nl/~pault/, technical note SRON/EPS/TN/09-002, 2021); `grey` has four greys.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..palette import OKABE_ITO, Style

_BRIGHT = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377")
_MUTED = ("#332288", "#DDCC77", "#117733", "#CC6677", "#88CCEE", "#882255", "#44AA99", "#999933", "#AA4499")
_GREYS = ("#3a3a3a", "#c8c8c8", "#7a7a7a", "#e6e6e6")
_PATTERNS = ("", "/", ".", "x")
_GREY_PATTERNS = ("", "/", ".", "x", "\\", "-", "+")
_OTHER = {"grey": Style("#ffffff")}


def styles_of(palette: str) -> list[Style]:
    """All styles of a palette, no two alike, the plainest first."""
    if palette == "grey":  # each round pairs the greys with other hatches
        turns = range(len(_GREYS) * len(_GREY_PATTERNS))
        return [Style(_GREYS[i % 4], _GREY_PATTERNS[(i % 4 + i // 4) % len(_GREY_PATTERNS)]) for i in turns]
    colors = {"default": OKABE_ITO, "bright": _BRIGHT, "muted": _MUTED}[palette]
    return [Style(color, pattern) for pattern in _PATTERNS for color in colors]


def other_style(palette: str) -> Style:
    """How "other" is drawn."""
    return _OTHER.get(palette, Style("#d4d4d4"))


def shared_styles(panels: Iterable[Sequence], palette: str) -> dict:
    """A style for each kind of thing, the same in every panel, and no two alike in one panel.

    panels: what each panel shows, the most important first. Where a palette has too few styles they come
    round again.
    """
    panels, styles = [list(dict.fromkeys(p)) for p in panels], styles_of(palette)
    beside: dict = {}
    for panel in panels:
        for thing in panel:
            beside.setdefault(thing, set()).update(panel)
    chosen: dict = {}
    for panel in panels:
        for thing in panel:
            if thing not in chosen:
                taken = {chosen[o] for o in beside[thing] if o in chosen}
                chosen[thing] = next(
                    (i for i in range(len(styles)) if i not in taken), len(chosen) % len(styles)
                )
    return {thing: styles[place] for thing, place in chosen.items()}
