"""One forward pass over a batch: hooks pool the chosen layers as they come by."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..base.errors import UserError, quote
from .answers import ONE, Answer, Unusable, find_answer
from .base import LayerInfo
from .hooks import listen


@dataclass
class Result:
    """What a forward pass gave, on its way to the host.

    block: (B, ΣK) float32, layer after layer. predicted: int64 (B,), -1 where an output is NaN, or None. outputs: C
    or None. raw: the outputs, float32 (B, C), where they are kept. ready: CUDA event after which the host may look.
    """

    block: Tensor
    predicted: Tensor | None
    outputs: int | None
    ready: torch.cuda.Event | None
    raw: Tensor | None = None

    @property
    def images(self) -> int:
        return len(self.block)


class Forward:
    """Runs the network on a batch, with hooks that pool the chosen layers as they come by."""

    def __init__(
        self,
        module: nn.Module,
        chosen: Sequence[tuple[LayerInfo, str]],
        device: torch.device,
        half: torch.dtype | None,
        keep_outputs: bool = False,
        count: int | None = None,
    ):
        """count: how many outputs the network should have, where that is known."""
        self._module, self._device, self._half, self._keep = module, device, half, keep_outputs
        self._count = count
        self.answer: Answer | None = None
        self.reason: str | None = None  # why there are no outputs, or why they say nothing
        self.note: str | None = None
        self._chosen = list(chosen)
        self._pooled: dict[tuple[str, str], Tensor] = {}  # by layer and pooling
        self._usual_calls: dict[str, int] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Forward:
        names = dict.fromkeys(info.call.partition("#")[0] for info, _ in self._chosen)
        self._calls = self._stack.enter_context(listen(self._module, names, self._hear))
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def _hear(self, call: str, _module: nn.Module, output: Tensor) -> None:
        for info, pooling in self._chosen:
            if info.call == call:
                self._pooled[info.name, pooling] = pool(output, info, pooling)

    @torch.inference_mode()
    def __call__(self, images: list[Tensor]) -> Result:
        on_cuda = self._device.type == "cuda"
        batch = torch.empty((len(images), *images[0].shape), pin_memory=on_cuda)
        torch.stack(images, out=batch)
        self._calls.clear()
        self._pooled.clear()
        with torch.autocast("cuda", self._half) if self._half else nullcontext():
            returned = self._module(batch.to(self._device, non_blocking=on_cuda))
        self._check_calls()
        outputs = self._outputs(returned, len(images))
        predicted = None
        if outputs is not None and outputs.shape[1] > 1:
            predicted = self._to_host(outputs.argmax(1).masked_fill_(outputs.isnan().any(1), -1))
        block = torch.cat([self._pooled[info.name, pooling] for info, pooling in self._chosen], dim=1)
        return Result(
            self._to_host(block),
            predicted,
            outputs.shape[1] if outputs is not None else None,
            torch.cuda.current_stream(self._device).record_event() if on_cuda else None,
            self._to_host(outputs) if outputs is not None and self._keep else None,
        )

    def _outputs(self, returned: object, images: int) -> Tensor | None:
        """The network's outputs (B, C); how they are read is found on the first batch."""
        if self.answer is None and self.reason is None:
            try:
                self.answer, self.note = find_answer(returned, images, self._count)
            except Unusable as error:
                self.reason = str(error)
        if self.answer is None:
            return None
        outputs = self.answer.raw(returned)
        if outputs.shape[1] == 1:
            self.reason = ONE
        return outputs

    def _to_host(self, tensor: Tensor) -> Tensor:
        if self._device.type != "cuda":
            return tensor.cpu()
        host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        return host.copy_(tensor, non_blocking=True)

    def _check_calls(self) -> None:
        """Calls are told apart by their number, so that must be the same for every batch."""
        calls = dict(self._calls)
        if self._usual_calls is None:
            self._usual_calls = calls
        for info, pooling in self._chosen:
            base = info.call.partition("#")[0]
            now, before = calls.get(base, 0), self._usual_calls.get(base, 0)
            if now != before:
                reason = f"its module was called {now} times on a batch and {before} times on those before it"
            elif (info.name, pooling) not in self._pooled:
                reason = f"its module was called {now} times, less often than when the layers were listed"
            else:
                continue
            raise UserError(f"Layer {quote(info.name)} can't be recorded: {reason}.")


def pool(output: Tensor, info: LayerInfo, pooling: str) -> Tensor:
    """One number per image and unit: a layer's output (B, …) -> float32 (B, K), always a copy.

    The copy is made at once, since the network may overwrite its tensors in place later on.
    """
    values = info.of.read(output)
    places = tuple(range(2, values.ndim))
    if pooling == "mean" and places:
        return values.mean(places, dtype=torch.float32)
    if pooling == "max" and places:
        return values.amax(places).float()
    if pooling == "cls" and len(places) == 1:
        return values[:, :, 0].to(torch.float32, copy=True)
    if pooling == "none" and not places:
        return values.to(torch.float32, copy=True)
    raise ValueError(f"pooling {quote(pooling)} doesn't apply to {quote(info.kind)}")
