"""What people have made of a store's units, for the table of units; read anew when a study changes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lexplain_core.studies.results.humans import readable, scores_of
from pages.ui.cache import cached


def of_unit(store: str, layer: str, unit: int) -> pd.Series | None:
    """What people made of one unit, as `human_scores` has it; None where nobody was asked."""
    found = people(store)
    rows = found[(found["layer"] == layer) & (found["unit"] == unit)]
    return None if rows.empty else rows.iloc[0]


def people(store: str) -> pd.DataFrame:
    """What people scored, as `human_scores` has it: a row a unit that they were asked about."""
    return _scores(store, tuple(readable()))


@cached()
def _scores(store: str, studies: tuple[Path, ...]) -> pd.DataFrame:
    frame = scores_of(store, studies)
    return frame.astype({"layer": object, "unit": "int64", "human": float, "answers": float})
