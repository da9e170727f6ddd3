"""The recording pass: every chosen layer of every image, in one forward pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from .. import config
from ..base.errors import UserError, out_of_memory, quote, refuse_shortage
from ..base.progress import Progress, Silent
from .answers import Answer, Scale
from .base import LayerInfo, Recording, RecordingRun, TargetModel
from .columns import Columns, parse_bytes
from .feed import Feed, decoding_threads
from .forward import Forward, Result
from .layers import choose_layers, list_layers
from .steady import Steady

_DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}
_MAX_BATCH = 256
_UNSTEADY = (
    "Activations, scores and maps would then be of different passes: check that dropout and batch norm follow eval() "
    '(F.dropout needs training=self.training), or set record.random = "note" to go on and have it noted.'
)
_FEED_BYTES = 256 * 2**20  # of images that wait for the network


def record(
    model: TargetModel,
    load: Callable[[int], Image.Image],
    keys: Sequence[str],
    specs: Sequence[config.LayerSpec],
    settings: config.Record | None = None,
    progress: Progress | None = None,
    folder: Path | None = None,
    outputs: bool = False,
) -> RecordingRun:
    """Show N = len(keys) images to the network and record each unit of the layers in `specs`.

    load(i): image i as PIL RGB. keys: names of the images, for messages. Values are float32
    (K, N); above `settings.memory` bytes in all they are memmaps of files in `folder` (the
    caller's to remove; with None they vanish with the arrays). Units are pooled at once on the
    device, always in float32: `mean` and `max` over a map's positions; `mean` over all tokens,
    the class token too (as IMI's released code does); `cls` is the first token. outputs: keep the
    network's outputs, too. The module is back on the CPU afterwards.

    Raises `UserError` for an unknown layer, pooling or device, images of several sizes, and NaN
    or infinite activations (naming layer and image); unless `settings.random` is 'note', also for a network
    that doesn't give the same numbers again (naming a layer).
    """
    settings, progress = settings or config.Record(), progress or Silent()
    device = choose_device(settings.device)
    limit = parse_bytes(settings.memory)
    half = _DTYPES.get(settings.precision)
    if half is not None and device.type != "cuda":
        raise UserError(
            f"record.precision {quote(settings.precision)} runs on CUDA only, but the device is {device.type}; set "
            'record.precision = "float32".'
        )
    if not keys:
        raise UserError("There are no images to record.")
    module = model.module.eval()
    workers = decoding_threads(settings.workers, device)
    with ExitStack() as stack:
        feed = stack.enter_context(Feed(load, model.preprocess, keys, workers, ahead=1))
        first = feed.take(1)
        feed.put_back(first)
        model = replace(model, input_size=tuple(first[0].shape[-2:]))
        layers = list_layers(model)
        chosen = choose_layers(model, layers, specs)
        batch = min(settings.batch_size or batch_size(layers, device), len(keys))
        room = _FEED_BYTES // (first[0].element_size() * first[0].nelement())
        feed.look_ahead(min(batch + workers, room))
        columns = Columns([info.units for info, _ in chosen], len(keys), limit, folder)
        stack.callback(columns.close)
        kept = _Outputs(len(keys), limit, folder) if outputs else None
        stack.callback(module.to, "cpu")
        module.to(device)
        count = len(model.outputs) if model.outputs is not None else None
        forward = stack.enter_context(Forward(module, chosen, device, half, keep_outputs=True, count=count))
        steady = Steady(len(keys), chosen, device, half)
        sink = _Sink(model, chosen, keys, layers, columns, kept, steady)
        start = time.perf_counter()
        advance = stack.enter_context(progress.task("recording", len(keys)))
        batch = _run(feed, forward, sink, batch, advance, progress)
        seconds = time.perf_counter() - start
        fault = steady.fault(forward, load, model.preprocess, batch)
        if fault and settings.random == "refuse":
            raise UserError(f"{fault}. {_UNSTEADY}")
        values = columns.finish()
    answer, notes = forward.answer or Answer(), [forward.note]
    logits = None
    if kept is not None and sink.predicted:
        answer, note = kept.scale.found(answer)
        notes.append(note)
        logits = kept.finish(answer)
    for note in filter(None, notes):
        progress.note(note)
    recordings = [Recording(info, pooling, v) for (info, pooling), v in zip(chosen, values, strict=True)]
    return RecordingRun(
        layers=recordings,
        predicted=np.concatenate(sink.predicted) if sink.predicted else None,
        n_outputs=sink.outputs,
        device=str(device),
        images_per_second=len(keys) / seconds,
        outputs=logits,
        unsteady=f"{fault}." if fault else None,
        answer=answer,
        reason=forward.reason,
        notes=tuple(filter(None, notes)),
    )


def _run(
    feed: Feed,
    forward: Forward,
    sink: _Sink,
    batch: int,
    advance: Callable[[int], None],
    progress: Progress,
) -> int:
    """Batch after batch; a batch's results are looked at while the device works on the next. How large they may be."""
    pending: Result | None = None
    while images := feed.take(batch):
        try:
            result = forward(images)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or len(images) == 1:
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
    return batch


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
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        refuse_shortage(error, f"record.device {quote(name)} can't be used")
        raise UserError(
            f"record.device is {quote(name)}, which is not there on this machine; set it to `auto` or `cpu`."
        ) from None


def batch_size(layers: Sequence[LayerInfo], device: torch.device) -> int:
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
        # what is free or holds nothing but cached files; after reading many images little is plainly free
        lines = Path("/proc/meminfo").read_text().splitlines()
        available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):  # macOS doesn't say
        return 4 * 2**30
    try:  # inside a container less may be allowed
        limits = Path("/sys/fs/cgroup")
        allowed = int((limits / "memory.max").read_text()) - int((limits / "memory.current").read_text())
        return max(0, min(available, allowed))
    except (OSError, ValueError):  # no limit
        return available


class _Outputs:
    """Keeps the outputs, whose number shows with the first batch; in a file where they are too many.

    scale: on which they are.
    """

    def __init__(self, images: int, limit: int, folder: Path | None):
        self._images, self._limit, self._folder = images, limit, folder
        self._columns: Columns | None = None
        self.scale = Scale()

    def add(self, outputs: torch.Tensor) -> None:
        if self._columns is None:
            count = outputs.shape[1]
            self._columns = Columns([count], self._images, self._limit, self._folder, "outputs")
        self.scale.see(outputs)
        self._columns.add(outputs.numpy())

    def finish(self, answer: Answer) -> np.ndarray | None:
        """The outputs as logits, (C, N)."""
        if self._columns is None:
            return None
        if answer.scale != "logits":
            self._columns.change(lambda block: answer.to_logits(torch.from_numpy(block)).numpy())
        return self._columns.finish()[0]


class _Sink:
    """Checks results and puts them where they belong."""

    def __init__(
        self,
        model: TargetModel,
        chosen: Sequence[tuple[LayerInfo, str]],
        keys: Sequence[str],
        layers: Sequence[LayerInfo],
        columns: Columns,
        kept: _Outputs | None,
        steady: Steady,
    ):
        self._steady = steady
        self._kept = kept
        self._model, self._chosen, self._keys, self._columns = model, chosen, keys, columns
        self._order = {info.name: place for place, info in enumerate(layers)}
        self._done = 0
        self.outputs: int | None = None
        self.predicted: list[np.ndarray] = []

    def take(self, result: Result) -> None:
        if result.ready is not None:
            result.ready.synchronize()
        block = result.block.numpy()
        if not np.isfinite(block).all():
            raise UserError(self._not_finite(block))
        if result.outputs is not None:
            self._check_outputs(result.outputs)
            self.outputs = result.outputs
        if result.predicted is not None:
            self.predicted.append(result.predicted.numpy())
        if self._kept is not None and result.predicted is not None:
            self._kept.add(result.raw)
        self._steady.note(self._done, block, None if result.raw is None else result.raw.numpy())
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
        """Names the first image, and of its layers the one that the network calls first."""
        row = int(np.argwhere(~np.isfinite(block))[0, 0])
        culprits, start = [], 0
        for info, _ in self._chosen:
            values = block[row, start : start + info.units]
            start += info.units
            if not np.isfinite(values).all():
                culprits.append((self._order[info.name], info.name, values))
        _, layer, values = min(culprits, key=lambda culprit: culprit[0])
        unit = int(np.flatnonzero(~np.isfinite(values))[0])
        return (
            f"Layer {quote(layer)} of {self._model.name} gives {values[unit]} in unit {unit} for the image "
            f"{quote(self._keys[self._done + row])}; check the weights and the preprocessing, and use "
            'record.precision = "float32" if it was not.'
        )
