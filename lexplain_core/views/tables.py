"""What tables and the files that people take away have in common."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from ..store import Explanation, Unit


def no_minus_zero(frame: pd.DataFrame, decimals: int, *columns: str) -> pd.DataFrame:
    """A table to show: 0 in place of what Streamlit would round to −0.00."""
    numbers = frame[list(columns)].astype(float)
    return frame.assign(**numbers.mask(numbers.le(0) & (numbers > -0.5 * 10.0**-decimals), 0.0))


def file_name(*parts: str, ending: str = "csv") -> str:
    """A name for a file to take away, of what it is of, from the store on: 'Demo world - block7 - unit 3 - scores.csv'."""
    words = (re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", str(part)).strip()[:80] for part in parts)
    return f"{' - '.join(word for word in words if word)}.{ending}"


def of_unit(unit: Unit) -> tuple[str, str, str]:
    """The first parts of a `file_name`: store, layer and unit."""
    return unit.store.name, unit.layer, f"unit {unit.unit}"


def images_table(
    unit: Unit,
    images: pd.DataFrame,
    explanation: Explanation | None,
    matrix: str,
    count: int | None = None,
) -> pd.DataFrame:
    """Every image, or the first `count`, with its activation, strongest first. images: as `Store.images` has them."""
    ids = np.argsort(-unit.activations, kind="stable")[:count]
    activations = unit.activations[ids]
    frame = images.iloc[ids].reset_index()
    frame.insert(1, "activation", activations.astype(float))
    if explanation is not None:
        frame.insert(2, "simulated", unit.simulated(explanation, matrix)[ids])
        frame.insert(3, "residual", frame["activation"] - frame["simulated"])
    if unit.buckets is not None:
        frame.insert(frame.columns.get_loc("key"), "range", unit.buckets.assign(activations).astype(int) + 1)
    return frame
