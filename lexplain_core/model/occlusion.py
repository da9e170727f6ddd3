"""Occlusion: how much of a unit's activation goes when a part of the image is covered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from .. import config
from ..base.progress import Progress, Silent
from .base import LayerInfo, TargetModel, size_of
from .forward import pool
from .maps import ActivationMap, hear
from .recording import choose_device


def pooled_units(module: nn.Module, info: LayerInfo, pooling: str, images: Tensor) -> Tensor:
    """The units' activations for images (B, 3, H, W), as they are recorded: float32 (B, K).

    Gradients pass if they are on; what overwrites the layer's output later on changes nothing.
    """
    return hear(module, info, images, lambda output: pool(output.clone(), info, pooling))


def windows(size: tuple[int, int], grid: int) -> tuple[Tensor, list[tuple[slice, slice]]]:
    """Windows that cover an image (H, W) of `grid` cells along its longer side.

    A window is two cells wide and high and is moved by one cell, over the border too, so that four
    windows cover each cell. Gives which windows cover which cells, bool (windows, rows, columns), and
    the windows in pixels.
    """
    height, width = size
    longer = max(size)
    rows, columns = (min(n, max(1, round(n * grid / longer))) for n in size)
    tops, lefts = (
        np.rint(np.linspace(0, n, cells + 1)).astype(int) for n, cells in ((height, rows), (width, columns))
    )
    covers, pixels = [], []
    for row, column in product(range(-1, rows), range(-1, columns)):
        top, bottom = max(row, 0), min(row + 2, rows)
        left, right = max(column, 0), min(column + 2, columns)
        cover = torch.zeros(rows, columns, dtype=torch.bool)
        cover[top:bottom, left:right] = True
        covers.append(cover)
        pixels.append((slice(tops[top], tops[bottom]), slice(lefts[left], lefts[right])))
    return torch.stack(covers), pixels


@torch.inference_mode()
def occlusion_map(
    module: nn.Module,
    info: LayerInfo,
    pooling: str,
    units: Sequence[int],
    image: Tensor,
    grid: int = 8,
    batch: int = 32,
) -> dict[int, ActivationMap]:
    """By unit, the drop of its pooled activation where the image is covered (Zeiler & Fergus, 2014).

    image: (3, H, W), normalised. It is covered by windows of the mean colour, 0 after normalisation;
    a cell's value is the mean drop over the windows that cover it: above 0 where covering it lowers
    the activation, below 0 where it raises it. Makes (grid + 1)² + 1 runs of the network, for all
    units together, `batch` at a time.
    """
    parameter = next(module.parameters(), None)
    image = image.to(parameter.device if parameter is not None else "cpu")
    which = torch.as_tensor(list(units), device=image.device)
    whole = pooled_units(module, info, pooling, image[None])[:, which]
    covers, pixels = windows(size_of(image), grid)
    drops = []
    for start in range(0, len(pixels), batch):
        part = pixels[start : start + batch]
        covered = image.repeat(len(part), 1, 1, 1)
        for copy, (rows, columns) in zip(covered, part, strict=True):
            copy[:, rows, columns] = 0
        drops.append(whole - pooled_units(module, info, pooling, covered)[:, which])
    weights = covers.to(image.device, torch.float32)
    values = torch.einsum("wu,whc->uhc", torch.cat(drops), weights) / weights.sum(0)
    return {
        unit: ActivationMap("occlusion", v)
        for unit, v in zip(units, values.cpu().numpy().astype(np.float32), strict=True)
    }


def record_occlusions(
    model: TargetModel,
    info: LayerInfo,
    pooling: str,
    load: Callable[[int], Image.Image],
    images: Mapping[int, Sequence[int]],
    settings: config.Record | None = None,
    progress: Progress | None = None,
    grid: int = 8,
) -> Iterator[tuple[int, int, ActivationMap]]:
    """Occlusion maps of some images: yields (image, unit, map) for the units wanted of each.

    images: image -> units. load(i): image i as PIL RGB. Works for units without a map, too, at
    (grid + 1)² + 1 runs of the network per image, in float32.
    """
    settings, progress = settings or config.Record(), progress or Silent()
    device = choose_device(settings.device)
    module = model.module.eval()
    parameter = next(module.parameters(), None)
    home = parameter.device if parameter is not None else "cpu"
    module.to(device)
    try:
        with progress.task(f"occlusion of {info.name}", len(images)) as advance:
            for image, units in images.items():
                if len(units):
                    tensor = model.preprocess(load(image))
                    maps = occlusion_map(
                        module, info, pooling, list(units), tensor, grid, settings.batch_size or 32
                    )
                    for unit, found in maps.items():
                        yield image, int(unit), found
                advance(1)
    finally:
        module.to(home)
