"""Units side by side: their scores, and what each does on one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd

from ..base.numbers import LARGEST_INTEGER, decimals, plain, plural, rounded, two
from ..store import Explanation, Score, Unit
from ..store.buckets import example_images
from .explanations import colored
from .opened import Opened
from .scores import score_facts, seen_by
from .unit import quantity

_ENDS = 6  # images from either end of a unit without ranges
_STATUS = {"alive": "", "dead": "dead", "constant": "constant", "negative": "no positive range"}


def ranked(table: pd.DataFrame, layer: str) -> pd.DataFrame:
    """The units of a layer, best explained first, living ones before others."""
    rows = table[table["layer"] == layer]
    return rows.assign(living=rows["status"] == "alive").sort_values(
        ["living", "correlation"], ascending=False, na_position="last", kind="stable"
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


def score_note(score: Score | None) -> str:
    """The split and the images that a score was computed on (HTML)."""
    if score is None or score.value is None:
        return ""
    sample = ", a sample" if score.sampled else ""
    return f'<br><span class="lx-muted">{escape(score.split)}, {plural(score.n, "image")}{sample}</span>'


def people_cell(row: pd.Series | None) -> str:
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
    interval = ""
    if score.low is not None and score.high is not None:
        interval = f" ({two(score.low)} to {two(score.high)})"
    return (
        f"{score.split.capitalize()} correlation <b>{two(score.value)}</b>{interval}, {plural(score.n, 'image')}, "
        f"{escape(seen_by(score.by))}"
    )


@dataclass(frozen=True)
class Place:
    """One of the things that are compared: a unit as one method puts it in words.

    method: '' for the store's default. store: its id, '' for the store that the page is in.
    """

    layer: str
    unit: int
    method: str = ""
    store: str = ""

    @property
    def text(self) -> str:
        """`layer:unit`, `layer:unit:method` or `layer:unit:method:store id`, each part percent-encoded."""
        parts = [self.layer, str(self.unit), self.method, self.store]
        while parts[-1] == "":
            parts.pop()
        return ":".join(quote(part, safe="") for part in parts)

    @classmethod
    def of(cls, text: str) -> Place | None:
        """The place that a text names; None where it names none."""
        parts = [unquote(part) for part in text.split(":")]
        if not 2 <= len(parts) <= 4 or not parts[0] or not (parts[1].isascii() and parts[1].isdigit()):
            return None
        if len(parts[1]) > 10 or int(parts[1]) > LARGEST_INTEGER:
            return None
        return cls(parts[0], int(parts[1]), *parts[2:])


@dataclass(frozen=True, eq=False)
class Slot:
    """A place with all that it names. place: every part filled in. matrix: whose eyes see its concepts, '' where
    none can. explanation: None where the unit has none by any method; it may hold a reason in place of terms."""

    letter: str
    place: Place
    opened: Opened
    unit: Unit
    explanation: Explanation | None
    matrix: str

    @property
    def in_words(self) -> Explanation | None:
        """The explanation, if it has terms."""
        return self.explanation if self.explanation is not None and not self.explanation.reason else None

    @property
    def name(self) -> str:
        """'A · block7:12'."""
        return f"{self.letter} · {self.place.layer}:{self.place.unit}"


def alike(one: Slot) -> list[tuple[str, int]]:
    """The units whose activations are most like the unit's and most opposed to it, with words; what the store knows."""
    found = []
    similar = one.unit.similar()
    for rank, words in ((1, "The most alike"), (-1, "The most opposed")):
        rows = similar[similar["rank"] == rank]
        if len(rows):
            row = rows.iloc[0]
            found.append((f"{words}, correlation {two(float(row['correlation']))}", int(row["unit"])))
    return found


def marks(shown: Sequence[Slot], chosen: Chosen | None) -> list[float | None]:
    """Each unit's activation for the highlighted image, None where its store hasn't it."""
    if chosen is None:
        return [None] * len(shown)
    return [
        None if i is None else float(one.unit.activations[i])
        for one, i in zip(shown, chosen.ids, strict=True)
    ]


def brought(one: Slot, count: int, draw: int, top: bool) -> list[int]:
    """The images that a unit brings in: from each of its ranges, or from both ends where it has none."""
    unit = one.unit
    if unit.buckets is None:
        return [*unit.top(_ENDS)["image"], *unit.bottom(_ENDS)["image"]]
    ranges = [bucket for bucket in reversed(range(len(unit.buckets.counts))) if unit.buckets.counts[bucket]]
    ranges += [-1] if unit.buckets.negative else []
    found: list[int] = []
    for bucket in ranges:
        found += example_images(
            unit.activations,
            unit.layer_id,
            unit.unit,
            bucket,
            count,
            draw,
            top,
            one.opened.store.hidden,
        ).tolist()  # as `Unit.examples` chooses them, which asks the store for all that it knows of each
    return found


