"""The stages of a build that replace units: impacts, output effects; ablation is a measure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from ... import config, measures
from ...base.memory import blocks, large
from ...measures.impact import Impact, measure_impact
from ...measures.output_effects import find_output_effects
from ...model import Effects, RecordingRun, TargetModel, fit_temperature, open_effects
from ...probe import ProbingSet
from ...store.rows import table
from ..stage import Desk
from ..tables import joined, of_frames
from .recording import Layer, Outputs

T = TypeVar("T")

_OFF = "This build was told to replace no units."
_WAYS = {
    "closed": "a linear head follows, so units are replaced by matrix products",
    "prefix": "units are replaced in the layer's output, and what follows runs again",
    "whole": "units are replaced in whole runs of the network",
}
_FACTS = (
    "total", "total_error", "accuracy", "accuracy_error", "loss", "loss_error", "half", "images", "sampled", "reason",
)  # fmt: skip


class Replacing:
    """Opens the effects of layers when they are asked for, and knows why others have none.

    ways: by number of the layer, how its units are replaced (None where they are not), and why there are no impacts and
    ablation scores, if so. temperature: of the losses, fitted on val.
    """

    def __init__(
        self,
        desk: Desk,
        probing: ProbingSet,
        splits: np.ndarray,
        model: TargetModel,
        run: RecordingRun,
        layers: list[Layer],
        outputs: Outputs,
        device: torch.device,
        record: config.Record,
        replaces: bool,
    ):
        self._desk, self._probing, self._run, self._device = desk, probing, run, device
        self._model = replace(model, outputs=outputs.names, answer=run.answer)
        self._labels, self._workers = outputs.labels, record.workers
        self._open: dict[int, Effects] = {}
        self._logits: np.ndarray | None = None
        finite = run.outputs is not None
        if run.outputs is not None:
            # A row per image, as one image after the other is looked at.
            self._logits = large(run.outputs.shape[::-1])
            for part in blocks(*self._logits.shape):
                self._logits[part] = run.outputs[:, part].T
                finite = finite and bool(np.isfinite(self._logits[part]).all())
        self.layers = {layer.number: layer for layer in layers}
        self.temperature: float | None = None
        logits, val = self._logits, splits == "val"
        if replaces and logits is not None and finite and outputs.reason is None:
            self.temperature = fit_temperature(logits[val], outputs.labels[val])
        self._missing = {
            number: _OFF if not replaces else self._unreplaceable(layer, finite)
            for number, layer in self.layers.items()
        }
        self.ways: dict[int, tuple[str | None, str | None]] = {}
        for number, reason in self._missing.items():
            intervention = None if reason else desk.once(f"way of layer {number}", self._way, number)
            self.ways[number] = (intervention, reason or outputs.reason)
        if outputs.reason and any(one for one, _ in self.ways.values()):
            desk.progress.note(f"no impacts and no ablation scores: {outputs.reason}")

    def _unreplaceable(self, layer: Layer, finite: bool) -> str | None:
        if finite or layer.units.fixed:
            return layer.units.fixed
        why = "not one number per image and class" if self._logits is None else "not all finite"
        return self._run.reason or f"The network's outputs are {why}, so nothing is compared."

    def _way(self, number: int) -> str:
        intervention = self._with_effects(number, lambda effects: effects.intervention)
        self._desk.progress.note(f"layer {self.layers[number].name}: {_WAYS[intervention]}")
        return intervention

    def measurable(self, with_losses: bool = True) -> Iterator[Layer]:
        """The layers whose units are replaced; with_losses: only where losses mean something."""
        for number, (intervention, reason) in self.ways.items():
            if intervention and not (with_losses and reason):
                yield self.layers[number]

    def why_not(self, layer: measures.Layer) -> str | None:
        """Why there are no losses to compare for a layer's units; None where there are."""
        return self.ways[layer.number][1]

    def closed(self, layer: measures.Layer) -> bool:
        """Whether replacing a layer's units takes matrix products alone."""
        return self.ways[layer.number][0] == "closed"

    def measure(self, layer: measures.Layer, what: Callable[[Effects], T]) -> T:
        """What `what(effects)` gives for a layer; on the CPU where the device's memory is full."""
        return self._with_effects(layer.number, what)

    def _with_effects(self, number: int, what: Callable[[Effects], T]) -> T:
        try:
            return what(self._effects(number))
        except torch.OutOfMemoryError:
            self._desk.progress.note(f"the memory of {self._device} is full: units are replaced on the CPU")
            self._device = torch.device("cpu")
            self._open.clear()
        return what(self._effects(number))

    def _effects(self, number: int) -> Effects:
        if number not in self._open:
            assert self._logits is not None, "without outputs no layer is replaced"
            self._open[number] = open_effects(
                self._model,
                self.layers[number].recording,
                self._logits,
                self._labels,
                self.temperature or 1.0,
                self._probing.load,
                self._probing.keys,
                self._device,
                workers=self._workers,
            )
        return self._open[number]


