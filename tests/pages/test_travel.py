"""What a copied link takes along."""

from __future__ import annotations

import shutil

import pytest

from lexplain_core import Store
from lexplain_core.notes import Notes, unshared
from lexplain_core.store.overlay import Overlay
from pages.ui import links
from pages.ui.travel import LONGEST, to_share


@pytest.fixture(scope="module")
def noted(demo_store, tmp_path_factory):
    path = tmp_path_factory.mktemp("travel") / "demo.duckdb"
    shutil.copy(demo_store, path)
    with Store.open(path) as store:
        Notes.of(store).star_all("mine", [("block7", 3), ("block4", 0)])
        Notes.of(store).star_all("long", [("a layer with a long name" * 9, unit) for unit in range(200)])
        yield store


def test_a_list_travels_as_its_units(noted):
    view, told = to_share(links.Overview(store=noted.id, starred="mine"), noted)
    assert view.starred == "" and unshared(view.units) == ([("block7", 3), ("block4", 0)], [])
    assert "starred=mine" not in links.link(view) and len(told) == 1
    both, _ = to_share(links.Overview(store=noted.id, starred="mine", units="block7:3,block7:9"), noted)
    assert unshared(both.units)[0] == [("block7", 3)]


def test_what_cannot_travel_is_told(noted):
    view, told = to_share(links.Overview(store=noted.id, starred="long"), noted)
    assert view.starred == "long" and "send its file" in told[0] and len(view.units) <= LONGEST
    view, told = to_share(links.Overview(store=noted.id, starred="nobody's"), noted)
    assert view.starred == "" and "no list" in told[0]
    assert "sent" in to_share(links.Picture(store=noted.id), noted)[1][0]
    assert to_share(links.Picture(store=noted.id, image=3), noted)[1] == []
    assert "pilot" in to_share(links.Results(study="pilot"), None)[1][0]


def test_words_made_by_hand_are_known_here_alone(noted, monkeypatch):
    monkeypatch.setattr(noted, "overlay", Overlay(methods=frozenset({"mine, too"})))
    for view in (
        links.Neuron(store=noted.id, method="mine, too"), links.Overview(store=noted.id, by="mine, too"),
        links.Compare(store=noted.id, b="block7:3:mine%2C%20too"), links.Words(store=noted.id, method="mine, too"),
    ):  # fmt: skip
        assert "mine, too" in to_share(view, noted)[1][0]
    assert to_share(links.Neuron(store=noted.id, method="le-label"), noted)[1] == []
