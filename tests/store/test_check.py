"""`check`: a good store is in order and stays as it is; what was changed in it is found, whatever it is."""

from __future__ import annotations

import shutil

import duckdb
import pandas as pd
import pytest
from typer.testing import CliRunner

from lexplain_core import cli
from lexplain_core.store import Store, every_fault
from lexplain_core.store.appender import StoreAppender

from ..awkward_pictures import png_of
from .test_damage import whole  # noqa: F401  (a fixture)


def faults(path) -> list[str]:
    with Store.open(path) as store:
        return list(every_fault(store))


def check(path) -> tuple[int, str]:
    """The exit code of the command, and what it says."""
    done = CliRunner().invoke(cli.app, ["check", str(path)])
    assert done.stderr == "" and isinstance(done.exception, SystemExit | None)
    return done.exit_code, done.stdout


def test_a_built_store_is_in_order_and_stays_as_it_is(demo_store):
    before, facts = demo_store.read_bytes(), demo_store.stat()
    assert check(demo_store) == (0, f"{demo_store} is in order.\n")
    after = demo_store.stat()
    assert demo_store.read_bytes() == before
    assert (after.st_mtime_ns, after.st_ino, after.st_size) == (
        facts.st_mtime_ns,
        facts.st_ino,
        facts.st_size,
    )


def test_what_cant_be_opened_is_a_line_and_exit_code_1(tmp_path):
    (tmp_path / "s.duckdb").write_text("text")
    for path in (tmp_path / "s.duckdb", tmp_path / "none.duckdb"):
        code, out = check(path)
        assert code == 1 and out.count("\n") == 1 and str(path) in out


def test_what_is_added_later_is_part_of_the_checksums(whole, tmp_path):  # noqa: F811
    path = tmp_path / "s.duckdb"
    shutil.copyfile(whole, path)
    with StoreAppender(path) as store:
        store.add_role("label", "other")
    assert not [fault for fault in faults(path) if "written" in fault]


def test_an_import_doesnt_declare_sound_what_was_damaged(whole, tmp_path):  # noqa: F811
    path = tmp_path / "s.duckdb"
    shutil.copyfile(whole, path)
    with duckdb.connect(str(path)) as con:
        con.execute("UPDATE images SET caption = 'another' WHERE image_id = 3")
    with StoreAppender(path) as store:
        store.add_role("label", "other")
    assert [fault for fault in faults(path) if "written" in fault] == [
        "the table `images` is not as it was written"
    ]


CHANGES = {
    "UPDATE units SET mean = mean + 0.5 WHERE unit = 1": "`units` is not as it was written",
    "UPDATE images SET caption = 'another' WHERE image_id = 3": "`images` is not as it was written",
    "UPDATE activations SET value = value * 1.01 WHERE unit = 1 AND image_id = 7": "`activations` is not as",
    "DELETE FROM activations WHERE image_id = 7 AND unit = 1": "2 units don't have one activation",
    "DELETE FROM terms WHERE explanation_id = 0": "another number of concepts",
    "DELETE FROM images WHERE image_id = 7": "the ids of images have gaps",
    "UPDATE images SET split = 'all' WHERE image_id = 3": "1 images are in no split",
    "UPDATE scores SET value = 1.5": "correlations lie outside −1 to 1",
    "UPDATE scores SET low = high, high = low - 1": "outside their intervals",
    "UPDATE units SET status = 'undead'": "unknown status",
    "UPDATE terms SET concept_id = 99 WHERE explanation_id = 0 AND rank = 0": "point to nothing in `concepts`",
    "UPDATE pushes SET bucket = 8": "pushes are of no range",
    "UPDATE activations SET value = 'nan' WHERE unit = 1 AND image_id = 7": "not finite",
    "UPDATE method_configs SET config = '{'": "can't be read",
    "UPDATE maps SET data = ''::BLOB": "another size than they say",
    "DELETE FROM meta WHERE key = 'checksums'": "it has no checksums",
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_is_found(whole, tmp_path, change):  # noqa: F811
    path = tmp_path / "s.duckdb"
    shutil.copyfile(whole, path)
    with duckdb.connect(str(path)) as con:
        con.execute(change)
    found = faults(path)
    assert any(CHANGES[change] in fault for fault in found), found


def test_numbers_that_come_out_otherwise_are_found(demo_store, tmp_path):
    """Whoever also mends the checksums can't hide them: they are computed again."""
    path = tmp_path / "s.duckdb"
    shutil.copyfile(demo_store, path)
    with StoreAppender(path) as store:
        store._con.execute("UPDATE scores SET value = 0.11, low = 0.1, high = 0.2 WHERE kind = 'correlation'")
        store._con.execute("UPDATE bucket_impacts SET images = images + 1")
        store._con.execute("UPDATE units SET mean = mean + 0.5 * (maximum - minimum) WHERE unit = 1")
        frame = pd.DataFrame({"picture": [png_of(50_000, 50_000)]})
        store._con.register("bad", frame)
        store._con.execute("UPDATE images SET thumbnail = picture FROM bad WHERE image_id = 7")
    text = "\n".join(faults(path))
    assert "the thumbnail of 1 images can't be read, the first of image 7" in text
    with StoreAppender(path) as store:
        store._con.execute("UPDATE images SET thumbnail = (SELECT thumbnail FROM images WHERE image_id = 8) WHERE image_id = 7")  # fmt: skip
    text = "\n".join(faults(path))
    assert "not 0.110 as it says" in text and "other counts of images in its ranges" in text
    assert "another range, mean or deviation than their activations" in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("INSERT INTO same_concepts VALUES ('label', 999999, 0)", "point to nothing"),
        ("INSERT INTO terms SELECT * FROM terms LIMIT 1", "more than once"),
        ("INSERT INTO bucket_impacts SELECT 0, 0, 'zero', 1, 1, 0, 0, 0 FROM range(2)", "more than once"),
        ("UPDATE units SET unit = -1 - unit WHERE layer_id = 0", "not numbered from 0"),
    ],
)
def test_rows_that_no_build_writes_are_found(whole, tmp_path, change, words):  # noqa: F811
    path = tmp_path / "s.duckdb"
    shutil.copyfile(whole, path)
    with duckdb.connect(str(path)) as con:
        con.execute(change)
    assert any(words in fault for fault in faults(path))
