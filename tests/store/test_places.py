"""A store may lie in a folder of any name, or is refused before anything is computed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from lexplain_core.notes import Notes
from lexplain_core.store import Store, StoreError, check_place, find_stores
from lexplain_core.store.appender import StoreAppender

from .helpers import make, write

ODD = [
    "what?", "a[*]b", "[", "a#b", "100%25", "it's \"quoted\"", "two\nlines", " blank ", "-x", ":memory:", "md:x", "file:x",
    "s3:", "~", "$HOME;--{a,b}", "Füße 猫", "x" * 250,
]  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_a_folder_of_any_name_holds_stores_and_notes(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    folder, path = tmp_path / name, Path(name) / "s.duckdb"
    check_place(folder / "s.duckdb")
    assert not list(folder.iterdir())
    write(path, make(1), name="kept")
    with StoreAppender(path) as store:
        store.meta(name="added")
    with Store.open(folder / "s.duckdb") as store:
        assert store.name == "added" and np.isfinite(store.unit("layer1", 0).activations).all()
        Notes.of(store).star("mine", "layer1", 0)
        assert [u.unit for u in Notes.of(store).units("mine")] == [0]
    for place in (folder, name):
        assert [(e.name, e.error) for e in find_stores(place)] == [("added", None)]
    there = {p.name.removesuffix("-wal").removesuffix("-shm") for p in folder.iterdir()}
    assert there == {"s.duckdb", "s.notes.sqlite"} and {p.name for p in tmp_path.iterdir()} == {name}


@pytest.mark.parametrize("name", ["what?.duckdb", "?.duckdb", "-.duckdb", "a[b]*.duckdb", "it's \n.duckdb"])
def test_a_store_of_any_name(tmp_path, name):
    check_place(tmp_path / name)
    write(tmp_path / name, make(1), name="kept")
    assert [(e.path.name, e.error) for e in find_stores(tmp_path)] == [(name, None)]


@pytest.mark.parametrize(
    "name", ["back\\slash/s.duckdb", "half\udcff/s.duckdb", "x" * 249 + ".duckdb", "x" * 240 + ".duckdb"]
)
def test_where_no_store_can_lie_is_known_at_once_and_a_sentence(tmp_path, name):
    with pytest.raises(StoreError) as caught:
        check_place(tmp_path / name)
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def test_a_store_in_such_a_folder_is_not_opened_either(tmp_path):
    good = tmp_path / "s.duckdb"
    write(good)
    for name in ("back\\slash", "half\udcff"):
        (tmp_path / name).mkdir()
        os.link(good, tmp_path / name / "s.duckdb")
        with pytest.raises(StoreError, match="give the folder another name|is not UTF-8"):
            Store.open(tmp_path / name / "s.duckdb")


def test_a_link_to_a_store_stays_a_link(tmp_path):
    (tmp_path / "big").mkdir()
    link = tmp_path / "s.duckdb"
    link.symlink_to("big/real.duckdb")  # which isn't there yet
    write(link, name="through a link")
    assert link.is_symlink() and Store.open(tmp_path / "big" / "real.duckdb").name == "through a link"
    loop = tmp_path / "loop.duckdb"
    loop.symlink_to(loop)
    with pytest.raises(StoreError):
        check_place(loop)
