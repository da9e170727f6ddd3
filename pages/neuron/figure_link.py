"""The way from a unit's page to a figure of it for print."""

from __future__ import annotations

from lexplain_core.figures import print as prints
from lexplain_core.store import Unit
from pages.ui import go, links


def figure_link(view: links.Neuron, unit: Unit) -> None:
    """A figure that begins with the unit, in the words that the page shows."""
    units = prints.units_text([(unit.layer, unit.unit)])
    there = links.Studio(store=view.store, units=units, method=view.method, level=view.level)
    go.link(
        "Put into a figure",
        there,
        icon=":material/print:",
        help="A figure for print that begins with this unit; more can be added there",
    )
