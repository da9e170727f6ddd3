"""DemoNet: a small convolutional network that names the main object of a drawn scene."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from ..base import places
from .kinds import KIND_NAMES
from .scene import SIDE

WEIGHTS = places.data() / "demo" / "classifier.safetensors"
MEAN = STD = (0.5, 0.5, 0.5)
# channels, and whether the block halves its input's height and width first
_BLOCKS = ((20, False), (32, True), (40, False), (48, True), (64, False), (64, False), (80, True))


class Block(nn.Sequential):
    """[max pool,] 3×3 convolution, batch norm, ReLU. Its output, after the ReLU, is the layer to look at."""

    def __init__(self, inputs: int, outputs: int, pool: bool, stride: int = 1):
        super().__init__()
        if pool:
            self.add_module("pool", nn.MaxPool2d(2))
        self.add_module("conv", nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False))
        self.add_module("norm", nn.BatchNorm2d(outputs))
        self.add_module("relu", nn.ReLU())


class DemoNet(nn.Module):
    """`block1` … `block7`, the mean over the map (`pool`), a linear `head`.

    Takes float (B, 3, 96, 96), normalised with `MEAN` and `STD`; gives logits (B, 28), one for each
    kind, in the order of `outputs`. After Simonyan & Zisserman (2015), with batch norm, and a mean
    in place of the hidden layers.
    """

    outputs: tuple[str, ...] = KIND_NAMES
    input_size: tuple[int, int] = (SIDE, SIDE)

    def __init__(self) -> None:
        super().__init__()
        width = 3
        for i, (channels, pool) in enumerate(_BLOCKS, 1):
            self.add_module(f"block{i}", Block(width, channels, pool, stride=2 if i == 1 else 1))
            width = channels
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(width, len(KIND_NAMES))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for i in range(1, len(_BLOCKS) + 1):
            x = self.get_submodule(f"block{i}")(x)
        return self.head(self.pool(x).flatten(1))


def demo_network(weights: Path = WEIGHTS) -> DemoNet:
    """The trained network in eval mode, in float32, on the CPU. Weights are stored in half precision."""
    state = {name: t.float() if t.is_floating_point() else t for name, t in load_file(str(weights)).items()}
    network = DemoNet()
    network.load_state_dict(state)
    return network.eval()
