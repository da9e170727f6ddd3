"""A dashboard that others reach only shows: what writes is off, says so, and is refused where it is done."""

from __future__ import annotations

import ast
import shutil
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

from lexplain_core import Store
from lexplain_core.base import writing
from lexplain_core.base.errors import UserError
from lexplain_core.config.study import load_settings
from lexplain_core.notes import Notes
from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.plan.making import new_study
from lexplain_core.studies.session.course import begin
from pages.ui import access, look, star
from pages.ui.text import message
from tests.conftest import ROOT
from tests.studies.conftest import make_plan

from .helpers import at_page

_OPTIONS = ("server.address", "client.showErrorDetails")


@pytest.fixture(autouse=True)
def as_before(monkeypatch) -> Iterator[None]:
    """Options of the server and the ban on writing last for a whole process."""
    before = {name: config.get_option(name) for name in _OPTIONS}
    for name in ("LEXPLAIN_READONLY", "LEXPLAIN_LIVE"):
        monkeypatch.delenv(name, raising=False)
    yield
    writing.forbid(None)
    for name, value in before.items():
        config.set_option(name, value)


@pytest.fixture(scope="module")
def noted(demo_store, tmp_path_factory):
    """A store with notes of every kind: a list with a remark, a hidden image, kept words."""
    path = tmp_path_factory.mktemp("noted") / "demo.duckdb"
    shutil.copy(demo_store, path)
    with Store.open(path) as store:
        notes = Notes.of(store)
        notes.star("Mine", "planted", 0, "a remark")
        notes.hide(store.images([5])["key"].iloc[0], store.images([6])["key"].iloc[0])
    return path


@pytest.fixture
def visit(noted, monkeypatch):
    """Opens a page of the dashboard; the stores are those of a folder."""

    def run(page: str, **query) -> AppTest:
        monkeypatch.setenv("LEXPLAIN_STORES", str(noted.parent))
        monkeypatch.setattr(sys, "argv", ["app.py"])
        app = AppTest.from_file(str(ROOT / "pages/main.py"), default_timeout=60)
        with Store.open(noted) as store:
            app.query_params["store"] = store.id
        app.run()
        for name, value in query.items():
            app.query_params[name] = str(value)
        return at_page(app, page).run()

    return run


def controls(app: AppTest) -> dict[str, tuple[bool, str]]:
    """Label -> (disabled, help) of all buttons, fields and menus of a page."""
    found: dict[str, tuple[bool, str]] = {}

    def walk(block) -> None:
        for child in getattr(block, "children", {}).values():
            own = (
                child.proto.popover
                if getattr(child, "type", "") == "popover"
                else getattr(child, "proto", None)
            )
            if label := getattr(own, "label", ""):
                found[label] = (bool(getattr(own, "disabled", False)), getattr(own, "help", ""))
            walk(child)

    walk(app._tree)
    return found


WRITERS = {  # page: its address, and what writes there by its label; with … what it begins with
    "overview": ({"starred": "Mine", "units": "planted:0,planted:1"}, ["Name of the list", "Delete the list", "Bring a list…", "Keep it", "Onto a list", "Bring back", "Bring all back"]),
    "neuron": ({"layer": "planted", "unit": 0}, ["☆ Star…", "★ Starred…", "Lists and remark", "Hide an image"]),
    "words": ({"layer": "planted", "unit": 0}, ["Keep"]),
    "results": ({"show": "new"}, ["Make the study"]),
}  # fmt: skip


@pytest.mark.parametrize("page", WRITERS)
def test_what_writes_is_off_and_says_so(visit, monkeypatch, noted, page):
    query, labels = WRITERS[page]
    before = noted.with_name("demo.notes.sqlite").read_bytes()
    known = controls(visit(page, **query))
    there = [name for name in known if any(fnmatchcase(name, label.replace("…", "*")) for label in labels)]
    assert len(there) >= len(labels) - (page == "neuron") and not any(known[name][0] for name in there)

    monkeypatch.setenv("LEXPLAIN_READONLY", "1")
    app = visit(page, **query)
    assert not app.exception
    off = controls(app)
    if page == "results":  # there is no form at all
        assert "Make the study" not in off and any(access.READONLY in one.value for one in app.info)
    else:
        assert {name: off[name] for name in there} == dict.fromkeys(there, (True, access.READONLY))
    assert noted.with_name("demo.notes.sqlite").read_bytes() == before


def test_what_a_control_that_is_off_still_sends_is_refused(tmp_path):
    """A browser can be made to press what it shows as off."""
    writing.forbid(access.READONLY)
    said: list[str] = []
    assert star.safely(said.append, Notes(tmp_path / "a.notes.sqlite").star, "Mine", "planted", 0) is None
    assert said == [access.READONLY] and not list(tmp_path.iterdir())


def test_no_page_writes_to_a_store_without_notes(demo_store, tmp_path):
    shutil.copy(demo_store, tmp_path / "demo.duckdb")
    writing.forbid(access.READONLY)
    with Store.open(tmp_path / "demo.duckdb") as store:
        notes = Notes.of(store)
        assert notes.lists() == [] and notes.hidden() == [] and notes.version() == ""
        for write in (
            lambda: notes.star("a", "planted", 0),
            lambda: notes.star_all("a", [("planted", 0)]),
            lambda: notes.begin("a"),
            lambda: notes.remark("a", "planted", 0, "b"),
            lambda: notes.unstar("a", "planted", 0),
            lambda: notes.rename("a", "b"),
            lambda: notes.delete("a"),
            lambda: notes.hide("x.jpg"),
            lambda: notes.unhide("x.jpg"),
            lambda: notes.forget("a", "planted", 0),
            lambda: notes.from_json(
                b'{"kind": "lexplain list of units", "version": 1, "name": "a", "units": []}'
            ),
        ):
            with pytest.raises(UserError, match="read-only"):
                write()
        with pytest.raises(UserError, match="read-only"):
            new_study(tmp_path / "demo.duckdb", "pilot", load_settings(), tmp_path / "studies")
    assert [path.name for path in tmp_path.iterdir()] == ["demo.duckdb"]


