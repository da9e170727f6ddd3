"""Listening to a network: forward hooks that tell apart the calls of one module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

# Called with a call's name (`layer`, `layer#2`, …), the module and its output.
Listener = Callable[[str, nn.Module, Tensor], None]


def output_tensor(output: Any) -> Tensor | None:
    """The tensor of a module's output; None for outputs that have no units.

    Of tuples, lists, dictionaries and data classes the first member is taken, if it is a tensor: attention, recurrent
    and transformers' layers put their output there.
    """
    place = _first(output)
    if place is not None:
        output = output[place] if not is_dataclass(output) else getattr(output, str(place))
    return output if isinstance(output, Tensor) and not output.is_quantized else None


def _first(output: object) -> int | str | None:
    """Where the first member of what a module returned is; None for what has no members."""
    if isinstance(output, Mapping):
        return next(iter(output), None)
    if isinstance(output, tuple | list):
        return 0 if output else None
    return next((f.name for f in fields(output)), None) if is_dataclass(output) else None


def _with(output: Any, new: Tensor) -> object:
    """What a module returned, with another tensor in the place of `output_tensor`'s."""
    place = _first(output)
    if place is None:
        return new
    if isinstance(output, tuple):
        members = (new, *output[1:])
        return output._make(members) if hasattr(output, "_make") else members
    if not isinstance(output, Mapping | list):
        return replace(output, **{str(place): new})
    changed: Any = copy(output)
    changed[place] = new
    return changed


@contextmanager
def listen(module: nn.Module, names: Iterable[str], listener: Listener) -> Iterator[Counter[str]]:
    """Call `listener` for each output of the named submodules; the hooks go whatever happens.

    Yields the count of calls by module name; who runs the network several times clears it
    before each run. Transformer layers of `torch.nn` give up their fused path, which would
    skip submodules, as long as hooks are on them.
    """
    calls: Counter[str] = Counter()
    modules = dict(module.named_modules())

    def hook_for(name: str) -> Callable:
        def hook(source: nn.Module, _inputs: tuple, output: object) -> None:
            calls[name] += 1
            tensor = output_tensor(output)
            if tensor is not None:
                listener(name if calls[name] == 1 else f"{name}#{calls[name]}", source, tensor)

        return hook

    handles = [modules[name].register_forward_hook(hook_for(name)) for name in names]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def replacing(module: nn.Module, call: str, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Replace one output of a submodule by `change(output)` in every run of the network.

    call: `layer`, or `layer#2` for its second call; other calls pass. `change` must return a new
    tensor: an output may be the very tensor that came in (in-place activations), which a skip
    connection still needs. Run networks one after the other, not from several threads.
    """
    name, _, number = call.partition("#")
    wanted, count = int(number or 1), 0

    def begin(_module: nn.Module, _inputs: tuple) -> None:
        nonlocal count
        count = 0

    def hook(_source: nn.Module, _inputs: tuple, output: object) -> object:
        nonlocal count
        count += 1
        if count != wanted:
            return None
        tensor = output_tensor(output)
        if tensor is None:
            raise RuntimeError(f"call {call!r} gives no tensor")
        new = change(tensor)
        return _with(output, new)

    start = module.register_forward_pre_hook(begin)
    handle = dict(module.named_modules())[name].register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
        start.remove()


def blank_batch(module: nn.Module, batch: int, size: tuple[int, int]) -> Tensor:
    """An input to try a network with: float32 noise (batch, 3, H, W), on the network's device."""
    parameter = next(module.parameters(), None)
    device = parameter.device if parameter is not None else "cpu"
    # noise and not zeros: no layer then sees a degenerate input
    noise = torch.randn((batch, 3, *size), generator=torch.Generator().manual_seed(0))
    return noise.to(device)
