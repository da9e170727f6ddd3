"""What the tests of figures for print share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def units(store):
    """Two explained units of two layers."""
    table = store.unit_table()
    good = table[(table["status"] == "alive") & table["correlation"].notna()].sort_values(
        "correlation", ascending=False
    )
    return tuple((r.layer, int(r.unit)) for r in good.groupby("layer", sort=False).head(1).itertuples())[:2]
