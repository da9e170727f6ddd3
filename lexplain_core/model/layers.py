"""The layers of a network: which modules have units, and along which axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from ..base.errors import UserError, did_you_mean, quote, refuse_shortage
from ..config import LayerSpec, UnitSpec, unit_options
from .base import LayerInfo, TargetModel
from .factory import said
from .hooks import blank_batch, listen
from .presets import LAYERS
from .units import Channels, ChannelsLast, Features, OwnUnits, Tokens, fault_of, unit_kinds

_BATCH = 2
_CLASS_TOKENS = {"class_token", "cls_token", "class_embedding", "cls_embedding"}
_Shape = tuple[int, ...]
_Kind = type[OwnUnits]


def list_layers(model: TargetModel, match: str | None = None) -> list[LayerInfo]:
    """All modules whose output has units, in the order in which they are called.

    Runs the network on a blank batch, and on one of another, oblong size where it takes that:
    the axes whose lengths follow the image are spatial, which tells (B, C, H, W) from
    (B, H, W, C) and both from attention maps. Else the kind of module and the shape decide.
    match: a shell pattern (`layer4*`) or a part of the name. Raises `UserError` if the network
    can't be run on its input size.
    """
    try:
        modules, shapes = _trace(model.module, model.input_size)
    except Exception as error:  # whatever a network does with a size that it can't take
        refuse_shortage(error, f"{model.name} can't be run")
        height, width = model.input_size
        raise UserError(
            f"{model.name} can't be run on images of {height} × {width} pixels ({said(error)}); set "
            "target.preprocess.resize and target.preprocess.crop to the size that it needs."
        ) from error
    other = _trace_other_size(model.module, model.input_size)
    has_class_token = any(n.rpartition(".")[2] in _CLASS_TOKENS for n, _ in model.module.named_parameters())
    decided: dict[_Shape, _Kind] = {}
    layers = []
    for name, shape in shapes.items():
        kind = _kind(name, modules[name], shape, other.get(name), decided)
        if kind is None:
            continue
        decided[shape] = kind
        units = kind.of_output(shape[1:], has_class_token)
        layers.append(LayerInfo(name, units, type(modules[name]).__name__))
    if match is None:
        return layers
    pattern = match if any(c in match for c in "*?[") else f"*{match}*"
    return [layer for layer in layers if fnmatchcase(layer.name, pattern)]


def resolve_layers(
    model: TargetModel, specs: Sequence[LayerSpec], units: Sequence[UnitSpec] = ()
) -> list[tuple[LayerInfo, str]]:
    """The layers of `specs`, then those of `units`, each with its pooling; `auto` is the first that applies. The name
    `preset` stands for the layers of interest of the model's preset, in the network's order.

    Raises `UserError` for a layer that is not there, for a pooling that doesn't apply to it, and for units that can't be
    read from it.
    """
    return choose_layers(model, list_layers(model), specs, units)


def choose_layers(
    model: TargetModel,
    layers: Sequence[LayerInfo],
    specs: Sequence[LayerSpec],
    units: Sequence[UnitSpec] = (),
) -> list[tuple[LayerInfo, str]]:
    """As `resolve_layers`, from layers that are listed already."""
    known = {layer.name: layer for layer in layers}
    own = [(_known(model, known, one.name), one.pooling) for one in _expanded(model, list(known), specs)]
    others = [(other_units(model, layers, one), one.pooling) for one in units]
    return [(layer, _pooling(model, layer, pooling)) for layer, pooling in [*own, *others]]


def other_units(model: TargetModel, layers: Sequence[LayerInfo], spec: UnitSpec) -> LayerInfo:
    """Units of another kind than a layer's own. Raises `UserError` where there are none.

    layers: those that are listed.
    """
    layer = _known(model, {layer.name: layer for layer in layers}, spec.layer)
    if spec.kind not in unit_options:
        raise UserError(
            f"There is no kind of unit named {quote(spec.kind)} that [[units]] could ask for; known: "
            f"{', '.join(sorted(unit_options)) or 'none'}. A plugin brings kinds along (docs/how-to/units.md)."
        )
    where = f"The units {quote(spec.name)} of the kind {quote(spec.kind)}"
    try:
        kind = unit_kinds[spec.kind]
        units = kind(layer.of, unit_options[spec.kind].model_validate(spec.own))
        fault = fault_of(units)
    except UserError:
        raise
    except Exception as error:  # whatever a plugin's code does
        raise UserError(f"{where} can't be read from layer {quote(layer.name)}: {said(error)}.") from error
    if fault:
        raise UserError(f"{where} can't be used: {fault}.")
    return LayerInfo(spec.name, units, layer.module, layer.name)


def _known(model: TargetModel, known: Mapping[str, LayerInfo], name: str) -> LayerInfo:
    if name not in known:
        raise UserError(_no_layer(model, name, list(known)))
    return known[name]


def _pooling(model: TargetModel, layer: LayerInfo, asked: str) -> str:
    pooling = layer.poolings[0] if asked == "auto" else asked
    if pooling not in layer.poolings:
        raise UserError(
            f"Pooling {quote(pooling)} doesn't apply to layer {quote(layer.name)} of {model.name}, whose output is "
            f"{_described(layer)}; choose {' or '.join(repr(p) for p in layer.poolings)}."
        )
    return pooling


def _expanded(model: TargetModel, names: list[str], specs: Sequence[LayerSpec]) -> list[LayerSpec]:
    """`specs` with a preset's layers of interest in the place of `preset`, but for those that `specs` name themselves:
    what is said of a layer by its name counts, before or after `preset`. One layer may be named with several poolings."""
    own = {spec.name for spec in specs if spec.name != LAYERS or LAYERS in names}
    found: list[LayerSpec] = []
    for spec in specs:
        if spec.name in own:
            found.append(spec)
            continue
        if not model.interest:
            raise UserError(
                f'layers = ["{LAYERS}"] needs a preset as target.model (`python -m lexplain_core presets` lists them); '
                f"for {model.name}, name the layers."
            )
        for name in names:
            pooling = next((p for pattern, p in model.interest if fnmatchcase(name, pattern)), None)
            if pooling is not None and name not in own:
                own.add(name)
                pooling = pooling if spec.pooling == "auto" else spec.pooling
                found.append(LayerSpec(name=name, pooling=pooling))
    return found


def _described(layer: LayerInfo) -> str:
    shape = " × ".join(str(n) for n in layer.shape)
    return f"{layer.of.output} ({shape})"


def _no_layer(model: TargetModel, name: str, known: list[str]) -> str:
    base, _, call = name.partition("#")
    lists = "`python -m lexplain_core layers MODEL` lists them."
    if call and base in known:
        times = 1 + sum(n.startswith(f"{base}#") for n in known)
        return (
            f"Layer {quote(base)} of {model.name} is called {times} times, so there is no {name!r}; {lists}"
        )
    if base in dict(model.module.named_modules()):
        return f"The module {name!r} of {model.name} gives no output with units that hooks can see: one row for each image, with an axis of channels; {lists}"
    return f"{model.name} has no layer {name!r}.{did_you_mean(name, known)} {lists}"


def _trace(module: nn.Module, size: tuple[int, int]) -> tuple[dict[str, nn.Module], dict[str, _Shape]]:
    """Every call's module and output shape (with the batch of 2), by call name."""
    modules: dict[str, nn.Module] = {}
    shapes: dict[str, _Shape] = {}

    def note(call: str, source: nn.Module, output: torch.Tensor) -> None:
        modules[call], shapes[call] = source, tuple(output.shape)

    names = [name for name, _ in module.named_modules() if name]
    was_training = module.training
    module.eval()
    try:
        with listen(module, names, note), torch.inference_mode():
            module(blank_batch(module, _BATCH, size))
    finally:
        module.train(was_training)
    return modules, shapes


