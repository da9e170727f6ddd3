"""The guard of `scripts/guard`: it finds what differs between two stores, and says nothing where nothing does."""

from __future__ import annotations

import shutil
from dataclasses import replace

import duckdb
import pytest

from scripts.guard import stores
from scripts.guard.__main__ import compared_digests, compared_stores, compared_texts
from scripts.guard.snapshot import once, shortened

KNOWN = stores.KNOWN


@pytest.fixture(scope="module")
def small(demo_store, tmp_path_factory):
    """The demo store with few images, units and concepts, so that it is compared at once."""
    path = tmp_path_factory.mktemp("guard") / "small.duckdb"
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{demo_store}' AS demo (READ_ONLY); COPY FROM DATABASE demo TO memory")
        for column, least in (("image_id", 20), ("unit", 6), ("concept_id", 200)):
            tables = con.execute(
                "SELECT table_name FROM duckdb_columns() WHERE database_name = 'memory' AND column_name = ?",
                [column],
            )
            for (table,) in tables.fetchall():
                con.execute(f"DELETE FROM {table} WHERE {column} >= {least}")
        for table in ("terms", "scores"):
            con.execute(
                f"DELETE FROM {table} WHERE explanation_id NOT IN (SELECT explanation_id FROM explanations)"
            )
        con.execute(f"ATTACH '{path}' AS small; COPY FROM DATABASE memory TO small")
    return path


@pytest.fixture
def changed(small, tmp_path):
    """changed(SQL, …): a copy of `small` with these changes."""

    def change(*statements: str):
        path = shutil.copy(small, tmp_path / "changed.duckdb")
        with duckdb.connect(str(path)) as con:
            for statement in statements:
                con.execute(statement)
        return path

    return change


