"""Kinds of units: how they are read from a layer's output, and how one of them is shifted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from lexplain_core.base.errors import UserError
from lexplain_core.config import UnitSpec, unit_options
from lexplain_core.model import LayerInfo, Recording, TargetModel, open_effects, resolve_layers
from lexplain_core.model.forward import pool
from lexplain_core.model.maps import grid_of
from lexplain_core.model.places import no_maps
from lexplain_core.model.preprocess import Preprocessing
from lexplain_core.model.replace import Replacer
from lexplain_core.model.units import (
    Channels,
    ChannelsLast,
    Features,
    OwnUnits,
    Planted,
    Tokens,
    Units,
    fault_of,
    unit_kinds,
)
from lexplain_core.probe import ComputedLayer, ComputedUnit
from lexplain_core.store.rules import OWN_KINDS

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


def test_the_reader_of_stores_knows_which_kinds_are_a_layers_own():
    assert {kind for kind in unit_kinds if issubclass(unit_kinds[kind], OwnUnits)} == set(OWN_KINDS)


# -- kinds of plugins ------------------------------------------------------------------------------


class Sums(Units):
    """Sums of a layer's first channels: 1, 2, … of them."""

    kind = "sums"

    def __init__(self, layer, options=None):
        super().__init__(layer, options)
        self.count = 3

    def read(self, output):
        return self.layer.read(output)[:, :3].cumsum(1)


class Shifted(Sums):
    """A sum grows by its last channel, and the later ones with it."""

    def shift(self, output, units, by):
        new = output.clone()
        self.layer.read(new)[torch.arange(len(new)), units] += by
        return new


@pytest.mark.parametrize("kind", OWN)
def test_other_units_are_pooled_as_the_layers_own_whatever_the_order_of_axes(kind):
    own = OWN[kind][0]
    units = Shifted(own)
    assert (units.space, units.shape, units.poolings) == (own.space, own.shape, own.poolings)
    assert units.fixed is None and fault_of(units) is None
    output = torch.randn(4, *own.shape)
    for pooling in own.poolings:
        channels, found = (pool(output, LayerInfo("x", of, "Block"), pooling) for of in (own, units))
        if pooling != "max":
            torch.testing.assert_close(found, channels[:, :3].cumsum(1))
        replacer = Replacer(nn.Identity(), LayerInfo("x", units, "Block"), pooling)
        aims, which = torch.randn(4), torch.tensor([0, 1, 2, 1])
        new = replacer._set(output, which, aims)
        again = pool(new, LayerInfo("x", units, "Block"), pooling)
        torch.testing.assert_close(again[torch.arange(4), which], aims)


def test_units_without_shift_say_so():
    units = Sums(OWN["map"][0])
    assert fault_of(units) is None and units.outside is None
    assert (
        units.fixed
        == "Units of the kind “sums” can only be read, so none can be replaced to see what changes."
    )


def test_units_may_have_places_of_their_own():
    class Whole(Sums):
        def __init__(self, layer, options=None):
            super().__init__(layer, options)
            self.space = ()

        def read(self, output):
            return super().read(output).flatten(2).amax(2)

    units = Whole(OWN["map"][0])
    assert fault_of(units) is None and units.poolings == ("none",)
    info = LayerInfo("x/whole", units, "Block", "x")
    assert grid_of(info) is None and info.map_size is None and info.call == "x"
    assert (
        no_maps(info, None)
        == "The units of 'x/whole' have no places in the image, so they have no activation map."
    )
    other = info.at([LayerInfo("x", Channels((5, 8, 8)), "Block")])
    assert other.shape == (5, 8, 8) and other.name == "x/whole" and info.at([]) is info


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        ({"read": lambda self, output: output}, "`read` gives 2 × 5 × 3 × 4 of an output of 2 × 5 × 3 × 4, not 2 × 3 × 3 × 4"),
        ({"shift": lambda self, output, units, by: output.add_(1)}, "`shift` changes the output that it is given; it should change a copy"),
        ({"shift": lambda self, output, units, by: output[:1]}, "`shift` gives 1 × 5 × 3 × 4 of an output of 2 × 5 × 3 × 4"),
        ({"names": ["a"]}, "there are 3 of them and 1 names"),
        ({"count": property(lambda self: 0, lambda self, value: None)}, "there are 0 of them"),
    ],
)  # fmt: skip
def test_a_kind_that_breaks_the_contract_is_found_out_before_anything_is_recorded(parts, fault):
    assert fault_of(type("Wrong", (Shifted,), parts)(OWN["map"][0])) == fault


def test_a_plugin_whose_code_fails_costs_a_sentence():
    class Failing(Sums):
        def __init__(self, layer, options):
            raise KeyError("weights")

    model = TargetModel("net", nn.Sequential(nn.Conv2d(3, 5, 3)), None, None, (8, 8), "a test")
    unit_kinds.register("failing")(Failing)
    try:
        with pytest.raises(
            UserError, match="The units '0/failing' of the kind 'failing' can't be read from layer '0'"
        ):
            resolve_layers(model, [], [UnitSpec(kind="failing", layer="0")])
    finally:
        del unit_kinds._items["failing"], unit_options["failing"]


# -- effects ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["whole", "prefix", "closed"])
def test_effects_of_other_units_are_those_of_a_changed_network(way):
    """A unit is set to a value: what the network then gives is computed channel by channel, beside the product."""
    torch.manual_seed(0)
    head = nn.Linear(5, 4)
    module = nn.Sequential(nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head).eval()
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)) for _ in range(12)]
    model = TargetModel("net", module, Preprocessing(), None, (8, 8), "a test")
    info = LayerInfo("0/sums", Shifted(Channels((5, 6, 6))), "Conv2d", "0")
    with torch.inference_mode():
        batch = torch.stack([model.preprocess(image) for image in images])
        means, logits = module[0](batch).mean((2, 3)), module(batch)
    q = means[:, :3].cumsum(1).T.contiguous().numpy()
    labels = np.arange(12) % 4
    effects = open_effects(
        model, Recording(info, "mean", q), logits.numpy(), labels, 1.0, images.__getitem__,
        [str(i) for i in range(12)], torch.device("cpu"), intervention=way,
    )  # fmt: skip
    assert effects.intervention == way
    values = np.full((1, 3, 12), 0.7)
    found = effects.block(np.arange(3), np.arange(12), values).loss[0]
    for unit in range(3):
        changed = means.clone()
        changed[:, unit] += torch.from_numpy(0.7 - q[unit])
        with torch.inference_mode():
            expected = nn.functional.cross_entropy(head(changed), torch.from_numpy(labels), reduction="none")
        np.testing.assert_allclose(found[unit], expected.numpy(), atol=1e-5)