def test_studies_take_no_answers_from_a_dashboard_but_from_their_own_server(tmp_path):
    with StudyFile.create(tmp_path / "small.sqlite", make_plan(tasks=1)) as study:
        assert begin(study, "ann").token
        writing.forbid(access.READONLY)
        with pytest.raises(UserError, match="read-only"):
            begin(study, "ben")
        with pytest.raises(UserError, match="read-only"):
            StudyFile.create(tmp_path / "other.sqlite", make_plan(tasks=1))
    assert not (tmp_path / "other.sqlite").exists()


def test_a_study_server_records_whatever_the_dashboard_may(tmp_path, monkeypatch):
    from pages.participant import page as participant

    with StudyFile.create(tmp_path / "small.sqlite", make_plan(tasks=1)) as study:
        path = study.path
    monkeypatch.setenv("LEXPLAIN_READONLY", "1")
    config.set_option("server.address", "0.0.0.0")
    monkeypatch.setattr(sys, "argv", ["app.py", "--study", str(path)])
    participant._study.clear()
    app = AppTest.from_file(str(ROOT / "pages/main.py"), default_timeout=60)
    app.query_params["pid"] = "ann"
    app = app.run().button[0].click().run()
    assert not app.exception
    with StudyFile.open(path) as study:
        assert len(study.sessions()) == 1
    participant._study.clear()


@pytest.mark.parametrize(
    ("address", "given", "off"),
    [
        ("127.0.0.1", None, False), ("127.0.0.2", None, False), ("::1", None, False), ("localhost", None, False),
        (None, None, True), ("", None, True), ("0.0.0.0", None, True), ("::", None, True), ("10.0.0.7", None, True),
        ("neurons.example.org", None, True), ("unix:///run/lexplain.sock", None, True),
        ("127.0.0.1", "1", True), ("127.0.0.1", "yes", True), ("127.0.0.1", "", False),
        ("0.0.0.0", "0", False), ("0.0.0.0", "off", False), (None, "0", False),
    ],
)  # fmt: skip
def test_it_is_read_only_where_others_reach_it(monkeypatch, address, given, off):
    config.set_option("server.address", address)
    if given is not None:
        monkeypatch.setenv("LEXPLAIN_READONLY", given)
    assert access.readonly() is off
    config.set_option("client.showErrorDetails", "full")
    access.apply()
    assert st.get_option("client.showErrorDetails") == ("none" if off else "full")
    if off:
        with pytest.raises(UserError, match="read-only"):
            writing.check_writing()
    else:
        writing.check_writing()


def test_no_pictures_are_sent_and_no_network_is_run_where_that_is_off(visit, monkeypatch):
    monkeypatch.setenv("LEXPLAIN_LIVE", "0")
    app = visit("picture")
    assert not app.exception and access.NOT_LIVE in [caption.value for caption in app.caption]
    assert controls(app)["Send a picture"][0]
    with pytest.raises(UserError, match="isn’t run live"):
        look.network(None)
    app = visit("neuron", layer="block7", unit=0, image=3)
    assert not app.exception and any("isn’t run live" in one.value for one in app.info)


@pytest.mark.parametrize("off", ["1", "0"])
def test_an_error_of_ours_shows_its_details_to_nobody_else(visit, monkeypatch, off):
    monkeypatch.setenv("LEXPLAIN_READONLY", off)
    monkeypatch.setattr("pages.ui.shell.info", lambda opened: 1 / 0)
    app = visit("overview")
    if off == "1":
        assert not app.exception
        assert [one.value for one in app.error] == ["This page failed; the server’s log says why."]
    else:
        assert [one.value for one in app.exception] == ["division by zero"]


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("'/home/ann/my stores/x.duckdb' is damaged", "stores/x"),
        ("names /home/ann/net.py:make, see docs/trust.md", "names net"),
        ("`python -m lexplain_core check /srv/a/b.duckdb` says more", "check b.duckdb"),
    ],
)
def test_errors_name_no_folder_to_strangers(monkeypatch, error, shown):
    assert "/home/ann" in message(error).replace("\\", "") or "/srv/a" in message(error)
    monkeypatch.setenv("LEXPLAIN_READONLY", "1")
    said = message(error).replace("\\", "")
    assert shown in said and "ann" not in said and "/srv" not in said


def test_every_writer_of_the_pages_can_be_off():
    """Whoever calls what writes notes stands in a file that asks `access`."""
    for path in sorted((ROOT / "pages").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        notes = "Notes" in names or "notes" in names
        writes = {
            "star",
            "star_all",
            "unstar",
            "rename",
            "begin",
            "keep",
            "forget",
            "hide",
            "unhide",
        } & called
        if (notes and writes) or "new_study" in names or "file_uploader" in called:
            assert "access" in names, f"{path.relative_to(ROOT)} writes: let it be off (`access.off`)"
