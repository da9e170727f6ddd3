"""Replacing units the plain way: a small real network, one image, one unit and one run at a time."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision.transforms.functional import to_tensor

from lexplain_core.model import LayerInfo, Recording, TargetModel
from lexplain_core.model.effects import Measured
from lexplain_core.model.units import Channels
from lexplain_core.model.ways import open_effects

CLASSES = 6
SIDE = 10
TEMPERATURE = 1.3


@dataclass(frozen=True)
class World:
    """Noisy images of a few patterns and a network that was trained on them for a moment.

    `early` is a ReLU in its middle; after `late` only the mean over positions and a linear head follow.
    The head ignores the last unit of `late`.
    """

    model: TargetModel
    images: list[Image.Image]
    labels: np.ndarray

    def tensors(self) -> torch.Tensor:
        return torch.stack([preprocess(image) for image in self.images])


def preprocess(image: Image.Image) -> torch.Tensor:
    return to_tensor(image) - 0.5


def make_world(n: int = 240, seed: int = 0) -> World:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, n)
    patterns = rng.random((CLASSES, SIDE, SIDE, 3))
    mixed = 0.28 * patterns[labels] + 0.72 * rng.random((n, SIDE, SIDE, 3))
    images = [Image.fromarray((255 * some).astype(np.uint8)) for some in mixed]
    torch.manual_seed(seed)
    module = nn.Sequential()
    module.add_module("conv1", nn.Conv2d(3, 6, 3, stride=2))
    module.add_module("early", nn.ReLU())
    module.add_module("conv2", nn.Conv2d(6, 8, 3))
    module.add_module("late", nn.Tanh())
    module.add_module("pool", nn.AdaptiveAvgPool2d(1))
    module.add_module("flat", nn.Flatten())
    module.add_module("head", nn.Linear(8, CLASSES))
    batch, answers = torch.stack([preprocess(image) for image in images]), torch.from_numpy(labels)
    adam = torch.optim.Adam(module.parameters(), lr=0.02)
    for _ in range(60):
        adam.zero_grad()
        nn.functional.cross_entropy(module(batch), answers).backward()
        adam.step()
    with torch.no_grad():
        module.head.weight[:, -1] = 0.25  # the same for all classes: softmax doesn't see it
    model = TargetModel(
        "small", module.eval(), preprocess, lambda image: image, (SIDE, SIDE), "A small network."
    )
    return World(model, images, labels)


class Brute:
    """`Effects` of a layer of a world in double precision, by nothing but a hook and a loop.

    way: what it says to be; what it does is the same for all.
    """

    def __init__(self, world: World, layer: str, intervention: str):
        self.intervention, self.labels, self.temperature, self.runs = (
            intervention,
            world.labels,
            TEMPERATURE,
            0,
        )
        self._module = deepcopy(world.model.module).double()
        self._layer = getattr(self._module, layer)
        self._images = world.tensors().double()
        self._known: dict[tuple[int, int, float], torch.Tensor] = {}
        kept = []
        handle = self._layer.register_forward_hook(lambda module, args, output: kept.append(output.clone()))
        with torch.no_grad():
            self._logits = self._module(self._images)
        handle.remove()
        self._pooled = kept[0].mean((2, 3))
        self.q = np.ascontiguousarray(self._pooled.T.numpy().astype(np.float32))
        self.outputs = self._logits.numpy().astype(np.float32)
        self.loss, self.right = self._judge(self._logits, torch.from_numpy(self.labels))

    def _judge(self, logits: torch.Tensor, labels: torch.Tensor):
        loss = nn.functional.cross_entropy(logits / self.temperature, labels, reduction="none")
        return loss.numpy(), (logits.argmax(1) == labels).numpy()

    def _replaced(self, unit: int, images: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        def hook(module, args, output):
            new = output.clone()
            new[:, unit] = output[:, unit] + (values - output[:, unit].mean((1, 2)))[:, None, None]
            return new

        handle = self._layer.register_forward_hook(hook)
        try:
            return self._module(images)
        finally:
            handle.remove()

    def logits(self, image: int, unit: int, value: float) -> torch.Tensor:
        key = (int(image), int(unit), float(value))
        if key not in self._known:
            with torch.no_grad():
                value = torch.tensor([float(value)], dtype=torch.float64)
                self._known[key] = self._replaced(int(unit), self._images[image][None], value)[0]
        self.runs += 1
        return self._known[key]

    def rows(self, images, units, values, take=None) -> Measured:
        logits = torch.stack([self.logits(x, k, v) for x, k, v in zip(images, units, values, strict=True)])
        if take is not None:
            half = len(images) // 2
            for at in (np.arange(half, len(images)), np.arange(half)):
                take(at, logits[at])
        return Measured(*self._judge(logits, torch.from_numpy(self.labels[images])))

    def block(self, units, images, values) -> Measured:
        versions = []
        for version in values:
            rows = [self.rows(images, [k] * len(images), v) for k, v in zip(units, version, strict=True)]
            versions.append(([row.loss for row in rows], [row.right for row in rows]))
        return Measured(np.array([v[0] for v in versions]), np.array([v[1] for v in versions]))

    def curves(self, units, images, low, high, nodes=None) -> ExactCurves:
        self.runs += (nodes or 1) * len(units) * len(images)  # what others would need
        return ExactCurves(self, units, images)


class ExactCurves:
    """Losses by running the network on each value that is asked for; no interpolation."""

    def __init__(self, brute: Brute, units, images):
        self._brute, self._units, self._images = brute, units, np.asarray(images)
        self.base = torch.from_numpy(np.repeat(brute.loss[self._images][None], len(units), axis=0))

    def loss(self, values: torch.Tensor) -> torch.Tensor:
        brute, labels = self._brute, torch.from_numpy(self._brute.labels[self._images])
        rows = []
        for unit, row in zip(self._units, values, strict=True):
            logits = brute._replaced(int(unit), brute._images[self._images], row)
            rows.append(nn.functional.cross_entropy(logits / brute.temperature, labels, reduction="none"))
        return torch.stack(rows)


def engine(world: World, layer: str, intervention: str):
    """The product's own effects of the same layer."""
    brute = Brute(world, layer, intervention)
    shape = (len(brute.q), 2, 2) if layer == "late" else (len(brute.q), 4, 4)
    info = LayerInfo(layer, Channels(shape), "ReLU")
    return open_effects(
        world.model,
        Recording(info, "mean", brute.q),
        brute.outputs,
        world.labels,
        TEMPERATURE,
        world.images.__getitem__,
        [str(i) for i in range(len(world.images))],
        torch.device("cpu"),
        workers=1,
        intervention=intervention,
    )


KINDS = {
    "brute-closed": lambda world: Brute(world, "late", "closed"),
    "brute-whole": lambda world: Brute(world, "early", "whole"),
    "closed": lambda world: engine(world, "late", "closed"),
    "prefix": lambda world: engine(world, "early", "prefix"),
    "whole": lambda world: engine(world, "late", "whole"),
}
LAYER_OF = {
    "brute-closed": "late",
    "brute-whole": "early",
    "closed": "late",
    "prefix": "early",
    "whole": "late",
}
