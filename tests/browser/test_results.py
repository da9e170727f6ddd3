"""Results: the figures are the analysis's, thresholds move them, a study is made on the page, and nothing is foreign."""

from __future__ import annotations

import json
import shutil
import time

import pytest
from playwright.sync_api import expect

from lexplain_core.base.numbers import percent
from lexplain_core.config.study import load_settings
from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.plan.making import new_study
from lexplain_core.studies.results.analysis import results
from lexplain_core.views.results import mean_of
from tests.studies.damage import rewritten
from tests.studies.observers import Clock, Observer

from .conftest import serving
from .helpers import charts, click_point, downloaded, heading, parameters, pick, settle, wait_for_parameters

NASTY = "![x](https://elsewhere.example/p.png) **b** :dog: $a$"
SMALL = ["stimuli.images=stored", "stimuli.units=12", "course.trials=8", "course.catch=2"]


@pytest.fixture(scope="module")
def folder(demo_store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    shutil.copy(demo_store, folder / "demo.duckdb")
    return folder


@pytest.fixture(scope="module")
def study(folder):
    """The file of a study of the demo store: five people, one of whom read little, and one who left."""
    settings = load_settings(None, [*SMALL, "course.tasks=8", 'stimuli.difficulty=["easy", "hard"]'])
    path = new_study(folder / "demo.duckdb", "people", settings, folder / "studies")
    with StudyFile.open(path) as study:
        study.clock = Clock(time.time() - 10_000)
        for i in range(4):
            Observer(0.8, seed=i, seconds=12).take(study, f"P{i}")
        Observer(0.8, seed=8, seconds=12, reading=4.0, comment=NASTY).take(study, "hasty")
        Observer(0.5, seed=9).take(study, "left", answers=7)
    return path


@pytest.fixture(scope="module")
def site(folder, study):
    with serving(folder) as address:
        yield address


@pytest.fixture(scope="module")
def wanted(study):
    with StudyFile.open(study) as file:
        return results(file)


def shown(page, text: str) -> None:
    expect(page.locator("[data-testid=stMain]")).to_contain_text(text, timeout=60_000)
    settle(page)


def test_the_overview_is_the_analysis(visit, site, wanted):
    page = visit(f"{site}/results?study=people")
    easy, hard = wanted.models.itertuples()
    for row in (easy, hard):
        shown(
            page,
            f"{row.model} · natural · {row.difficulty}: {percent(row.mean)} right on average, 95% "
            f"interval {percent(row.low)} to {percent(row.high)}, over {mean_of(row._asdict())}. {row.responses} answers by {row.participants} people",
        )
    shown(page, "8 tasks: 4 done (all checks passed), 0 running, 4 free")
    shown(page, "from 4 of 5 finished sessions; 1 left out by the checks")
    rows = downloaded(page, "Models as CSV")
    for column in ("mean", "low", "high", "cluster_low", "cluster_high"):
        assert [float(row[column]) for row in rows] == pytest.approx(wanted.models[column].tolist())
    page.get_by_role("radio", name="people and units").click()
    wait_for_parameters(page, over="people")
    shown(page, f"95% interval {percent(easy.cluster_low)} to {percent(easy.cluster_high)}")


def test_moving_a_threshold_moves_the_figures(visit, site, study, wanted):
    page = visit(f"{site}/results?study=people&show=people")
    shown(page, "from 4 of 5 finished sessions")
    field = page.get_by_role("spinbutton", name="Seconds on instructions, at least")
    field.fill("3")
    field.press("Enter")
    wait_for_parameters(page, reading="3")
    shown(page, "from 5 of 5 finished sessions.")
    page.get_by_role("radio", name="Overview").click()
    with StudyFile.open(study) as file:
        moved = results(
            file, file.settings.checks.model_copy(update={"instructions_seconds": 3.0})
        ).models.iloc[0]
    assert moved["participants"] == 5 != wanted.models["participants"].iloc[0]
    shown(page, f"{percent(moved['mean'])} right on average, ")
    shown(page, f"over {mean_of(moved)}. ")
    shown(page, f"{moved['responses']} answers by 5 people")
    page.get_by_role("button", name="The study’s own thresholds").click()
    shown(page, "from 4 of 5 finished sessions")
    assert "reading" not in parameters(page)


def test_units_open_and_every_tab_shows_its_numbers(visit, site, store, wanted):
    page = visit(f"{site}/results?study=people&show=units")
    shown(page, "Click a unit to open it.")
    condition = wanted.models.iloc[0]
    units = wanted.units[wanted.units["difficulty"] == condition["difficulty"]]
    (chart,) = charts(page)
    assert sorted(y for trace in chart["data"] for y in trace["y"]) == pytest.approx(
        sorted(units["proportion"])
    )
    rows = downloaded(page, "Units as CSV")
    assert [float(row["proportion"]) for row in rows] == pytest.approx(wanted.units["proportion"].tolist())
    layer, unit, _ = click_point(page, "unit-dots")
    heading(page, layer, unit)
    assert parameters(page)["store"] == store.id
    page.goto(f"{site}/results?study=people&show=answers")
    shown(page, "hard less easy")
    confidence = downloaded(page, "Confidence as CSV")
    assert [int(row["responses"]) for row in confidence] == wanted.confidence["responses"].tolist()
    page.goto(f"{site}/results?study=people&show=scores&against=correlation")
    found = wanted.correlations[
        (wanted.correlations["difficulty"] == condition["difficulty"])
        & (wanted.correlations["score"] == "correlation")
    ].iloc[0]
    shown(page, f"n = {found['n']} units")


def test_a_code_is_verified_and_rows_are_exported(visit, site, study):
    with StudyFile.open(study) as file:
        session = file.sessions().query("pid == 'P2'").iloc[0]
        answers = file.responses()
    page = visit(f"{site}/results?study=people&show=people")
    shown(page, "Completion code")
    field = page.get_by_role("textbox", name="Whose code is this?")
    field.fill(session["code"].lower())
    field.press("Enter")
    shown(page, f"P2, task {session['task']}: completed on")
    field.fill("ABCD-0000")
    field.press("Enter")
    shown(page, "Nobody in this study has the code “ABCD-0000”.")
    rows = downloaded(page, "Answers as CSV")
    assert len(rows) == len(answers)
    assert [int(row["button_pressed"]) for row in rows] == answers["button"].tolist()


def test_answers_that_come_in_are_seen(visit, site, study):
    page = visit(f"{site}/results?study=people")
    with StudyFile.open(study) as file:
        count = len(file.responses())
        shown(page, f"{count} responses by 6 people")
        file.clock = Clock(time.time())
        Observer(0.9, seed=30).take(file, "late", answers=2)
        shown(page, f"{count + 2} responses by 7 people")  # by itself, while the file is open
        shown(page, "1 running")


def test_a_study_is_made_on_the_page(visit, site, folder):
    page = visit(f"{site}/results?show=new")
    shown(page, "A new study")
    page.get_by_role("button", name="Make the study").click()
    shown(page, "A study needs a name.")
    page.get_by_role("textbox", name="Name").fill("../bad name")
    page.get_by_role("button", name="Make the study").click()
    shown(page, "letters")
    for label, value in (("Units", 9), ("Tasks", 3), ("Trials per task", 6), ("Catch trials per task", 1)):
        field = page.get_by_role("spinbutton", name=label, exact=True)
        field.fill(str(value))
        field.press("Tab")
    page.get_by_role("textbox", name="Name").fill("made-here")
    pick(page, "Images", 1)
    page.get_by_role("button", name="Make the study").click()
    shown(page, "The study made-here is made.")
    shown(page, "python -m lexplain_core serve --study made-here --preview")
    wait_for_parameters(page, study="made-here", show="new")
    with StudyFile.open(folder / "studies" / "made-here.sqlite") as file:
        assert len(file.tasks()) == 3 and (file.units()["use"] == "real").sum() == 9
        assert file.settings.course.trials == 6 and file.settings.stimuli.images == "stored"
    page.get_by_role("radio", name="Overview").click()
    shown(page, "Nobody has answered yet.")
    page.get_by_role("radio", name="New study").click()
    page.get_by_role("textbox", name="Name").fill("made-here")
    page.get_by_role("button", name="Make the study").click()
    shown(page, "already")


def test_a_foreign_study_is_no_markdown(visit, site, study, folder):
    path = folder / "studies" / "**b**-foreign.sqlite"
    with StudyFile.open(study):
        shutil.copy(study, path)
    with rewritten(path) as con:
        con.execute("PRAGMA journal_mode = DELETE")
        con.execute("UPDATE meta SET value = ? WHERE key = 'name'", [json.dumps(NASTY)])
        con.execute("UPDATE units SET model = ?, layer = ?, name = ?, explanation = ?", [NASTY] * 4)
        con.execute("UPDATE tasks SET model = ?, name = name || ?", [NASTY, NASTY])
        (facts,) = con.execute("SELECT value FROM meta WHERE key = 'facts'").fetchone()
        facts = json.loads(facts) | {"store": {"id": "elsewhere", "name": NASTY, "path": NASTY}}
        con.execute("UPDATE meta SET value = ? WHERE key = 'facts'", [json.dumps(facts)])
    (folder / "studies" / "![y](http:)broken.sqlite").write_text("no study")
    page = visit(f"{site}/results?study=**b**-foreign")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for part in ("overview", "units", "answers", "scores", "people", "new"):
        page.goto(f"{site}/results?study=**b**-foreign&show={part}")
        shown(page, NASTY)
        main = page.locator("[data-testid=stMain]")
        for what in ("img", ".katex", "del", "a[href*=elsewhere]", "strong:text-is('b')"):
            assert main.locator(f"[data-testid=stMarkdownContainer] {what}").count() == 0, (part, what)
        assert "\\" not in main.inner_text()
    page.goto(f"{site}/results?study={NASTY}")
    expect(page.get_by_role("alert").filter(has_text=f"There is no study “{NASTY}”")).to_be_visible()
    settle(page)
    assert not [url for url in asked if not url.startswith((site, "data:", "blob:"))]


def test_trying_writes_nothing(visit, site, folder, study):
    def files():
        every = [path for path in folder.rglob("*") if path.is_file() and path.name != "server.log"]
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in every}

    before = files()
    page = visit(f"{site}/try_it?count=1")
    shown(page, "Nothing that you do here is recorded.")
    page.get_by_role("button", name="Lower image, confidence 3 of 3").click()
    shown(page, "you chose the lower image (very sure)")
    page.get_by_role("button", name="Continue").click()
    shown(page, "of 1 right")
    assert files() == before
