"""Scores of explanations made by hand, as files of 0.1 have them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from lexplain_core.store import Score
from tests.notes.test_file import made

# Scores of an explanation as 0.1 kept them.
FIRST = [
    {
        "simulator": "label", "kind": "correlation", "split": "test", "n": 400, "value": 0.5, "low": 0.4, "high": 0.6,
        "reason": None, "null_units": 79, "null_mean": 0.01, "null_high": 0.2, "null_above": 3, "null_reason": None,
        "c": None, "d": None, "sampled": False,
    },
    {
        "simulator": "eye", "kind": "ablation-norm", "split": "test", "n": 90, "value": 0.25, "low": 0.2, "high": 0.3,
        "reason": None, "null_units": None, "null_mean": None, "null_high": None, "null_above": None,
        "null_reason": None, "c": 1.5, "d": -0.5, "sampled": True,
    },
    {
        "simulator": "eye", "kind": "ablation-optim", "split": "test", "n": 90, "value": None, "low": None,
        "high": None, "reason": "It is constant.", "null_units": 0, "null_mean": None, "null_high": None,
        "null_above": None, "null_reason": "Only 1.", "c": None, "d": None,
    },
]  # fmt: skip


def with_scores(notes, scores) -> tuple:
    notes.keep(made())
    with closing(sqlite3.connect(notes.path)) as con:
        facts = json.loads(con.execute("SELECT data FROM made").fetchone()[0])
        con.execute("UPDATE made SET data = ?", (json.dumps(facts | {"scores": scores}),))
        con.execute("PRAGMA user_version = 1")
        con.commit()
    return notes.explanations_and_faults()


def test_scores_of_the_first_edition_have_their_values_in_the_new_fields(notes):
    (found,), faults = with_scores(notes, FIRST)
    null = {"null_units": 79, "null_mean": 0.01, "null_above": 3}
    assert not faults and found.scores == (
        Score("correlation", "label", "test", 400, 0.5, 0.4, 0.6, chance=0.2, details=null),
        Score("ablation", "eye", "test", 90, 0.25, 0.2, 0.3, sampled=True, details={"c": 1.5, "d": -0.5}),
        Score("ablation_optim", "eye", "test", 90, reason="It is constant.",
              details={"null_units": 0, "null_reason": "Only 1."}),
    )  # fmt: skip
    notes.keep(found)  # kept again it is of today, and reads the same
    assert notes.explanations_and_faults() == ([found], [])
    with closing(sqlite3.connect(notes.path)) as con:
        written = json.loads(con.execute("SELECT data FROM made").fetchone()[0])["scores"]
    assert [score["measure"] for score in written] == ["correlation", "ablation", "ablation_optim"]
    assert not any({"kind", "simulator", "null_high"} & set(score) for score in written)


@pytest.mark.parametrize("value", ["9" * 400, "1e999", "NaN", "true", "[1]", "{}"])
@pytest.mark.parametrize(
    "name", ["null_units", "null_mean", "null_high", "c", "d", "kind", "simulator", "sampled"]
)
def test_what_cant_be_a_score_of_the_first_edition_is_refused(notes, name, value):
    if (name, value) == ("sampled", "true"):
        return
    wrong = json.loads(json.dumps(FIRST[0] | {name: "PLACE"}).replace('"PLACE"', value))
    found, faults = with_scores(notes, [wrong])
    assert found == [] and len(faults) == 1 and "can't be" in faults[0]


@pytest.mark.parametrize(
    "score", [{}, {"kind": "correlation"}, {"measure": "correlation"}, FIRST[0] | {"more": 1}, 7, None]
)
def test_what_is_no_score_is_refused(notes, score):
    found, faults = with_scores(notes, [score])
    assert found == [] and len(faults) == 1
