"""Units side by side: their scores, and what each does on one image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from ..base.numbers import plural, two
from ..store import Score
from .scores import seen_by


def ranked(table: pd.DataFrame, layer: str) -> pd.DataFrame:
    """The units of a layer, best explained first, living ones before others."""
    rows = table[table["layer"] == layer]
    return rows.assign(living=rows["status"] == "alive").sort_values(
        ["living", "score"], ascending=False, na_position="last", kind="stable"
    )


def percentile(activations: np.ndarray, value: float) -> float:
    """The share of images with a smaller activation, ties by half; 0 to 1."""
    return float(np.mean(activations < value) + np.mean(activations == value) / 2)


def percentile_words(value: float) -> str:
    """'99.95%', '50%': as many decimals as tell the ends apart."""
    if value in (0.0, 1.0):
        return f"{value:.0%}"
    return f"{100 * value:.{1 if 0.01 <= value <= 0.99 else 2}f}%"


def track(place: float) -> str:
    """The place between 0 and the unit's largest activation as a line with a dot (HTML)."""
    words = f"{place:z.0%} of the largest".replace("-", "−")
    at = min(max(place, 0.0), 1.0)
    return (
        f'<span class="lx-track" title="{words}"><i style="left:{100 * at:.1f}%"></i></span> '
        f'<span class="lx-muted">{words.split()[0]}</span>'
    )


@dataclass(frozen=True, eq=False)
class Chosen:
    """The highlighted image. ids: its number in each unit's store, None where the store hasn't it. hidden: names of the
    stores that it was hidden in."""

    key: str
    ids: list[int | None]
    hidden: list[str]


@dataclass(frozen=True, eq=False)
class Selection:
    """The images that all columns show. keys: in order. ids: for each unit, their ids in its store."""

    keys: list[str]
    ids: list[list[int | None]]


def sorted_simulators(names: Iterable[str]) -> list[str]:
    return sorted(set(names), key=lambda name: (name != "label", name))


def score_note(score: Score | None) -> str:
    """The split and the images that a score was computed on (HTML)."""
    if score is None or score.value is None:
        return ""
    sample = ", a sample" if score.sampled else ""
    return f'<br><span class="lx-muted">{escape(score.split)}, {plural(score.n, "image")}{sample}</span>'


def people_cell(row) -> str:
    if row is None:
        return '<span class="lx-muted">not asked</span>'
    return (
        f"<b>{two(row['human'])}</b> ({two(row['low'])} to {two(row['high'])})<br>"
        f'<span class="lx-muted">{plural(int(row["answers"]), "answer")}</span>'
    )


def score_line(score: Score | None) -> str:
    if score is None:
        return "Not scored."
    if score.value is None:
        return f"No test correlation: {escape(score.reason or 'it is undefined.')}"
    interval = "" if score.low is None else f" ({two(score.low)} to {two(score.high)})"
    return (
        f"{score.split.capitalize()} correlation <b>{two(score.value)}</b>{interval}, {plural(score.n, 'image')}, "
        f"{escape(seen_by(score.simulator))}"
    )