def images_column(one: Slot, ids: Sequence[int | None]) -> dict[str, Any]:
    """A unit's column: for each of its ranges, the highest first, the images in it, the strongest first."""
    unit, buckets = one.unit, one.unit.buckets
    here = [(n, i) for n, i in enumerate(ids) if i is not None]
    values = unit.activations
    places = decimals(max(abs(unit.maximum), abs(unit.minimum)), 50)

    def cell(row: int | None, title: str, note: str, items: list[tuple[int, int]]) -> dict[str, Any]:
        ordered = sorted(items, key=lambda item: (-values[item[1]], item[0]))
        shown = [[n, plain(float(values[i]), places)] for n, i in ordered]
        return {"row": row, "title": title, "note": note, "items": shown}

    cells = []
    if buckets is None:
        cells.append(cell(None, "Strongest first", "no ranges", here))
    else:
        where = buckets.assign(values[[i for _, i in here]]) if here else ()
        fine = decimals(unit.maximum)
        for bucket in reversed(range(-1, len(buckets.counts))):  # as they are seen and stepped through
            total = buckets.negative if bucket < 0 else int(buckets.counts[bucket])
            inside = [item for item, range_ in zip(here, where, strict=True) if range_ == bucket]
            title = "Below 0"
            if bucket >= 0:
                low, high = (plain(float(edge), fine) for edge in buckets.edges[bucket : bucket + 2])
                title = f"{bucket + 1}: {low} to {high}"
            note = f"{len(inside)} of {plural(total, 'image')}"
            if inside or total:
                cells.append(cell(bucket, title, note, inside))
    missing = len(ids) - len(here)
    note = f"{plural(missing, 'image')} not in this store" if missing else ""
    return {"title": one.name, "method": one.place.method, "cells": cells, "note": note}


def on_image(shown: Sequence[Slot], chosen: Chosen) -> pd.DataFrame:
    """What each unit does on the image: unit, method, split, activation, place (of the largest activation, -… to 1),
    percentile (0 to 1: share of images with a smaller activation, ties by half), range (1 to 8, 0 below 0),
    simulated, by. Missing values where the store hasn't the image, or nothing is known."""
    found = []
    for one, i in zip(shown, chosen.ids, strict=True):
        unit = one.unit
        row: dict[str, Any] = {"unit": one.name, "method": one.place.method, "split": None}
        if i is not None:
            value = float(unit.activations[i])
            row |= {
                "split": str(unit.split[i]),
                "activation": value,
                "percentile": percentile(unit.activations, unit.activations[i]),
                "images": len(unit.activations),
            }
            if unit.buckets is not None:
                row["place"] = value / unit.maximum
                row["range"] = int(unit.buckets.assign(unit.activations[[i]])[0]) + 1
            if one.in_words is not None and one.matrix:
                row |= {"simulated": float(unit.simulated(one.in_words, one.matrix)[i]), "by": one.matrix}
        found.append(row | {"places": decimals(max(abs(unit.maximum), abs(unit.minimum)), 50)})
    columns = [
        "unit", "method", "split", "activation", "place", "percentile", "images", "range", "simulated", "by", "places",
    ]  # fmt: skip
    return pd.DataFrame(found, columns=columns)


def on_image_table(frame: pd.DataFrame) -> str:
    head = ["Unit", "Activation", "From 0 to the largest", "Percentile", "Range", "Simulated", "Split"]
    body = []
    for row in frame.itertuples():
        title = f'<th scope="row">{escape(row.unit)}</th>'
        if pd.isna(row.activation):
            body.append(f'<tr>{title}<td colspan="6" class="lx-muted">not in this store</td></tr>')
            continue
        inside = "–" if pd.isna(row.range) else "below 0" if row.range == 0 else f"{int(row.range)} of 8"
        simulated = "–"
        if not pd.isna(row.simulated):
            simulated = (
                f'{plain(row.simulated, row.places)} <span class="lx-muted">{escape(seen_by(row.by))}</span>'
            )
        cells = [
            f"<b>{plain(row.activation, row.places)}</b>",
            "–" if pd.isna(row.place) else track(row.place),
            f'{percentile_words(row.percentile)} <span class="lx-muted">of {int(row.images):,} images</span>',
            inside,
            simulated,
            escape(row.split),
        ]
        body.append(f"<tr>{title}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    return (
        '<div class="lx-table"><table class="lx-compare lx-tight"><thead><tr>'
        + "".join(f'<th scope="col">{title}</th>' for title in head)
        + f"</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def score_table(shown: Sequence[Slot]) -> pd.DataFrame:
    """A row for each unit and score; one without a score for a unit that has none."""
    rows = []
    for one in shown:
        facts = {
            "place": one.letter,
            "store": one.opened.store.name,
            "layer": one.place.layer,
            "unit": one.place.unit,
            "method": one.place.method,
            "explanation": one.in_words.text if one.in_words else "",
            "status": one.unit.status,
            "maximum": one.unit.maximum,
        }
        for score in (one.in_words.scores if one.in_words else ()) or (None,):
            rows.append(facts | ({} if score is None else score_facts(score)))
    return pd.DataFrame(rows)


def unit_words(one: Slot, styles: dict[str, Any]) -> str:
    unit, explanation = one.unit, one.in_words
    facts = f"{escape(quantity(unit))}, {rounded(unit.minimum)} to {rounded(unit.maximum)} over {len(unit.activations):,} images"
    if named := _STATUS[unit.status]:
        facts = f"<b>{named}</b>; {facts}"
    if unit.name and unit.name != named:
        facts = f"{escape(unit.name)}; {facts}"
    if explanation is None:
        reason = (
            (one.explanation.reason if one.explanation else None) or unit.reason or "No method was run on it."
        )
        line = f'<p class="lx-facts"><b>No explanation.</b> {escape(reason)}</p>'
    else:
        drawn = {term.concept_id: styles[term.name] for term in explanation.terms}
        line = f'<p class="lx-line lx-beside">{colored(explanation, drawn)}</p><p class="lx-facts">{score_line(explanation.score())}</p>'
    return f'{line}<p class="lx-facts lx-muted">{facts}</p>'
