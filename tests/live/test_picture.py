"""A picture beside the probing set: which units it excites unusually, and what a network is shown of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from lexplain_core.base.errors import UserError
from lexplain_core.config import Build
from lexplain_core.demo.config import DEMO_CONFIG
from lexplain_core.live import Looker, picture
from lexplain_core.model import TargetModel
from lexplain_core.model.preprocess import Preprocessing
from lexplain_core.store import Store
from lexplain_core.store.pictured import recorded


@pytest.fixture(scope="module")
def demo() -> Looker:
    return Looker.open(Build.model_validate(DEMO_CONFIG).model_dump(mode="json"), device="cpu")


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


# -- the network on a picture ---------------------------------------------------------------------


def test_activations_of_all_units_are_those_of_each(demo):
    image = noise(120, 100)
    for layer, pooling in (("block4", "mean"), ("block7", "max"), ("head", "none")):
        values = demo.activations(image, layer, pooling)
        assert values.dtype == np.float32 and values.ndim == 1
        for unit in (0, len(values) - 1):
            assert values[unit] == pytest.approx(demo.look(image, layer, pooling, unit).activation, rel=1e-5)
    assert np.array_equal(demo.activations(image, "block4"), demo.activations(image, "block4", "mean"))


def test_maps_of_several_units_by_one_run(demo):
    image = noise(120, 100)
    maps = demo.maps(image, "block7", [5, 2])
    assert list(maps) == [5, 2]
    for unit, found in maps.items():
        np.testing.assert_array_equal(found.values, demo.look(image, "block7", "mean", unit).map.values)
    crop = demo.seen(image)
    np.testing.assert_array_equal(demo.maps(crop, "block7", [5], cropped=True)[5].values, maps[5].values)
    assert demo.maps(image, "head", [0]) == {} and demo.maps(image, "block7", []) == {}


def test_layers_and_poolings_that_are_not_there_are_said(demo):
    with pytest.raises(UserError, match="has no layer 'planted': its units are computed without a network"):
        demo.activations(noise(96, 96), "planted")
    with pytest.raises(UserError, match="Pooling 'cls' doesn't apply"):
        demo.activations(noise(96, 96), "block4", "cls")


def test_a_store_of_the_network_knows_what_it_does(demo, demo_store, demo_pictures):
    """The network at hand does on an image what was recorded of it, for every unit."""
    with Store.open(demo_store) as store:
        layers = store.layers().set_index("layer")
        for image in (3, 250):
            values = recorded(store, "block7", image)
            assert values.shape == (layers.loc["block7", "units"],)
            assert values[4] == store.unit("block7", 4).activations[image]
            now = demo.activations(demo_pictures(image), "block7", layers.loc["block7", "pooling"])
            np.testing.assert_allclose(now, values, rtol=1e-3, atol=1e-4)
            assert int(store.layer_neighbours("block7", now, 1)["image"].iloc[0]) == image
        with pytest.raises(Exception, match="has no image 99999999"):
            recorded(store, "block7", 99_999_999)


def test_a_network_that_takes_any_size_is_shown_the_usual_one():
    prepare = Preprocessing()
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    looker = Looker(TargetModel("any", module, prepare, prepare.cut, (32, 32), "a test"), "cpu")
    seen = picture.seen(noise(400, 300), looker, (32, 24))
    assert seen.size == (32, 24)
    with torch.inference_mode():
        assert looker.activations(seen, "0", cropped=True).shape == (4,)


def test_what_the_network_is_shown_is_its_own_cut(demo):
    image = noise(300, 200)
    assert np.array_equal(np.asarray(picture.seen(image, demo, (7, 7))), np.asarray(demo.seen(image)))


# -- what is unusual ------------------------------------------------------------------------------


def table(*rows) -> tuple[np.ndarray, pd.DataFrame, pd.Series]:
    """(value, below, maximum, status) of each unit."""
    values, below, maximum, status = zip(*rows, strict=True)
    ranks = pd.DataFrame({"unit": range(len(rows)), "below": below, "maximum": maximum})
    return np.array(values, np.float32), ranks.iloc[::-1], pd.Series(status, index=range(len(rows)))


def test_units_come_by_percentile_then_by_share_of_their_maximum():
    found = picture.unusual(
        *table(
            (1.0, 0.5, 4.0, "alive"),
            (9.0, 1.0, 8.0, "alive"),
            (3.0, 1.0, 2.0, "alive"),
            (0.0, 0.999, 0.0, "dead"),
            (5.0, 0.5, 5.0, "constant"),
            (-0.1, 0.995, -0.2, "negative"),
            (-7.0, 0.002, 3.0, "alive"),
        ),
        count=4,
    )
    assert list(found.high["unit"]) == [2, 1, 5, 0] and list(found.high["value"])[:2] == [3, 9]
    assert list(found.low["unit"]) == [6]
    assert (found.above, found.under, found.living, found.others) == (3, 1, 5, 2)
    assert list(found.high.columns) == ["unit", "value", "below", "maximum"]


def test_a_layer_without_living_units_has_none():
    found = picture.unusual(*table((0.0, 0.5, 0.0, "dead")))
    assert found.high.empty and found.low.empty and (found.living, found.others) == (0, 1)


def test_percentiles_agree_with_the_store(demo_store):
    """The plain way: count the images below, ties half."""
    with Store.open(demo_store) as store:
        values = recorded(store, "block4", 17)
        ranks = store.ranks("block4", values)
        units = store.unit_table("block4").set_index("unit")
        found = picture.unusual(values, ranks, units["status"], count=5)
        for row in found.high.itertuples():
            q = store.unit("block4", row.unit).activations
            assert row.value == values[row.unit] == q[17]
            assert row.below == pytest.approx(((q < q[17]).mean() + (q <= q[17]).mean()) / 2)
            assert row.maximum == pytest.approx(float(q.max()))
        others = ranks[
            ~ranks["unit"].isin(found.high["unit"]) & ranks["unit"].map(units["status"]).eq("alive")
        ]
        assert found.high["below"].min() >= others["below"].max()


@pytest.mark.parametrize(
    ("below", "images", "words"),
    [
        (1, 2000, "more than all 2,000"),
        (0, 2000, "less than all 2,000"),
        (0.99975, 2000, "more than 99.9%"),
        (0.99999, 50_000, "more than 99.99%"),
        (0.5, 2000, "more than 50.0%"),
        (0.00025, 2000, "less than 99.9%"),
        (0.029, 2000, "less than 97.1%"),
    ],
)
def test_a_standing_is_never_rounded_to_all_or_none(below, images, words):
    assert picture.standing(below, images) == words


def test_large_pictures_are_kept_smaller():
    image = Image.new("RGB", (4000, 2000))
    small = picture.kept(image)
    assert small.width * small.height <= picture.KEPT_PIXELS and small.width == pytest.approx(
        2 * small.height, rel=0.01
    )
    assert picture.kept(small) is small
    assert picture.kept(Image.new("RGB", (9000, 180)), 1000).height >= 1


def test_the_usual_size_is_the_commonest():
    images = pd.DataFrame({"width": [32, 64, 64, 64], "height": [32, 48, 48, 64]})
    assert picture.usual_size(images) == (64, 48)
