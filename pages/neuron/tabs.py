"""The lower half of the Neuron page: examples, values, similar units, simulated against actual, all images, the facts."""

from __future__ import annotations

import streamlit as st

from lexplain_core.base.numbers import decimals
from lexplain_core.store import Explanation, Unit
from lexplain_core.views.opened import Opened
from lexplain_core.views.tables import file_name, images_table, no_minus_zero
from pages.neuron import about, charts, effect, examples, similar, simulated, values
from pages.ui import links, shell
from pages.ui.switch import switch

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
    explained = explanation is not None and not explanation.reason
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
            simulated.show(
                opened,
                unit,
                explanation,
                view.matrix,
                lambda: images_table(unit, shell.images(opened), explanation, view.matrix),
            )
        else:
            st.info("Without an explanation there is nothing to simulate.", icon=":material/info:")
    elif view.tab == "effect":
        effect.show(view, opened, unit)
    elif view.tab == "images":
        _images(opened, unit, explanation if explained and view.matrix else None, view.matrix)
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
    places = decimals(unit.maximum - unit.minimum, 100)
    digits = f"%.{places}f"
    columns = ["activation", "simulated", "range", "label", "predicted", "split", "key", "caption"]
    columns = [
        c for c in columns if c in shown and (c not in ("caption", "predicted") or shown[c].notna().any())
    ]
    st.dataframe(
        no_minus_zero(shown, places, *{"activation", "simulated"} & set(columns))[columns],
        hide_index=True,
        height=460,
        key="images",
        alt="Table of images: activation, label, split, key",
        column_config={
            "activation": st.column_config.NumberColumn("Activation", format=digits),
            "simulated": st.column_config.NumberColumn("Simulated", format=digits),
            "range": st.column_config.NumberColumn(
                "Range", help="1 to 8, from 0 to the largest; 0 is below 0"
            ),
            "label": "Label",
            "predicted": "The network says",
            "split": "Split",
            "key": "Image",
            "caption": "Caption",
        },
    )
    shell.csv_button(
        "Images as CSV",
        lambda: images_table(unit, shell.images(opened), explanation, matrix),
        file_name(unit.store.name, unit.layer, f"unit {unit.unit}", "images"),
        "csv images",
    )
