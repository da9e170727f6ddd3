"""The demo world as a probing set, by the registry."""

from __future__ import annotations

import numpy as np
import pytest

from lexplain_core.config import Probe, parse_config
from lexplain_core.demo.config import DEMO_CONFIG
from lexplain_core.demo.kinds import KIND_NAMES
from lexplain_core.demo.probing import IMAGES, demo_set
from lexplain_core.demo.render import draw_image
from lexplain_core.demo.scene import DEMO_SEED
from lexplain_core.probe.base import probing_sets


@pytest.fixture(scope="module")
def demo():
    return probing_sets["demo"](Probe(set="demo", limit=84), seed=0)


def test_it_holds_what_a_probing_set_holds(demo, truth):
    n = len(demo)
    assert n == 84 and IMAGES >= 4000
    assert demo.keys[42] == "demo/00042.png" and len(set(demo.keys)) == n
    assert [c.name for c in demo.classes] == list(KIND_NAMES) and len({c.key for c in demo.classes}) == 28
    assert demo.labels.dtype == np.int64 and np.array_equal(demo.labels, truth.main[:n])
    assert demo.presence.dtype == bool and np.array_equal(demo.presence, truth.kinds[:n])
    assert len(demo.captions) == n
    assert {a.kind for a in demo.attributes} == {"colour", "texture", "background", "size", "count"}
    assert all(a.present.shape == (n,) and a.present.dtype == bool for a in demo.attributes)
    assert len({s.key for s in demo.superclasses}) == len(demo.superclasses)
    (layer,) = demo.computed_layers
    assert layer.name == "planted" and layer.activations.shape == (len(layer.units), n)


def test_pictures_are_those_of_the_world(demo):
    picture = demo.load(17)
    assert picture.mode == "RGB" and picture.size == (96, 96)
    assert np.array_equal(np.asarray(picture), np.asarray(draw_image(DEMO_SEED, 17)))


def test_neither_seed_nor_limit_changes_the_pictures(demo):
    other = demo_set(Probe(set="demo", limit=56), seed=9)
    assert other.keys == demo.keys[:56] and other.captions == demo.captions[:56]
    assert all(np.array_equal(np.asarray(other.load(i)), np.asarray(demo.load(i))) for i in (0, 55))


def test_a_limit_keeps_kinds_balanced(demo):
    assert np.bincount(demo.labels).tolist() == [3] * 28


def test_the_demo_config_is_a_config():
    config = parse_config(DEMO_CONFIG, "of the demo")
    assert config.probe.set == "demo" and config.target.model == "demo" and len(config.layers) >= 2
