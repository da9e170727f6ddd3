"""Every method's explanation of a unit side by side, and the switches between methods and matrices."""

from __future__ import annotations

from html import escape

import streamlit as st

from lexplain_core.base.numbers import two
from lexplain_core.store import Explanation, Unit
from lexplain_core.views.explanations import matrix_title
from lexplain_core.views.markdown import md
from lexplain_core.views.scores import (
    column_title,
    measure_cell,
    methods_table,
    scored_columns,
    seen_by,
)
from lexplain_core.views.tables import of_unit
from pages.neuron.edit_link import edit_link
from pages.ui import links, tables
from pages.ui.bound import switch
from pages.ui.text import unusable


def matrix_of(view: links.Neuron, unit: Unit, explanation: Explanation | None) -> tuple[str, list[str]]:
    """The concept matrix that the page shows, and those that hold all of the explanation's concepts.

    Says so where the address asks for one that does not. The matrix is "" where none does, as may be
    with words that were imported.
    """
    if explanation is None or explanation.reason:
        return view.matrix, []
    known = unit.matrices(explanation)
    if not known:
        return "", known
    if not view.matrix or view.matrix in known:
        return view.matrix or known[0], known
    unusable(
        md(
            f"“{view.matrix}” has no values of this explanation’s concepts; they are shown as seen by "
            f"{seen_by(known[0])}."
        )
    )
    return known[0], known


def switches(view: links.Neuron, unit: Unit, explanation: Explanation | None, matrices: list[str]) -> None:
    """Which method's explanation the page shows, and whose view of its concepts; hidden where there is no choice."""
    methods = [e.method for e in unit.explanations]
    if (len(methods) < 2 and len(matrices) < 2) or all(e.reason for e in unit.explanations):
        edit_link(view, explanation)
        return
    own = explanation is not None and view.matrix == explanation.matrix
    with st.container(horizontal=True, vertical_alignment="center", key="lx_switches"):
        if len(methods) > 1:
            switch(
                view,
                "method",
                {name: md(name) for name in methods},
                words="Explained by",
                to=lambda name: {"method": name, **({"matrix": ""} if own else {})},
            )
        if len(matrices) > 1:
            switch(
                view,
                "matrix",
                {name: md(matrix_title(name)) for name in matrices},
                words="Concepts seen by",
                help="Who says which concepts an image shows, in the stacked chart and in what is simulated",
            )
        edit_link(view, explanation)
        if len(methods) > 1:
            st.space("stretch")
            tables.csv("Methods as CSV", lambda: methods_table(unit), *of_unit(unit), "methods")


def side_by_side(unit: Unit, shown: Explanation | None) -> None:
    """A row per method: its words, its score by each simulator beside chance, its length; where there are several."""
    found = unit.explanations
    if len(found) < 2 or all(one.reason for one in found):
        return
    columns = scored_columns(unit.store, found)
    head = "".join(
        f'<th scope="col" title="{escape(measure.help, quote=True)}">{escape(column_title(measure, by))}</th>'
        for measure, by in columns
    )
    rows = []
    for one in found:
        current = shown is not None and one.id == shown.id
        text = escape(one.text) if not one.reason else f'<span class="lx-muted">{escape(one.reason)}</span>'
        scores = "".join(
            f"<td>{measure_cell(unit, one, measure, by) if not one.reason else '–'}</td>"
            for measure, by in columns
        )
        val = "–" if one.val_correlation is None else two(one.val_correlation)
        rows.append(
            f'<tr{" class=now aria-current=true" if current else ""}><th scope="row">{escape(one.method)}'
            f"{'<br><span class=lx-muted>shown here</span>' if current else ''}</th>"
            f"<td>{text}</td>{scores}<td>{one.length or '–'}</td><td>{val}</td></tr>"
        )
    st.html(
        f'<table class="lx-compare"><thead><tr><th scope="col">Method</th><th scope="col">In words</th>{head}'
        '<th scope="col" title="How many concepts">Concepts</th>'
        '<th scope="col" title="On the val split, by which the concepts were chosen">Val corr.</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )
