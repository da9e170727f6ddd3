"""Where there is nothing to show, a page says what to do; never a traceback."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from .helpers import alerts, elements, headings, opened, plain, text

NOTHING = "There is no store to show yet"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of stores, so far without any."""
    monkeypatch.setenv("LEXPLAIN_STORES", str(tmp_path))
    monkeypatch.setenv("LEXPLAIN_STUDIES", str(tmp_path / "studies"))
    return tmp_path


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("", {}),
        ("overview", {}),
        ("neuron", {}),
        ("neuron", {"store": "abc", "layer": "layer1", "unit": 3}),
        ("importance", {}),
    ],
)
def test_no_store(folder, page, query):
    app = opened(page, **query)
    assert NOTHING in headings(app)
    assert "python -m lexplain_core demo" in text(app)
    assert "python -m lexplain_core build CONFIG.toml" in text(app)


def test_files_that_are_no_stores(folder, demo, monkeypatch):
    (folder / "notes.duckdb").write_text("This is a text file.\n" * 100)
    (folder / "empty.duckdb").touch()
    monkeypatch.setenv("LEXPLAIN_STORES", str(folder))
    app = opened("overview")
    assert NOTHING in headings(app) and "python -m lexplain_core demo" in text(app)
    for name in ("notes", "empty"):
        assert any(f"{name}.duckdb" in alert for alert in alerts(app))
    shutil.copy(demo.path, folder / "good.duckdb")  # one that comes later is found
    app.run()
    assert not app.exception and demo.name in headings(app)
    assert "2 that can’t be opened" in text(app)
    assert any("notes.duckdb" in alert for alert in alerts(app))


def test_a_store_given_by_name(folder, demo, monkeypatch):
    monkeypatch.setenv("LEXPLAIN_STORES", str(folder))
    gone = str(folder / "gone.duckdb")
    monkeypatch.setattr(sys, "argv", ["app.py", "--store", str(demo.path), "--store", gone])
    app = opened("overview")
    assert demo.name in headings(app)
    assert "Stores given on the command line: 1 store, and 1 that can’t be opened" in text(app)
    assert any("There is no store at" in alert for alert in alerts(app))


def test_links_to_what_is_not_there(demo):
    app = opened("neuron", store="0000", layer="layer1", unit=3)
    assert "This link is to another store" in headings(app)
    (link,) = [e for e in elements(app, "page_link") if plain(e.value) == f"{demo.name}, id {demo.id}"]
    assert (link.proto.page, link.proto.query_string) == ("overview", f"store={demo.id}")
    assert demo.name in headings(opened("overview", store=demo.id))

    (alert, *_) = alerts(opened("neuron", store=demo.id, layer="nowhere", unit=3))
    assert "has no layer 'nowhere'" in alert
    layer = demo.layers()["layer"].iloc[0]
    (alert, *_) = alerts(opened("neuron", store=demo.id, layer=layer, unit=99999))
    assert "has no unit 99999" in alert
    (alert, *_) = alerts(opened("neuron", store=demo.id, layer=layer, unit="first"))
    assert "unit=first" in alert


def test_two_files_of_one_store(folder, demo, monkeypatch):
    monkeypatch.setenv("LEXPLAIN_STORES", str(folder))
    for name, time in (("copy", 1), ("original", 2)):
        shutil.copy(demo.path, folder / f"{name}.duckdb")
        os.utime(folder / f"{name}.duckdb", (time, time))
    app = opened("")
    said = "“copy.duckdb” has the same id as “original.duckdb”; the newer one is shown."
    assert len([alert for alert in alerts(app) if said in alert]) == 2
    assert f"Stores in {folder}: 1 store" in text(app)
    assert f"{demo.name}, original.duckdb (shown here)" in text(app)


def test_without_studies_and_stores_the_page_says_what_to_do(folder):
    app = opened("results")
    for words in (
        "There is no study yet",
        "python -m lexplain_core study new STORE --name NAME",
        "There is no store to make a study from.",
    ):
        assert words in text(app)
