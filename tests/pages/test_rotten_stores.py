"""Every page opens the good store, whatever lies beside it, and says in a sentence what a damaged one can't show."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from lexplain_core.store import Store
from pages.ui import shell
from pages.ui.found import pages

from .. import rotten
from ..store.test_damage import whole  # noqa: F401  (a fixture)
from .helpers import opened, said


@pytest.fixture(scope="module")
def good(whole, tmp_path_factory):  # noqa: F811
    """A good store among rotten ones."""
    folder = tmp_path_factory.mktemp("stores")
    rotten.rotten_stores(folder, whole)
    rotten.rotten_files(folder, ".sqlite")
    shutil.copyfile(whole, folder / "good.duckdb")
    os.utime(folder / "good.duckdb", (1, 1))  # the oldest: it would be shown last
    return folder / "good.duckdb"


def run(page: str, folder: Path, monkeypatch, **query: str) -> AppTest:
    monkeypatch.setenv("LEXPLAIN_STORES", str(folder))
    monkeypatch.setenv("LEXPLAIN_STUDIES", str(folder))
    return opened(page, **query)


@pytest.mark.parametrize("page", pages())
def test_every_page_opens_the_good_store_and_names_the_others(page, good, monkeypatch):
    app = run(page, good.parent, monkeypatch)
    assert not app.exception
    with Store.open(good) as store:
        assert app.query_params.get("store", [store.id]) in ([store.id], store.id)
    text = said(app)
    for name in ("folder", "loop", "deep objects", "name a number"):
        assert rf"{name}\.duckdb" in text, name


def test_rotten_files_alone_are_named(good, tmp_path, monkeypatch):
    rotten.rotten_files(tmp_path, ".duckdb")
    app = run("overview", tmp_path, monkeypatch)
    assert not app.exception and "is not UTF\\-8" in said(app) and "link that leads nowhere" in said(app)


@pytest.mark.parametrize("page", pages())
def test_a_damaged_store_is_a_sentence_on_every_page(page, whole, tmp_path, monkeypatch):  # noqa: F811
    path = tmp_path / "damaged.duckdb"
    shutil.copyfile(whole, path)
    with duckdb.connect(str(path)) as con:
        con.execute("DELETE FROM activations WHERE image_id > 20")
        con.execute("UPDATE terms SET concept_id = 77")
        con.execute("UPDATE images SET thumbnail = '<svg/>'::BLOB, crop = NULL, class_id = 2")
        con.execute("DELETE FROM units WHERE unit = 3")
    st.cache_resource.clear()
    app = run(page, tmp_path, monkeypatch)
    assert not app.exception
    if page in (
        "overview",
        "neuron",
        "compare",
        "try_it",
        "studio",
    ):  # the others show nothing of what is damaged
        assert "check" in said(app)


ODD = [
    """UPDATE units SET truth = '{"terms": 7}' WHERE layer_id = 1""",
    """UPDATE concept_matrices SET filter = '{"class": 3}' WHERE matrix = 'label'""",
    """UPDATE concept_matrices SET config = '{"calibration": {"labels": "many"}}'""",
    """UPDATE meta SET value = '{"accuracy": 0.5, "notes": 7}' WHERE key = 'target'""",
    """INSERT INTO meta VALUES ('unsteady', '[7]')""",
]


@pytest.mark.parametrize("change", ODD)
def test_json_of_an_odd_shape_is_a_sentence(change, whole, tmp_path, monkeypatch):  # noqa: F811
    path = tmp_path / "odd.duckdb"
    shutil.copyfile(whole, path)
    with duckdb.connect(str(path)) as con:
        con.execute(change)
    st.cache_resource.clear()
    app = run("neuron", tmp_path, monkeypatch, layer="planted", unit="0")
    assert not app.exception
    assert "can\\'t be used" in said(app)


def test_a_callback_that_reads_damage_is_a_sentence():
    @shell.told
    def asked(path: str) -> None:
        Store.open(path)

    asked("/nowhere.duckdb")
    assert "There is no store" in st.session_state.pop(shell._FAILED).replace("\\", "")
