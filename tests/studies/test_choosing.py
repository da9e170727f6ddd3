"""Which units catch and practice trials are about: plain ones, and never one that a task has a real trial about."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.store import Store

from .test_planning import keys_of, plan, real_of
from .written import write_store

COURSE = [
    "stimuli.units=20", "course.trials=8", "course.tasks=12", "course.catch=2", "course.practice_obvious=1",
    "course.practice_other=0", "checks.total_seconds=[0, 2500]", "checks.row_share=1",
]  # fmt: skip


@pytest.fixture
def planned(tmp_path):
    """planned(known, good=…, best=…): (plan, real units, other units) of a store of 60 units.

    known: 'observer', 'correlation' or None. good, best(real, others): the units with these scores.
    """
    values = {"only": np.random.default_rng(1).normal(size=(60, 60)).astype(np.float32)}
    with Store.open(write_store(tmp_path / "plain.duckdb", values)) as store:
        real = [u.unit for u in plan(store, *COURSE).units if u.use == "real"]
    others = [u for u in range(60) if u not in real]

    def make(known, good=(), *overrides, score=1.0):
        scores = np.linspace(0.6, 0.5, 60)
        scores[list(good(real, others))] = score
        path = write_store(
            tmp_path / f"{known}.duckdb", values, **({known: {"only": scores}} if known else {})
        )
        with Store.open(path) as store:
            made = plan(store, *COURSE, *overrides)
        assert [u.unit for u in made.units if u.use == "real"] == real  # whatever is known
        for task in made.tasks:
            keys = keys_of(made, task.main)
            assert len(set(keys)) == len(keys)  # no unit is both in one task
        return made, real, others

    return make


def part(plan, use):
    return [u.unit for u in plan.units if u.use == use]


def test_good_units_that_are_free_come_first(planned):
    made, _, others = planned("observer", lambda real, others: [*others[-8:], *real[:4]])
    assert part(made, "catch") == others[-8:][:6] and part(made, "practice") == [others[-2]]
    assert made.facts["notes"] == []


def test_then_good_ones_that_are_judged_too(planned):
    made, real, others = planned("observer", lambda real, others: [others[-1], *real[:3]])
    pool, stand_ins = part(made, "catch")[:4], part(made, "catch")[4:]
    assert pool == [others[-1], *sorted(real[:3])]
    uses = Counter(u for task in made.tasks for u in caught_in(made, task))
    assert sum(uses[u] for u in stand_ins) < sum(uses[u] for u in pool)  # only where the pool is too small
    for task in made.tasks:
        free = [u for u in pool if ("only", u) not in keys_of(made, real_of(made, task))]
        assert set(caught_in(made, task)) >= set(free) or set(caught_in(made, task)) <= set(free)
    assert any("3 of the 4 for course.catch have another part" in note for note in made.facts["notes"])


def caught_in(plan, task):
    return [
        plan.units[plan.trials[p.trial].unit].unit for p in task.main if plan.trials[p.trial].kind == "catch"
    ]


def test_others_only_as_far_as_a_task_needs_them(planned):
    made, real, others = planned("observer", lambda real, others: [others[-1]])
    best = min(u for u in range(60) if u != others[-1])  # scores fall with the number
    assert part(made, "catch")[:2] == [others[-1], best]
    notes = " ".join(made.facts["notes"])
    assert "Only 1 of the 2 units for course.catch are as plain" in notes
    assert "There are only 2 units for catch trials, and each task has 2" in notes
    assert part(made, "practice") == [others[-1]]  # rather a good unit twice
    assert "1 of the 1 for course.practice_obvious have another part" in notes


def test_a_score_just_below_is_not_good(planned):
    made, _, others = planned("observer", lambda real, others: others[-8:], score=0.949)
    assert part(made, "catch") == others[-8:-6]  # the best of those that are not
    assert any("Only 0 of the 2" in note for note in made.facts["notes"])


def test_without_an_observer_the_best_quarter_by_correlation(planned):
    made, real, others = planned("correlation", lambda real, others: [*others[:10], *real[:5]], score=0.8)
    assert part(made, "catch") == others[:6] and part(made, "practice") == [others[6]]
    assert made.facts["notes"] == []
    made, real, others = planned("correlation", lambda real, others: [*others[:2], *real[:13]], score=0.9)
    assert part(made, "catch")[:6] == [*others[:2], *sorted(real[:13])[:4]]


def test_where_nothing_is_known_it_is_said(planned):
    made, real, others = planned(None, lambda real, others: [])
    assert part(made, "catch") == others[:6] and part(made, "practice") == [others[6]]
    assert len(made.facts["notes"]) == 1 and "Neither a machine observer's scores" in made.facts["notes"][0]


def test_a_task_needs_other_units_for_catch_trials_than_for_real_ones(tmp_path):
    few = {"only": np.random.default_rng(0).normal(size=(12, 60)).astype(np.float32)}
    with Store.open(write_store(tmp_path / "few.duckdb", few)) as store:
        course = [
            "stimuli.units=12",
            "course.practice_obvious=1",
            "course.practice_other=1",
            "course.tasks=5",
        ]
        made = plan(store, *course, "course.trials=8", "course.catch=4")
        for task in made.tasks:
            assert len(set(keys_of(made, task.main))) == 12
        with pytest.raises(UserError, match="9 real and 4 catch trials.*lower course.trials or course.catch"):
            plan(store, *course, "course.trials=9", "course.catch=4")
