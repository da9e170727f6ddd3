"""The stage of a build that keeps where units fire: activation maps of the images that pages show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from PIL import Image

from ... import config
from ...model import Recording, TargetModel
from ...model.maps import pack, record_maps
from ...model.occlusion import record_occlusions
from ...probe import ProbingSet
from ...store import EXAMPLES, N_BUCKETS, example_images
from ...store.rows import table
from ..stage import Desk
from ..tables import joined
from .recording import Layer

_CUT = 0.02  # of a side; less is rounding of a resize
_IMAGES_AT_ONCE = 1024  # whose maps are kept together

Wanted = dict[int, list[int]]  # image -> the units whose map of it is kept


def keep_maps(
    desk: Desk,
    probing: ProbingSet,
    model: TargetModel,
    map_reasons: dict[str, str],
    layers: list[Layer],
    maps: config.Maps,
    record: config.Record,
) -> pa.Table:
    """Activation maps of each unit's example images, rows of `maps`: those that a page shows first, and the strongest.

    Units without a spatial map get occlusion maps of their strongest images where the config asks for them.
    """
    tables: list[pa.Table] = []

    def activation(layer: Layer, some: Wanted) -> pa.Table:
        info = layer.recording.info
        found = record_maps(model, info, probing.load, some, record, desk.progress, maps.side, probing.keys)
        return _rows(layer.number, found, maps.side)

    def occlusion(layer: Layer, some: Wanted) -> pa.Table:
        info, pooling = layer.recording.info, layer.recording.pooling
        args = (model, info, pooling, probing.load, some, record, desk.progress)
        return _rows(layer.number, record_occlusions(*args, grid=maps.occlusion), maps.occlusion)

    for layer in layers if maps.run else ():
        if layer.units.outside:
            continue
        found: list[pa.Table] = []
        if layer.name not in map_reasons:
            wanted = _wanted(layer.recording, layer.number, layer.explainable)
            for start, some in _in_pieces(wanted):
                found.append(desk.once(f"layer {layer.number}, from image {start}", activation, layer, some))
        if maps.occlusion and not any(map(len, found)):
            wanted = _wanted(layer.recording, layer.number, layer.explainable, strongest=True)
            for start, some in _in_pieces(wanted):
                found.append(
                    desk.once(f"layer {layer.number}, occluded, from image {start}", occlusion, layer, some)
                )
        tables += found
    return joined("maps", tables)


def _in_pieces(wanted: Wanted) -> Iterator[tuple[int, Wanted]]:
    """The first image of each piece, and what is wanted of its images."""
    images = list(wanted)
    for start in range(0, len(images), _IMAGES_AT_ONCE):
        some = images[start : start + _IMAGES_AT_ONCE]
        yield some[0], {image: wanted[image] for image in some}


def _wanted(layer: Recording, number: int, units: np.ndarray, strongest: bool = False) -> Wanted:
    wanted: Wanted = defaultdict(list)
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


def _rows(number: int, found: Iterator[tuple], side: int) -> pa.Table:
    rows = []
    for image, unit, one in found:
        height, width, low, high, data = pack(one, side)
        rows.append(
            {
                "layer_id": number, "unit": unit, "image_id": image, "kind": one.kind, "height": height,
                "width": width, "low": low, "high": high, "data": data,
            }
        )  # fmt: skip
    return table("maps", rows)


class Whole:
    """Tells whether the network sees all of an image of a size, or cuts something off.

    A map lies over what the network sees, so where that is less than the image it is kept, too.
    """

    def __init__(self, model: TargetModel):
        self._crop = model.crop
        self._known: dict[tuple[int, int], bool] = {}

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
