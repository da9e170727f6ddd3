"""The stage of a build that puts together what the machine observer sees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ... import config
from ...base.memory import blocks, large
from ...concepts import EncoderView
from ...measures.observer import Embedding, spread_of
from ..stage import Desk
from .recording import Layer

TARGET = "target"


def embed_for_observer(
    _desk: Desk, layers: list[Layer], observer: config.Observer, **views: EncoderView
) -> list[Embedding]:
    """The embeddings that the build has of those asked for, the main one first. views: the encoders by role."""
    if not observer.run:
        return []
    wanted: Sequence[str] = observer.embeddings or ("simulator", "explainer", TARGET)
    found = []
    for role in wanted:
        if role == TARGET:
            found.append(_target(layers))
        elif role in views:
            view = views[role]
            name = view.name if view.name != TARGET else f"{view.name} ({role})"
            found.append(Embedding(name, view.images, spread_of(view.images)))
    return found


def _target(layers: list[Layer]) -> Embedding:
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
    return Embedding(TARGET, out, spread_of(out), last.number)
