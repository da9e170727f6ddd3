"""The stages of a build that record the network, and find out which of its outputs is which class."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ... import config
from ...model import Recording, RecordingRun, TargetModel, record
from ...model.base import LayerInfo
from ...model.outputs import in_order, map_classes_to_outputs
from ...model.statistics import describe_units
from ...model.units import Planted, Units
from ...probe import ProbingSet
from ..stage import Desk

_BYTES_STORED = 3.3  # of an activation, compressed
EXPLAINABLE = ("alive", "negative")  # status of units that are explained, and replaced


@dataclass(frozen=True)
class Layer:
    """A recorded layer. facts: statistics and status of its units, as `describe_units` gives them."""

    number: int
    recording: Recording
    facts: pd.DataFrame

    @property
    def name(self) -> str:
        return self.recording.info.name

    @property
    def values(self) -> np.ndarray:
        """Activations, float32 (K, N), in memory or a file."""
        return self.recording.values

    @property
    def units(self) -> Units:
        return self.recording.info.of

    @property
    def explainable(self) -> np.ndarray:
        """The units that are explained: those that vary and fire, int64."""
        return np.flatnonzero(self.facts["status"].isin(EXPLAINABLE))


def record_layers(
    desk: Desk,
    probing: ProbingSet,
    model: TargetModel,
    layers: Sequence[config.LayerSpec],
    units: Sequence[config.UnitSpec],
    options: config.Record,
    keep_outputs: bool,
    dead_threshold: float,
) -> tuple[RecordingRun, list[Layer]]:
    """Activations of all units on all images; shards of images are kept."""
    run = record(
        model,
        probing.load,
        probing.keys,
        layers,
        options,
        desk.progress,
        outputs=keep_outputs,
        kept=desk.kept,
        units=units,
    )
    recordings = list(run.layers)
    for layer in probing.computed_layers:
        info = LayerInfo(layer.name, Planted(layer), "")
        recordings.append(Recording(info, info.poolings[0], layer.activations))
    _note_room(desk, recordings)
    if run.unsteady:
        desk.progress.note(run.unsteady)
    desk.progress.note(f"{run.images_per_second:,.0f} images per second on {run.device}")
    found = [Layer(n, one, describe_units(one.values, dead_threshold)) for n, one in enumerate(recordings)]
    return run, found


def _note_room(desk: Desk, recordings: Sequence[Recording]) -> None:
    """Say early where the disk can't hold the store, so that room can be made while the build goes on."""
    needed = _BYTES_STORED * sum(recording.values.size for recording in recordings)
    free = shutil.disk_usage(desk.folder).free
    if needed > free:
        desk.progress.note(
            f"The store takes some {needed / 1e9:.1f} GB and its disk has {free / 1e9:.1f} GB free: make room "
            "before the build ends."
        )


@dataclass(frozen=True)
class Outputs:
    """The network's outputs as classes of the probing set.

    names: of the outputs, in order, or None. of_class: the output of each class, None where it isn't known. labels: the
    output of each image's class, int64 (N,); the network's own answer where `reason` says why losses mean nothing.
    """

    names: tuple[str, ...] | None
    of_class: list[int | None]
    labels: np.ndarray
    reason: str | None


def match_outputs(
    desk: Desk, probing: ProbingSet, model: TargetModel, run: RecordingRun, target: config.Target
) -> Outputs:
    """Which output of the network each class has."""
    names = tuple(c.name for c in probing.classes)
    if target.outputs == "classes" and model.outputs == names:
        order, note = in_order(probing.classes, probing.labels, run.predicted)
        if note:
            desk.progress.note(note)
        of_class: list[int | None] = [order.index(c) for c in range(len(order))]
        return Outputs(tuple(names[c] for c in order), of_class, *_labels(probing, model, run, of_class))
    of_class = map_classes_to_outputs(probing.classes, model.outputs, model.output_keys)
    return Outputs(model.outputs, of_class, *_labels(probing, model, run, of_class))


def _labels(
    probing: ProbingSet, model: TargetModel, run: RecordingRun, of_class: list[int | None]
) -> tuple[np.ndarray, str | None]:
    missing = [c.name for c, output in zip(probing.classes, of_class, strict=True) if output is None]
    if not missing:
        return np.array(of_class, dtype=np.int64)[probing.labels], None
    some = ", ".join(missing[:3]) + (f" and {len(missing) - 3:,} more" if len(missing) > 3 else "")
    which = "any" if len(missing) == len(probing.classes) else f"{len(missing):,}"
    reason = (
        f"No output of {model.name} is known to stand for {which} of the {len(probing.classes):,} classes "
        f"({some}). If the network was trained on these classes, set target.outputs."
    )
    return np.zeros(len(probing), dtype=np.int64) if run.predicted is None else run.predicted, reason
