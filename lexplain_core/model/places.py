"""Whether a layer's places are the image's, and its units channels: a patch is moved over an image and looked for.

Shapes don't tell windows, re-ordered tokens, attention matrices or transposed axes from maps. So small batches of noise, in
which one image after the other has a patch at another place, are shown to the network, and where a layer's output changes
is compared with where the patch lay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .base import LayerInfo, TargetModel
from .hooks import listen
from .maps import Grid, grid_of, laid_out, shrink

_PATCHES = 10  # with the image without one that makes batches of a prime number, so that windows can't look like images
_LOOKS = 2  # noise images, each with a patch of its own
_PART = 8  # of the image's side: the patch's
_SIDE = 28  # larger maps are averaged
_NUMBERS = 50_000  # of an image's output that are looked at, and
_FEWEST = 16  # units at least
# In layers of known order the correlation is 0.91 or more, and the spread 0.26 at most, where the change is found in
# one place; in windows and re-ordered tokens either the one is below 0.86 or the other above 0.36 (docs/explanation/maps.md).
FOLLOWS = 0.88
SPREAD = 0.32
# Below this lift a patch changes all places about alike (attention, token mixing), and its place can't be told.
LOCAL = 2.5
# In places along the row; a class token behind the patches, not before them, moves the change by one, and by 0.2 at most
# where it is before them.
MOVED = 0.5
# Which units change depends on the patch's place alone: 0.77 and more in token mixers, whose “places” then say 0.11
# at most. Where units are channels the places say as much as the units, or more.
_BY_PLACE = 0.5
_APART = 0.4
_Grid = tuple[str, Grid]  # kind of units, and where their places lie


LEGEND = (
    "Units: channels of a map (B, C, H, W), neurons of tokens (B, T, C) or of features (B, C). Maps: no where the output "
    "has no places, or they are not the image's rows and columns in order. –: what would be units are mixtures of "
    "places, or rows are not images; a build refuses the layer."
)


@dataclass(frozen=True)
class Found:
    """Where a layer's output changed as the patch moved.

    follows: correlation of the change's centre with the patch's, of the two axes the smaller one. spread: standard
    distance of the change from its centre, in sides of the map (0.41 where it is everywhere). lift: how much more
    the most changed place changes with the patch where it is than with it elsewhere, 1 to 10. by_unit, by_place: how well it
    repeats, with another image and patch, which units (and which places) change at which place of the patch: the
    smallest of the places' axes. moved: places along the row by which the change lies beside the patch, for tokens that are
    not all patches. rows: of the output, for `images`.
    """

    follows: float = 0.0
    spread: float = 0.0
    lift: float = 0.0
    by_unit: float = 0.0
    by_place: float = 0.0
    moved: float = 0.0
    rows: int = _PATCHES + 1
    images: int = _PATCHES + 1

    @property
    def in_order(self) -> bool:
        return self.follows >= FOLLOWS and self.spread <= SPREAD and abs(self.moved) < MOVED


@dataclass(frozen=True)
class Verdict:
    """units: why a layer's units can't be recorded. maps: why they have no activation map. cls: why pooling `cls`, the
    first token, doesn't apply. None where all is well."""

    units: str | None = None
    maps: str | None = None
    cls: str | None = None

    def cells(self, layer: LayerInfo) -> tuple[str, str]:
        """How a layer can be pooled, and whether it has maps, for a table with `LEGEND` below it."""
        poolings = [one for one in layer.poolings if not (one == "cls" and self.cls)]
        return ("–", "–") if self.units else (", ".join(poolings), "no" if self.maps else "yes")


def check_places(
    model: TargetModel,
    layers: Sequence[LayerInfo],
    names: Iterable[str],
    device: torch.device | None = None,
) -> dict[str, Verdict]:
    """Verdicts on some of a network's layers, by running it on two small batches.

    layers: all of the network's, listed at `model.input_size`; names: those wanted. Where a patch leaves no trace
    of its place (global attention), the layer's other tokens or maps of the same size decide: then the
    network runs on two batches more. device: where it runs, if not where it is; afterwards it is back there.
    """
    known = {layer.name for layer in layers}
    wanted = [name for name in names if name in known]
    with _on(model.module, device):
        found = measure(model, layers, wanted)
        found |= _alike(model, layers, found)
    verdicts = judge(model, layers, found)
    return {name: verdicts[name] for name in wanted}


def no_maps(info: LayerInfo, of_layer: str | None) -> str | None:
    """Why units have no activation map, if so. of_layer: why the layer's own have none (`Verdict.maps`)."""
    if info.source is None or info.of.space:
        return of_layer
    return f"The units of {info.name!r} have no places in the image, so they have no activation map."


