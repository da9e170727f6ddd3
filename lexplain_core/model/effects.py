"""What happens to losses and outputs when a unit of one layer is replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..base.errors import out_of_memory
from .base import TargetModel
from .feed import Feed
from .head import Head
from .replace import Replacer, RunState

# Called with the rows that were run, and their logits (r, C).
Take = Callable[[np.ndarray, Tensor], None]

_AT_ONCE = 8_000_000
_STATE_BYTES = 128 * 2**20  # of what is kept of the images of one batch


@dataclass(frozen=True)
class Measured:
    """Losses in nats, float64, and whether the largest output was the class's; of the shape asked for."""

    loss: np.ndarray
    right: np.ndarray


class Effects(Protocol):
    """One layer of a network that was shown N images of classes that have an output.

    intervention: 'closed' (matrix products; all images and units at once are cheap), 'prefix' or 'whole' (a
    run of the rest of the network, or of the whole, for each image, unit and value). q: activations
    (K, N). labels: the output of each image's class, int64 (N,). outputs: logits of the untouched
    network, (N, C). loss, right: of the untouched network, (N,), at `temperature`. runs: how many runs
    were made.
    """

    intervention: str
    q: np.ndarray
    labels: np.ndarray
    temperature: float
    outputs: np.ndarray
    loss: np.ndarray
    right: np.ndarray
    runs: int

    def block(self, units: np.ndarray, images: np.ndarray, values: np.ndarray) -> Measured:
        """Losses with unit `units[i]` set to `values[v, i, j]` on image `images[j]`: (V, u, n)."""

    def rows(
        self, images: np.ndarray, units: np.ndarray, values: np.ndarray, take: Take | None = None
    ) -> Measured:
        """Losses of R rows, each an image, a unit and its value: (R,). `take` sees their logits, piece by
        piece, with the numbers of the rows."""

    def curves(
        self,
        units: np.ndarray,
        images: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
        nodes: int | None = None,
    ) -> Curves:
        """Losses as functions of a unit's value in [low, high], each (u,), from their values at `nodes`."""


class Curves:
    """Losses of u units on n images as functions of the unit's value, interpolated between nodes.

    `loss(values)` takes (u, n) or (…, u, n), values outside [low, high] are moved to its ends; it can be
    differentiated. base: the interpolated loss at the unit's own activation, (u, n).
    """

    def __init__(self, nodes: Tensor, low: Tensor, high: Tensor, own: Tensor):
        """nodes: losses at the Chebyshev points of [low, high], float64 (G, u, n), in their order."""
        count = len(nodes)
        angles = _angles(count)
        order = torch.arange(count, dtype=torch.float64)
        transform = 2 / count * torch.cos(order[:, None] * angles)
        transform[0] /= 2
        self._series = torch.einsum("mg,gun->mun", transform, nodes)
        self._low, self._width = low[:, None], (high - low).clamp_min(1e-30)[:, None]
        self.base = self.loss(own)

    def loss(self, values: Tensor) -> Tensor:
        t = (2 * (values - self._low) / self._width - 1).clamp(-1, 1)
        after, later = self._series[-1].expand(t.shape), torch.zeros_like(t)
        for m in range(len(self._series) - 2, 0, -1):
            after, later = self._series[m] + 2 * t * after - later, after
        return self._series[0] + t * after - later

    @staticmethod
    def points(low: np.ndarray, high: np.ndarray, count: int) -> np.ndarray:
        """Where losses are wanted: the Chebyshev points of each unit's interval, (count, u)."""
        return (low + high) / 2 + (high - low) / 2 * _angles(count).cos().numpy()[:, None]


def _angles(count: int) -> Tensor:
    return torch.pi * (torch.arange(count, dtype=torch.float64) + 0.5) / count


