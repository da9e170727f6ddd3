"""Participant mode without a browser: who is let in, what is imported, what a message from the browser may hold."""

from __future__ import annotations

import subprocess
import sys

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.session.course import begin
from lexplain_core.views.trial_screen import filled
from pages.participant import look
from pages.participant import page as participant
from tests.conftest import ROOT
from tests.studies.conftest import make_plan, walk


@pytest.fixture
def visit(monkeypatch):
    """Opens the app with a command line, at an address; the study is opened anew in every test."""

    def run(*arguments: str, **query: str) -> AppTest:
        monkeypatch.setattr(sys, "argv", ["app.py", *arguments])
        app = AppTest.from_file(str(ROOT / "pages/main.py"), default_timeout=30)
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    before = config.get_option("client.showErrorDetails")
    participant._study.clear()
    yield run
    participant._study.clear()
    config.set_option("client.showErrorDetails", before)


@pytest.fixture
def path(tmp_path):
    with StudyFile.create(tmp_path / "small.sqlite", make_plan(tasks=1)) as study:
        return study.path


def said(app: AppTest) -> str:
    assert not app.exception
    return "\n".join(e.value for kind in (app.title, app.markdown, app.text) for e in kind)


def test_consent_comes_first_and_records_nothing(visit, path):
    app = visit("--study", str(path), pid="ann")
    assert "voluntary" in said(app) and [b.label for b in app.button] == ["I agree and want to take part"]
    with StudyFile.open(path) as study:
        assert study.sessions().empty
    assert config.get_option("client.showErrorDetails") == "none"


def test_agreeing_makes_a_session_and_its_token_takes_the_place_of_the_name(visit, path):
    app = visit("--study", str(path), pid="ann")
    app.button[0].click().run()
    assert "How it works" in said(app)
    token = str(app.query_params["t"])
    assert set(app.query_params) == {"t"}
    with StudyFile.open(path) as study:
        assert study.sessions().participant.tolist() == ["ann"]
    assert "How it works" in said(visit("--study", str(path), t=token))
    assert token.encode() not in b"".join(p.read_bytes() for p in path.parent.iterdir())


def test_a_name_alone_opens_nobody_s_session_and_shows_no_code(visit, path):
    with StudyFile.open(path) as study:
        course = begin(study, "ann")
        [key], [other] = study.keys(["ann"]), study.keys(["bob"])
        for steps in (0, 3, 100):  # at the instructions, in a trial, at the end
            walk(study, course, steps=steps)
            elsewhere = visit("--study", str(path), pid=" ann ")
            words = said(elsewhere)
            assert "Begun already" in words and study.settings.texts.begun in words
            assert not elsewhere.button and not elsewhere.code and "t" not in elsewhere.query_params
            wrong = visit("--study", str(path), pid="ann", key=other)
            assert "This link doesn't work" in said(wrong) and not wrong.code
        code = course.screen().code
    mine = visit("--study", str(path), pid="ann", key=key)  # the link that was handed out
    assert "You have taken part" in said(mine) and [c.value for c in mine.code] == [code]
    with StudyFile.open(path) as study:
        assert len(study.sessions()) == 1


def test_a_signed_link_begins_and_leads_back(visit, path):
    with StudyFile.open(path) as study:
        [key] = study.keys(["ann"])
    first = visit("--study", str(path), pid="ann", key=key)
    assert "voluntary" in said(first)
    first.button[0].click().run()
    assert set(first.query_params) == {"t"}
    again = visit("--study", str(path), pid="ann", key=key)
    assert "How it works" in said(again)
    with StudyFile.open(path) as study:
        assert study.sessions().participant.tolist() == ["ann"]


@pytest.mark.parametrize("who", ["required", "invited", "optional"])
def test_a_placeholder_is_nobody_s_name(visit, tmp_path, who):
    path = StudyFile.create(tmp_path / "small.sqlite", make_plan(overrides=[f"course.pid={who}"])).path
    for pid in ("{{%PROLIFIC_PID%}}", "${e://Field/PID}", "[ID]", "undefined"):
        refused = visit("--study", str(path), pid=pid)
        assert "wasn't filled in" in said(refused) and not refused.button and pid not in said(refused)


