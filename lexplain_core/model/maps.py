"""Where in an image a unit fires: a layer's output as maps over the image, recorded and packed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from .. import config
from ..base.errors import UserError
from ..base.progress import Progress, Silent
from .base import LayerInfo, TargetModel, size_of
from .feed import Feed, decoding_threads
from .hooks import listen
from .layers import list_layers
from .recording import batch_size, choose_device

T = TypeVar("T")

KINDS = ("activation", "occlusion", "saliency", "gradcam")
_MOST_EXTRA = 8  # tokens that are no patches: a class token, distillation, registers
_DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}
_MOST_IMAGES = 64  # at a time: whole maps are copied, not only their means


@dataclass(frozen=True)
class ActivationMap:
    """Where in an image a unit fires.

    kind: 'activation' (the layer's output itself), 'occlusion' (drop of the unit's activation where
    a patch is grey), 'saliency' (size of the unit's gradient by pixel), 'gradcam' (the layer before,
    weighted by the unit's gradient). values: float32 (h, w), over the whole image as the network
    sees it.
    """

    kind: str
    values: np.ndarray


@dataclass(frozen=True)
class Grid:
    """Which of a layer's places are the image's: the last height × width, row by row; `skip` come before (tokens)."""

    skip: int
    height: int
    width: int


def grid_of(
    info: LayerInfo, layers: Sequence[LayerInfo] = (), input_size: tuple[int, int] = (1, 1)
) -> Grid | None:
    """The grid that units' places lie on: that of a map, and the one that patches seem to lie on where a unit's places
    are a row of tokens. None if there is none.

    layers: all of the network's; the tokens' grid is that of one of its maps (the patch embedding is one), else one of the
    input's proportions. At most 8 tokens come before, in the latter case only where one may be a class token. input_size:
    (H, W). Whether the patches do lie so shows where one is moved (`check_places`).
    """
    if info.map_size is not None:
        return Grid(0, *info.map_size)
    if not info.of.space:
        return None
    (tokens,), (height, width) = info.of.space, input_size
    sizes = {layer.map_size for layer in layers if layer.map_size is not None}
    fits = [Grid(tokens - h * w, h, w) for h, w in sizes if h * w > 1 and 0 <= tokens - h * w <= _MOST_EXTRA]
    if not fits:
        most = _MOST_EXTRA if "cls" in info.poolings else 0
        fits = [g for skip in range(most + 1) if (g := _like_the_input(tokens, skip, height, width))]
    return min(fits, key=lambda g: (g.skip, abs(g.height * width - g.width * height)), default=None)


def _like_the_input(tokens: int, skip: int, height: int, width: int) -> Grid | None:
    """A grid of all tokens but the first `skip` with the input's proportions, as patches of one size give."""
    patches = tokens - skip
    if patches < 2:
        return None
    rows = max(1, round((patches * height / width) ** 0.5))
    columns = patches // rows

    def even(h: int, w: int) -> bool:  # whether patches of one size leave less than one over, down and across
        return height * w < width * (h + 1) and width * h < height * (w + 1)

    alike = even(rows, columns) or even(
        rows - 1, columns - 1
    )  # what is over is cut off, or filled up to one more
    return Grid(skip, rows, columns) if patches % rows == 0 and alike else None


def unit_maps(output: Tensor, info: LayerInfo, grid: Grid | None = None) -> Tensor | None:
    """A layer's output (B, …) as maps, float32 (B, K, h, w): always a copy, made at once.

    grid: where the units' places lie; guessed for a square image if not given. Class and register tokens are left out.
    None for units without places, and for tokens that are no grid.
    """
    grid = grid or grid_of(info)
    return None if grid is None else laid_out(info.of.read(output), grid)


def laid_out(values: Tensor, grid: Grid) -> Tensor:
    """Units as they are read, (B, K, *space), as maps, float32 (B, K, h, w): always a copy."""
    if values.ndim == 3:
        patches = values[:, :, grid.skip : grid.skip + grid.height * grid.width]
        values = patches.unflatten(2, (grid.height, grid.width))
    return values.to(torch.float32, copy=True)


def maps_of(output: Tensor, info: LayerInfo, grid: Grid | None = None) -> Tensor:
    """`unit_maps` of a layer that is known to have them."""
    maps = unit_maps(output, info, grid)
    assert maps is not None, f"{info.name} has no maps"
    return maps


def hear(module: nn.Module, info: LayerInfo, batch: Tensor, take: Callable[[Tensor], T]) -> T:
    """Run the network on a batch (B, 3, H, W) and give `take(output)` of one layer's call.

    `take` is called at once, before anything can overwrite the output; gradients pass if they are
    on. Raises `UserError` if the network doesn't make that call.
    """
    heard: list[T] = []

    def note(call: str, _module: nn.Module, output: Tensor) -> None:
        if call == info.call:
            heard.append(take(output))

    with listen(module, [info.call.partition("#")[0]], note):
        module(batch)
    if not heard:
        raise UserError(f"The network didn't call its layer {info.call!r} on this image, so there is no map.")
    return heard[-1]


def shrink(maps: Tensor, side: int) -> Tensor:
    """Average maps (…, h, w) down to at most `side` on their longer side; smaller ones stay as they are.

    Each new cell is the mean of the area that it covers, parts of old cells included, so that the
    mean of the map doesn't change.
    """
    height, width = maps.shape[-2:]
    longer = max(height, width)
    if longer <= side:
        return maps
    rows, columns = (max(1, round(n * side / longer)) for n in (height, width))
    return _areas(height, rows, maps.device) @ maps @ _areas(width, columns, maps.device).T


def _areas(old: int, new: int, device: torch.device) -> Tensor:
    """Share of each new cell's length that lies in each old one: float32 (new, old), rows sum to 1."""
    edges = torch.linspace(0, old, new + 1, dtype=torch.float64)
    cells = torch.arange(old, dtype=torch.float64)
    overlap = torch.minimum(edges[1:, None], cells + 1) - torch.maximum(edges[:-1, None], cells)
    return (overlap.clamp(min=0) * new / old).float().to(device)


def pack(map: ActivationMap, side: int = 14) -> tuple[int, int, float, float, bytes]:
    """(height, width, low, high, data) of a map, at most `side` long: a byte a cell, row by row.

    A cell's value is low + (high − low)·byte/255, which is off by at most (high − low)/510.
    """
    values = shrink(torch.from_numpy(np.ascontiguousarray(map.values, np.float32)), side).double().numpy()
    low, high = float(values.min()), float(values.max())
    steps = np.rint((values - low) / (high - low) * 255) if high > low else np.zeros_like(values)
    return *values.shape, low, high, steps.astype(np.uint8).tobytes()


def unpack(
    height: int, width: int, low: float, high: float, data: bytes, kind: str = "activation"
) -> ActivationMap:
    """The map that `pack` packed."""
    steps = np.frombuffer(data, np.uint8).reshape(height, width).astype(np.float64)
    return ActivationMap(kind, (low + (high - low) * steps / 255).astype(np.float32))


def record_maps(
    model: TargetModel,
    info: LayerInfo,
    load: Callable[[int], Image.Image],
    images: Mapping[int, Sequence[int]],
    settings: config.Record | None = None,
    progress: Progress | None = None,
    side: int = 14,
    keys: Sequence[str] | None = None,
) -> Iterator[tuple[int, int, ActivationMap]]:
    """One forward pass over some images: yields (image, unit, map) for the units wanted of each.

    images: image -> units. load(i): image i as PIL RGB. side: longer maps are averaged (`shrink`).
    keys: names of the images, for messages. Yields nothing for a layer without maps. Afterwards the
    module is back where it was. Raises `UserError` as `record` does.
    """
    settings, progress = settings or config.Record(), progress or Silent()
    wanted = [(image, torch.as_tensor(units)) for image, units in images.items() if len(units)]
    if not info.of.space or not wanted:
        return
    names = [keys[image] if keys else f"number {image}" for image, _ in wanted]
    with ExitStack() as stack:
        run = _Run(model, lambda i: load(wanted[i][0]), names, settings, stack)
        info, grid = run.locate(info)
        if grid is None:
            return
        advance = stack.enter_context(progress.task(f"maps of {info.name}", len(wanted)))
        done = 0

        def take(output: Tensor) -> Tensor:
            here = [units for _, units in wanted[done : done + len(output)]]
            rows = torch.repeat_interleave(torch.tensor([len(units) for units in here]))
            maps = maps_of(output, info, grid)
            return shrink(maps[rows.to(maps.device), torch.cat(here).to(maps.device)], side).cpu()

        while batch := run.feed.take(run.batch):
            maps = run(batch, info, take).numpy()
            here = wanted[done : done + len(batch)]
            pairs = [(image, int(unit)) for image, units in here for unit in units]
            for (image, unit), values in zip(pairs, maps, strict=True):
                if not np.isfinite(values).all():
                    raise UserError(
                        f"Layer {info.name!r} of {model.name} gives values that are not finite in unit "
                        f"{unit} for image {image}; check the weights and the preprocessing."
                    )
                yield image, unit, ActivationMap("activation", values)
            done += len(batch)
            advance(len(batch))


class _Run:
    """A network on its device with a feed of images; all that is undone with `stack`."""

    def __init__(
        self,
        model: TargetModel,
        load: Callable[[int], Image.Image],
        names: Sequence[str],
        settings: config.Record,
        stack: ExitStack,
    ):
        self.device = choose_device(settings.device)
        self._module = model.module.eval()
        self._half = _DTYPES.get(settings.precision) if self.device.type == "cuda" else None
        workers = decoding_threads(settings.workers, self.device)
        self.feed = stack.enter_context(Feed(load, model.preprocess, names, workers, ahead=1))
        first = self.feed.take(1)
        self.feed.put_back(first)
        self._size = size_of(first[0])
        self._layers = list_layers(replace(model, input_size=self._size))
        self.batch = min(settings.batch_size or batch_size(self._layers, self.device), _MOST_IMAGES)
        self.feed.look_ahead(self.batch + workers)
        parameter = next(self._module.parameters(), None)
        stack.callback(self._module.to, parameter.device if parameter is not None else "cpu")
        self._module.to(self.device)

    def locate(self, info: LayerInfo) -> tuple[LayerInfo, Grid | None]:
        """The layer as it is for images of this size, and where its patches lie."""
        info = info.at(self._layers)
        return info, grid_of(info, self._layers, self._size)

    def __call__(self, images: Sequence[Tensor], info: LayerInfo, take: Callable[[Tensor], T]) -> T:
        half = torch.autocast("cuda", self._half) if self._half else nullcontext()
        with torch.inference_mode(), half:
            return hear(self._module, info, torch.stack(list(images)).to(self.device), take)
