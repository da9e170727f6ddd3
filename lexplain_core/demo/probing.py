"""The demo world as a probing set."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..base.checkpoints import Checkpoints, NoCheckpoints
from ..base.memory import large
from ..base.progress import Progress, Silent
from ..config import Probe
from ..probe.base import Attribute, ClassInfo, ProbingSet, Superclass, probing_sets
from .kinds import KIND_NAMES, superclass_members
from .many import draw_images
from .planted import planted_layer
from .scene import DEMO_SEED, SIDE, make_scene
from .truth import caption, truth_of

IMAGES = 4_200  # 150 of each kind as the main object


@dataclass(frozen=True)
class Pictures:
    """`load` of the demo set; images is uint8 (N, 96, 96, 3)."""

    images: np.ndarray

    def __call__(self, i: int) -> Image.Image:
        return Image.fromarray(self.images[i])


@probing_sets.register("demo")
def demo_set(
    probe: Probe,
    progress: Progress | None = None,
    seed: int = 0,  # noqa: ARG001 - every set is given it
    workers: int | None = None,
    kept: Checkpoints | None = None,
) -> ProbingSet:
    """The drawn scenes: always the same pictures, whatever the build's seed.

    4,200 of them, or the first `probe.limit` (kinds stay balanced in any prefix). Classes are the
    kinds of objects; an image's label is its main, clearly largest object, `presence` says what
    else is there. workers: processes that draw, one a core when not given. kept: keeps the pictures.
    """
    count = min(probe.limit or IMAGES, IMAGES)
    pictures = _drawn(count, workers, progress or Silent(), kept or NoCheckpoints())
    scenes = [make_scene(DEMO_SEED, i) for i in range(count)]
    truth = truth_of(scenes)
    return ProbingSet(
        name="the demo world",
        source=f"demo world: {count:,} drawn scenes of 96 × 96 pixels",
        keys=tuple(f"demo/{i:05}.png" for i in range(count)),
        labels=truth.main,
        classes=tuple(ClassInfo(name.replace(" ", "_"), name) for name in KIND_NAMES),
        load=Pictures(pictures),
        superclasses=tuple(
            Superclass(f"{level}/{name.replace(' ', '_')}", name, members)
            for (level, name), members in superclass_members().items()
        ),
        attributes=tuple(
            Attribute(name.replace(" ", "_"), name, sort, present)
            for sort, names, columns in truth.attributes()
            for name, present in zip(names, columns.T.copy(), strict=True)
        ),
        presence=truth.kinds,
        captions=tuple(caption(scene) for scene in scenes),
        computed_layers=(planted_layer(truth),),
    )


def _drawn(count: int, workers: int | None, progress: Progress, kept: Checkpoints) -> np.ndarray:
    """The first scenes, uint8 (count, 96, 96, 3): as they were kept, while nothing of the drawing has changed."""
    drawing = hashlib.sha256(
        b"".join(file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py")))
    )
    key = f"{count} scenes, {drawing.hexdigest()[:16]}"
    if (found := kept.load(key)) is not None:
        return found["pictures"]
    pictures, done = large((count, SIDE, SIDE, 3), np.uint8), 0
    with progress.task("drawing scenes", total=count) as advance:
        for block in draw_images(DEMO_SEED, range(count), workers):
            pictures[done : done + len(block)] = block
            done += len(block)
            advance(len(block))
    kept.save(key, pictures=pictures)
    return pictures
