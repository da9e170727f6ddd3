"""The way from a unit's page to the page where its words are edited."""

from __future__ import annotations

from lexplain_core.store import Explanation
from pages.ui import go, links


def edit_link(view: links.Neuron, explanation: Explanation | None) -> None:
    """Edit the words that the page shows, or begin with none."""
    method = "" if explanation is None or explanation.reason else explanation.method
    there = links.Words(store=view.store, layer=view.layer, unit=view.unit, method=method)
    go.link(
        "Edit these words",
        there,
        icon=":material/edit_note:",
        help="Add, remove and re-weight concepts, and see at once how well they predict this unit",
    )