def test_whoever_cannot_take_part_reads_why(visit, path):
    assert "This link is incomplete" in said(visit("--study", str(path)))
    assert "This link doesn't work" in said(visit("--study", str(path), t="nobody's"))
    with StudyFile.open(path) as study:
        begin(study, "ann")
    assert "No places left" in said(visit("--study", str(path), pid="bob"))


def test_only_those_who_are_invited_see_the_consent_page(visit, tmp_path):
    plan = make_plan(overrides=["course.pid=invited", "texts.labels.not_invited=Nur mit Einladung"])
    with StudyFile.create(tmp_path / "small.sqlite", plan) as study:
        study.invite(["ann"])
    refused = visit("--study", str(study.path), pid="bob")
    assert "Nur mit Einladung" in said(refused) and study.settings.texts.not_invited in said(refused)
    assert not refused.button
    assert "voluntary" in said(visit("--study", str(study.path), pid="ann"))


def test_a_damaged_study_shows_a_calm_sentence(visit, path, monkeypatch, caplog):
    visit("--study", str(path), pid="ann")  # the study is open
    with StudyFile.open(path) as study, study.writing() as con:
        con.execute("DROP TABLE sessions")
    app = visit("--study", str(path), pid="ann")
    assert "Something went wrong" in said(app) and str(path) not in said(app)
    assert f"The study {path} can't be read or written" in caplog.text


def test_labels_are_filled_without_tripping_over_other_braces():
    assert filled("{number} von {of}", number=1, of=5) == "1 von 5"
    assert filled("{what} {number} {", number=1, of=5) == "{what} 1 {"


def test_what_is_said_when_the_connection_is_lost_cannot_leave_its_style():
    css = look.style('Weg! "</style><script>')
    assert css.count("</style>") == 1 and "<script" not in css and "OFFLINE" not in css


def test_a_study_that_cannot_be_opened_is_one_calm_sentence(visit, tmp_path, caplog):
    app = visit("--study", str(tmp_path / "none.sqlite"))
    assert "This study isn't open" in said(app) and str(tmp_path) not in said(app)
    assert f"There is no study {tmp_path / 'none.sqlite'}" in caplog.text
    assert f"There is no study {tmp_path / 'none.sqlite'}" in said(
        visit("--study", str(tmp_path / "none.sqlite"), "--preview")
    )
    (tmp_path / "junk.sqlite").write_bytes(b"x" * 5000)
    assert "This study isn't open" in said(visit("--study", str(tmp_path / "junk.sqlite")))
    visit("--study")
    assert "wants the name of a study" in caplog.text


def test_a_failure_shows_no_details(visit, path, monkeypatch, caplog):
    def fails(*_):
        raise RuntimeError("a secret path")

    monkeypatch.setattr(participant, "admit", fails)
    app = visit("--study", str(path), pid="ann")
    assert "Something went wrong" in said(app) and "secret" not in said(app)
    assert "a secret path" in caplog.text


def test_a_preview_needs_no_name_and_says_that_it_is_one(visit, path):
    before = path.read_bytes()
    app = visit("--study", str(path), "--preview")
    assert any("Preview: nothing is recorded" in html.proto.body for html in app.get("html"))
    app.button[0].click().run()
    assert "How it works" in said(app)
    assert path.read_bytes() == before


def test_participants_wait_for_no_heavy_imports(path):
    code = (
        "import sys\n"
        f"sys.argv = ['app.py', '--study', {str(path)!r}]\n"
        "from streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file('pages/main.py', default_timeout=30)\n"
        "app.query_params['pid'] = 'ann'\n"
        "app.run()\n"
        "assert app.title[0].value == 'Which image matches?', app\n"
        "heavy = {'torch', 'torchvision', 'timm', 'open_clip', 'scipy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
