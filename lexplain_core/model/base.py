"""The network under study, as the rest of lexplain sees it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import nn

from .answers import Answer
from .preprocess import Preprocessing
from .units import Units


def size_of(images: torch.Tensor) -> tuple[int, int]:
    """(H, W) of images (…, H, W)."""
    height, width = images.shape[-2:]
    return height, width


@dataclass(frozen=True)
class TargetModel:
    """A loaded network, ready to be shown images.

    module: in eval mode, on the CPU. preprocess: PIL RGB image -> float tensor (3, H, W).
    crop: PIL RGB image -> the PIL image that the network sees (resized and cut, not normalised).
    outputs: names of the model's outputs in order, or None where they are not known;
    output_keys: their WordNet ids where known. source: a sentence on model and weights. interest: a
    preset's layers of interest, (pattern of names, pooling), which `layers = ["preset"]` stands for. answer: how outputs
    are read from what the network returns.
    """

    name: str
    module: nn.Module
    preprocess: Preprocessing
    crop: Callable[[Image.Image], Image.Image]
    input_size: tuple[int, int]
    source: str
    outputs: tuple[str, ...] | None = None
    output_keys: tuple[str, ...] | None = None
    interest: tuple[tuple[str, str], ...] = ()
    answer: Answer = Answer()

    def to_tensor(self, image: Image.Image) -> torch.Tensor:
        """An image as `crop` gives it -> float tensor (3, H, W): normalised, not resized or cut again."""
        return self.preprocess.to_tensor(image.convert("RGB"))

    def fingerprint(self) -> str:
        """A digest of names and values of all parameters and buffers."""
        digest = hashlib.sha256()
        for name, tensor in self.module.state_dict().items():
            digest.update(name.encode())
            if not isinstance(tensor, torch.Tensor):  # what a module of one's own keeps beside its weights
                digest.update(repr(tensor).encode())
                continue
            digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest()


@dataclass(frozen=True)
class LayerInfo:
    """Units that are read from the output of a module.

    name: the layer's name; its own units are named as the module, with `#2` for its second call. of: the units. module:
    the module's class name. source: the call whose output is read, where `name` is another.
    """

    name: str
    of: Units
    module: str
    source: str | None = None

    @property
    def call(self) -> str:
        """Whose output is read: a module's name, with `#2` for its second call."""
        return self.source or self.name

    @property
    def units(self) -> int:
        """How many there are."""
        return self.of.count

    @property
    def kind(self) -> str:
        """Name of the kind of units: 'map', 'map-last', 'tokens', 'features' for a layer's own."""
        return self.of.kind

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the output, without the batch."""
        return self.of.shape

    @property
    def poolings(self) -> tuple[str, ...]:
        """Those that apply, the default first."""
        return self.of.poolings

    @property
    def map_size(self) -> tuple[int, int] | None:
        """(height, width) of the units' maps; None where they have no places, or only a row of them."""
        space = self.of.space
        return (space[0], space[1]) if len(space) == 2 else None

    def at(self, layers: Sequence[LayerInfo]) -> LayerInfo:
        """The same units on the layers as they are for images of another size."""
        layer = next((layer for layer in layers if layer.name == self.call), None)
        return self if layer is None else replace(self, of=self.of.on(layer.of))


@dataclass(frozen=True)
class Recording:
    """Activations of one layer: `values` is float32, shape (K, N), in memory or a file."""

    info: LayerInfo
    pooling: str
    values: np.ndarray


@dataclass(frozen=True)
class RecordingRun:
    """What one pass over the images gave.

    predicted: int64 (N,), the largest output per image, -1 where an output is NaN (None if the output is not (B, C)
    with C > 1). n_outputs: C. images_per_second: of the whole pass. device: where it ran. outputs: logits, float32
    (C, N), in memory or a file, where they were asked for and the output is (B, C). unsteady: a sentence where the
    network doesn't give the same numbers again, and that was allowed. answer: how outputs were read.
    reason: why there are none to compare. notes: sentences on how they were read.
    """

    layers: Sequence[Recording]
    predicted: np.ndarray | None
    n_outputs: int | None
    device: str
    images_per_second: float
    outputs: np.ndarray | None = None
    unsteady: str | None = None
    answer: Answer = Answer()
    reason: str | None = None
    notes: tuple[str, ...] = ()
