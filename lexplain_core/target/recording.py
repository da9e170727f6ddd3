"""The recording pass: every chosen layer of every image, in one forward pass."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from .. import config
from ..errors import UserError
from ..progress import Progress, Silent
from .base import LayerInfo, Recording, RecordingRun, TargetModel
from .columns import Columns, parse_bytes
from .feed import Feed, decoding_threads
from .hooks import listen
from .layers import choose_layers, list_layers

_DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}
_MAX_BATCH = 256


def record(
    model: TargetModel,
    load: Callable[[int], Image.Image],
    keys: Sequence[str],
    specs: Sequence[config.LayerSpec],
    settings: config.Record | None = None,
    progress: Progress | None = None,
    folder: Path | None = None,
) -> RecordingRun:
    """Show N = len(keys) images to the network and record each unit of the layers in `specs`.

    load(i): image i as PIL RGB. keys: names of the images, for messages. Values are float32
    (K, N); above `settings.memory` bytes in all they are memmaps of files in `folder` (the
    caller's to remove; with None they vanish with the arrays). Units are pooled at once on the
    device, always in float32: `mean` and `max` over a map's positions; `mean` over all tokens,
    the class token too (as IMI's released code does); `cls` is the first token. The module is
    back on the CPU afterwards.

    Raises `UserError` for an unknown layer, pooling or device, images of several sizes, and NaN
    or infinite activations (naming layer and image).
    """
    settings, progress = settings or config.Record(), progress or Silent()
    device = choose_device(settings.device)
    limit = parse_bytes(settings.memory)
    half = _DTYPES.get(settings.precision)
    if half is not None and device.type != "cuda":
        raise UserError(
            f"record.precision {settings.precision!r} runs on CUDA only, but the device is {device.type}; set "
            'record.precision = "float32".'
        )
    if not keys:
        raise UserError("There are no images to record.")
    module = model.module.eval()
    workers = decoding_threads(settings.workers, device)
    with ExitStack() as stack:
        feed = stack.enter_context(Feed(load, model.preprocess, keys, workers, _MAX_BATCH + workers))
        first = feed.take(1)
        feed.put_back(first)
        model = replace(model, input_size=tuple(first[0].shape[-2:]))
        layers = list_layers(model)
        chosen = choose_layers(model, layers, specs)
        batch = min(settings.batch_size or _batch_size(layers, device), len(keys))
        columns = Columns([info.units for info, _ in chosen], len(keys), limit, folder)
        stack.callback(columns.close)
        stack.callback(module.to, "cpu")
        module.to(device)
        forward = stack.enter_context(_Forward(module, chosen, device, half))
        sink = _Sink(model, chosen, keys, columns)
        start = time.perf_counter()
        advance = stack.enter_context(progress.task("recording", len(keys)))
        _run(feed, forward, sink, batch, advance, progress)
        seconds = time.perf_counter() - start
        values = columns.finish()
    recordings = [Recording(info, pooling, v) for (info, pooling), v in zip(chosen, values, strict=True)]
    return RecordingRun(
        layers=recordings,
        predicted=np.concatenate(sink.predicted) if sink.outputs is not None else None,
        n_outputs=sink.outputs,
        device=str(device),
        images_per_second=len(keys) / seconds,
    )


def _run(
    feed: Feed,
    forward: _Forward,
    sink: _Sink,
    batch: int,
    advance: Callable[[int], None],
    progress: Progress,
) -> None:
    """Batch after batch; a batch's results are looked at while the device works on the next."""
    pending: _Result | None = None
    while images := feed.take(batch):
        try:
            result = forward(images)
        except RuntimeError as error:
            if not _out_of_memory(error) or len(images) == 1:
                raise
            feed.put_back(images)
            batch = len(images) // 2
            progress.note(f"the device's memory is full: going on with batches of {batch} images")
            result = None
        if result is None:  # out here the error is gone, and with it what it kept on the device
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            continue
        if pending is not None:
            sink.take(pending)
            advance(pending.images)
        pending = result
    if pending is not None:
        sink.take(pending)
        advance(pending.images)


def choose_device(name: str) -> torch.device:
    """`auto` is CUDA, else MPS, else the CPU. Raises `UserError` for a device that is not there."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
        return device
    except (RuntimeError, AssertionError, NotImplementedError):
        raise UserError(
            f"record.device is {name!r}, which is not there on this machine; set it to `auto` or `cpu`."
        ) from None


def _batch_size(layers: Sequence[LayerInfo], device: torch.device) -> int:
    """Images per batch, from the memory at hand and the largest output of the network.

    Six times the largest output is about what lives at once: a block's input, its output, a
    shortcut and the convolution's workspace. On CUDA a wrong guess is mended by halving.
    """
    largest = max(prod(layer.shape) for layer in layers) if layers else 1
    if device.type == "cuda":
        memory = torch.cuda.mem_get_info(device)[0] // 2
    else:
        memory = min(2**30, _free_memory() // 4)
    fits = max(1, memory // (6 * 4 * largest))
    return 1 << (min(fits, _MAX_BATCH).bit_length() - 1)


def _free_memory() -> int:
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):  # macOS doesn't say
        return 4 * 2**30


def _out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error)


@dataclass
class _Result:
    """What a forward pass gave, on its way to the host.

    block: (B, ΣK) float32, layer after layer. predicted: int64 (B,) or None. outputs: C or None.
    ready: CUDA event after which the host may look.
    """

    block: Tensor
    predicted: Tensor | None
    outputs: int | None
    ready: torch.cuda.Event | None

    @property
    def images(self) -> int:
        return len(self.block)


class _Forward:
    """Runs the network on a batch, with hooks that pool the chosen layers as they come by."""

    def __init__(
        self,
        module: nn.Module,
        chosen: Sequence[tuple[LayerInfo, str]],
        device: torch.device,
        half: torch.dtype | None,
    ):
        self._module, self._device, self._half = module, device, half
        self._chosen = {info.name: (info, pooling) for info, pooling in chosen}
        self._pooled: dict[str, Tensor] = {}
        self._usual_calls: dict[str, int] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> _Forward:
        names = dict.fromkeys(name.partition("#")[0] for name in self._chosen)
        self._calls = self._stack.enter_context(listen(self._module, names, self._hear))
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def _hear(self, call: str, _module: nn.Module, output: Tensor) -> None:
        if call in self._chosen:
            self._pooled[call] = pool(output, *self._chosen[call])

    @torch.inference_mode()
    def __call__(self, images: list[Tensor]) -> _Result:
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
        block = torch.cat([self._pooled[name] for name in self._chosen], dim=1)
        predicted = output.argmax(1) if has_classes else None
        return _Result(
            self._to_host(block),
            self._to_host(predicted) if predicted is not None else None,
            output.shape[1] if has_classes else None,
            torch.cuda.current_stream(self._device).record_event() if on_cuda else None,
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
        for name in self._chosen:
            base = name.partition("#")[0]
            now, before = calls.get(base, 0), self._usual_calls.get(base, 0)
            if name not in self._pooled or now != before:
                raise UserError(
                    f"Layer {name!r} can't be recorded: its module was called {now} times on a batch, not "
                    f"{before if now != before else 'as often as when it was listed'}; the network decides "
                    "that from its input."
                )


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
    raise ValueError(f"pooling {pooling!r} doesn't apply to {info.kind!r}")


class _Sink:
    """Checks results and puts them where they belong."""

    def __init__(
        self,
        model: TargetModel,
        chosen: Sequence[tuple[LayerInfo, str]],
        keys: Sequence[str],
        columns: Columns,
    ):
        self._model, self._chosen, self._keys, self._columns = model, chosen, keys, columns
        self._done = 0
        self.outputs: int | None = None
        self.predicted: list[np.ndarray] = []

    def take(self, result: _Result) -> None:
        if result.ready is not None:
            result.ready.synchronize()
        block = result.block.numpy()
        if not np.isfinite(block).all():
            raise UserError(self._not_finite(block))
        if result.outputs is not None:
            self._check_outputs(result.outputs)
            self.outputs = result.outputs
            self.predicted.append(result.predicted.numpy())
        self._columns.add(block)
        self._done += len(block)

    def _check_outputs(self, outputs: int) -> None:
        names = self._model.outputs
        if names is not None and len(names) != outputs:
            raise UserError(
                f"target.outputs names {len(names)} outputs, but {self._model.name} has {outputs}; name each "
                "output, in order."
            )

    def _not_finite(self, block: np.ndarray) -> str:
        row, column = np.argwhere(~np.isfinite(block))[0]
        value, unit = block[row, column], column
        for info, _ in self._chosen:
            if unit < info.units:
                break
            unit -= info.units
        return (
            f"Layer {info.name!r} of {self._model.name} gives {value} in unit {unit} for the image "
            f"{self._keys[self._done + row]!r}; check the weights and the preprocessing, and use "
            'record.precision = "float32" if it was not.'
        )
