"""Exported tables: complete, in IMI's terms, and worth as much as the file they come from."""

from __future__ import annotations

import ast
import csv
import math
import statistics

import pandas as pd
import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.results.analysis import results
from lexplain_core.studies.results.export import (
    IMI_COLUMNS,
    OUR_COLUMNS,
    SESSION_COLUMNS,
    export_csv,
    export_responses,
    export_sessions,
    no_formulas,
)
from lexplain_core.studies.session.course import begin

from .conftest import make_plan, walk
from .damage import rewritten
from .imi_folder import COLUMNS


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """One who errs in places, one whose name and comment look like formulas, one who fails the practice, one
    under way."""
    plan = make_plan(tasks=4, trials=6, catch=5, rounds=2)
    with StudyFile.create(tmp_path_factory.mktemp("out") / "out.sqlite", plan) as study:
        walk(study, begin(study, "ann"), lambda phase, i: phase == "practice" or i % 4 > 0)
        walk(study, begin(study, "=1+1"), comment="=HYPERLINK(1)")
        walk(study, begin(study, "lost"), lambda phase, i: i > 0)
        walk(study, begin(study, "running"), steps=7)
        yield study


@pytest.fixture(scope="module")
def exported(study, tmp_path_factory):
    """The answers as a file, read as anyone would."""
    path = tmp_path_factory.mktemp("csv") / "answers.csv"
    shape = export_csv(study, path)
    found = pd.read_csv(path)
    assert found.shape == shape
    return found


def test_columns_are_imis_in_its_order_then_ours(exported):
    assert list(IMI_COLUMNS) == COLUMNS and len(COLUMNS) == 45
    assert list(exported.columns) == [*COLUMNS, *OUR_COLUMNS]
    assert not set(IMI_COLUMNS) & set(OUR_COLUMNS)
    assert all(
        text and text[-1] not in ".;" for text in (IMI_COLUMNS | OUR_COLUMNS | SESSION_COLUMNS).values()
    )


def test_every_answer_of_every_session_is_there(study, exported):
    assert len(exported) == len(study.responses()) == 2 * (2 + 11) + 2 * 2 + 5
    counts = exported.groupby("session").size()
    assert counts.to_dict() == study.responses().groupby("session_id").size().to_dict()
    assert exported.groupby("session").passed_checks.first().dropna().to_dict() == {
        1: False,
        2: True,
        3: False,
    }
    assert exported.passed_checks.isna().sum() == 5  # under way


def test_an_answer_in_imis_terms(study, exported):
    for row, r in zip(exported.to_dict("records"), study.responses().to_dict("records"), strict=True):
        practice, catch = r["phase"] == "practice", r["kind"] == "catch"
        assert row["rt"] == r["rt_ms"] and row["lock_ms"] == r["lock_ms"] and row["shown_times"] == 1
        assert row["switched_queries"] == (r["upper"] == "max")
        assert row["choice"] == {"min": "a", "max": "b"}[r["choice"]] and row["correct"] == (
            row["choice"] == "b"
        )
        # The button says it all.
        assert (row["button_pressed"] < 3) == (r["upper"] == r["choice"])
        assert row["confidence"] == row["button_pressed"] % 3 + 1
        assert (row["is_demo"], row["catch_trial"]) == (practice, catch)
        assert (row["phase"], row["kind"], row["trial"]) == (r["phase"], r["kind"], r["trial_id"])
        assert row["mode"] == ("catch_trial" if catch else "natural") and row["references"] == "natural"
        assert row["model"] == ("catch/net" if catch else "net") and row["layer"] == r["layer"]
        assert pd.isna(row["channel"]) if practice else row["channel"] == r["unit"]
        assert pd.isna(row["batch"]) if practice else row["batch"] == (-1 if catch else 0)
        assert (
            pd.isna(row["corrected_trial_index"])
            if practice
            else row["corrected_trial_index"] == r["position"]
        )
        assert row["task_id"] == f"net_natural-{r['task'].removeprefix('task-')}"
        assert row["task_number"] == int(r["task"].removeprefix("task-"))
        assert row["correlation"] == 0.5 and row["observer"] == 0.9 and row["method"] == "greedy"
    assert set(exported.trial_type) == {"2afc-image-confidence-response"}
    for _, rows in exported.groupby("session"):
        assert rows.trial_index.tolist() == list(range(len(rows)))
        assert rows.time_elapsed.is_monotonic_increasing and rows.time_elapsed.gt(0).all()


def test_images_are_named(study, exported):
    row = exported[exported.phase == "main"].iloc[0]
    images = study.trial_images(int(row.trial)).set_index(["pole", "place"]).key
    assert row.min_query == images["min", 9] and row.max_query == images["max", 9]
    assert ast.literal_eval(row.max_references) == [images["max", i] for i in range(9)]
    assert ast.literal_eval(row.min_references) == [images["min", i] for i in range(9)]


