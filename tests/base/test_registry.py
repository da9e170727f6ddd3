"""Registries keyed by name."""

from __future__ import annotations

import pytest

from lexplain_core.base.errors import UserError, did_you_mean
from lexplain_core.base.registry import Registry


def test_what_is_registered_is_found_in_the_order_of_names():
    things: Registry = Registry("thing")

    @things.register("b")
    def second(): ...

    things.register("a")(3)
    assert things["b"] is second and things["a"] == 3  # the decorator hands the function back
    assert list(things) == ["a", "b"] and len(things) == 2 and "a" in things and "c" not in things


def test_a_name_that_is_taken_is_an_error_and_the_first_stays():
    things: Registry = Registry("thing")
    things.register("a")(1)
    with pytest.raises(ValueError, match="thing 'a' is registered twice"):
        things.register("a")(2)
    assert things["a"] == 1


def test_an_unknown_name_lists_what_there_is():
    things: Registry = Registry("solver")
    for name in ("exact", "glm-saga"):
        things.register(name)(name)
    with pytest.raises(UserError) as caught:
        things["exakt"]
    text = str(caught.value)
    assert "no solver named 'exakt'; known: exact, glm-saga." in text and "Did you mean 'exact'?" in text


def test_names_that_are_near_are_suggested():
    assert did_you_mean("layer", ["layers", "zebra"]) == " Did you mean 'layers'?"
    assert did_you_mean("xyz", ["layers"]) == ""


@pytest.mark.parametrize(
    ("module", "name", "least"),
    [
        ("lexplain_core.probe", "probing_sets", {"folder", "cifar10", "imagenette", "places365"}),
        ("lexplain_core.concepts", "concept_matrices", {"label"}),
        ("lexplain_core.explain", "methods", {"le-label"}),
        ("lexplain_core.explain", "solvers", {"glm-saga"}),
    ],
)
def test_what_lexplain_brings_is_registered(module, name, least):
    import importlib

    assert least <= set(getattr(importlib.import_module(module), name))
