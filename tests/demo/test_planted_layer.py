"""The planted layer is what its recipes say, no more and no less."""

from __future__ import annotations

import numpy as np
import pytest

from lexplain_core.demo.planted import BIAS, NOISE, UNITS, planted_layer
from lexplain_core.demo.truth import truth_of

WITH_TERMS = [i for i, unit in enumerate(UNITS) if unit.terms]


@pytest.fixture(scope="module")
def layer(truth):
    return planted_layer(truth)


def _errors(layer, concepts: dict, order: np.ndarray) -> np.ndarray:
    """Largest relative error of each unit's weights, fitted by least squares on all concepts of all recipes."""
    names = sorted({name for unit in UNITS for _, name in unit.terms})
    design = np.stack([concepts[name][order] for name in names] + [np.ones(len(order))], 1).astype(float)
    fitted = np.linalg.lstsq(design, layer.activations.T.astype(float), rcond=None)[0]
    return np.array(
        [max(abs(fitted[names.index(n), i] - w) / w for w, n in UNITS[i].terms) for i in WITH_TERMS]
    )


def test_least_squares_finds_the_weights(layer, truth):
    assert _errors(layer, truth.concepts(), np.arange(len(truth.main))).max() < 0.05


def test_with_shuffled_labels_it_finds_none(layer, truth):
    order = np.random.default_rng(0).permutation(len(truth.main))
    assert _errors(layer, truth.concepts(), order).min() > 0.5


def test_the_rest_is_noise_of_the_stated_size(layer, truth):
    concepts = truth.concepts()
    for unit, values in zip(layer.units, layer.activations, strict=True):
        rest = values - unit.bias - sum((w * concepts[n] for w, n in unit.terms), np.zeros(len(values)))
        if unit.name == "dead":
            assert 0 <= values.min() and values.max() < 0.01
        else:
            assert abs(rest.mean()) < 0.005 and rest.std() == pytest.approx(unit.noise, rel=0.05, abs=1e-6)


def test_there_is_a_unit_of_every_sort(layer):
    by_name = dict(zip([u.name for u in layer.units], layer.activations, strict=True))
    assert len(by_name) == len(layer.units) == 16 and layer.activations.dtype == np.float32
    assert np.ptp(by_name["constant"]) < 1e-8
    assert by_name["0.6·snow, below zero throughout"].max() < 0
    assert sum(len(u.terms) == 0 for u in layer.units) == 3
    assert {1, 2, 3} <= {len(u.terms) for u in layer.units}
    alive = [v for u, v in zip(layer.units, layer.activations, strict=True) if u.bias == BIAS]
    assert min(v.min() for v in alive) >= 0
    assert "not by a network" in layer.note


def test_the_noise_unit_has_nothing_to_find(layer, truth):
    values = layer.activations[[u.name for u in UNITS].index("noise only")]
    assert values.std() == pytest.approx(NOISE, rel=0.05)
    worst = max(abs(np.corrcoef(values, present)[0, 1]) for present in truth.concepts().values())
    assert worst < 0.06


def test_activations_do_not_depend_on_how_many_pictures_there_are(layer, scenes):
    part = planted_layer(truth_of(scenes[:70]))
    assert np.array_equal(part.activations, layer.activations[:, :70])
