"""Simulated against actual activations of a unit, and the images that the words miss."""

from __future__ import annotations

import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import decimals, plural
from lexplain_core.store import Explanation, Unit
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from lexplain_core.views.scores import residuals_note, seen_by, simulated_score
from lexplain_core.views.tables import images_table, of_unit
from lexplain_core.views.unit import quantity
from pages.ui import plots, shell, tables, thumbs

_MISSES = 8  # images a row


def show(opened: Opened, unit: Unit, explanation: Explanation, matrix: str) -> None:
    """The tab."""
    left, right = st.columns([1.75, 1], gap="medium")
    with left:
        plots.chart(
            figures.simulated_scatter(
                unit.activations,
                unit.simulated(explanation, matrix),
                list(unit.split),
                theme=shell.theme(),
                keys=list(shell.images(opened)["key"]),
                quantity=quantity(unit),
            ),
            "scatter",
            f"Scatter of simulated against actual activations, test images emphasised, {explanation.method}, "
            f"concepts seen by {seen_by(matrix)}",
        )
    with right:
        st.markdown(
            f"What **{md(explanation.method)}** predicts, with concepts seen by **{md(seen_by(matrix))}**. "
            f"{simulated_score(unit, explanation, matrix)}\n\n"
            "Each point is an image: to the right what the explanation predicts, upwards what the unit did. "
            "Where the words say all there is to say, the points lie on the dashed line; upright bands are images "
            "that the words can't tell apart.\n\nThe score is the correlation over the **test** images (dots) only. "
            f"At most {plural(2000, 'point')} are drawn, picked by a fixed seed; the CSV has every image."
        )
        tables.csv(
            "Simulated and actual as CSV",
            lambda: images_table(unit, shell.images(opened), explanation, matrix),
            *of_unit(unit),
            "simulated",
        )
    _missed(opened, unit, explanation, matrix)


def _missed(opened: Opened, unit: Unit, explanation: Explanation, matrix: str) -> None:
    """The images with the largest residuals, in both directions."""
    st.subheader("What the words miss", anchor=False)
    more, less = unit.residuals(explanation, matrix, _MISSES)
    st.markdown(
        "The images whose actual activation is farthest above and below the simulated one, from all splits. "
        "What they share may be what the explanation leaves out. Below each: the actual activation and the label, the "
        "simulated activation, the split."
    )
    groups = [
        ("More than the words say", residuals_note(more, "above"), more),
        ("Less than the words say", residuals_note(less, "below"), less),
    ]
    thumbs.rows(opened.store, groups, decimals(unit.maximum - unit.minimum, 100))
