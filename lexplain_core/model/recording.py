"""The recording pass: every chosen layer of every image, in one forward pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import torch
from PIL import Image

from .. import config
from ..base.checkpoints import Checkpoints, NoCheckpoints
from ..base.errors import UserError, out_of_memory, quote, refuse_shortage
from ..base.memory import one_step
from ..base.progress import Advance, Progress, Silent
from .answers import Answer, Scale
from .base import LayerInfo, Recording, RecordingRun, TargetModel, size_of
from .columns import Columns
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
_SHARD_IMAGES = 1024  # that are kept together
_SHARD_BYTES = 64 * 2**20  # of their activations


def record(
    model: TargetModel,
    load: Callable[[int], Image.Image],
    keys: Sequence[str],
    specs: Sequence[config.LayerSpec],
    settings: config.Record | None = None,
    progress: Progress | None = None,
    outputs: bool = False,
    kept: Checkpoints | None = None,
    units: Sequence[config.UnitSpec] = (),
) -> RecordingRun:
    """Show N = len(keys) images to the network and record each unit of the layers in `specs`, then those in `units`.

    load(i): image i as PIL RGB. keys: names of the images, for messages. Values are float32
    (K, N), in memory or in files (`base.memory.large`). Units are pooled at once on the
    device, always in float32: `mean` and `max` over a map's positions; `mean` over all tokens,
    the class token too (as IMI's released code does); `cls` is the first token. outputs: keep the
    network's outputs, too. kept: keeps what each shard of images gave, so that a later call for the same network and
    images goes on with the next one. The module is back on the CPU afterwards.

    Raises `UserError` for an unknown layer, pooling or device, images of several sizes, and NaN
    or infinite activations (naming layer and image); unless `settings.random` is 'note', also for a network
    that doesn't give the same numbers again (naming a layer).
    """
    settings, progress, kept = settings or config.Record(), progress or Silent(), kept or NoCheckpoints()
    device = choose_device(settings.device)
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
        model = replace(model, input_size=size_of(first[0]))
        layers = list_layers(model)
        chosen = choose_layers(model, layers, specs, units)
        width = sum(info.units for info, _ in chosen) + (len(model.outputs or ()) if outputs else 0)
        kept.room(4 * width * len(keys), "The activations")
        columns = Columns([info.units for info, _ in chosen], len(keys))
        outputs_kept = _Outputs(len(keys)) if outputs else None
        stack.callback(module.to, "cpu")
        module.to(device)
        count = len(model.outputs) if model.outputs is not None else None
        forward = stack.enter_context(Forward(module, chosen, device, half, keep_outputs=True, count=count))
        pass_ = _Pass(model, chosen, keys, layers, feed, forward)
        pass_.batch = min(settings.batch_size or batch_size(layers, device), len(keys))
        pass_.look_ahead = min(pass_.batch + workers, _FEED_BYTES // (4 * first[0].nelement()))
        steady = Steady(len(keys), chosen, device, half)
        sink = _Sink(columns, outputs_kept, steady)
        with progress.task("recording", len(keys)) as advance:
            for shard in pass_.shards(kept, progress, advance):
                sink.take(shard)
        again = kept.load("shown again")
        if again is None:
            again = {"fault": steady.fault(forward, load, model.preprocess, pass_.batch)}
            kept.save("shown again", **again)
        fault = again["fault"]
        if fault and settings.random == "refuse":
            raise UserError(f"{fault}. {_UNSTEADY}")
        values = columns.finish()
    return sink.result(forward, chosen, values, str(device), f"{fault}." if fault else None, progress)


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
    memory = torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else one_step(2**30)
    fits = max(1, memory // (6 * 4 * largest))
    return 1 << (min(fits, _MAX_BATCH).bit_length() - 1)


class _Outputs:
    """Keeps the outputs, whose number shows with the first batch. scale: on which they are."""

    def __init__(self, images: int):
        self._images = images
        self._columns: Columns | None = None
        self.scale = Scale()

    def add(self, outputs: np.ndarray) -> None:
        if self._columns is None:
            self._columns = Columns([outputs.shape[1]], self._images)
        self.scale.see(torch.from_numpy(np.array(outputs)))
        self._columns.add(outputs)

    def finish(self, answer: Answer) -> np.ndarray | None:
        """The outputs as logits, (C, N)."""
        if self._columns is None:
            return None
        if answer.scale != "logits":
            self._columns.change(lambda block: answer.to_logits(torch.from_numpy(block)).numpy())
        return self._columns.finish()[0]


@dataclass(frozen=True)
class _Shard:
    """What some images in a row gave. block: float32 (n, ΣK). raw: the outputs as the network has them, float32 (n, C),
    and predicted: int64 (n,), the largest, or None where the network has no outputs to compare. outputs: C or None.
    batch: images that went through the network together. seconds: that it took."""

    block: np.ndarray
    raw: np.ndarray | None
    predicted: np.ndarray | None
    outputs: int | None
    batch: int
    seconds: float


class _Pass:
    """Shows the images to the network, shard after shard; shards that are kept already are not shown."""

    def __init__(
        self,
        model: TargetModel,
        chosen: Sequence[tuple[LayerInfo, str]],
        keys: Sequence[str],
        layers: Sequence[LayerInfo],
        feed: Feed,
        forward: Forward,
    ):
        self._model, self._chosen, self._keys, self._feed, self._forward = model, chosen, keys, feed, forward
        self._order = {info.name: place for place, info in enumerate(layers)}
        self._width = sum(info.units for info, _ in chosen)
        self.batch = self.look_ahead = 1

    def shards(self, kept: Checkpoints, progress: Progress, advance: Advance) -> Iterator[_Shard]:
        """All shards in order. A batch never lies in two, so that what is computed doesn't depend on what was kept."""
        step = self.batch * max(1, min(_SHARD_IMAGES, _SHARD_BYTES // (4 * self._width)) // self.batch)
        for start in range(0, len(self._keys), step):
            stop = min(start + step, len(self._keys))
            key = f"images {start} to {stop}"
            if (found := kept.load(key)) is not None:
                shard = _Shard(**found)
                self.batch = shard.batch
                self._pass_by(start, stop)
                advance(stop - start)
            else:
                self._feed.look_ahead(self.look_ahead)
                shard = self._show(start, stop, progress, advance)
                kept.save(key, **vars(shard))
            yield shard

    def _pass_by(self, start: int, stop: int) -> None:
        """Leave out images that were shown before; the first few show once more how outputs are read."""
        if start == 0:
            images = self._feed.take(min(self.batch, stop))
            self._forward(images)
            start = len(images)
        self._feed.skip(stop - start)

    def _show(self, start: int, stop: int, progress: Progress, advance: Advance) -> _Shard:
        """Batch after batch; a batch's results are looked at while the device works on the next."""
        began = time.perf_counter()
        results: list[tuple] = []
        pending: Result | None = None
        at = start
        while at < stop:
            images = self._feed.take(min(self.batch, stop - at))
            try:
                result = self._forward(images)
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error) or len(images) == 1:
                    raise
                self._feed.put_back(images)
                self.batch = len(images) // 2
                progress.note(f"the device's memory is full: going on with batches of {self.batch} images")
                result = None
            if result is None:  # out here the error is gone, and with it what it kept on the device
                if torch.cuda.is_available():
                    torch.cuda.empty_cache()
                continue
            at += len(images)
            if pending is not None:
                results.append(self._checked(pending, start, results))
                advance(pending.images)
            pending = result
        if pending is not None:
            results.append(self._checked(pending, start, results))
            advance(pending.images)
        blocks, raws, predictions, outputs = zip(*results, strict=True)
        return _Shard(
            np.concatenate(blocks),
            None if raws[0] is None else np.concatenate(raws),
            None if predictions[0] is None else np.concatenate(predictions),
            outputs[0],
            self.batch,
            time.perf_counter() - began,
        )

    def _checked(self, result: Result, start: int, before: list[tuple]) -> tuple:
        """Block, raw outputs, largest outputs and their number of a batch, on the host."""
        if result.ready is not None:
            result.ready.synchronize()
        block = result.block.numpy()
        if not np.isfinite(block).all():
            raise UserError(self._not_finite(block, start + sum(len(block) for block, *_ in before)))
        if result.outputs is not None:
            self._check_outputs(result.outputs)
        raw, predicted = (None if t is None else t.numpy() for t in (result.raw, result.predicted))
        return block, raw, predicted, result.outputs

    def _check_outputs(self, outputs: int) -> None:
        names = self._model.outputs
        if names is not None and len(names) != outputs:
            raise UserError(
                f"target.outputs names {len(names)} outputs, but {self._model.name} has {outputs}; name each "
                "output, in order."
            )

    def _not_finite(self, block: np.ndarray, first: int) -> str:
        """Names the first image, and of its layers the one that the network calls first."""
        row = int(np.argwhere(~np.isfinite(block))[0, 0])
        culprits, start = [], 0
        for info, _ in self._chosen:
            values = block[row, start : start + info.units]
            start += info.units
            if not np.isfinite(values).all():
                culprits.append((self._order[info.call], info.name, values))
        _, layer, values = min(culprits, key=lambda culprit: culprit[0])
        unit = int(np.flatnonzero(~np.isfinite(values))[0])
        return (
            f"Layer {quote(layer)} of {self._model.name} gives {values[unit]} in unit {unit} for the image "
            f"{quote(self._keys[first + row])}; check the weights and the preprocessing, and use "
            'record.precision = "float32" if it was not.'
        )


class _Sink:
    """Puts shards where they belong."""

    def __init__(self, columns: Columns, kept: _Outputs | None, steady: Steady):
        self._columns, self._kept, self._steady = columns, kept, steady
        self._done, self._seconds = 0, 0.0
        self._outputs: int | None = None
        self._predicted: list[np.ndarray] = []

    def take(self, shard: _Shard) -> None:
        self._outputs = shard.outputs if shard.outputs is not None else self._outputs
        if shard.predicted is not None:
            self._predicted.append(shard.predicted)
            if self._kept is not None and shard.raw is not None:
                self._kept.add(shard.raw)
        self._steady.note(self._done, shard.block, shard.raw)
        self._columns.add(shard.block)
        self._done += len(shard.block)
        self._seconds += shard.seconds

    def result(
        self,
        forward: Forward,
        chosen: Sequence[tuple[LayerInfo, str]],
        values: Sequence[np.ndarray],
        device: str,
        unsteady: str | None,
        progress: Progress,
    ) -> RecordingRun:
        answer, notes, logits = forward.answer or Answer(), [forward.note], None
        if self._kept is not None and self._predicted:
            answer, note = self._kept.scale.found(answer)
            notes.append(note)
            logits = self._kept.finish(answer)
        for note in filter(None, notes):
            progress.note(note)
        return RecordingRun(
            layers=[Recording(info, pooling, v) for (info, pooling), v in zip(chosen, values, strict=True)],
            predicted=np.concatenate(self._predicted) if self._predicted else None,
            n_outputs=self._outputs,
            device=device,
            images_per_second=self._done / self._seconds,
            outputs=logits,
            unsteady=unsteady,
            answer=answer,
            reason=forward.reason,
            notes=tuple(filter(None, notes)),
        )