def _trace_other_size(module: nn.Module, size: tuple[int, int]) -> dict[str, _Shape]:
    """Shapes for an oblong input of another size, or {} if the network takes none.

    Multiples of 32 suit most strides; smaller than the usual input, since that is quicker.
    """
    height, width = size
    smaller = (160, 96) if min(size) > 160 else None
    for other in filter(None, (smaller, (2 * height, 3 * width))):
        try:
            return _trace(module, other)[1]
        except Exception as error:  # a network of one size only: shapes and types have to do
            refuse_shortage(error, "The layers can't be listed")
    return {}


def _kind(
    name: str, module: nn.Module, shape: _Shape, other: _Shape | None, decided: dict[_Shape, _Kind]
) -> _Kind | None:
    """The kind of a module's own units; None for an output without units."""
    if len(shape) not in (2, 3, 4) or shape[0] != _BATCH or 0 in shape:
        return None  # a first axis that isn't the batch: windows, or tokens before batch
    if len(shape) == 2:
        return Features
    follows: tuple[int, ...] = ()
    if other is not None and len(other) == len(shape):
        follows = tuple(axis for axis in range(1, len(shape)) if shape[axis] != other[axis])
    if len(shape) == 3:
        if follows:
            return Tokens if follows == (1,) else None
        return None if type(module).__name__.endswith("1d") else Tokens
    if follows and other is not None:
        # An oblong image makes an oblong map; what stays square is tokens × tokens: attention.
        kinds: dict[tuple[int, ...], _Kind] = {(2, 3): Channels, (1, 2): ChannelsLast}
        return kinds.get(follows) if other[follows[0]] != other[follows[-1]] else None
    return _kind_by_type(name, module, shape, decided)


def _kind_by_type(name: str, module: nn.Module, shape: _Shape, decided: dict[_Shape, _Kind]) -> _Kind | None:
    """For a 4-axis output of which no axis follows the image's size."""
    own_name = name.rpartition(".")[2]
    if isinstance(module, nn.Softmax) or "attn_drop" in own_name or "softmax" in own_name:
        return None
    if isinstance(module, (_ConvNd, _BatchNorm, nn.GroupNorm)) or type(module).__name__.endswith("2d"):
        return Channels
    if isinstance(module, nn.Linear) or type(module) in (nn.LayerNorm, nn.RMSNorm):
        return ChannelsLast
    _, first, second, third = shape
    if (second == third) != (first == second):
        return Channels if second == third else ChannelsLast
    return decided.get(shape)  # an activation or block of the kind of what came before it
