"""Units that come with the probing set: made from what is known to be in each image."""

from __future__ import annotations

import json

from torch import Tensor

from ...probe import ComputedLayer
from .base import Units, unit_kinds


@unit_kinds.register("computed")
class Planted(Units):
    """Units of a computed layer. What stands for an output is their activations, (B, K)."""

    Options = None

    def __init__(self, layer: ComputedLayer):
        self.count = len(layer.units)
        self.names = [unit.name for unit in layer.units]
        self.shape, self.space = (self.count,), ()
        self.outside = layer.note or "No network computes the units of this layer."
        self.recipes = [
            json.dumps({"terms": unit.terms, "bias": unit.bias, "noise": unit.noise}) for unit in layer.units
        ]

    def read(self, output: Tensor) -> Tensor:
        return output
