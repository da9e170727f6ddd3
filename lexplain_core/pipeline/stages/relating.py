"""The stage of a build that says which units are alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from ...base.progress import Advance
from ..stage import Desk
from ..tables import of_frames
from .recording import Layer

ALIKE, OPPOSED = 10, 3  # units that are kept of each unit
_BLOCK = 16_000_000  # activations of the blocks that are multiplied


def relate(desk: Desk, layers: list[Layer], device: torch.device) -> pa.Table:
    """The units of its layer that are most alike to each unit: rows of `similar_units`."""
    frames = []
    for layer in layers:
        alive = layer.explainable
        with desk.progress.task(f"alike in {layer.name}", total=len(alive)) as advance:
            try:
                found = similar_units(layer.values, alive, device, advance)
            except torch.OutOfMemoryError:
                device = torch.device("cpu")
                found = similar_units(layer.values, alive, device)
        frames.append(found.assign(layer_id=layer.number))
    return of_frames("similar_units", frames)


@torch.inference_mode()
def similar_units(
    values: np.ndarray, units: np.ndarray, device: torch.device, advance: Advance | None = None
) -> pd.DataFrame:
    """The units that are most alike to each, by Pearson's correlation of their activations over all images.

    values: float32 (K, N), may be a memmap; it is read in blocks. units: those that are compared.
    Columns unit, other, rank (1 to 10: the most alike, of those above 0; -1 to -3: the most opposed,
    of those below 0) and correlation. Of equals the first comes first. A unit that doesn't vary has none.
    """
    step = max(1, _BLOCK // max(1, values.shape[1]))
    starts = range(0, len(units), step)
    rows, whole = [], len(starts) == 1
    for start in starts:
        mine = units[start : start + step]
        block = _standardised(values, mine, device)
        product = np.empty((len(mine), len(units)), np.float32)
        for other in starts:
            second = block if whole or other == start else _standardised(
                values, units[other : other + step], device
            )  # fmt: skip
            product[:, other : other + step] = (block @ second.T).cpu().numpy()
        np.clip(product, -1, 1, out=product)
        for row, unit in enumerate(mine):
            rows += _strongest(int(unit), start + row, product[row], units)
        if advance:
            advance(len(mine))
    return pd.DataFrame(rows, columns=["unit", "other", "rank", "correlation"])


def _standardised(values: np.ndarray, units: np.ndarray, device: torch.device) -> torch.Tensor:
    """Rows with mean 0 and length 1, zeros where a unit doesn't vary; float32 (B, N)."""
    found = np.empty((len(units), values.shape[1]), np.float32)
    for row, unit in enumerate(units):
        q = np.asarray(values[unit], dtype=np.float64)
        q = q - q.mean()
        length = np.linalg.norm(q)
        found[row] = q / length if np.isfinite(length) and length > 0 else 0
    return torch.from_numpy(found).to(device)


def _strongest(unit: int, place: int, correlations: np.ndarray, units: np.ndarray) -> list[tuple]:
    """Rows of one unit; what float32 can't tell apart counts as equal."""
    told = np.round(correlations.astype(np.float64), 6)
    told[place] = 0
    order = np.argsort(-told, kind="stable")
    alike = [i for i in order[:ALIKE] if told[i] > 0]
    opposed = [i for i in np.argsort(told, kind="stable")[:OPPOSED] if told[i] < 0]
    ranked = [*enumerate(alike, 1), *((-n, i) for n, i in enumerate(opposed, 1))]
    return [(unit, int(units[i]), rank, float(correlations[i])) for rank, i in ranked]