def test_checks_in_imis_terms(study, exported):
    values = study.checks().pivot(index="session_id", columns="name", values="value")
    verdicts = study.checks().pivot(index="session_id", columns="name", values="passed")
    columns = {"demo_trials": "practice_rounds", "catch_trials": "catch_right", "row_variability": "row_share",
               "total_response_time": "total_seconds", "instruction_time": "instructions_seconds"}  # fmt: skip
    for session in (1, 2):
        row = exported[exported.session == session].iloc[0]
        told = {name: ast.literal_eval(row[f"{name}_details"]) for name in columns}
        assert told["demo_trials"] == {"n_demo_trials_blocks": 1} and row.demo_trials_details_extracted == 1
        assert told["catch_trials"]["ratio"] == values.catch_right[session]
        main = exported[(exported.session == session) & exported.catch_trial]
        assert told["catch_trials"]["correctly_answered"] == main.correct.tolist()
        upper, lower = told["row_variability"]["n_upper_row"], told["row_variability"]["n_lower_row"]
        assert upper + lower == 11 and math.isnan(values.row_share[session])  # too few trials for this check
        assert row.row_variability_details_details_upper_extracted == upper
        assert told["total_response_time"]["total_time"] == pytest.approx(values.total_seconds[session])
        for imi, ours in columns.items():
            assert row[f"{imi}_result"] == verdicts[ours][session]
        assert row.multi_participation == False  # noqa: E712 - a NumPy bool


def test_the_export_gives_the_same_proportions(study, exported):
    found = results(study, resamples=100)
    real = exported[(exported.passed == True) & ~exported.is_demo & ~exported.catch_trial]  # noqa: E712
    each = real.groupby(["layer", "channel"]).correct.mean()
    assert found.models["mean"].item() == pytest.approx(statistics.fmean(each))
    ours = found.units.set_index(["layer", "unit"]).proportion
    assert {k: float(v) for k, v in each.items()} == pytest.approx({k: float(v) for k, v in ours.items()})


def test_sessions(study, tmp_path):
    frame = export_sessions(study)
    assert list(frame.columns) == list(SESSION_COLUMNS)
    assert frame.outcome.tolist() == ["completed", "completed", "failed practice", "running"]
    assert frame.answers.tolist() == [13, 13, 4, 5]
    assert frame.passed.tolist()[:3] == [False, True, False] and pd.isna(frame.passed[3])
    assert frame.catch_right.tolist()[:2] == [
        frame.catch_right[0], 1.0,
    ] and not frame.catch_right_passed[0]  # fmt: skip
    assert frame.practice_rounds.tolist()[:3] == [1, 1, 2] and not frame.practice_rounds_passed[2]
    assert frame.code[0] and pd.isna(frame.code[3])
    assert export_csv(study, tmp_path / "sessions.csv", sessions=True) == frame.shape
    read = pd.read_csv(tmp_path / "sessions.csv")
    assert list(read.columns) == list(SESSION_COLUMNS) and len(read) == 4


def test_no_spreadsheet_computes_what_people_typed(study, tmp_path):
    answers, sessions = tmp_path / "answers.csv", tmp_path / "sessions.csv"
    export_csv(study, answers)
    export_csv(study, sessions, sessions=True)
    for path in (answers, sessions):
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert "'=1+1" in cells and not any(cell.startswith(("=", "+", "@")) for cell in cells)
    assert "'=HYPERLINK(1)" in sessions.read_text("utf-8") and "HYPERLINK" not in answers.read_text("utf-8")


def test_nor_what_a_foreign_file_says(tmp_path):
    """Names of layers, models, tasks and images come from whoever made the study."""
    with StudyFile.create(tmp_path / "a.sqlite", make_plan(tasks=1)) as study:
        walk(study, begin(study, "-2+3"))
    with rewritten(tmp_path / "a.sqlite") as con:
        con.execute("UPDATE units SET layer = '=1+1', model = '+net', name = '@name', method = '-m'")
        con.execute("UPDATE tasks SET name = '=2+2', model = '@net'")
        con.execute("UPDATE pictures SET key = '=3+3'")
    with StudyFile.open(tmp_path / "a.sqlite") as study:
        for sessions in (False, True):
            path = tmp_path / f"{sessions}.csv"
            export_csv(study, path, sessions)
            with path.open(encoding="utf-8", newline="") as file:
                cells = [cell for row in csv.reader(file) for cell in row]
            assert not [c for c in cells if c.startswith(("=", "+", "@", "\t", "\r"))]
            assert not [c for c in cells if c.startswith("-") and not c[1:].replace(".", "").isdigit()]
            assert {"'=2+2", "'-2+3"} <= set(cells)
    tables = no_formulas(
        pd.DataFrame({"=a": ["=1", None, "b"], "n": [-1.0, 2.0, 3.0], "t": [True, False, None]})
    )
    assert tables["=a"].fillna("").tolist() == ["'=1", "", "b"] and tables.n.tolist() == [-1, 2, 3]
    assert tables.t.tolist() == [True, False, None]


def test_an_empty_study_has_all_columns(tmp_path):
    with StudyFile.create(tmp_path / "new.sqlite", make_plan()) as study:
        assert list(export_responses(study).columns) == [*IMI_COLUMNS, *OUR_COLUMNS]
        assert list(export_sessions(study).columns) == list(SESSION_COLUMNS)
        assert export_responses(study).empty and export_sessions(study).empty
        with pytest.raises(UserError, match="can't be written"):
            export_csv(study, tmp_path / "nowhere" / "a.csv")
