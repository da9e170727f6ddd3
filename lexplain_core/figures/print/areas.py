"""The paper's Figure 3 for print: what the images of each range are, a panel a unit, all on one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ...store.text import number
from ..area import _runs as runs
from ..palette import Style
from .base import INK, MUTED, Sheet, first_that_fits, fit, size_that_fits, widest, width_of, wrap
from .data import OTHER, FigureData, Panel
from .palettes import other_style, shared_styles
from .words import letter, score_words

_GAP = 0.17  # inches between panels
_SWATCH = 0.75  # of a line
_LEAST = 0.25  # inches of a panel's width for each point of font size


def sheet(data: FigureData) -> Sheet:
    """The figure, laid out."""
    choice = data.choice
    page = Sheet(choice.width, choice.size)
    page.height = 0.04
    n = len(data.panels)
    most = max(1, min(n, 4, int(choice.width / (_LEAST * choice.size))))
    columns = math.ceil(n / math.ceil(n / most))
    gutter = width_of("100%", choice.size) + page.line + 0.08
    width = (choice.width - gutter - (columns - 1) * _GAP - 0.03) / columns
    look = _Look(data, page, width, min(max(0.62 * width, 1.0), 2.0))
    for first in range(0, n, columns):
        _row(look, data.panels[first : first + columns], first, gutter, last_from=n - columns)
    page.height += 0.02
    return page


class _Look:
    """What all panels share: their size, the styles and the scale."""

    def __init__(self, data: FigureData, page: Sheet, width: float, height: float):
        self.data, self.page, self.width, self.height = data, page, width, height
        self.small = max(4.5, 0.88 * page.size)
        self.styles = shared_styles((_things(p, data.choice.level) for p in data.panels), data.choice.palette)
        self.other = other_style(data.choice.palette)
        self.top = max((float(p.edges[-1]) for p in data.panels if p.edges is not None), default=1.0)
        self.same = data.choice.scale == "same"
        self.edge = INK if data.choice.palette == "grey" else "#ffffff"  # greys are too much alike without

    def style(self, thing: int) -> Style:
        return self.other if thing == OTHER else self.styles[thing]

    def reach(self, panel: Panel) -> float:
        """How much of the x axis the unit's ranges take, 0 to 1."""
        return float(panel.edges[-1]) / self.top if self.same and panel.edges is not None else 1.0

    def ticks(self) -> list[tuple[float, str]]:
        """(place on the x axis from 0 to 1, words), the same for every panel."""
        if not self.same:
            many = self.width > 7 * width_of("100%", self.small)
            steps = (0, 0.25, 0.5, 0.75, 1) if many else (0, 0.5, 1)
            return [(step, f"{100 * step:.0f}%") for step in steps]
        return _ticks(self.top, self.width, self.small)


def _ticks(top: float, width: float, size: float) -> list[tuple[float, str]]:
    """Round numbers from 0 on, about a third of the axis apart; further where their words have no room
    beside each other in `width` inches."""
    step = _round_step(top / 3)
    while True:
        numbers = [i * step for i in range(int(top / step * 1.0001) + 1)]
        marks = [(number / top, _tick(number, top)) for number in numbers]
        if _apart(marks, width, size) or (wider := _round_step(step * 2.6)) > top:
            return marks
        step = wider  # the next of 1, 2, 5, 10, …


def _apart(marks: list[tuple[float, str]], width: float, size: float) -> bool:
    """Whether there is half a letter between all words below an axis."""
    ends = [_ends(width, *mark, size) for mark in marks]
    return all(b[0] - a[1] >= 0.5 * size / 72 for a, b in zip(ends, ends[1:], strict=False))


def _ends(width: float, place: float, words: str, size: float) -> tuple[float, float]:
    """From where to where the words at a place of an axis reach: below it, but not much beyond its ends."""
    half = width_of(words, size) / 2
    middle = min(max(place * width, half - 0.02), width + 0.02 - half)
    return middle - half, middle + half


def _tick(value: float, top: float) -> str:
    """'0', '0.25', '2,500'; on an axis of very large or small numbers '5·10⁷'."""
    if value == 0 or 1e-3 <= top < 1e6:
        return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"
    power = math.floor(math.log10(value * (1 + 1e-9)))
    raised = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{value / 10.0**power:.4g}·10{raised}"


