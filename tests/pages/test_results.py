"""The Results page's numbers are those of the analysis; thresholds move them; foreign words stay words."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.results.analysis import results
from lexplain_core.views.results import (
    as_bars,
    association_words,
    mean_of,
    models_words,
    status,
    units_words,
)
from lexplain_core.views.study import as_points, chosen_condition
from lexplain_core.views.tables import file_name
from pages.results import answers, people
from pages.ui import humans, links, shell, studies
from tests.studies.conftest import make_plan
from tests.studies.damage import damage, rewritten
from tests.studies.observers import Clock, Observer

ROOT = Path(__file__).resolve().parents[2]
NASTY = "![x](https://elsewhere.example/p.png) **b** :dog:"


@pytest.fixture
def made(tmp_path):
    """A study that six people took: four of known ability, one who read little, one who always took the upper row."""
    path = tmp_path / "small.sqlite"
    plan = make_plan(tasks=8, trials=8, catch=1, practice=1, overrides=["checks.instructions_seconds=15"])
    with StudyFile.create(path, plan) as study:
        study.clock = Clock(time.time() - 10_000)
        for i in range(4):
            Observer(0.75, seed=i).take(study, f"P{i}")
        Observer(0.9, seed=8, reading=4.0).take(study, "hasty")
        Observer(0.5, seed=9).take(study, "left", answers=3)
    return path


def test_the_page_computes_what_the_analysis_computes(made):
    found = studies.analysed(links.Results(), studies.read(made))
    with StudyFile.open(made) as study:
        wanted = results(study)
    for name in (
        "responses",
        "units",
        "models",
        "difficulty",
        "depth",
        "times",
        "correlations",
        "layers",
        "confidence",
    ):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(wanted, name))
    pd.testing.assert_frame_equal(found.exclusions.sessions, wanted.exclusions.sessions)
    condition = chosen_condition(found, "")
    pd.testing.assert_frame_equal(found.layers_of(condition[0], condition[2]), wanted.layers)
    pd.testing.assert_frame_equal(found.confidence_of(condition), wanted.confidence)


def test_bars_say_the_interval_that_was_asked_for(made):
    found = studies.analysed(links.Results(), studies.read(made))
    for over, ends in (("units", ("low", "high")), ("people", ("cluster_low", "cluster_high"))):
        bars = as_bars(found.models, over, ["model", "difficulty"])
        assert bars["group"].tolist() == ["net · easy"] and bars["series"].tolist() == ["natural references"]
        for name, column in (("mean", "mean"), ("low", ends[0]), ("high", ends[1]), ("n", "responses")):
            assert bars[name].iloc[0] == found.models[column].iloc[0]


def test_moving_a_threshold_changes_who_counts_and_what_comes_out(made):
    study = studies.read(made)
    own = studies.analysed(links.Results(), study)
    assert own.models["participants"].iloc[0] == 4
    assert own.exclusions.sessions.query("not passed")["failed"].tolist() == ["instructions_seconds"]
    view = links.Results(reading=3.0)
    moved = studies.analysed(view, study)
    assert studies.moved(view) and not studies.moved(links.Results())
    assert moved.models["participants"].iloc[0] == 5
    assert moved.models["responses"].iloc[0] == own.models["responses"].iloc[0] + 8
    assert studies.analysed(links.Results(catch=1.0, least=10_000.0, most=20_000.0), study).responses.empty
    with StudyFile.open(made) as file:  # the study keeps its own
        assert file.settings.checks.instructions_seconds == 15
        wanted = results(file, studies.thresholds(view, study))
    pd.testing.assert_frame_equal(moved.models, wanted.models)


def test_least_seconds_above_most_leave_nobody_out_by_mistake(made):
    limits = studies.thresholds(links.Results(least=9000.0), studies.read(made))
    assert limits.total_seconds == (9000.0, 9000.0)


def test_an_answer_makes_the_page_read_again(made):
    before = studies.read(made)
    assert studies.read(made) is before
    with StudyFile.open(made) as study:
        study.clock = Clock(time.time())
        Observer(1.0, seed=3).take(study, "another", answers=2)
        during = studies.read(made)
    assert len(during.responses()) == len(before.responses()) + 2
    assert len(studies.read(made).sessions()) == len(before.sessions()) + 1


def test_the_status_counts_tasks_people_and_minutes(made):
    study = studies.read(made)
    words = status(study)
    assert "8 tasks: **4 done** (all checks passed), 0 running, 4 free" in words
    total = len(study.responses())
    assert f"{total} responses by 6 people (5 of 6 sessions finished)" in words
    seconds = study.checks().query("name == 'total_seconds'")["value"]
    assert f"{seconds.median() / 60:.1f} minutes (median)" in words


def test_words_of_a_foreign_study_are_no_markdown(made):
    with rewritten(made) as con:
        con.execute("UPDATE meta SET value = ? WHERE key = 'name'", [f'"{NASTY}"'])
        con.execute("UPDATE units SET model = ?, layer = ?", [NASTY, NASTY])
        con.execute("UPDATE tasks SET model = ?", [NASTY])
    study = studies.read(made)
    assert study.name == NASTY
    found = studies.analysed(links.Results(), study)
    for words in (status(study), models_words(found.models, "units")):
        assert "elsewhere" in words and "![x]" not in words and "**b**" not in words and ":dog:" not in words


def test_a_mean_says_over_how_many_units_it_is(tmp_path):
    path = tmp_path / "begun.sqlite"
    plan = make_plan(tasks=1, trials=6, catch=0, practice=0, overrides=["checks.row_share=1"])
    plan = replace(plan, tasks=tuple(replace(task, main=task.main[:3]) for task in plan.tasks))
    with StudyFile.create(path, plan) as study:
        study.clock = Clock()
        Observer(0.9).take(study, "P")
    read = studies.read(path)
    asked = read.trials().query("kind == 'real'").unit_id.nunique()
    found = studies.analysed(links.Results(), read)
    over = f"over 3 of {asked} units; {asked - 3} without an answer that counts"
    assert asked > 3 and over in models_words(found.models, "units")
    assert over in units_words(as_points(found.units), mean_of(found.models.iloc[0]))


def test_one_unit_has_no_interval_and_says_why(tmp_path):
    path = tmp_path / "one.sqlite"
    with StudyFile.create(
        path, make_plan(tasks=1, trials=1, catch=0, practice=0, overrides=["checks.row_share=1"])
    ) as study:
        study.clock = Clock()
        Observer(1.0).take(study, "P")
    found = studies.analysed(links.Results(), studies.read(path))
    assert np.isnan(found.models["low"].iloc[0])
    assert "needs two" in found.models["note"].iloc[0]
    assert "no interval" in models_words(found.models, "units")
    assert "No correlation" in association_words(found.correlations.iloc[0])


def test_reloaded_trials_are_told_and_left_out_of_the_times(made, monkeypatch):
    with rewritten(made) as con:
        con.execute("UPDATE responses SET shown_times = 2, rt_ms = 1 WHERE phase = 'main' AND position < 2")
    study = studies.read(made)
    found = studies.analysed(links.Results(), study)
    said, charts = [], []
    monkeypatch.setattr(answers, "st", SimpleNamespace(subheader=lambda *_, **__: None, markdown=said.append))
    monkeypatch.setattr(
        answers, "shell",
        SimpleNamespace(theme=shell.theme, chart=lambda figure, *_: charts.append(figure), csv_button=lambda *_: None,
                        file_name=file_name),
    )  # fmt: skip
    answers._times(study, found, chosen_condition(found, ""))
    again = int((found.responses["shown_times"] > 1).sum())
    assert again > 1 and f"{again} answers to trials whose page was loaded again are left out" in said[0]
    assert f"median of {len(found.responses) - again} answers" in said[0]
    assert found.times["reloaded"].iloc[0] == again and found.times["q05"].iloc[0] > 1


def test_a_damaged_study_leaves_the_overview_as_it_is(made, tmp_path, monkeypatch):
    monkeypatch.setenv("LEXPLAIN_STUDIES", str(tmp_path))
    whole = humans.people("abc")
    assert (whole["layer"] == "layer0").any() and (whole["answers"] > 0).all()
    damage(StudyFile.create(tmp_path / "broken.sqlite", make_plan()).path)
    pd.testing.assert_frame_equal(humans.people("abc"), whole)


def test_addresses_need_no_statistics():
    code = "import sys, pages.ui.links; assert not {'scipy', 'lexplain_core.studies.results.analysis'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_thresholds_are_in_the_address_where_they_differ():
    assert replace(links.Results(catch=0.5), **people._moved("catch", 0.8, 0.6)) == links.Results(catch=0.6)
    own = people._moved("rounds", 3, 3)
    assert replace(links.Results(rounds=2), **own) == links.Results()
