"""Files that are no stores, or say of themselves what no store says: one sentence each, whatever lies beside them."""

from __future__ import annotations

import json
import os

import pytest

from lexplain_core.notes import Notes, with_notes
from lexplain_core.store import Store, StoreError, find_stores
from lexplain_core.studies.file.study import find_studies

from .. import rotten
from .helpers import write


def sentence(text: str) -> bool:
    return text.isprintable() and text.endswith(".") and len(text) < 800 and bool(text.encode())


def test_what_lies_beside_good_stores_has_a_sentence_each(tmp_path, small_path):
    named = rotten.rotten_stores(tmp_path, small_path)
    write(tmp_path / "good.duckdb")
    write(tmp_path / "good too.duckdb", id="other")
    found = find_stores(tmp_path)
    assert sorted(e.path.name for e in found if e.error is None) == ["good too.duckdb", "good.duckdb"]
    bad = [entry for entry in found if entry.error]
    assert len(bad) == len(named)
    for entry in bad:
        assert sentence(entry.error), entry
        assert entry.name.isprintable() and entry.id is None
    for name in named:
        assert any(name in entry.error for entry in bad), name


def test_what_lies_beside_good_studies_has_a_sentence_each(tmp_path):
    named = rotten.rotten_files(tmp_path, ".sqlite")
    found = find_studies(tmp_path)
    assert len(found) == len(named) and all(sentence(e.error) and e.name.isprintable() for e in found)
    for name in named:
        assert any(name in entry.error for entry in found), name


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_cant_be_read_has_a_sentence(tmp_path):
    write(tmp_path / "locked.duckdb")
    (tmp_path / "locked.duckdb").chmod(0)
    assert "can't be read" in find_stores(tmp_path)[0].error


@pytest.mark.parametrize("kind", ["folder", "pipe", "loop", "gone"])
def test_notes_that_are_no_file_stop_the_store_and_no_other(tmp_path, kind):
    write(tmp_path / "s.duckdb")
    with Store.open(tmp_path / "s.duckdb") as store:
        rotten.rotten_files(tmp_path, ".notes.sqlite")
        (tmp_path / f"{kind}.notes.sqlite").rename(tmp_path / "s.notes.sqlite")
        if kind == "loop":
            (tmp_path / "s.notes.sqlite").unlink()
            (tmp_path / "s.notes.sqlite").symlink_to(tmp_path / "s.notes.sqlite")
        with pytest.raises(StoreError, match="images may be hidden in them") as caught:
            with_notes(store)
        assert sentence(str(caught.value))
        with pytest.raises(Exception, match="s.notes.sqlite"):
            Notes.of(store).star("list", "layer1", 0)


@pytest.mark.parametrize("text", ["a\\ud800b", "\\udcff"])
def test_half_letters_become_whole_ones(tmp_path, small_path, text):
    path = rotten.changed_meta(
        small_path, tmp_path / "s.duckdb", {"name": f'"{text}"', "x": f'{{"{text}": 1}}'}
    )
    with Store.open(path) as store:
        assert store.name.encode() and json.dumps(store.meta, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "command",
    [
        "rm -rf ~",
        "python -m lexplain_core build a.toml; rm -rf ~",
        "python -m lexplain_core build `x`",
        7,
        ["x"],
        "a" * 9999,
    ],
)
def test_a_store_that_asks_for_another_command_isnt_quoted(tmp_path, small_path, command):
    other = {"schema_version": "1", "rebuild": json.dumps(command)}
    path = rotten.changed_meta(small_path, tmp_path / "s.duckdb", other)
    with pytest.raises(StoreError, match="`python -m lexplain_core build CONFIG.toml`"):
        Store.open(path)


def test_unknown_keys_of_meta_are_no_matter(tmp_path, small_path):
    path = rotten.changed_meta(small_path, tmp_path / "s.duckdb", {"more": "[1]", "name": None})
    with Store.open(path) as store:
        assert store.meta["more"] == [1] and store.name == "s"
