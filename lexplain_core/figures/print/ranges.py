"""The paper's Figure 4 for print: images from every range of a unit, under its description."""

from __future__ import annotations

from ..base import decimals, plain
from .base import FAINT, MUTED, Sheet, first_that_fits, fit, prepared, snapped, width_of, wrap
from .choice import RANGES
from .data import FigureData, Panel, Shot
from .words import letter, score_words

_GAPS = {"single": 0.03, "double": 0.06}  # inches between images


def sheet(data: FigureData) -> Sheet:
    """The figure, laid out: a block a unit, a column a range, from 0 on the left to the largest on the right."""
    choice = data.choice
    page = Sheet(choice.width, choice.size)
    page.height = 0.04
    gap = _GAPS[choice.column]
    side = snapped((choice.width - (RANGES - 1) * gap) / RANGES)
    pictures: dict[int, object] = {}
    for place, panel in enumerate(data.panels):
        _head(page, data, panel, place)
        if panel.edges is None:
            for words in wrap(panel.reason or "", choice.width, _small(page)) if panel.explanation else []:
                page.text(0, page.height + 0.8 * page.line, words, size=_small(page), color=MUTED)
                page.height += page.line
            page.height += 0.14
            continue
        _edges(page, data, panel, side, gap)
        _images(page, data, panel, side, gap, pictures)
        page.height += 0.14
    return page


def _head(page: Sheet, data: FigureData, panel: Panel, place: int) -> None:
    """The unit, its description, its score."""
    choice, small = data.choice, _small(page)
    title = f"{letter(place, len(data.panels))}{panel.title}"
    lines = [(fit(title, choice.width, page.size, True), True, page.size)]
    described = panel.explanation.text if panel.explanation else panel.reason or "no explanation"
    lines += [(line, False, page.size) for line in wrap(described, choice.width, page.size)]
    if choice.words:
        facts = [score_words(panel.score)] if panel.score else []
        if panel.negative:
            facts.append(f"{panel.negative:,} of {panel.total:,} images below 0 not shown")
        if facts:
            lines += [(line, False, small) for line in wrap("; ".join(facts), choice.width, small, most=3)]
    for words, bold, size in lines:
        page.text(0, page.height + 0.8 * page.line, words, bold=bold, size=size)
        page.height += page.line


def _edges(page: Sheet, data: FigureData, panel: Panel, side: float, gap: float) -> None:
    """Above each column: the range in activation and, with words, how many images it holds."""
    small, places = _small(page), decimals(panel.maximum)
    spans = [tuple(plain(float(e), places) for e in panel.edges[b : b + 2]) for b in range(RANGES)]
    one_line = all(width_of(f"{low} – {high}", small) <= side for low, high in spans)
    rows = [[f"{low} – {high}" for low, high in spans]] if one_line else [
        [f"{low} –" for low, _ in spans], [high for _, high in spans]
    ]  # fmt: skip
    if data.choice.words:
        rows.append([_many(n, side, small) for n in panel.counts])
    for number, row in enumerate(rows):
        for bucket, words in enumerate(row):
            counts = data.choice.words and number == len(rows) - 1
            page.text(
                bucket * (side + gap) + side / 2, page.height + 0.8 * page.line, fit(words, side, small),
                size=small, ha="center", color=MUTED if counts else "#1a1a1a",
            )  # fmt: skip
        page.height += page.line
    page.height += 0.02


def _many(count: int, side: float, size: float) -> str:
    word = "image" if count == 1 else "images"
    return first_that_fits((f"{count:,} {word}", f"n = {count:,}", f"{count:,}"), side, size)


def _images(page: Sheet, data: FigureData, panel: Panel, side: float, gap: float, pictures: dict) -> None:
    below = 2 * page.line * 0.92 if data.choice.words else 0.0
    top = snapped(page.height)
    rows = max(1, *(len(shots) for shots in panel.shots)) if panel.shots else 1
    for bucket, shots in enumerate(panel.shots):
        x = snapped(bucket * (side + gap))
        if not shots:
            page.box(x, top, side, side, dotted=True)
            words = "empty" if not panel.counts[bucket] else "none left"
            page.text(
                x + side / 2,
                top + side / 2,
                fit(words, side, _small(page)),
                size=_small(page),
                color=MUTED,
                ha="center",
            )
        for row, shot in enumerate(shots):
            y = top + row * (snapped(side + below) + snapped(gap))
            if shot.image not in pictures:
                pictures[shot.image] = prepared(data.pictures[shot.image], side)
            page.image(x, y, side, pictures[shot.image])
            page.box(x, y, side, side, color=FAINT)
            if data.choice.words:
                _words(page, panel, shot, x, y + side, side)
    page.height = top + rows * (snapped(side + below) + snapped(gap))


def _words(page: Sheet, panel: Panel, shot: Shot, x: float, y: float, side: float) -> None:
    """Below an image: its activation and its class."""
    small = _small(page)
    value = plain(shot.activation, decimals(panel.maximum, 50))
    for line, words in enumerate((value, shot.label)):
        page.text(x, y + (line + 0.88) * page.line * 0.92, fit(words, side, small), size=small)


def _small(page: Sheet) -> float:
    return max(4.5, 0.85 * page.size)