def _things(panel: Panel, level: str) -> list[int]:
    """Concepts (or classes) of a panel in the order of its stack: the strongest term at the bottom."""
    if panel.composition is None:
        return []
    things = [int(c) for c in pd.unique(panel.composition["concept"]) if c != OTHER]
    if level == "concepts" and panel.explanation is not None:
        weight = {t.concept_id: abs(t.weight) for t in panel.explanation.terms}
        things.sort(key=lambda c: -weight[c])
    return things


def _row(look: _Look, panels: Sequence[Panel], first: int, gutter: float, last_from: int) -> None:
    """A row of panels; the sheet grows by its height."""
    page, top = look.page, look.page.height
    heads = [_head(look, panel, first + i) for i, panel in enumerate(panels)]
    legends = [_legend(look, panel) for panel in panels]
    above = max(len(lines) for lines in heads) * page.line + (
        page.line + 0.05 if look.data.choice.words else 0.05
    )
    lowest = top + above + look.height
    for i, (panel, head, legend) in enumerate(zip(panels, heads, legends, strict=True)):
        x = gutter + i * (look.width + _GAP)
        for line, (words, bold) in enumerate(head):
            page.text(
                x, top + (line + 0.8) * page.line, words, bold=bold, size=page.size if bold else look.small
            )
        y = top + above
        _chart(look, panel, first + i, x, y)
        if i == 0:
            _y_axis(look, gutter, y, panel)
        foot = y + look.height + 0.05 + 0.8 * look.small / 72
        for place, words in look.ticks():
            page.line_to(
                [(x + place * look.width, y + look.height), (x + place * look.width, y + look.height + 0.03)]
            )
            middle = x + sum(_ends(look.width, place, words, look.small)) / 2
            page.text(middle, foot, words, size=look.small, ha="center")
        if first + i >= last_from:
            foot += page.line
            page.text(x + look.width / 2, foot, _x_title(look), size=look.small, color=MUTED, ha="center")
        for entries in legend:
            foot += page.line
            for at, style, words in entries:
                side = _SWATCH * look.small / 72
                if style is not None:
                    corners = [
                        (x + at, foot - side),
                        (x + at + side, foot - side),
                        (x + at + side, foot),
                        (x + at, foot),
                    ]
                    page.polygon(corners, style, f"key-{len(page.marks)}", edge=MUTED)
                    at += side + 0.04
                page.text(x + at, foot, words, size=look.small)
        lowest = max(lowest, foot)
    page.height = lowest + 0.14


def _head(look: _Look, panel: Panel, place: int) -> list[tuple[str, bool]]:
    """Lines above a panel: (words, bold)."""
    title = f"{letter(place, len(look.data.panels))}{panel.title}"
    lines = [(line, True) for line in wrap(title, look.width, look.page.size, bold=True)]
    if look.data.choice.words:
        facts = [score_words(panel.score)] if panel.score else []
        if panel.edges is not None:
            facts.append(f"largest activation {panel.maximum:.3g}")
        if panel.negative:
            facts.append(f"{panel.negative:,} of {panel.total:,} images below 0 not shown")
        for fact in facts:
            lines += [(line, False) for line in wrap(fact, look.width, look.small)]
    return lines


def _chart(look: _Look, panel: Panel, place: int, x: float, y: float) -> None:
    page, bottom = look.page, y + look.height
    if panel.composition is None:
        page.box(x, y, look.width, look.height, dotted=True)
        lines = wrap(panel.reason or "", look.width - 0.16, look.small, most=5)
        for i, words in enumerate(lines):
            middle = y + look.height / 2 + (i - (len(lines) - 1) / 2) * page.line
            page.text(x + look.width / 2, middle, words, size=look.small, color=MUTED, ha="center")
        return
    reach = look.reach(panel) * look.width
    shares = panel.composition.pivot(index="concept", columns="bucket", values="share")
    middles = [(b + 0.5) / 8 for b in range(8)]
    floor = np.zeros(8)
    for thing in [*_things(panel, look.data.choice.level), OTHER]:
        ceiling = floor + np.nan_to_num(shares.loc[thing].to_numpy(float))
        for a, b in runs(np.asarray(panel.counts) > 0):
            across = [a / 8, *middles[a : b + 1], (b + 1) / 8]
            at = [a, *range(a, b + 1), b]
            upper = [
                (x + s * reach, bottom - ceiling[k] * look.height) for s, k in zip(across, at, strict=True)
            ]
            lower = [
                (x + s * reach, bottom - floor[k] * look.height) for s, k in zip(across, at, strict=True)
            ]
            if any(ceiling[k] > floor[k] for k in at):
                page.polygon(
                    [*upper, *lower[::-1]], look.style(thing), f"area-{place + 1}-{thing}-{a}", look.edge
                )
        floor = ceiling
    for bucket, count in enumerate(panel.counts):
        if not count:
            page.box(x + bucket / 8 * reach, y, reach / 8, look.height, dotted=True)
    page.box(x, y, reach, look.height)
    page.line_to([(x, y), (x, bottom), (x + look.width, bottom)])
    if look.data.choice.words:
        _counts(look, panel, x, y, reach)


