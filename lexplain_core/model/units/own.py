"""A layer's own units: the entries along one axis of a module's output."""

from __future__ import annotations

from math import isqrt
from typing import ClassVar, Self

import torch
from torch import Tensor

from .base import Units, unit_kinds


class OwnUnits(Units):
    """Units along one axis of an output. shape: the output's, without the batch."""

    Options = None
    axis: ClassVar[int]  # of the output, with the batch

    def __init__(self, shape: tuple[int, ...]):
        self.shape = shape
        self.count = (0, *shape)[self.axis]
        self.space = shape[:-1] if self.axis == -1 else shape[1:]

    @classmethod
    def of_output(cls, shape: tuple[int, ...], has_class_token: bool) -> Self:  # noqa: ARG003 - tokens ask
        """The units of an output. has_class_token: whether a parameter of the network is one."""
        return cls(shape)

    def on(self, layer: Units) -> Units:
        return layer

    def read(self, output: Tensor) -> Tensor:
        return output.movedim(self.axis, 1)

    def shift(self, output: Tensor, units: Tensor, by: Tensor) -> Tensor:
        new = output.clone()
        self.read(new)[torch.arange(len(new), device=new.device), units] += by
        return new


@unit_kinds.register("map")
class Channels(OwnUnits):
    """Channels of a map (B, K, H, W)."""

    axis, output = 1, "a map"


@unit_kinds.register("map-last")
class ChannelsLast(OwnUnits):
    """Channels of a map (B, H, W, K)."""

    axis, output = -1, "a map"


@unit_kinds.register("tokens")
class Tokens(OwnUnits):
    """Neurons of tokens (B, T, K). class_token: whether the first token may be one."""

    axis, output = -1, "tokens"

    def __init__(self, shape: tuple[int, ...], class_token: bool = False):
        super().__init__(shape)
        self.class_token = class_token

    @classmethod
    def of_output(cls, shape: tuple[int, ...], has_class_token: bool) -> Self:
        """A square number of tokens is the patches alone. Without a parameter that says so, one token more than a square
        is taken for a class token."""
        tokens = shape[0]
        if isqrt(tokens) ** 2 == tokens:
            return cls(shape)
        return cls(shape, has_class_token or (tokens > 4 and isqrt(tokens - 1) ** 2 == tokens - 1))

    @property
    def poolings(self) -> tuple[str, ...]:
        return ("mean", "cls") if self.class_token else ("mean",)


@unit_kinds.register("features")
class Features(OwnUnits):
    """Neurons of plain features (B, K)."""

    axis, output = -1, "plain features"
