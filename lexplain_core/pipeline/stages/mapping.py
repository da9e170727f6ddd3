"""The stage of a build that keeps where units fire: activation maps of the images that pages show."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd
from PIL import Image

from ...model import Recording, TargetModel
from ...model.maps import pack, record_maps
from ...model.occlusion import record_occlusions
from ...store import EXAMPLES, N_BUCKETS, example_images
from ..work import EXPLAINABLE, Work

_CUT = 0.02  # of a side; less is rounding of a resize


def keep_maps(work: Work) -> None:
    """Activation maps of each unit's example images: those that a page shows first, and the strongest.

    Units without a spatial map get occlusion maps of their strongest images where the config asks for them.
    """
    settings = work.config.maps
    if not settings.run:
        return
    for number, layer in enumerate(work.layers):
        if layer.info.kind == "computed":
            continue
        units = np.flatnonzero(work.units[number].status.isin(EXPLAINABLE))
        wanted = _wanted(layer, number, units)
        probing, record = work.probing, work.config.record
        rows = []
        if layer.info.name not in work.map_reasons:
            args = (work.model, layer.info, probing.load, wanted, record, work.progress)
            found = record_maps(*args, settings.side, probing.keys)
            rows = [_row(number, *one, settings.side) for one in found]
        if not rows and settings.occlusion:
            strongest = _wanted(layer, number, units, strongest=True)
            args = (work.model, layer.info, layer.pooling, probing.load, strongest, record, work.progress)
            rows = [
                _row(number, *one, settings.occlusion)
                for one in record_occlusions(*args, grid=settings.occlusion)
            ]
        if rows:
            work.maps.append(pd.DataFrame(rows))


def _wanted(
    layer: Recording, number: int, units: np.ndarray, strongest: bool = False
) -> dict[int, list[int]]:
    """Image -> the units whose map of it is kept."""
    wanted: dict[int, list[int]] = defaultdict(list)
    for unit in units:
        values = np.asarray(layer.values[unit])
        images = set(np.argsort(-values, kind="stable")[: EXAMPLES + 1].tolist())  # ties as in `Unit.top`
        if not strongest:
            images.update(np.argsort(values, kind="stable")[:EXAMPLES].tolist())
            for bucket in range(-1, N_BUCKETS):
                for top in (False, True):
                    images.update(example_images(values, number, int(unit), bucket, top=top).tolist())
        for image in images:
            wanted[int(image)].append(int(unit))
    return dict(sorted(wanted.items()))


def _row(number: int, image: int, unit: int, found, side: int) -> dict:
    height, width, low, high, data = pack(found, side)
    return {
        "layer_id": number, "unit": unit, "image_id": image, "kind": found.kind, "height": height,
        "width": width, "low": low, "high": high, "data": data,
    }  # fmt: skip


def mapped_images(work: Work) -> set[int]:
    """Images of which a map is kept."""
    return {int(image) for frame in work.maps for image in frame["image_id"].unique()}


class Whole:
    """Tells whether the network sees all of an image of a size, or cuts something off.

    A map lies over what the network sees, so where that is less than the image it is kept, too.
    """

    def __init__(self, model: TargetModel):
        self._crop, self._known = model.crop, {}

    def __call__(self, size: tuple[int, int]) -> bool:
        if size not in self._known:
            width, height = size
            across = np.tile(np.linspace(0, 255, width, dtype=np.uint8), (height, 1))
            down = np.tile(np.linspace(0, 255, height, dtype=np.uint8)[:, None], (1, width))
            ramp = Image.fromarray(np.stack([across, down, down], axis=2))
            seen = np.asarray(self._crop(ramp), dtype=float) / 255
            ends = [(seen[..., i].min(), seen[..., i].max()) for i in (0, 1)]
            # resizing blurs the ends by half a pixel of the smaller picture
            slack = _CUT + 1 / min(*seen.shape[:2], width, height)
            self._known[size] = all(low <= slack and high >= 1 - slack for low, high in ends)
        return self._known[size]
