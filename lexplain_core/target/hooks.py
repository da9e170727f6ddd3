"""Listening to a network: forward hooks that tell apart the calls of one module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

# Called with a call's name (`layer`, `layer#2`, …), the module and its output.
Listener = Callable[[str, nn.Module, Tensor], None]


def output_tensor(module: nn.Module, output: object) -> Tensor | None:
    """The tensor of a module's output; None for outputs that have no units.

    Of tuples only `nn.MultiheadAttention`'s is taken: its first member is the output.
    """
    if isinstance(module, nn.MultiheadAttention) and isinstance(output, tuple):
        output = output[0]
    return output if isinstance(output, Tensor) else None


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
            tensor = output_tensor(source, output)
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

    def hook(source: nn.Module, _inputs: tuple, output: object) -> object:
        nonlocal count
        count += 1
        if count != wanted:
            return None
        tensor = output_tensor(source, output)
        if tensor is None:
            raise RuntimeError(f"call {call!r} gives no tensor")
        new = change(tensor)
        return (new, *output[1:]) if isinstance(output, tuple) else new

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
