"""Writing, replacing, opening and refusing stores."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.store import SCHEMA_VERSION, Store, StoreError, StoreWriter, find_stores

from .helpers import fill, jpeg, make, write


def refusal(path) -> str:
    with pytest.raises(StoreError) as caught:
        Store.open(path)
    text = str(caught.value)
    assert (
        isinstance(caught.value, UserError) and str(path) in text and "\n" not in text and text.endswith(".")
    )
    return text


# -- replacing -------------------------------------------------------------------------------


def test_a_reader_from_before_a_rebuild_keeps_the_old_and_a_new_one_sees_the_new(tmp_path):
    path = tmp_path / "s.duckdb"
    old, new = make(0), make(1)
    write(path, old, name="old")
    assert not np.array_equal(old.activations["layer1"], new.activations["layer1"])
    with Store.open(path) as before:
        assert before.name == "old"
        write(path, new, name="new")
        # Nothing but `meta` was read before the file was replaced.
        np.testing.assert_array_equal(before.unit("layer1", 0).activations, old.activations["layer1"][0])
        with Store.open(path) as after:
            assert after.name == "new"
            np.testing.assert_array_equal(after.unit("layer1", 0).activations, new.activations["layer1"][0])
            np.testing.assert_array_equal(before.unit("layer1", 1).activations, old.activations["layer1"][1])
    assert [p.name for p in tmp_path.iterdir()] == ["s.duckdb"]


def test_nothing_is_at_the_path_before_the_block_ends(tmp_path):
    path = tmp_path / "deep" / "er" / "s.duckdb"
    with StoreWriter(path) as store:
        fill(store, make())
        assert not path.exists() and find_stores(path.parent) == []
    assert Store.open(path).name == "small"


def test_an_error_in_the_block_leaves_the_old_store_and_no_other_file(tmp_path):
    path = tmp_path / "s.duckdb"
    write(path, name="old")
    with pytest.raises(RuntimeError, match="half way"), StoreWriter(path) as store:
        fill(store, make(1), name="new")
        raise RuntimeError("half way")
    assert Store.open(path).name == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["s.duckdb"]


@pytest.mark.parametrize("name", ["s.duckdb", "with [brackets] and ' quote.duckdb"])
def test_leftovers_of_a_killed_build_are_removed_but_not_those_of_a_running_one(tmp_path, name):
    path = tmp_path / name
    code = (
        "import os, sys\n"
        "from lexplain_core.store import StoreWriter\n"
        "with StoreWriter(sys.argv[1]) as store:\n"
        "    store.meta(name='half')\n"
        "    os._exit(9)\n"  # as a kill does: no clean-up runs
    )
    assert subprocess.run([sys.executable, "-c", code, path]).returncode == 9
    assert not path.exists() and len(list(tmp_path.iterdir())) == 1
    other = tmp_path / ".lexplain-of-mine"
    other.mkdir()
    (other / "a").write_text("a person's own folder, which happens to have such a name")
    with StoreWriter(tmp_path / "running.duckdb") as running:
        fill(running, make(1), name="running")
        (mine,) = {p for p in tmp_path.iterdir() if p.name.startswith(".lexplain-")} - {other}
        write(path)
        assert {p.name for p in tmp_path.iterdir()} == {name, mine.name, other.name}
    assert {p.name for p in tmp_path.iterdir()} == {name, "running.duckdb", other.name}
    assert Store.open(path).name == "small" and Store.open(tmp_path / "running.duckdb").name == "running"


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="can't be written"), StoreWriter(tmp_path / "file" / "s.duckdb"):
        pass


def test_activations_come_back_from_a_memmap_in_several_pieces(tmp_path, monkeypatch):
    from lexplain_core.store import writer

    made = make()
    q = np.memmap(tmp_path / "q", dtype=np.float32, mode="w+", shape=made.activations["layer1"].shape)
    q[:] = made.activations["layer1"]
    monkeypatch.setattr(writer, "_ROWS_PER_INSERT", 2 * q.shape[1] + 1)
    path = tmp_path / "s.duckdb"
    with StoreWriter(path) as store:
        fill(store, make())
        assert list(store.activations(7, q)) == [2, 2, 1]
    con = duckdb.connect(str(path), read_only=True)
    rows = con.execute("SELECT unit, image_id, value FROM activations WHERE layer_id = 7").fetchnumpy()
    con.close()
    np.testing.assert_array_equal(rows["value"].reshape(q.shape), q)
    np.testing.assert_array_equal(rows["unit"], np.repeat(np.arange(5), q.shape[1]))  # sorted as written


# -- refusing --------------------------------------------------------------------------------


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert "There is no store" in refusal(tmp_path / "none.duckdb")
    (tmp_path / "folder.duckdb").mkdir()
    assert "is a folder, not a lexplain store" in refusal(tmp_path / "folder.duckdb")


@pytest.mark.parametrize("content", [b"", b"x", b"these are just my notes, nothing else\n" * 400])
def test_a_text_file_renamed_is_refused(tmp_path, content):
    path = tmp_path / "notes.duckdb"
    path.write_bytes(content)
    assert "not a lexplain store" in refusal(path)


def test_a_foreign_duckdb_file_is_refused(tmp_path):
    path = tmp_path / "foreign.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE sales (a INT)")
    assert "no table `meta`" in refusal(path)


@pytest.mark.parametrize(
    "meta", ["(a INT)", "(key VARCHAR, value VARCHAR)", "(key VARCHAR, value INT)", "(key INT, value DATE)"]
)
def test_a_foreign_table_named_meta_is_refused(tmp_path, meta):
    path = tmp_path / "foreign.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute(f"CREATE TABLE meta {meta}")
        if "VARCHAR, value VARCHAR" in meta:
            con.execute("INSERT INTO meta VALUES ('author', 'Ann, not JSON')")
        elif "," in meta:
            con.execute(
                "INSERT INTO meta VALUES " + ("('a', 1)" if "VARCHAR" in meta else "(1, DATE '2020-01-01')")
            )
    refusal(path)
    assert [e.error is not None for e in find_stores(tmp_path)] == [True]


@pytest.mark.parametrize("version", [SCHEMA_VERSION - 1, SCHEMA_VERSION + 1, None, str(SCHEMA_VERSION)])
def test_another_schema_is_refused_with_the_command_that_rebuilds_it(tmp_path, version):
    path = tmp_path / "old.duckdb"
    write(path, schema_version=version, rebuild="python -m lexplain_core build mine.toml")
    text = refusal(path)
    assert "`python -m lexplain_core build mine.toml`" in text and f"schema {SCHEMA_VERSION}" in text


@pytest.mark.parametrize("share", [0.001, 0.1, 0.3, 0.6, 0.9, 0.99])
def test_a_truncated_store_is_refused(tmp_path, small_path, share):
    whole = small_path.read_bytes()
    path = tmp_path / "cut.duckdb"
    path.write_bytes(whole[: int(len(whole) * share)])
    refusal(path)


def test_the_store_can_not_be_written_through_a_reader(small):
    with pytest.raises(StoreError, match="read-only"):
        small.rows("DELETE FROM images")
    with pytest.raises(StoreError, match="disabled"):
        small.rows("SELECT * FROM read_text('/etc/hostname')")
    with pytest.raises(StoreError, match="locked"):
        small.rows("SET enable_external_access = true")


def test_find_stores_lists_good_and_bad_newest_first(tmp_path):
    assert find_stores(tmp_path / "nowhere") == []
    write(tmp_path / "a.duckdb", name="first")
    (tmp_path / "b.duckdb").write_text("text")
    write(tmp_path / "c.duckdb", name="third", id="x")
    (tmp_path / ".lexplain-1").mkdir()
    (tmp_path / ".hidden.duckdb").write_text("")
    (tmp_path / "notes.txt").write_text("")
    for i, name in enumerate("abc"):
        os.utime(tmp_path / f"{name}.duckdb", (1000 + i, 1000 + i))
    found = find_stores(tmp_path)
    assert [e.name for e in found] == ["third", "b", "first"]
    assert [e.id for e in found] == ["x", None, "abc123abc123"]
    assert found[0].error is None and "not a DuckDB file" in found[1].error


# -- many at a time --------------------------------------------------------------------------


def test_eight_threads_read_the_same_store(small_path, made):
    with Store.open(small_path) as store, ThreadPoolExecutor(8) as pool:

        def read(i: int) -> None:
            layer = ("layer1", "planted")[i % 2]
            number = i % len(made.activations[layer])
            unit = store.unit(layer, number)
            np.testing.assert_array_equal(unit.activations, made.activations[layer][number])
            assert [e.length for e in unit.explanations] == [len(made.terms.get((layer, number), []))]
            if unit.explanation().reason is None:
                assert len(unit.simulated(unit.explanation())) == len(unit.activations)
            assert len(unit.top(5)) == 5 and len(store.unit_table(layer)) == len(made.activations[layer])
            assert store.thumbnails([i]) == {i: jpeg(i)}

        for done in [pool.submit(read, i) for i in range(48)]:
            done.result()
