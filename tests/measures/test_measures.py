"""The contract of a measure: names, registration, and the stage that runs one as a build does."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.base.measures import DERIVED, ENDS, TAKEN, Description, check_names
from lexplain_core.base.progress import Silent
from lexplain_core.concepts import Concept, ConceptMatrix
from lexplain_core.explain import Explanation
from lexplain_core.measures import Measure, Words, measures
from lexplain_core.pipeline.build import stages
from lexplain_core.pipeline.stage import Desk
from lexplain_core.pipeline.stages.concepts import Choice
from lexplain_core.pipeline.stages.measuring import run_measure
from lexplain_core.store import Score

from ..small_folder import config_dict

NAMES = [one.name for one in (*measures.values(), *DERIVED)]
ABOUT = {"title": "beauty", "short": "Beauty", "help": "How beautiful it is"}


# -- names -----------------------------------------------------------------------------------


def test_the_names_of_today_stand_beside_one_another():
    check_names(NAMES)
    check_names(reversed(NAMES))


@pytest.mark.parametrize(
    "name", ["", "Beauty", "9lives", "_x", "a-b", "a b", "ä", "x;--", 'x"', "x" * 41, "x\n", "x.y"]
)
def test_what_is_no_name_is_refused(name):
    with pytest.raises(ValueError, match="small letters, digits and _, 40 at most"):
        check_names([*NAMES, name])
    assert check_names([*NAMES, "x" * 40]) is None


@pytest.mark.parametrize("name", sorted(TAKEN))
def test_names_of_other_columns_are_refused(name):
    with pytest.raises(ValueError, match=f"tables have a column '{name}' already"):
        check_names([name])


@pytest.mark.parametrize("end", ENDS)
def test_names_are_refused_that_are_a_column_beside_another_measure(end):
    for names in (["x", f"x_{end}"], [f"x_{end}", "x"], [*NAMES, f"correlation_{end}"], ["x", "x"]):
        with pytest.raises(ValueError, match="can't be named"):
            check_names(names)
    check_names(["x", f"x{end}", f"x_{end}s"])


@pytest.mark.parametrize("name", ["correlation", "observer_n", "length", "x_y z"])
def test_a_measure_of_such_a_name_is_not_registered(name):
    before = measures.values()
    with pytest.raises(ValueError, match="can't be named"):
        measures.add(Measure(name=name, of="unit", **ABOUT))
    assert measures.values() == before


@pytest.mark.parametrize(
    "wrong", [{"of": "layer"}, {"best": "both"}, {"title": " "}, {"short": ""}, {"help": "\n"}]
)
def test_a_description_that_says_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match="the measure 'x'"):
        Description(**{"name": "x", "of": "unit", **ABOUT} | wrong)


@pytest.mark.parametrize(
    ("best", "chance", "own", "low", "value", "high", "doubt"),
    [
        ("high", 0.5, None, 0.6, 0.7, 0.8, None), ("high", 0.5, None, 0.5, 0.7, 0.8, "interval"),
        ("low", 0.5, None, 0.1, 0.2, 0.4, None), ("low", 0.5, None, 0.1, 0.2, 0.5, "interval"),
        ("low", None, 0.3, 0.1, 0.2, 0.4, None), ("low", None, 0.2, 0.1, 0.2, 0.4, "null"),
        ("high", None, 0.6, None, 0.7, None, None), ("high", None, 0.7, None, 0.7, None, "null"),
        ("", 0.5, 0.9, 0.1, 0.2, 0.6, None), ("high", 0.5, 0.9, None, None, None, None),
    ],
)  # fmt: skip
def test_a_score_is_doubted_on_its_bad_side(best, chance, own, low, value, high, doubt):
    description = Description(name="x", of="unit", best=best, chance=chance, **ABOUT)
    assert Score("x", "", "all", 9, value, low, high, chance=own).doubt(description) == doubt


# -- as a build runs it ----------------------------------------------------------------------

CONCEPTS = (Concept("class:dog", "dog", "class"), Concept("class:cat", "cat", "class"))
MATRIX = ConceptMatrix("label", CONCEPTS, np.eye(2, 12, dtype=np.float32), {})


def layer(units: int = 3, number: int = 1) -> SimpleNamespace:
    values = np.arange(units * 12, dtype=np.float32).reshape(units, 12)
    reasons = [None] * (units - 1) + ["It is dead."]
    return SimpleNamespace(number=number, name="last", values=values, facts=pd.DataFrame({"reason": reasons}))


@pytest.fixture
def plugin():
    """plugin(of, measure, needs): a measure named `beauty`, registered as long as the test lasts."""

    def add(measure, of: str = "unit", needs: str = "") -> Measure:
        return measures.add(Measure(name="beauty", of=of, measure=measure, needs=needs, **ABOUT))

    yield add
    measures._items.pop("beauty", None)


def run(measure: Measure, *args, **needs) -> list[dict]:
    return run_measure(Desk(Silent()), [layer()], measure, *args, **needs).to_pylist()


def test_a_measure_of_units_gives_rows(plugin):
    def beauty(layer, scale):
        for unit, row in enumerate(layer.values[:2]):
            yield unit, Score("beauty", "", "all", len(row), scale * float(row.mean()), details={"a": 1})
            yield unit, Score("beauty", "other", "test", 2, 0.5)

    rows = run(plugin(beauty, needs="scale"), scale=2)
    assert [(r["unit"], r["by"], r["place"], r["value"]) for r in rows] == [
        (0, "", 0, 11.0), (0, "other", 1, 0.5), (1, "", 0, 35.0), (1, "other", 1, 0.5), (2, "", 0, None)
    ]  # fmt: skip
    assert {(r["measure"], r["layer_id"], r["explanation_id"]) for r in rows} == {("beauty", 1, None)}
    assert rows[0]["details"] == '{"a": 1}' and rows[1]["details"] is None
    assert rows[-1]["reason"] == "It is dead." and (rows[-1]["n"], rows[-1]["split"]) == (0, "all")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, np.float32("nan")])
def test_what_is_not_finite_is_null_with_a_reason(plugin, value):
    def beauty(layer):
        yield 0, Score("beauty", "", "all", 12, value, value, value)
        yield 1, Score("beauty", "", "all", 12, None, reason="It is plain.")

    first, second, _ = run(plugin(beauty))
    assert (first["value"], first["low"], first["high"]) == (None, None, None)
    assert first["reason"] == "The score is not a finite number."
    assert (second["value"], second["reason"]) == (None, "It is plain.")


def test_a_unit_that_gets_no_score_has_a_reason(plugin):
    rows = run(plugin(lambda layer: iter(())))
    assert [(r["unit"], r["value"]) for r in rows] == [(0, None), (1, None), (2, None)]
    assert [r["reason"] for r in rows] == ["The measure gave it no value."] * 2 + ["It is dead."]


@pytest.mark.parametrize(("unit", "name"), [(3, "beauty"), (-1, "beauty"), (0, "ugliness")])
def test_what_nobody_asked_for_is_an_error(plugin, unit, name):
    def beauty(layer):
        yield unit, Score(name, "", "all", 12, 0.5)

    with pytest.raises(ValueError, match=f"'beauty' gave '{name}' of unit {unit}, which nobody asked for"):
        run(plugin(beauty))


def test_a_measure_of_explanations_gets_words_and_reasons(plugin):
    seen = {}

    def beauty(layer, words, missing, matrix):
        seen.update(words=words, missing=missing, matrix=matrix)
        for unit, one in words.items():
            yield unit, Score("beauty", "eye", "test", 12, float(len(one.terms)))

    found = {
        0: Explanation((1, 0), (2.0, -1.0), 0.5, 0.75),
        1: Explanation((), (), 0.0, None),
        2: Explanation(reason="It is dead."),
    }
    choice = Choice(MATRIX, np.array([True, True]), {})
    rows = run(plugin(beauty, "explanation"), choice, {1: found})
    terms = ((2.0, CONCEPTS[1]), (-1.0, CONCEPTS[0]))
    assert seen["words"] == {0: Words(terms, 0.5), 1: Words((), 0.0)}
    assert seen["missing"] == {2: "It is dead."} and seen["matrix"] is MATRIX
    assert [(r["unit"], r["value"], r["reason"]) for r in rows] == [
        (0, 2, None),
        (1, 0, None),
        (2, None, "It is dead."),
    ]


def test_what_no_stage_makes_is_refused_before_anything_runs(plugin, tmp_path):
    from lexplain_core.config import parse_config

    config = parse_config(config_dict(tmp_path, tmp_path / "x.py", tmp_path / "s.duckdb"), "of the test")
    assert stages(config)
    measure = plugin(lambda layer, taste: (), needs="taste")
    with pytest.raises(
        UserError, match="The measure 'beauty' needs 'taste', which no stage makes; there are .*splits"
    ):
        stages(config)
    measures._items["beauty"] = replace(measure, needs="probing splits seed progress kept")
    assert [stage.name for stage in stages(config)].count("beauty") == 1
    measures._items["beauty"] = replace(measure, when=lambda build: False)
    assert "beauty" not in [stage.name for stage in stages(config)]