def measure_output_effects(
    desk: Desk, replacing: Replacing, outputs: Outputs, importance: config.Importance, seed: int
) -> tuple[pa.Table, str | None]:
    """What units push the outputs towards, rows of `output_effects`; and why there are none, if so."""
    reason = _no_output_effects(outputs, importance)
    frames = []
    for layer in replacing.measurable(with_losses=False) if importance.run else ():
        if reason:
            desk.progress.note(f"no output effects: {reason}")
            break
        key = f"layer {layer.number}"
        frames.append(desk.once(key, _output_effects, desk, replacing, layer, importance, seed, key))
    return joined("output_effects", frames), reason


def _no_output_effects(outputs: Outputs, importance: config.Importance) -> str | None:
    if importance.outputs == "never":
        return "This build was told not to measure it (importance.outputs)."
    if importance.outputs == "auto" and not outputs.names:
        return (
            "The network's outputs have no names, so output effects were not measured; target.outputs can name them, and "
            'importance.outputs = "always" measures it all the same.'
        )
    return None


def _output_effects(
    desk: Desk, replacing: Replacing, layer: Layer, importance: config.Importance, seed: int, key: str
) -> pa.Table:
    found = replacing.measure(
        layer,
        lambda effects: find_output_effects(
            effects,
            layer.explainable,
            runs=max(1, importance.runs // 4),
            seed=seed,
            progress=desk.progress,
            kept=desk.kept.within(key),
        ),
    )
    return output_effect_table(layer.number, found)


def output_effect_table(number: int, found: dict[int, pd.DataFrame]) -> pa.Table:
    """The output effects of a layer's units as rows of `output_effects`."""
    return of_frames(
        "output_effects",
        (
            frame.rename(columns={"output": "output_id"}).assign(layer_id=number, unit=unit)
            for unit, frame in found.items()
        ),
    )


def measure_impacts(
    desk: Desk,
    replacing: Replacing,
    outputs: Outputs,
    importance: config.Importance,
    seed: int,
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """What the network loses without each unit: rows of `impacts`, `top_impacts` and `bucket_impacts`."""
    runs = importance.runs if _no_output_effects(outputs, importance) else 3 * importance.runs // 4
    found: list[dict[str, pa.Table]] = []
    for layer in replacing.measurable() if importance.run else ():
        for to in sorted(importance.to):
            key = f"layer {layer.number} at {to}"
            if (kept := desk.kept.load(key)) is None:
                impacts = replacing.measure(
                    layer,
                    partial(
                        measure_impact,
                        units=layer.explainable,
                        to=to,
                        runs=runs // len(importance.to),
                        seed=seed,
                        progress=desk.progress,
                        kept=desk.kept.within(key),
                    ),
                )
                kept = impact_tables(layer.number, to, impacts)
                desk.kept.save(key, **kept)
            found.append(kept)
    names = ("impacts", "top_impacts", "bucket_impacts")
    impacts, tops, buckets = (joined(name, [one[name] for one in found]) for name in names)
    return impacts, tops, buckets


def impact_tables(number: int, to: str, found: dict[int, Impact]) -> dict[str, pa.Table]:
    """The impacts of a layer's units as rows of three tables."""
    where = {unit: {"layer_id": number, "unit": unit, "to_value": to} for unit in found}
    facts = [where[unit] | {name: getattr(one, name) for name in _FACTS} for unit, one in found.items()]
    return {
        "impacts": table("impacts", facts),
        "top_impacts": of_frames(
            "top_impacts", (one.top.assign(**where[unit]) for unit, one in found.items())
        ),
        "bucket_impacts": of_frames(
            "bucket_impacts", (one.buckets.assign(**where[unit]) for unit, one in found.items())
        ),
    }