def judge(model: TargetModel, layers: Sequence[LayerInfo], found: dict[str, Found]) -> dict[str, Verdict]:
    """Verdicts on all layers, from what was found of some; a layer of which nothing was found gets none that needs it."""
    grids = _grids(model, layers)
    counts = {grid.height * grid.width for _, grid in filter(None, grids.values())}
    counts |= {layer.of.space[0] for layer in layers if len(layer.of.space) == 1}
    verdicts = {}
    for layer in layers:
        grid, own = grids[layer.name], found.get(layer.name)
        units = _no_units(layer, own, counts, model.name)
        alike = [one for name, one in found.items() if grids[name] == grid]
        verdicts[layer.name] = Verdict(
            units, units or _no_maps(layer, grid, own, alike), _no_class_token(layer, grid, own)
        )
    return verdicts


def _alike(model: TargetModel, layers: Sequence[LayerInfo], found: dict[str, Found]) -> dict[str, Found]:
    """What a patch does to the other layers with the places of those that can't be told alone."""
    grids = _grids(model, layers)
    unsure = {grids[name] for name, one in found.items() if _has_places(grids[name]) and _unsure(one)}
    alike = [layer.name for layer in layers if grids[layer.name] in unsure and layer.name not in found]
    return measure(model, layers, alike) if alike else {}


@contextmanager
def _on(module: nn.Module, device: torch.device | None) -> Iterator[None]:
    """The network on a device, for a while."""
    before = _device(module)
    module.to(device or before)
    try:
        yield
    finally:
        module.to(before)


def _device(module: nn.Module) -> torch.device:
    return next(module.parameters(), torch.zeros(())).device


def measure(model: TargetModel, layers: Sequence[LayerInfo], names: Iterable[str]) -> dict[str, Found]:
    """What a moving patch does to each of some layers; those without places, and without any change, are left out."""
    wanted = {layer.name: layer for layer in layers if layer.name in set(names) and layer.of.space}
    size = model.input_size
    heard: dict[str, list[Tensor]] = {}
    rows: dict[str, int] = {}  # of outputs whose first axis is not the images
    grids = {name: grid_of(layer, layers, size) for name, layer in wanted.items()}

    def note(call: str, _module: nn.Module, output: Tensor) -> None:
        if layer := wanted.get(call):
            if len(output) == _PATCHES + 1:
                heard.setdefault(call, []).append(_change(output, layer, grids[call]))
            else:
                rows[call] = len(output)

    boxes = _boxes(size)
    model.module.eval()
    modules = {name.partition("#")[0] for name in wanted}
    with listen(model.module, modules, note) as calls, torch.inference_mode():
        for batch in _batches(size, boxes):
            calls.clear()
            model.module(batch.to(_device(model.module)))
    centres = torch.tensor([((y + h / 2) / size[0], (x + w / 2) / size[1]) for y, x, h, w in boxes])
    found = {name: Found(rows=count) for name, count in rows.items()}
    for name, changes in heard.items():
        if name not in rows and all(bool(torch.isfinite(c).all()) and c.any() for c in changes):
            grid = grids[name]
            found[name] = _found(changes, centres, mixed=grid is not None and grid.skip > 0)
    return found


# the images


