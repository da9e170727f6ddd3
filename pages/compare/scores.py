"""The weights and the scores of the Compare page, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import plural, two
from lexplain_core.views.compare import Slot, people_cell, score_note, score_table
from lexplain_core.views.scores import column_title, measure_cell, scored_columns, unit_cell
from pages.compare.charts import word_styles
from pages.ui import links, plots, shell, tables
from pages.ui.humans import of_unit


def weights(view: links.Compare, shown: Sequence[Slot]) -> None:
    """A row for each concept, a panel for each unit."""
    if all(one.in_words is None for one in shown):
        return
    st.subheader("Weights", anchor=False)
    units = [(f"{one.name}, {one.place.method}", one.in_words, one.unit.maximum) for one in shown]
    plots.chart(
        figures.weights_beside(units, word_styles(shown), scale=view.scale, theme=shell.theme()),
        "weights",
        "Bars of weights. "
        + "; ".join(f"{one.name}: {one.in_words.text}" for one in shown if one.in_words is not None),
    )
    relative = "in percent of the unit’s largest activation, " if view.scale == "relative" else ""
    st.caption(
        f"Activation per unit of concept, {relative}{_AXES[view.scale]}. A dash: the explanation hasn’t this concept."
    )


_AXES = {"same": "one axis for all", "relative": "one axis for all", "own": "each unit on an axis of its own"}


def scores(shown: Sequence[Slot]) -> None:
    """A row for each unit: scores by each simulator with intervals, split and images; human, machine, length."""
    st.subheader("Scores", anchor=False)
    ready = [one for one in shown if one.in_words is not None]
    store = shown[0].opened.store
    columns = scored_columns(store, [one.in_words for one in ready if one.in_words])
    of_units = [
        one
        for one in store.measures.values()
        if one.of == "unit" and one.listed and any(u.unit.score(one.name) for u in shown)
    ]
    several = len({one.place.store for one in shown}) > 1
    people = [of_unit(one.place.store, one.place.layer, one.place.unit) for one in shown]
    asked = any(row is not None for row in people)
    head = ["Unit", "By", *(column_title(measure, by) for measure, by in columns), "Concepts"]
    head += [
        f"Val corr.{_val_images(ready)}",
        *(one.short for one in of_units),
        *(["Human 2AFC"] if asked else []),
    ]
    body = []
    for one, person in zip(shown, people, strict=True):
        words = one.in_words
        cells = (
            [f'<span class="lx-one">{escape(one.place.method)}</span>']
            if words
            else ['<span class="lx-muted">no explanation</span>']
        )
        for measure, by in columns:
            score = words.score(measure.name, by) if words else None
            cells.append(measure_cell(one.unit, words, measure, by) + score_note(score) if words else "–")
        val = words.val_correlation if words else None
        cells += [str(words.length) if words else "–", "–" if val is None else two(val)]
        cells += [
            *(unit_cell(one.unit, measure) for measure in of_units),
            *([people_cell(person)] if asked else []),
        ]
        where = f'<br><span class="lx-muted">{escape(one.opened.store.name)}</span>' if several else ""
        row = "".join(f"<td>{value}</td>" for value in cells)
        body.append(f'<tr><th scope="row">{escape(one.name)}{where}</th>{row}</tr>')
    st.html(
        '<div class="lx-table"><table class="lx-compare"><thead><tr>'
        + "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
        + f"</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )
    tables.csv(
        "Scores as CSV",
        lambda: score_table(shown),
        "compared",
        *(f"{one.unit.layer} {one.unit.unit}" for one in shown),
        "scores",
    )


def _val_images(ready: Sequence[Slot]) -> str:
    """How many images the correlations of the val split were computed on, where that is the same for all."""
    found = {(shell.info(one.opened).get("splits") or {}).get("val") for one in ready}
    count = found.pop() if len(found) == 1 else None
    return f", {plural(count, 'image')}" if count else ""
