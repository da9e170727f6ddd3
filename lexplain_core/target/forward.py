"""One forward pass over a batch: hooks pool the chosen layers as they come by."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import UserError, quote
from .base import LayerInfo
from .hooks import listen


@dataclass
class Result:
    """What a forward pass gave, on its way to the host.

    block: (B, ΣK) float32, layer after layer. predicted: int64 (B,) or None. outputs: C or None.
    logits: float32 (B, C), where they are kept. ready: CUDA event after which the host may look.
    """

    block: Tensor
    predicted: Tensor | None
    outputs: int | None
    ready: torch.cuda.Event | None
    logits: Tensor | None = None

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
        keep_logits: bool = False,
    ):
        self._module, self._device, self._half, self._keep_logits = module, device, half, keep_logits
        self._chosen = list(chosen)
        self._pooled: dict[tuple[str, str], Tensor] = {}  # by call and pooling
        self._usual_calls: dict[str, int] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Forward:
        names = dict.fromkeys(info.name.partition("#")[0] for info, _ in self._chosen)
        self._calls = self._stack.enter_context(listen(self._module, names, self._hear))
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def _hear(self, call: str, _module: nn.Module, output: Tensor) -> None:
        for info, pooling in self._chosen:
            if info.name == call:
                self._pooled[call, pooling] = pool(output, info, pooling)

    @torch.inference_mode()
    def __call__(self, images: list[Tensor]) -> Result:
        on_cuda = self._device.type == "cuda"
        batch = torch.empty((len(images), *images[0].shape), pin_memory=on_cuda)
        torch.stack(images, out=batch)
        self._calls.clear()
        self._pooled.clear()
        with torch.autocast("cuda", self._half) if self._half else nullcontext():
            output = self._module(batch.to(self._device, non_blocking=on_cuda))
        self._check_calls()
        output = getattr(output, "logits", output)
        has_classes = isinstance(output, Tensor) and output.ndim == 2 and len(output) == len(images)
        block = torch.cat([self._pooled[info.name, pooling] for info, pooling in self._chosen], dim=1)
        predicted = output.argmax(1) if has_classes else None
        logits = self._to_host(output.float()) if has_classes and self._keep_logits else None
        return Result(
            self._to_host(block),
            self._to_host(predicted) if predicted is not None else None,
            output.shape[1] if has_classes else None,
            torch.cuda.current_stream(self._device).record_event() if on_cuda else None,
            logits,
        )

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
            base = info.name.partition("#")[0]
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
    axes = {"map": (2, 3), "map-last": (1, 2), "tokens": (1,)}.get(info.kind)
    if pooling == "mean" and axes:
        return output.mean(axes, dtype=torch.float32)
    if pooling == "max" and axes:
        return output.amax(axes).float()
    if pooling == "cls" and info.kind == "tokens":
        return output[:, 0].to(torch.float32, copy=True)
    if pooling == "none" and info.kind == "features":
        return output.to(torch.float32, copy=True)
    raise ValueError(f"pooling {quote(pooling)} doesn't apply to {quote(info.kind)}")