def test_a_rebuild_does_not_differ(small, changed, capsys):
    again = changed("UPDATE meta SET value = '\"2027-01-01T00:00:00+00:00\"' WHERE key = 'created'")
    found, rows = stores.compare(small, again)
    assert found == []
    with duckdb.connect(str(small), read_only=True) as con:
        tables = [name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        assert rows == {t: con.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables}
    assert stores.digests(small) == stores.digests(again)
    assert not compared_stores(small, again, 0.0)
    assert "meta.created" in capsys.readouterr().out  # what is left out is named


@pytest.mark.parametrize(
    "statement, where, what",
    [
        ("UPDATE units SET name = 'other' WHERE layer_id = 2 AND unit = 0", "units.name", '"other"'),
        ("DELETE FROM terms WHERE explanation_id = 0 AND rank = 0", "terms", "1 rows are gone (explanation_id, rank: 0, 0)"),
        ("INSERT INTO skipped_images VALUES ('a.png', 'why')", "skipped_images", "1 rows are new (key: a.png)"),
        ("UPDATE images SET thumbnail = 'x'::BLOB WHERE image_id = 7", "images.thumbnail", "1 values differ, first at 7"),
        ("UPDATE layers SET shape = [1, 2] WHERE layer_id = 0", "layers.shape", "1 values differ, first at 0"),
        ("UPDATE units SET truth = '{\"bias\": 9}' WHERE layer_id = 2 AND unit = 0", "units.truth.bias", "became 9"),
        ("UPDATE meta SET value = '\"Other\"' WHERE key = 'name'", "meta.name", '"Demo world" became "Other"'),
        ("INSERT INTO superclass_members SELECT * FROM superclass_members LIMIT 1", "superclass_members", "can't be told apart"),
        ("ALTER TABLE layers ADD COLUMN more INTEGER", "layers.more", "the column is new"),
        ("ALTER TABLE layers RENAME COLUMN note TO remark", "layers.note", "the column is gone"),
        ("ALTER TABLE output_effects RENAME TO effects_on_outputs", "output_effects", "the table is gone"),
        ("CREATE TABLE more (x INTEGER)", "more", "the table is new"),
    ],
)  # fmt: skip
def test_what_differs_is_found(small, changed, statement, where, what):
    found, _ = stores.compare(small, changed(statement))
    assert any(difference.where == where and what in difference.what for difference in found), found


def test_the_largest_difference_of_numbers_is_told(small, changed, capsys):
    path = changed(
        "UPDATE units SET mean = mean + 0.25 WHERE layer_id = 0 AND unit = 3",
        "UPDATE units SET mean = mean - 0.5 WHERE layer_id = 0 AND unit = 4",
    )
    [found], _ = stores.compare(small, path)
    assert (found.where, found.what) == ("units.mean", "2 values differ")
    assert found.size == pytest.approx(0.5, abs=1e-6)
    assert compared_stores(small, path, 0.49) and not compared_stores(small, path, 0.51)
    assert "units.mean: 2 values differ, by 0.5 at most (tolerated)" in capsys.readouterr().out


def test_a_number_that_is_none_any_more_is_beyond_every_tolerance(small, changed):
    path = changed(
        "UPDATE scores SET value = NULL WHERE explanation_id = 0",
        "UPDATE units SET std = 'nan' WHERE unit = 0",
    )
    assert {d.where: d.size for d in stores.compare(small, path)[0]} == {
        "scores.value": float("inf"),
        "units.std": float("inf"),
    }


def test_renames_that_are_mapped_are_followed(small, changed):
    path = changed(
        "ALTER TABLE output_effects RENAME TO effects_on_outputs",
        "ALTER TABLE layers RENAME COLUMN note TO remark",
        "ALTER TABLE terms RENAME COLUMN rank TO place",  # a part of the key
        "UPDATE effects_on_outputs SET change = change + 1 WHERE layer_id = 0 AND unit = 0",
        "UPDATE meta SET value = replace(value, '\"dead_threshold\"', '\"dead_limit\"') WHERE key = 'config'",
    )
    known = replace(
        KNOWN,
        tables={"output_effects": "effects_on_outputs"},
        columns={"layers.note": "remark", "terms.rank": "place"},
        paths={"meta.config.dead_threshold": "meta.config.dead_limit"},
    )
    found, _ = stores.compare(small, path, known)
    assert [(d.where, round(d.size, 4)) for d in found] == [("output_effects.change", 1.0)]
    places = {difference.where for difference in stores.compare(small, path)[0]}
    assert {"output_effects", "layers.note", "layers.remark"} < places
    assert {"meta.config.dead_limit"} < places


def test_digests_tell_which_column_differs(small, changed):
    path = changed("UPDATE units SET mean = mean + 0.25 WHERE layer_id = 0 AND unit = 3")
    [line] = compared_digests(stores.digests(small), stores.digests(path))
    assert line.startswith("units.mean: ")


def test_texts_that_differ_are_shown(tmp_path, capsys):
    for folder, text in (("old", "a\nb\n"), ("new", "a\nc\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "page.txt").write_text(text, "utf-8")
    assert not compared_texts(tmp_path / "old", tmp_path / "old")
    assert compared_texts(tmp_path / "old", tmp_path / "new")
    assert "    -b\n    +c\n" in capsys.readouterr().out
    (tmp_path / "new" / "page.txt").unlink()
    assert compared_texts(tmp_path / "old", tmp_path / "new")


def tree(rows: int, value: str = "0.5") -> str:
    """A page with a link, and a table of so many rows, the last of which says `value`."""
    head = [
        '- link "Overview":',
        "  - /url: overview",
        "  - paragraph: Overview",
        "- table:",
        "  - rowgroup:",
    ]
    cells = ["1"] * (rows - 1) + [value]
    return "\n".join(
        [*head, *(f'    - row "unit {cell}":\n      - cell "unit"\n      - cell "{cell}"' for cell in cells)]
    )


def test_a_page_is_shortened_by_what_it_says_twice():
    assert shortened(tree(2)) == (
        '- link "Overview" → overview\n- table:\n  - rowgroup:\n    - row "unit 1"\n    - row "unit 0.5"'
    )


def test_no_change_of_a_long_table_is_lost():
    long = shortened(tree(60))
    assert len(long.splitlines()) < 35
    assert long != shortened(tree(60, "0.6")) and long == shortened(tree(60))


def test_what_an_earlier_page_has_said_is_shortened():
    long, seen = f"- paragraph: {'words ' * 20}", set()
    assert once(long, seen) == long
    assert len(once(f"  {long}", seen)) < len(long) / 2
    assert once(f"{long}more", seen) == f"{long}more"
    assert once("- short", seen) == once("- short", seen) == "- short"