def _count_words(look: _Look, panel: Panel, reach: float) -> tuple[list[str], float | None]:
    """The number of images in each range, whole where all have room, else in thousands, and the size of letters
    that has room; None where none has."""
    room = reach / 8 - 0.02
    words = [f"{n:,}" for n in panel.counts]
    if widest(words, look.small) > room:
        words = [_thousands(n) for n in panel.counts]
    return words, None if panel.composition is None else size_that_fits(words, room, look.small)


def _counts(look: _Look, panel: Panel, x: float, y: float, reach: float) -> None:
    """The number of images above each range."""
    words, size = _count_words(look, panel, reach)
    if size is None:
        return  # the caption has them
    for bucket, text in enumerate(words):
        page, middle = look.page, x + (bucket + 0.5) / 8 * reach
        page.text(middle, y - 0.075, text, size=size, ha="center", color=MUTED)


def _thousands(n: int) -> str:
    if n < 1000:
        return str(n)
    return f"{n / 1000:.1f}k" if n < 9950 else f"{n / 1000:.0f}k" if n < 999500 else f"{n / 1e6:.1f}M"


def _y_axis(look: _Look, gutter: float, y: float, first: Panel) -> None:
    page, bottom = look.page, y + look.height
    for share in (0, 0.25, 0.5, 0.75, 1):
        at = bottom - share * look.height
        page.line_to([(gutter - 0.03, at), (gutter, at)])
        page.text(
            gutter - 0.05, at + 0.36 * look.small / 72, f"{100 * share:.0f}%", size=look.small, ha="right"
        )
    ways = ("share of the range’s images", "share of images", "share")
    title = next((words for words in ways if width_of(words, look.small) <= look.height), "")
    page.text(
        0.09 * page.size / 8,
        y + look.height / 2,
        title,
        size=look.small,
        color=MUTED,
        ha="center",
        turned=True,
    )
    if look.data.choice.words and _count_words(look, first, look.reach(first) * look.width)[1] is not None:
        words = first_that_fits(("images", "n"), gutter - 0.04, look.small)
        page.text(gutter - 0.05, y - 0.075, words, size=look.small, color=MUTED, ha="right")


def _x_title(look: _Look) -> str:
    if look.same:
        return fit("activation", look.width, look.small)
    return first_that_fits(
        ("activation, in % of the unit’s largest", "activation, % of largest", "activation"),
        look.width,
        look.small,
    )


def _legend(look: _Look, panel: Panel) -> list[list[tuple]]:
    """Lines of (place, style or None, words)."""
    if panel.composition is None:
        return []
    names = panel.composition.drop_duplicates("concept").set_index("concept")["name"]
    weights: dict[int, float] = {}
    bias: float | None = None
    if panel.explanation is not None and look.data.choice.level == "concepts":
        weights = {t.concept_id: t.weight for t in panel.explanation.terms}
        bias = panel.explanation.bias
    items: list[tuple[Style | None, str]] = []
    for thing in [*_things(panel, look.data.choice.level), OTHER]:
        weight = f"{number(weights[thing])}·" if thing in weights else ""
        items.append((look.style(thing), f"{weight}{names[thing]}"))
    if weights and bias is not None:
        items.append((None, f"bias {number(bias)}"))
    side = _SWATCH * look.small / 72 + 0.04
    lines: list[list[tuple]] = [[]]
    at = 0.0
    for style, words in items:
        room = look.width - (side if style else 0)
        words = fit(words, room, look.small)
        wide = width_of(words, look.small) + (side if style else 0)
        if at and at + wide > look.width:
            lines.append([])
            at = 0.0
        lines[-1].append((at, style, words))
        at += wide + 0.09
    return lines


def _round_step(span: float) -> float:
    """1, 2 or 5 times a power of ten, the largest that is no larger than `span`."""
    power = 10.0 ** math.floor(math.log10(span))
    return next(power * m for m in (5, 2, 1) if power * m <= span * (1 + 1e-9))
