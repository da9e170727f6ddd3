"""The weights and the scores of the Compare page, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import plural, two
from lexplain_core.views.compare import (
    Shown,
    machine_cell,
    people_cell,
    score_note,
    score_table,
    sorted_simulators,
)
from lexplain_core.views.scores import ABLATIONS, ablation_cell, score_cell, seen_by
from pages.compare.charts import word_styles
from pages.ui import links, plots, shell, tables
from pages.ui.humans import of_unit


def weights(view: links.Compare, shown: Sequence[Shown]) -> None:
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


def scores(shown: Sequence[Shown]) -> None:
    """A row for each unit: scores by each simulator with intervals, split and images; human, machine, length."""
    st.subheader("Scores", anchor=False)
    ready = [one for one in shown if one.in_words is not None]
    found = [score for one in shown if one.in_words for score in one.in_words.scores]
    simulators = sorted_simulators(s.simulator for s in found if s.kind == "correlation")
    ablated = sorted_simulators(s.simulator for s in found if s.kind in ABLATIONS and s.value is not None)
    several = len({one.place.store for one in shown}) > 1
    people = [of_unit(one.place.store, one.place.layer, one.place.unit) for one in shown]
    head = ["Unit", "By", *(f"Correlation, {seen_by(name)}" for name in simulators)]
    head += [f"Ablation, {seen_by(name)}" for name in ablated]
    head += [
        "Concepts",
        f"Val corr.{_val_images(ready)}",
        "Machine 2AFC",
        *(["Human 2AFC"] if any(row is not None for row in people) else []),
    ]
    body = []
    for one, person in zip(shown, people, strict=True):
        words = one.in_words
        cells = (
            [f'<span class="lx-one">{escape(one.place.method)}</span>']
            if words
            else ['<span class="lx-muted">no explanation</span>']
        )
        for name in simulators:
            score = words.score(simulator=name) if words else None
            cells.append(score_cell(one.unit, score) + score_note(score) if words else "–")
        for name in ablated:
            both = [words.score(kind, name) for kind in ABLATIONS] if words else []
            cells.append(
                ablation_cell(both) + score_note(next((s for s in both if s is not None), None))
                if words
                else "–"
            )
        val = words.val_correlation if words else None
        cells += [str(words.length) if words else "–", "–" if val is None else two(val), machine_cell(one)]
        if len(head) > len(cells) + 1:
            cells.append(people_cell(person))
        store = f'<br><span class="lx-muted">{escape(one.opened.store.name)}</span>' if several else ""
        row = "".join(f"<td>{value}</td>" for value in cells)
        body.append(f'<tr><th scope="row">{escape(one.name)}{store}</th>{row}</tr>')
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


def _val_images(ready: Sequence[Shown]) -> str:
    """How many images the correlations of the val split were computed on, where that is the same for all."""
    found = {(shell.info(one.opened).get("splits") or {}).get("val") for one in ready}
    count = found.pop() if len(found) == 1 else None
    return f", {plural(count, 'image')}" if count else ""
