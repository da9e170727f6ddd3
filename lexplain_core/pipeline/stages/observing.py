"""The stage of a build in which a machine answers 2AFC trials about every unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from ... import config
from ...base.memory import blocks, large
from ...concepts import EncoderView
from ...stimuli.observer import margins, observer_trials, score
from ...stimuli.ranks import Indistinguishable, Refused
from ..stage import Desk
from ..tables import joined, of_frames
from .recording import Layer

TARGET = "target"
_STREAM = 0x2AFC  # these draws have a stream of random numbers of their own
_BYTES = 64 * 2**20  # of embeddings that are looked at together


@dataclass
class _Embedding:
    """What an observer sees: images (N, D). layer: the number of the layer whose units the D columns are."""

    name: str
    images: np.ndarray
    layer: int | None = None


def observe(
    desk: Desk,
    layers: list[Layer],
    observer: config.Observer,
    seed: int,
    **views: EncoderView,
) -> pa.Table:
    """Scores of the machine observers for all units, rows of `observer_scores`. views: the encoders by role."""
    tables: list[pa.Table] = []
    if not observer.run:
        return joined("observer_scores", tables)
    embeddings = _embeddings(layers, views, observer)
    widest = max(embedding.images.shape[1] for embedding in embeddings)
    step = max(1, _BYTES // (2 * 8 * 10 * observer.trials * widest))
    for layer in layers:
        units = layer.values.shape[0]
        with desk.progress.task(f"observing {layer.name}", total=units) as advance:
            for start in range(0, units, step):
                piece = range(start, min(start + step, units))
                key = f"layer {layer.number}, units from {start}"
                tables.append(desk.once(key, _observe, layer, piece, embeddings, observer, seed))
                advance(len(piece))
    return joined("observer_scores", tables)


def _observe(
    layer: Layer, units: range, embeddings: list[_Embedding], settings: config.Observer, seed: int
) -> pa.Table:
    """Rows of some units of a layer, all embeddings: they answer the same trials."""
    number, values = layer.number, layer.values
    low, high, judged, reasons = [], [], [], {}
    for unit in units:
        try:
            sides = observer_trials(np.asarray(values[unit]), settings.trials, (_STREAM, seed, number, unit))
        except (Indistinguishable, Refused) as error:
            reasons[unit] = str(error)
            continue
        low.append(sides[0])
        high.append(sides[1])
        judged.append(unit)
    frames = []
    for place, embedding in enumerate(embeddings):
        frame = pd.DataFrame({"unit": units, "layer_id": number, "embedding": embedding.name, "place": place})
        frame = frame.assign(trials=0, value=np.nan, soft=np.nan, reason=frame["unit"].map(reasons))
        if judged:
            # A unit's own activation is what divides its sides, so it may not be seen.
            own = np.repeat(judged, settings.trials) if embedding.layer == number else None
            found = margins(embedding.images, np.concatenate(low), np.concatenate(high), own)
            found = found.reshape(len(judged), settings.trials)
            at = frame["unit"].isin(judged)
            frame.loc[at, "trials"] = settings.trials
            frame.loc[at, "value"] = score(found)
            if settings.slope is not None:
                frame.loc[at, "soft"] = score(found, settings.slope)
        frames.append(frame)
    return of_frames("observer_scores", frames)


def _embeddings(
    layers: list[Layer], views: dict[str, EncoderView], settings: config.Observer
) -> list[_Embedding]:
    """The embeddings that the build has of those asked for, the main one first."""
    wanted: Sequence[str] = settings.embeddings or ("simulator", "explainer", TARGET)
    found = []
    for role in wanted:
        if role == TARGET:
            found.append(_target(layers))
        elif role in views:
            view = views[role]
            name = view.name if view.name != TARGET else f"{view.name} ({role})"
            found.append(_Embedding(name, view.images))
    return found


def _target(layers: list[Layer]) -> _Embedding:
    """The last recorded layer as an embedding, by its own units: every unit standardised over the images."""
    inside = [layer for layer in layers if not layer.units.outside]
    last = max(inside, key=lambda layer: (layer.recording.info.source is None, layer.number))
    units, images = last.values.shape
    out = large((images, units))
    for part in blocks(units, images):
        block = np.asarray(last.values[part], dtype=np.float64)
        deviation = block.std(axis=1, keepdims=True)
        varies = np.ptp(block, axis=1, keepdims=True) >= 1e-8  # a constant unit says nothing
        block -= block.mean(axis=1, keepdims=True)
        out[:, part] = np.where(varies, block / np.where(varies, deviation, 1), 0).T
    return _Embedding(TARGET, out, last.number)
