"""What a kind of unit is, and the registry of kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from ...base.registry import Registry
from ...config import Section, unit_options

Kind = TypeVar("Kind", bound="type[Units]")

_POOLINGS = {
    0: ("none",),
    1: ("mean",),
    2: ("mean", "max"),
}  # by the number of axes of places, the default first


class Units:
    """The units of one layer, of one kind. `docs/how-to/units.md` shows how to add a kind.

    A kind sets `count` and has `read`. With these its units are recorded, explained, scored and put to people; where they
    have places they have activation maps. `shift` is optional: units that can't be shifted have no impacts, output
    effects and ablation scores, and the store says why (`fixed`).

    Attributes:
        kind: The name that it is registered under; registering sets it.
        Options: Its options, a pydantic model: what stands in `[[units]]` beside the keys of every kind. None for kinds
            that a build's config can't ask for.
        count: K, the number of units.
        names: A name for each unit, where they have names.
        shape: Of the output that the units are read from, without the batch.
        output: What that output is, for sentences.
        space: Lengths of the axes on which each unit has places: (height, width) of a map, (tokens,), or () for units that
            are one number per image.
        outside: Why the network doesn't compute the units, in a sentence; None where it does.
        recipes: What each unit was made of, as JSON, where that is known.
        layer: The layer's own units, where these are others.
    """

    kind: ClassVar[str] = ""
    Options: ClassVar[type[Section] | None] = Section
    count: int
    names: Sequence[str] | None = None
    shape: tuple[int, ...]
    output: str = "an output"
    space: tuple[int, ...]
    outside: str | None = None
    recipes: Sequence[str] | None = None
    layer: Units | None = None

    def __init__(self, layer: Units, options: Any):
        """Units that are read from the output of a layer.

        Args:
            layer: The layer's own units: `layer.read(output)` is a view, (B, C, *space), so that what is written into it
                changes the output.
            options: An instance of `Options`.
        """
        self.layer, self.options = layer, options
        self.shape, self.output, self.space = layer.shape, layer.output, layer.space

    def read(self, output: Tensor) -> Tensor:
        """What each unit does at each place.

        Args:
            output: The layer's output (B, *shape), of any floating-point type, on any device. It must stay as it is.

        Returns:
            (B, K, *space), on the same device. Gradients pass.
        """
        raise NotImplementedError  # every kind has its own

    def shift(self, output: Tensor, units: Tensor, by: Tensor) -> Tensor:
        """A copy of the output in which one unit of each row is larger.

        A unit is set to a value by shifting it by the difference, so what `read` gives of the copy should be larger by
        `by`, or the unit's share in the output by as much, where it can be told from others only so (latents).

        Args:
            output: The layer's output (R, *shape); it must stay as it is.
            units: The unit of each row, int64 (R,).
            by: How much larger, (R, *space), where axes of length 1 stand for all places; of the output's type.
        """
        raise NotImplementedError  # `fixed` says so of kinds that leave it out: nobody calls it

    @property
    def fixed(self) -> str | None:
        """Why units can't be shifted, in a sentence; None where they can."""
        if self.outside or type(self).shift is not Units.shift:
            return self.outside
        return (
            f"Units of the kind “{self.kind}” can only be read, so none can be replaced to see what changes."
        )

    @property
    def poolings(self) -> tuple[str, ...]:
        """How the places of a unit become one number, the default first: `mean`, `max`, `cls` (the first), `none`."""
        if self.layer is not None and self.space == self.layer.space:
            return self.layer.poolings
        return _POOLINGS[len(self.space)]

    def on(self, layer: Units) -> Units:
        """The same units on the same layer, whose output has another shape for images of another size."""
        return type(self)(layer, self.options) if layer.shape != self.shape else self


class UnitKinds(Registry[type[Units]]):
    """The kinds of units by name."""

    def register(self, name: str) -> Callable[[Kind], Kind]:
        """A decorator that registers a kind under a name, and its options for `[[units]]`."""

        def keep(item: Kind) -> Kind:
            super(UnitKinds, self).register(name)(item)
            item.kind = name
            if item.Options is not None:
                unit_options[name] = item.Options
            return item

        return keep


unit_kinds = UnitKinds("kind of unit")


def fault_of(units: Units) -> str | None:
    """What is wrong with the units of a plugin, in a clause: they are tried on an output of zeros. None if all is well."""
    output = torch.zeros(2, *units.shape)
    wanted = (2, units.count, *units.space)
    if units.count < 1:
        return f"there are {units.count} of them"
    if units.names is not None and len(units.names) != units.count:
        return f"there are {units.count} of them and {len(units.names)} names"
    read = tuple(units.read(output).shape)
    if read != wanted:
        return f"`read` gives {_sizes(read)} of an output of {_sizes(output.shape)}, not {_sizes(wanted)}"
    if units.fixed is None:
        by = torch.ones(2, *(1 for _ in units.space))
        shifted = units.shift(output, torch.zeros(2, dtype=torch.int64), by)
        if shifted.shape != output.shape:
            return f"`shift` gives {_sizes(shifted.shape)} of an output of {_sizes(output.shape)}"
        if output.any():
            return "`shift` changes the output that it is given; it should change a copy"
    return None


def _sizes(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))