def losses(logits: Tensor, labels: Tensor, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Cross-entropy at a temperature, float64 (n,), and whether the largest logit is the label's."""
    right = logits.argmax(1) == labels
    loss = torch.nn.functional.cross_entropy(
        logits.cpu().double() / temperature, labels.cpu(), reduction="none"
    )
    return loss.numpy(), right.cpu().numpy()


class _Base(Effects):
    """What both kinds of effects share."""

    intervention = ""
    _nodes = 9

    def __init__(self, q: np.ndarray, outputs: np.ndarray, labels: np.ndarray, temperature: float):
        """outputs: (N, C), in memory or not."""
        self.q, self.outputs, self.labels, self.temperature = q, outputs, labels, temperature
        self.runs = 0
        parts = []
        for start in range(0, len(labels), step := max(1, _AT_ONCE // outputs.shape[1])):
            part = slice(start, start + step)
            logits = torch.from_numpy(np.ascontiguousarray(outputs[part], dtype=np.float32))
            parts.append(losses(logits, torch.from_numpy(labels[part]), temperature))
        self.loss = np.concatenate([loss for loss, _ in parts])
        self.right = np.concatenate([right for _, right in parts])

    def curves(
        self,
        units: np.ndarray,
        images: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
        nodes: int | None = None,
    ) -> Curves:
        points = Curves.points(low, high, nodes or self._nodes)
        values = np.broadcast_to(points[:, :, None], (*points.shape, len(images)))
        measured = self.block(units, images, values)
        own = torch.from_numpy(np.asarray(self.q[units][:, images], dtype=np.float64))
        first, last = (torch.from_numpy(np.asarray(end, dtype=np.float64)) for end in (low, high))
        return Curves(torch.from_numpy(measured.loss), first, last, own)


class ClosedEffects(_Base):
    """Effects where only a linear head follows. weight: (C, K), see `replace.linear_head`."""

    intervention = "closed"
    _nodes = 17

    def __init__(
        self,
        q: np.ndarray,
        outputs: np.ndarray,
        labels: np.ndarray,
        temperature: float,
        weight: np.ndarray,
        device: torch.device | str = "cpu",
    ):
        super().__init__(q, outputs, labels, temperature)
        self.device = torch.device(device)
        self._last: tuple[np.ndarray, Head] | None = None
        self.weight = torch.from_numpy(np.ascontiguousarray(weight, dtype=np.float32)).to(self.device)

    def block(self, units: np.ndarray, images: np.ndarray, values: np.ndarray) -> Measured:
        loss = np.empty(values.shape)
        right = np.empty(values.shape, dtype=bool)
        for start in range(0, len(images), step := max(1, 2 * _AT_ONCE // self.outputs.shape[1])):
            part = slice(start, start + step)
            some = images[part]
            head = self._head(some)
            for first in range(0, len(units), width := max(1, _AT_ONCE // (len(some) * len(values)))):
                who = slice(first, first + width)
                chosen = torch.from_numpy(np.asarray(units[who], dtype=np.int64)).to(self.device)
                own = self.q[units[who]][:, some]
                shift = torch.from_numpy((values[:, who, part] - own).astype(np.float32)).to(self.device)
                loss[:, who, part] = self.loss[some] + head.change(chosen, shift).cpu().double().numpy()
                right[:, who, part] = head.right(chosen, shift).cpu().numpy()
        return Measured(loss, right)

    def _head(self, images: np.ndarray) -> Head:
        """The head's view of some images; callers ask for the same ones again and again."""
        if self._last is None or not np.array_equal(self._last[0], images):
            self._last = (np.array(images), self._new_head(images))
        return self._last[1]

    def _new_head(self, images: np.ndarray) -> Head:
        logits = torch.from_numpy(np.ascontiguousarray(self.outputs[images], dtype=np.float32))
        labels = torch.from_numpy(self.labels[images])
        return Head(self.weight, logits.to(self.device), labels.to(self.device), self.temperature)

    def rows(
        self, images: np.ndarray, units: np.ndarray, values: np.ndarray, take: Take | None = None
    ) -> Measured:
        loss, right = np.empty(len(images)), np.empty(len(images), dtype=bool)
        for start in range(0, len(images), step := max(1, _AT_ONCE // self.outputs.shape[1])):
            at = np.arange(start, min(start + step, len(images)))
            some, who = images[at], units[at]
            shift = torch.from_numpy((values[at] - self.q[who, some]).astype(np.float32)).to(self.device)
            base = torch.from_numpy(np.ascontiguousarray(self.outputs[some], dtype=np.float32)).to(
                self.device
            )
            logits = base + shift[:, None] * self.weight.T[torch.from_numpy(who).to(self.device)]
            labels = torch.from_numpy(self.labels[some]).to(self.device)
            loss[at], right[at] = losses(logits, labels, self.temperature)
            if take is not None:
                take(at, logits)
        return Measured(loss, right)


class NetworkEffects(_Base):
    """Effects by running the rest of the network, or the whole.

    load(i): image i as PIL RGB. Images are decoded anew in every call, so a caller asks for much at a
    time. rows_at_once: how many the device takes in one run.
    """

    def __init__(
        self,
        q: np.ndarray,
        outputs: np.ndarray,
        labels: np.ndarray,
        temperature: float,
        replacer: Replacer,
        model: TargetModel,
        load: Callable,
        keys: Sequence[str],
        device: torch.device | str = "cpu",
        rows_at_once: int = 256,
        workers: int = 1,
    ):
        super().__init__(q, outputs, labels, temperature)
        self.intervention = replacer.intervention
        self.device, self.rows_at_once = torch.device(device), rows_at_once
        self._replacer, self._model, self._load, self._keys = replacer, model, load, keys
        self._workers = workers

    def block(self, units: np.ndarray, images: np.ndarray, values: np.ndarray) -> Measured:
        versions, count, _ = values.shape
        v, unit, image = (i.ravel() for i in np.indices(values.shape))
        order = np.argsort(image, kind="stable")
        v, unit, image = v[order], unit[order], image[order]
        found = self.rows(images[image], np.asarray(units)[unit], values[v, unit, image])
        loss, right = np.empty(values.shape), np.empty(values.shape, dtype=bool)
        loss[v, unit, image], right[v, unit, image] = found.loss, found.right
        return Measured(loss, right)

    def rows(
        self, images: np.ndarray, units: np.ndarray, values: np.ndarray, take: Take | None = None
    ) -> Measured:
        loss, right = np.empty(len(images)), np.empty(len(images), dtype=bool)
        order = np.argsort(images, kind="stable")
        distinct, first = np.unique(images[order], return_index=True)
        edges = np.append(first, len(order))
        batch = self._images_at_once()
        self._model.module.to(self.device)
        try:
            with Feed(
                lambda i: self._load(int(distinct[i])),
                self._model.preprocess,
                [self._keys[int(i)] for i in distinct],
                self._workers,
                ahead=batch + self._workers,
            ) as feed:
                done = 0
                while some := feed.take(batch):
                    shown = self._replacer.show(torch.stack(some).to(self.device))
                    now = distinct[done : done + len(some)]
                    # Outputs are those that were recorded, plus what the change makes of this very run:
                    # recording in half precision, or in other batches, must not look like an effect.
                    base = torch.from_numpy(np.ascontiguousarray(self.outputs[now])) - shown.logits.cpu()
                    span = order[edges[done] : edges[done + len(some)]]
                    place = np.repeat(np.arange(len(some)), np.diff(edges[done : done + len(some) + 1]))
                    for at, where, logits in self._run(shown, span, place, units, values):
                        logits = logits.cpu() + base[where]
                        labels = torch.from_numpy(self.labels[images[at]])
                        loss[at], right[at] = losses(logits, labels, self.temperature)
                        if take is not None:
                            take(at, logits)
                    done += len(some)
        finally:
            self._model.module.to("cpu")
        return Measured(loss, right)

    def _run(
        self, shown: RunState, span: np.ndarray, place: np.ndarray, units: np.ndarray, values: np.ndarray
    ) -> Iterator[tuple]:
        """Run rows `span`, of images `place` of the batch; yields some of both, and their logits."""
        start = 0
        while start < len(span):
            # Even pieces: a batch of one image is computed in another way, with other rounding.
            count = ceil((len(span) - start) / ceil((len(span) - start) / self.rows_at_once))
            at, where = span[start : start + count], place[start : start + count]
            try:
                logits = self._replacer.run(
                    shown,
                    torch.from_numpy(where).to(self.device),
                    torch.from_numpy(np.asarray(units[at], dtype=np.int64)).to(self.device),
                    torch.from_numpy(np.asarray(values[at], dtype=np.float32)).to(self.device),
                )
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error) or self.rows_at_once == 1:
                    raise
                logits = None
            if logits is None:  # out here the error is gone, and with it what it kept on the device
                self.rows_at_once = max(1, len(at) // 2)
                torch.cuda.empty_cache()
                continue
            self.runs += len(at)
            start += len(at)
            yield at, where, logits

    def _images_at_once(self) -> int:
        size = 4 * int(np.prod(self._replacer.info.shape))
        return int(np.clip(_STATE_BYTES // max(1, size), 1, self.rows_at_once))