def _boxes(size: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """Where the patch lies (top, left, height, width): spread evenly, on no lattice that windows could share."""
    (height, width), plastic = size, 1.32471795724
    h, w = max(1, height // _PART), max(1, width // _PART)
    shares = [((0.5 + i / plastic) % 1, (0.5 + i / plastic**2) % 1) for i in range(1, _PATCHES + 1)]
    return [(round(y * (height - h)), round(x * (width - w)), h, w) for y, x in shares]


def _noise(size: tuple[int, int], seed: int) -> Tensor:
    """Noise with coarse and fine parts, as images have: float32 (3, H, W)."""
    generator = torch.Generator().manual_seed(seed)
    image = 0.3 * torch.randn((1, 3, *size), generator=generator)
    for cells in (4, 16, 64):
        if cells <= max(size):
            image += F.interpolate(
                torch.randn((1, 3, cells, cells), generator=generator), size, mode="bilinear"
            )
    return image[0]


def _batches(size: tuple[int, int], boxes: Sequence[tuple[int, int, int, int]]) -> Iterable[Tensor]:
    """An image without the patch, then with it in each of the boxes."""
    for look in range(_LOOKS):
        batch = _noise(size, look).repeat(_PATCHES + 1, 1, 1, 1)
        patch = 2 * _noise(boxes[0][2:], _LOOKS + look)
        for image, (y, x, h, w) in zip(batch[1:], boxes, strict=True):
            image[:, y : y + h, x : x + w] = patch
        yield batch


# what changes


def _change(output: Tensor, layer: LayerInfo, grid: Grid | None) -> Tensor:
    """Size of the change by patch, unit and place: float32 (patches, K, h, w), every unit's on one scale.

    Of wide layers some units stand for all. Tokens that are no grid come as one row of places.
    """
    step = max(1, min(layer.units // _FEWEST, output[0].numel() // _NUMBERS))
    some = layer.of.read(output.detach())[:, ::step]
    maps = laid_out(some, grid) if grid else some.float()[:, :, None]
    squares = (maps[1:] - maps[:1]).square_()
    squares /= squares.mean((0, 2, 3), keepdim=True).clamp_min(1e-20)
    return shrink(squares, _SIDE).clamp_min_(0).sqrt_().cpu()


def _found(changes: Sequence[Tensor], centres: Tensor, mixed: bool) -> Found:
    """mixed: some of the tokens are no patches."""
    places = torch.stack([change.square().mean(1).sqrt() for change in changes])  # (looks, patches, h, w)
    height, width = places.shape[-2:]
    by_axis = [places.mean(3)] * (height > 1) + [places.mean(2)] * (width > 1)
    lift = _share(places.mean(0).flatten(1))
    lift = lift / lift.mean(0).clamp_min(1e-20)
    excess = (lift - lift.median(1, keepdim=True).values).clamp_min(0) ** 2
    weight = _share(excess)
    y = ((torch.arange(height) + 0.5) / height).repeat_interleave(width)
    x = ((torch.arange(width) + 0.5) / width).repeat(height)
    at = torch.stack([weight @ y, weight @ x], dim=1)
    variance = weight * ((y - at[:, :1]) ** 2 + (x - at[:, 1:]) ** 2)
    axes = [axis for axis, length in enumerate((height, width)) if length > 1]
    return Found(
        follows=min((_correlation(at[:, i], centres[:, i]) for i in axes), default=1.0),
        spread=float(variance.sum(1).sqrt().median()),
        lift=float(lift.amax(1).median()),
        by_unit=_repeats([change.square().mean((2, 3)).sqrt() for change in changes]),
        moved=float((at[:, 1] - centres[:, 1]).median()) * width if mixed else 0.0,
        by_place=min((_repeats(list(profile)) for profile in by_axis), default=1.0),
    )


def _share(values: Tensor) -> Tensor:
    return values / values.sum(1, keepdim=True).clamp_min(1e-20)


def _correlation(one: Tensor, other: Tensor) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / (one.norm() * other.norm()).clamp_min(1e-12))


def _repeats(profiles: Sequence[Tensor]) -> float:
    """Whether it depends on the patch's place alone what changes: correlation of two looks' profiles (patches, n)."""
    one, other = (_share(profile) for profile in profiles)
    return _correlation((one - one.mean(0)).flatten(), (other - other.mean(0)).flatten())


# verdicts


def _grid(layer: LayerInfo, layers: Sequence[LayerInfo], size: tuple[int, int]) -> _Grid | None:
    """Where a layer's places lie; None where they are no grid."""
    grid = grid_of(layer, layers, size)
    return (layer.kind, grid) if grid else None


def _grids(model: TargetModel, layers: Sequence[LayerInfo]) -> dict[str, _Grid | None]:
    return {layer.name: _grid(layer, layers, model.input_size) for layer in layers}


def _has_places(grid: _Grid | None) -> bool:
    return grid is not None and grid[1].height * grid[1].width > 1


def _unsure(found: Found) -> bool:
    return not found.in_order and found.lift < LOCAL and found.rows == found.images


def _no_units(layer: LayerInfo, found: Found | None, counts: set[int], model: str) -> str | None:
    if found is None:
        return None
    shape = " × ".join(map(str, layer.shape))
    end = "so its units can't be recorded; choose another layer."
    if found.rows != found.images:
        return (
            f"Layer {layer.name!r} of {model} gives {found.rows} rows for {found.images} images: its first axis is not "
            f"the images (windows, or a sequence that comes first), {end}"
        )
    if found.by_unit >= _BY_PLACE and found.by_unit - found.by_place >= _APART:
        return (
            f"What would be the units of layer {layer.name!r} of {model} ({shape}) are mixtures of places in the image, not "
            f"channels, as in a network that mixes tokens, {end}"
        )
    if layer.map_size is not None and not found.in_order and found.lift >= LOCAL:
        height, width = layer.map_size
        if height == width > 3 and height in counts:
            return f"Layer {layer.name!r} of {model} ({shape}) compares places with places, as attention does, {end}"
    return None


def _no_maps(layer: LayerInfo, grid: _Grid | None, found: Found | None, alike: Sequence[Found]) -> str | None:
    if not layer.of.space:
        return (
            f"The output of {layer.name!r} has no places in the image, so its units have no activation map."
        )
    if grid is None:
        return f"The tokens of {layer.name!r} are not a grid of patches, so its units have no activation map."
    if not _has_places(grid) or found is None or found.in_order:
        return None
    in_order = any(one.in_order for one in alike)
    if _unsure(found) and in_order and all(one.in_order or _unsure(one) for one in alike):
        return None
    shape = " × ".join(map(str, layer.shape))
    return (
        f"The places of {layer.name!r} ({shape}) are not the image's rows and columns in order: a patch that moves over the "
        "image is not found in the same place there, so its units have no activation map."
    )


def _no_class_token(layer: LayerInfo, grid: _Grid | None, found: Found | None) -> str | None:
    if found is None or grid is None or not grid[1].skip or found.lift < LOCAL or found.spread > SPREAD:
        return None
    if grid[1].skip + found.moved > MOVED:
        return None
    return (
        f"The first token of layer {layer.name!r} is a patch of the image, as the class token comes after the patches, so "
        "pooling 'cls' doesn't apply to it; choose 'mean'."
    )
