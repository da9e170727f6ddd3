"""The way from a unit's page to a figure of it for print."""

from __future__ import annotations

import streamlit as st

from lexplain_core.figures import print as prints
from pages.ui import links


def figure_link(view: links.Neuron) -> None:
    """A figure that begins with the unit of the view, in the words that the page shows."""
    units = prints.units_text([(view.layer, view.unit)])
    there = links.Studio(store=view.store, units=units, method=view.method, level=view.level)
    st.page_link(
        "studio/page.py",
        label="Put into a figure",
        icon=":material/print:",
        query_params=links.query(there),
        width="content",
        help="A figure for print that begins with this unit; more can be added there",
    )
