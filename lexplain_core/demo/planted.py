"""The planted layer: units whose recipe is known, to check whether explanations find it."""

from __future__ import annotations

import numpy as np

from ..probe.base import ComputedLayer, ComputedUnit
from .truth import Truth

BIAS = 0.25  # keeps activations above 0, so that they have buckets
NOISE = 0.04  # standard deviation
NOTE = (
    "This layer is computed from what is known to be in each picture, plus noise, and not by a network: "
    "a unit of it can't be taken out or replaced to see what changes."
)

# Terms name concepts as they are displayed. Each is there often enough, and weighs enough against
# the others, that leaving it out would cost more correlation than the search's epsilon.
RECIPES: tuple[tuple[tuple[float, str], ...], ...] = (
    ((0.8, "boat"),),
    ((0.7, "striped"),),
    ((0.8, "boat"), (0.5, "red")),
    ((0.6, "bird"),),
    ((0.9, "umbrella"), (0.4, "night")),  # two unrelated roles, each at its own range of activation
    ((0.9, "cat"), (0.5, "yellow"), (0.6, "snow")),
    ((0.6, "vehicle"),),
    ((0.7, "fruit"), (0.5, "dotted")),
    ((0.6, "animal"), (0.5, "blue")),
    ((0.9, "guitar"), (0.7, "sea animal"), (0.5, "room")),
    ((0.7, "tree"), (0.5, "three objects")),
    ((0.6, "large object"),),
)


def _units() -> tuple[ComputedUnit, ...]:
    def formula(terms: tuple[tuple[float, str], ...]) -> str:
        return " + ".join(f"{weight:g}·{name}" for weight, name in terms)

    recovered = tuple(ComputedUnit(formula(terms), terms, BIAS, NOISE) for terms in RECIPES)
    below = ((0.6, "snow"),)
    return (
        *recovered,
        ComputedUnit("noise only", (), BIAS, NOISE),
        ComputedUnit("dead", (), 0.0, 0.001),
        ComputedUnit("constant", (), 0.5, 0.0),
        ComputedUnit(f"{formula(below)}, below zero throughout", below, -1.2, NOISE),
    )


UNITS: tuple[ComputedUnit, ...] = _units()


def planted_layer(truth: Truth) -> ComputedLayer:
    """bias + Σ weight · concept + N(0, noise) for each unit; activations float32 (16, N).

    Image i's noise is the same whatever the number of images. The dead unit has the noise's
    absolute value, far below the threshold of 0.01.
    """
    concepts = truth.concepts()
    n = len(truth.main)
    # RandomState's stream is frozen by numpy; rows are images, so that a prefix is a prefix.
    noise = np.random.RandomState(20240).standard_normal((n, len(UNITS))).T
    values = np.empty((len(UNITS), n))
    for row, unit in enumerate(UNITS):
        values[row] = unit.bias + unit.noise * noise[row]
        for weight, name in unit.terms:
            values[row] += weight * concepts[name]
        if unit.name == "dead":
            values[row] = np.minimum(np.abs(values[row]), 0.009)
    return ComputedLayer("planted", UNITS, values.astype(np.float32), NOTE)
