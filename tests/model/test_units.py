"""Kinds of units: how they are read from a layer's output, and how one of them is shifted."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lexplain_core.model import LayerInfo
from lexplain_core.model.forward import pool
from lexplain_core.model.units import Channels, ChannelsLast, Features, Planted, Tokens, unit_kinds
from lexplain_core.probe import ComputedLayer, ComputedUnit

# units, the axis that they lie along, and the axes of their places, all of an output with the batch
OWN = {
    "map": (Channels((5, 3, 4)), 1, (2, 3)),
    "map-last": (ChannelsLast((3, 4, 5)), 3, (1, 2)),
    "tokens": (Tokens((7, 5), class_token=True), 2, (1,)),
    "features": (Features((5,)), 1, ()),
}
PLANTED = ComputedLayer(
    "made", (ComputedUnit("a", ((1.0, "dog"),)), ComputedUnit("b")), np.zeros((2, 9)), "why"
)


@pytest.mark.parametrize("kind", OWN)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_pooled_units_are_those_of_the_plain_axes_to_the_last_bit(kind, dtype):
    units, axis, places = OWN[kind]
    output = torch.randn(6, *units.shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    info = LayerInfo("x", units, "Block")
    assert (info.kind, info.units, info.shape) == (kind, 5, units.shape) and unit_kinds[kind] is type(units)
    assert units.read(output).shape == (6, 5, *units.space) and output.shape[axis] == units.count
    expected = {
        "mean": lambda: output.mean(places, dtype=torch.float32),
        "max": lambda: output.amax(places).float(),
        "cls": lambda: output[:, 0].float(),
        "none": output.float,
    }
    for pooling in units.poolings:
        found = pool(output, info, pooling)
        assert found.dtype == torch.float32 and torch.equal(found, expected[pooling]())
    with pytest.raises(ValueError, match="doesn't apply"):
        pool(output, info, "none" if places else "mean")


@pytest.mark.parametrize("kind", OWN)
def test_one_unit_of_each_row_is_shifted_and_nothing_else(kind):
    units, axis, _ = OWN[kind]
    output = torch.randn(4, *units.shape, generator=torch.Generator().manual_seed(1))
    before, which = output.clone(), torch.tensor([0, 4, 2, 2])
    by = torch.tensor([1.0, -2.0, 0.5, 0.0])
    found = units.shift(output, which, by.reshape(-1, *(1 for _ in units.space)))
    assert torch.equal(output, before) and units.fixed is None
    for row, unit in enumerate(which):
        expected = before[row].clone()
        expected.select(axis - 1, unit).add_(by[row])
        assert torch.equal(found[row], expected)


def test_places_may_be_shifted_by_different_amounts():
    units, output = OWN["tokens"][0], torch.zeros(2, 7, 5)
    by = torch.arange(14.0).reshape(2, 7)
    found = units.shift(output, torch.tensor([1, 3]), by)
    assert (
        torch.equal(found[0, :, 1], by[0]) and torch.equal(found[1, :, 3], by[1]) and found.sum() == by.sum()
    )


def test_planted_units_can_only_be_read_and_say_why():
    units = Planted(PLANTED)
    assert (units.kind, units.count, units.names, units.poolings) == ("computed", 2, ["a", "b"], ("none",))
    assert units.outside == units.fixed == "why" and units.space == ()
    assert units.recipes[0] == '{"terms": [[1.0, "dog"]], "bias": 0.0, "noise": 0.0}'
