"""The stage of a build that makes the small pictures that pages show."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...base.checkpoints import Checkpoints
from ...model import RecordingRun, TargetModel
from ...probe import ProbingSet
from ...probe.images import thumbnail_jpeg
from ...store.descriptors import describe
from ...store.rows import table
from ..stage import Desk
from .mapping import Whole
from .recording import Layer

CROP_SIDE = 288
TOP_IMAGES = 9  # per unit, whose crop is kept
_IMAGES_AT_ONCE = 1024
_BYTES = 4_000  # of an image, at least


def make_pictures(
    desk: Desk,
    probing: ProbingSet,
    splits: np.ndarray,
    digests: list[bytes],
    model: TargetModel,
    run: RecordingRun,
    layers: list[Layer],
    maps: pa.Table,
    thumbnail: int,
) -> Pictures:
    """Thumbnails, descriptors and crops of all images: rows of `images`, kept piece by piece."""
    mapped = set(maps["image_id"].to_pylist()) if len(maps) else set()
    maker = _Maker(probing, splits, digests, model, run, _example_images(layers), mapped, thumbnail)
    found = Pictures(desk.kept, maker)
    desk.kept.room(_BYTES * len(probing), "The thumbnails")
    with ThreadPoolExecutor() as pool, desk.progress.task("thumbnails", total=len(probing)) as advance:
        for images in found.pieces:
            found.make(images, pool)
            advance(len(images))
    return found


@dataclass(frozen=True)
class Pictures:
    """Rows of `images`, in pieces that are read when they are asked for."""

    kept: Checkpoints
    maker: _Maker

    @property
    def pieces(self) -> list[range]:
        count = len(self.maker.probing)
        return [range(i, min(i + _IMAGES_AT_ONCE, count)) for i in range(0, count, _IMAGES_AT_ONCE)]

    def make(self, images: range, pool: ThreadPoolExecutor) -> pa.Table:
        key = f"images {images.start} to {images.stop}"
        if (found := self.kept.load(key)) is not None:
            return found["rows"]
        rows = self.maker.table(images, pool)
        self.kept.save(key, rows=rows)
        return rows

    def __iter__(self) -> Iterator[pa.Table]:
        with ThreadPoolExecutor() as pool:
            for images in self.pieces:
                yield self.make(images, pool)


@dataclass(frozen=True)
class _Maker:
    """Makes rows of `images`. examples: images whose crop is kept large. mapped: images that a map is kept of."""

    probing: ProbingSet
    splits: np.ndarray
    digests: list[bytes]
    model: TargetModel
    run: RecordingRun
    examples: set[int]
    mapped: set[int]
    side: int

    def table(self, images: range, pool: ThreadPoolExecutor) -> pa.Table:
        whole = Whole(self.model)
        return table("images", pool.map(lambda i: self._row(i, whole), images))

    def _row(self, i: int, whole: Whole) -> tuple:
        probing, predicted = self.probing, self.run.predicted
        image = probing.load(i)
        crop = None
        if i in self.examples or (i in self.mapped and not whole(image.size)):
            large = i in self.examples
            crop = thumbnail_jpeg(self.model.crop(image), CROP_SIDE if large else self.side, fine=large)
        return (
            i, probing.keys[i], int(probing.labels[i]), str(self.splits[i]), image.width, image.height,
            probing.captions[i] if probing.captions else None,
            None if predicted is None or predicted[i] < 0 else int(predicted[i]),
            thumbnail_jpeg(image, self.side), describe(image), crop, self.digests[i],
        )  # fmt: skip


def _example_images(layers: list[Layer]) -> set[int]:
    """Images that are among the strongest of any unit."""
    found: set[int] = set()
    for layer in layers:
        count = min(TOP_IMAGES, layer.values.shape[1])
        for unit in layer.values:
            found.update(np.argpartition(unit, -count)[-count:].tolist())
    return found
