"""What people have made of a store's units, over all studies of it."""

from __future__ import annotations

import pytest

from lexplain_core.base.intervals import wilson
from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.results.humans import human_scores
from lexplain_core.studies.session.course import begin

from .conftest import make_plan, walk
from .damage import damage, rewritten


def study(folder, name, people, right=lambda phase, i: True, of="abc", kind="study"):
    """A study of the store `of` that people went through."""
    plan = make_plan(tasks=4, name=name)
    plan.facts["store"]["id"] = of
    path = folder / f"{name}.sqlite"
    with StudyFile.create(path, plan) as made:
        for person in people:
            walk(made, begin(made, person), right)
    with rewritten(path) as con:
        con.execute("UPDATE meta SET value = json_quote(?) WHERE key = 'kind'", [kind])
    return path


def test_answers_of_all_studies_of_a_store_are_added(tmp_path):
    study(tmp_path, "one", ["a", "b"])
    study(tmp_path, "two", ["c"])
    study(tmp_path, "elsewhere", ["d"], of="xyz")
    study(tmp_path, "imported", ["e"], kind="imported")
    study(tmp_path, "failed", ["f"], right=lambda phase, i: phase != "practice")
    found = human_scores("abc", tmp_path)
    assert found[["layer", "unit"]].values.tolist() == [
        ["layer0", 0],
        ["layer0", 2],
        ["layer1", 1],
        ["layer1", 3],
    ]
    assert set(found["answers"]) == {3} and set(found["right"]) == {3} and set(found["human"]) == {1.0}
    assert set(found["studies"]) == {2}
    assert [found[end].iloc[0] for end in ("low", "high")] == pytest.approx([float(x) for x in wilson(3, 3)])
    assert human_scores("nobody", tmp_path).empty
    assert list(human_scores("nobody", tmp_path)) == list(found)


@pytest.mark.parametrize("table", ["responses", "sessions", "units", "checks"])
def test_a_damaged_study_spoils_nothing_but_itself(tmp_path, table):
    study(tmp_path, "whole", ["a"])
    alone = human_scores("abc", tmp_path)
    damage(study(tmp_path, "damaged", ["b"]), table)
    (tmp_path / "text.sqlite").write_text("just notes")
    assert human_scores("abc", tmp_path).equals(alone)
