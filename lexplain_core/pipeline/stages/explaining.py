"""The stage of a build in which a method explains the units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from ...base.progress import Progress
from ...explain import ConfiguredMethod, Explanation, Problem
from ..stage import Desk
from .concepts import Choice
from .recording import Layer

Explained = dict[int, dict[int, Explanation]]  # by number of the layer, then by unit

# A method makes a few copies of what it explains, so a big layer comes to it in blocks; each block is kept.
_UNITS_AT_ONCE = 256
_ACTIVATIONS_AT_ONCE = 16_000_000
_FIELDS = ("concepts", "weights", "bias", "val_correlation", "reason", "kkt_violation")


def explain_units(
    desk: Desk,
    layers: list[Layer],
    splits: np.ndarray,
    choice: Choice,
    method: ConfiguredMethod,
    seed: int,
    device: torch.device,
) -> Explained:
    """Explanations of all units by one method; their concepts are positions in the method's whole matrix."""
    work = _Work(desk.progress, splits, choice, method, seed, device)
    found: Explained = {}
    for layer in layers:
        units = layer.explainable
        if len(units):
            desk.progress.note(f"{method.name}, layer {layer.name}: {len(units)} units")
        rest = layer.facts.drop(index=units)["reason"]
        explained = {int(unit): Explanation(reason=reason) for unit, reason in rest.items()}
        for piece in _blocks(units, len(splits)):
            key = f"layer {layer.number}, units {piece[0]} to {piece[-1]}"
            table = desk.once(key, _explained, work, layer, piece)
            explained |= _read(table)
        found[layer.number] = dict(sorted(explained.items()))
    return found


def _blocks(units: np.ndarray, images: int) -> Iterator[np.ndarray]:
    step = max(1, min(_UNITS_AT_ONCE, _ACTIVATIONS_AT_ONCE // images))
    for start in range(0, len(units), step):
        yield units[start : start + step]


class _Work:
    """Runs the method; where the device's memory is full it goes on on the CPU."""

    def __init__(
        self,
        progress: Progress,
        splits: np.ndarray,
        choice: Choice,
        method: ConfiguredMethod,
        seed: int,
        device: torch.device,
    ):
        self._progress, self._method, self._seed = progress, method, seed
        self._train, self._val = splits == "train", splits == "val"
        self._whole, self._matrix = np.flatnonzero(choice.kept), choice.matrix.subset(choice.kept)
        self._device = torch.device("cpu") if device.type == "mps" else device  # it has no double precision
        self._shared: dict[str, Any] = {}

    def explain(self, layer: Layer, units: np.ndarray) -> list[Explanation]:
        try:
            results = self._run(layer.values[units])
        except torch.OutOfMemoryError:
            self._progress.note(f"the memory of {self._device} is full: explaining goes on on the CPU")
            self._device, self._shared = torch.device("cpu"), {}
            results = self._run(layer.values[units])
        return [replace(r, concepts=tuple(int(self._whole[c]) for c in r.concepts)) for r in results]

    def _run(self, values: np.ndarray) -> list[Explanation]:
        problem = Problem(
            values, self._matrix, self._train, self._val, self._seed, self._device, self._shared
        )
        return self._method.explain(problem, self._progress)


def _explained(work: _Work, layer: Layer, units: np.ndarray) -> pa.Table:
    """Explanations of units as rows, to be kept."""
    found = work.explain(layer, units)
    columns = {name: [getattr(one, name) for one in found] for name in _FIELDS}
    lists = {"concepts": pa.list_(pa.int64()), "weights": pa.list_(pa.float64()), "reason": pa.string()}
    return pa.table(
        {"unit": units}
        | {name: pa.array(column, lists.get(name, pa.float64())) for name, column in columns.items()}
    )


def _read(table: pa.Table) -> dict[int, Explanation]:
    found = {}
    for row in table.to_pylist():
        unit = row.pop("unit")
        found[unit] = Explanation(
            **row | {"concepts": tuple(row["concepts"]), "weights": tuple(row["weights"])}
        )
    return found
