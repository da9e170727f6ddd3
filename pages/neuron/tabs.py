"""The lower half of the Neuron page: examples, values, similar units, simulated against actual, all images, the facts."""

from __future__ import annotations

import streamlit as st

from lexplain_core.base.numbers import decimals
from lexplain_core.store import Explanation, Unit
from lexplain_core.views.opened import Opened
from lexplain_core.views.tables import images_table, of_unit
from pages.neuron import about, charts, effect, examples, similar, simulated, values
from pages.ui import links, shell, tables
from pages.ui.bound import switch

_TITLES = {
    "examples": "Example images",
    "values": "Values",
    "similar": "Similar units",
    "simulated": "Simulated and actual",
    "effect": "Effect",
    "images": "All images",
    "about": "About this unit",
}
_ROWS = 1000  # rows of the table of images that are sent to the browser


def show(view: links.Neuron, opened: Opened, unit: Unit, explanation: Explanation | None) -> None:
    """The chosen tab; only that one is computed. view.matrix: the concept matrix that simulates."""
    explained = explanation if explanation and not explanation.reason else None
    switch(view, "tab", _TITLES)
    if view.tab == "examples":
        examples.show(view, opened, unit)
    elif view.tab == "values":
        values.show(view, opened, unit)
    elif view.tab == "similar":
        similar.show(view, opened, unit, explanation)
    elif view.tab == "simulated":
        if explained and not view.matrix:
            st.info(charts.UNSEEN, icon=":material/info:")
        elif explained:
            simulated.show(opened, unit, explained, view.matrix)
        else:
            st.info("Without an explanation there is nothing to simulate.", icon=":material/info:")
    elif view.tab == "effect":
        effect.show(view, opened, unit)
    elif view.tab == "images":
        _images(opened, unit, explained if view.matrix else None, view.matrix)
    else:
        about.show(opened, unit, explanation)


# -- all images -----------------------------------------------------------------------------------


def _images(opened: Opened, unit: Unit, explanation: Explanation | None, matrix: str) -> None:
    shown, total = images_table(unit, shell.images(opened), explanation, matrix, _ROWS), len(unit.activations)
    st.markdown(
        f"All {total:,} images, strongest first."
        if len(shown) == total
        else f"The {len(shown):,} strongest of {total:,} images; the CSV has every one."
    )
    digits = f"%.{decimals(unit.maximum - unit.minimum, 100)}f"
    tables.show(
        shown,
        "images",
        "Table of images: activation, label, split, key",
        {
            "activation": tables.number("Activation", format=digits),
            "simulated": tables.number("Simulated", format=digits),
            "range": tables.number("Range", help="1 to 8, from 0 to the largest; 0 is below 0"),
            "label": "Label",
            "predicted": "The network says",
            "split": "Split",
            "key": "Image",
            "caption": "Caption",
        },
        optional=("predicted", "caption"),
        tall=(0, 460),
    )
    tables.csv(
        "Images as CSV",
        lambda: images_table(unit, shell.images(opened), explanation, matrix),
        *of_unit(unit),
        "images",
    )
