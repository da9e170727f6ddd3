"""The paper's Figure 4 for print: images from every range of a unit, under its description."""

from __future__ import annotations

from ...base.numbers import decimals, plain
from .base import FAINT, INK, MUTED, Sheet, fit, prepared, size_that_fits, snapped, widest, wrap
from .choice import RANGES
from .data import FigureData, Panel, Shot
from .words import letter, score_words

_LINES = 40  # of a description: no words are cut, however many they are
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
    lines = [(line, True, page.size) for line in wrap(title, choice.width, page.size, bold=True)]
    described = panel.explanation.text if panel.explanation else panel.reason or "no explanation"
    lines += [(line, False, page.size) for line in wrap(described, choice.width, page.size, _LINES)]
    if choice.words:
        facts = [score_words(panel.score)] if panel.score else []
        if panel.negative:
            facts.append(f"{panel.negative:,} of {panel.total:,} images below 0 not shown")
        if facts:
            lines += [(line, False, small) for line in wrap("; ".join(facts), choice.width, small, _LINES)]
    for words, bold, size in lines:
        page.text(0, page.height + 0.8 * page.line, words, bold=bold, size=size)
        page.height += page.line


def _edges(page: Sheet, data: FigureData, panel: Panel, side: float, gap: float) -> None:
    """Above each column: the range in activation and, with words, how many images it holds."""
    if panel.edges is None:
        return
    small, places = _small(page), decimals(panel.maximum)
    spans = [tuple(plain(float(e), places) for e in panel.edges[b : b + 2]) for b in range(RANGES)]
    rows = [[f"{low} – {high}" for low, high in spans]]
    if widest(rows[0], small) > side - 0.02:
        rows = [[f"{low} –" for low, _ in spans], [high for _, high in spans]]
    _numbers(page, rows, side, gap, INK, f"The limits of the ranges of {panel.title}")
    if data.choice.words:
        _numbers(
            page, [_counts(panel, side, small)], side, gap, MUTED, f"The numbers of images of {panel.title}"
        )
    page.height += 0.02


def _numbers(page: Sheet, rows: list[list[str]], side: float, gap: float, color: str, what: str) -> None:
    """Rows with a number above each column, as large as all have room; none, and a note, where they have none."""
    size = size_that_fits([words for row in rows for words in row], side - 0.02, _small(page))
    if size is None:
        page.notes.append(f"{what} have no room above the images and are left out: take a wider column.")
        return
    for row in rows:
        for bucket, words in enumerate(row):
            middle = bucket * (side + gap) + side / 2
            page.text(middle, page.height + 0.8 * page.line, words, size=size, ha="center", color=color)
        page.height += page.line


def _counts(panel: Panel, side: float, size: float) -> list[str]:
    """How many images each range holds, in the longest words that have room in all columns."""
    ways = [
        [f"{n:,} image{'' if n == 1 else 's'}" for n in panel.counts],
        [f"n = {n:,}" for n in panel.counts],
        [f"{n:,}" for n in panel.counts],
    ]
    return next((words for words in ways if widest(words, size) <= side), ways[-1])


def _images(page: Sheet, data: FigureData, panel: Panel, side: float, gap: float, pictures: dict) -> None:
    below = 2 * page.line * 0.92 if data.choice.words else 0.0
    top = snapped(page.height)
    rows = max(1, *(len(shots) for shots in panel.shots)) if panel.shots else 1
    values = [_value(panel, shot) for shots in panel.shots for shot in shots]
    size = size_that_fits(values, side, _small(page))
    if values and size is None and data.choice.words:
        page.notes.append(f"The activations of {panel.title} have no room below the images and are left out.")
    for bucket, shots in enumerate(panel.shots):
        x = snapped(bucket * (side + gap))
        if not shots:
            page.box(x, top, side, side, dotted=True)
            words = "empty" if not panel.counts[bucket] else "none left"
            if (fitting := size_that_fits([words], side, _small(page))) is not None:
                page.text(x + side / 2, top + side / 2, words, size=fitting, color=MUTED, ha="center")
        for row, shot in enumerate(shots):
            y = top + row * (snapped(side + below) + snapped(gap))
            if shot.image not in pictures:
                pictures[shot.image] = prepared(data.pictures[shot.image], side)
            page.image(x, y, side, pictures[shot.image])
            page.box(x, y, side, side, color=FAINT)
            if data.choice.words:
                _words(page, panel, shot, x, y + side, side, size)
    page.height = top + rows * (snapped(side + below) + snapped(gap))


def _words(
    page: Sheet, panel: Panel, shot: Shot, x: float, y: float, side: float, size: float | None
) -> None:
    """Below an image: its activation, in letters of `size`, and its class."""
    line = page.line * 0.92
    if size is not None:
        page.text(x, y + 0.88 * line, _value(panel, shot), size=size)
    page.text(x, y + 1.88 * line, fit(shot.label, side, _small(page)), size=_small(page))


def _value(panel: Panel, shot: Shot) -> str:
    return plain(shot.activation, decimals(panel.maximum, 50))


def _small(page: Sheet) -> float:
    return max(4.5, 0.85 * page.size)
