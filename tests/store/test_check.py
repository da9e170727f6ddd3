"""`check`: a good store is in order and stays as it is; what was changed in it is found, whatever it is."""

from __future__ import annotations

import re
import shutil

import duckdb
import pandas as pd
import pytest
from typer.testing import CliRunner

from lexplain_core.cli import main
from lexplain_core.store import Store, checking, every_fault, rules
from lexplain_core.store.appender import StoreAppender
from lexplain_core.store.meta import CELLS
from lexplain_core.store.opening import columns

from ..awkward_pictures import png_of
from .test_damage import whole  # noqa: F401  (a fixture)


def faults(path) -> list[str]:
    with Store.open(path) as store:
        return list(every_fault(store))


def check(path) -> tuple[int, str]:
    """The exit code of the command, and what it says."""
    done = CliRunner().invoke(main.app, ["check", str(path)])
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
    "DELETE FROM images WHERE image_id = 7": "`image_id` of `images` is not counted from 0",
    "UPDATE images SET split = 'all' WHERE image_id = 3": "`split IN ('train', 'val', 'test')` doesn't hold of 1 of the rows of `images`",
    "UPDATE scores SET value = 1.5": "of the rows of `scores`",
    "UPDATE scores SET low = high, high = low - 1": "`low <= high`",
    "UPDATE units SET status = 'undead'": "`status IN (",
    "UPDATE terms SET concept_id = 99 WHERE explanation_id = 0 AND rank = 0": "point to nothing in `concepts`",
    "UPDATE output_effects SET bucket = 8": "`bucket BETWEEN -1 AND 7` doesn't hold of 1",
    "UPDATE activations SET value = 'nan' WHERE unit = 1 AND image_id = 7": "not finite",
    "UPDATE method_configs SET config = '{'": "can't be read",
    "UPDATE maps SET data = ''::BLOB": "octet_length(data) = height::BIGINT * width` doesn't hold",
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
        store._con.execute(
            "UPDATE scores SET value = 0.11, low = 0.1, high = 0.2 WHERE measure = 'correlation'"
        )
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


# What no build writes => what `check` says of it.
WRONG = r"""
INSERT INTO same_concepts VALUES ('label', 999999, 0) => 1 of `same_concepts` (concept_id) point to nothing in `concepts`
INSERT INTO terms SELECT * FROM terms LIMIT 1 => 1 of `terms` (explanation_id, concept_id) stand there more than once
INSERT INTO bucket_impacts SELECT 0, 0, 'zero', 1, 1, 0, 0, 0 FROM range(2) => 1 of `bucket_impacts` (layer_id, unit, to_value, bucket) stand there more than once
UPDATE units SET unit = -1 - unit WHERE layer_id = 0 => `unit` of `units` of 1 `layer_id` is not counted from 0 without gaps
UPDATE classes SET output_id = -1 WHERE class_id = 0 => `output_id >= 0` doesn't hold of 1 of the rows of `classes`
UPDATE classes SET output_id = 77 WHERE class_id = 0 => `output_id` of 1 of the rows of `classes` is none of the network's 4 outputs
UPDATE images SET predicted = -3 WHERE image_id = 1 => `predicted >= 0` doesn't hold of 1 of the rows of `images`
UPDATE classes SET class_id = 7 WHERE class_id = 2; UPDATE images SET class_id = 7 WHERE class_id = 2; UPDATE superclass_members SET class_id = 7 WHERE class_id = 2 => `class_id` of `classes` is not counted from 0 without gaps
UPDATE superclasses SET superclass_id = 3; UPDATE superclass_members SET superclass_id = 3 => `superclass_id` of `superclasses` is not counted from 0 without gaps
UPDATE images SET key = 'the same' => 1 of `images` (key) stand there more than once
UPDATE images SET digest = 'abc'::BLOB => `octet_length(digest) = 32` doesn't hold of 60 of the rows of `images`
INSERT INTO concept_values SELECT * FROM concept_values LIMIT 1 => 1 concepts have several values of one image
INSERT INTO embeddings SELECT * FROM embeddings LIMIT 1 => 60 of `vectors` (matrix, kind, id) stand there more than once
UPDATE embeddings SET ids = [0] || ids[:59] WHERE kind = 'image' => 1 of `vectors` (matrix, kind, id) stand there more than once
UPDATE embeddings SET kind = 'sound' => `kind IN ('image', 'concept')` doesn't hold of 2 of the rows of `embeddings`
UPDATE embeddings SET matrix = 'label' => 1 of `embeddings` (matrix) point to nothing in `encoders`
UPDATE similar_units SET rank = 0 => `rank <> 0` doesn't hold of 1 of the rows of `similar_units`
UPDATE similar_units SET other = unit => `unit <> other` doesn't hold of 1 of the rows of `similar_units`
UPDATE output_effects SET rank = 0 => `abs(rank) BETWEEN 1 AND 5` doesn't hold of 1 of the rows of `output_effects`
UPDATE terms SET rank = rank + 1 => `rank` of `terms` of 10 `explanation_id` is not counted from 0 without gaps
UPDATE layers SET kind = ' ' WHERE layer_id = 0 => `trim(kind) <> ''` doesn't hold of 1 of the rows of `layers`
UPDATE layers SET kind = 'computed' WHERE layer_id = 0 => `(source = 'computed') = (kind = 'computed')` doesn't hold of 1 of the rows of `layers`
UPDATE layers SET pooling = 'sum' WHERE layer_id = 0 => `pooling IN ('mean', 'max', 'none', 'cls')` doesn't hold of 1 of the rows of `layers`
UPDATE layers SET intervention = 'magic' WHERE layer_id = 0 => `intervention IN ('closed', 'prefix', 'whole')` doesn't hold of 1 of the rows of `layers`
UPDATE layers SET name = ' ' WHERE layer_id = 0 => `trim(name) <> ''` doesn't hold of 1 of the rows of `layers`
UPDATE layers SET shape = [] WHERE layer_id = 0 => `len(shape) > 0 AND list_min(shape) > 0 AND list_count(shape) = len(shape)` doesn't hold of 1 of the rows of `layers`
UPDATE layers SET shape = [7, NULL] WHERE layer_id = 0 => `len(shape) > 0 AND list_min(shape) > 0 AND list_count(shape) = len(shape)` doesn't hold of 1 of the rows of `layers`
UPDATE layers SET shape = [9, 4, 4] WHERE layer_id = 0 => `units = CASE WHEN kind = 'map' THEN shape[1] WHEN kind IN ('map', 'map-last', 'tokens', 'features', 'computed') THEN shape[-1] ELSE units END` doesn't hold of 1 of the rows of `layers`
UPDATE layers SET source = 'computed' WHERE layer_id = 0 => `(source = 'computed') = (kind = 'computed')` doesn't hold of 1 of the rows of `layers`
UPDATE units SET reason = NULL WHERE status = 'dead' => `(status = 'alive') = (reason IS NULL)` doesn't hold of 1 of the rows of `units`
UPDATE maps SET kind = 'dream' => `kind IN ('activation', 'occlusion', 'saliency', 'gradcam')` doesn't hold of 1 of the rows of `maps`
UPDATE concept_matrices SET a = NULL WHERE matrix = 'eye' => `(kind = 'encoder') = (a IS NOT NULL) AND (a IS NULL) = (b IS NULL)` doesn't hold of 1 of the rows of `concept_matrices`
UPDATE concept_matrices SET a = 1, b = 1 WHERE matrix = 'label' => `(kind = 'encoder') = (a IS NOT NULL) AND (a IS NULL) = (b IS NULL)` doesn't hold of 1 of the rows of `concept_matrices`
UPDATE concept_matrices SET roles = ['judge'] WHERE matrix = 'eye' => `list_has_all(['explainer', 'simulator'], roles)` doesn't hold of 1 of the rows of `concept_matrices`
UPDATE concept_matrices SET kept = NULL WHERE matrix = 'eye' => `(kept IS NULL) = (dropped IS NULL) AND (kept IS NULL) = (filter IS NULL)` doesn't hold of 1 of the rows of `concept_matrices`
UPDATE concept_matrices SET kept = -1 WHERE matrix = 'eye' => `kept >= 0 AND dropped >= 0` doesn't hold of 1 of the rows of `concept_matrices`
UPDATE scores SET measure = 'beauty' WHERE explanation_id = 0 AND "by" = 'label' => 1 of `scores` (measure) point to nothing in `measures`
UPDATE scores SET value = 1.5, high = 2 WHERE explanation_id = 0 AND "by" = 'label' => 1 scores lie outside the range of their measure
UPDATE scores SET explanation_id = NULL WHERE explanation_id = 0 AND "by" = 'label' => 1 scores of units name an explanation, or the other way round
UPDATE scores SET explanation_id = 0 WHERE measure = 'observer' => 1 scores of units name an explanation, or the other way round
UPDATE scores SET unit = 4 WHERE explanation_id = 0 AND "by" = 'label' => 1 of `explained` (explanation_id, layer_id, unit) point to nothing in `explanations`
UPDATE scores SET unit = 77 WHERE measure = 'observer' => 1 of `scores` (layer_id, unit) point to nothing in `units`
UPDATE scores SET details = '[1]' WHERE measure = 'observer' => `scores.details` holds what can't be used
UPDATE scores SET details = 'soft' WHERE measure = 'observer' => `scores.details` holds what can't be read
UPDATE scores SET split = 'some' WHERE measure = 'observer' => `split IN ('train', 'val', 'test', 'all')` doesn't hold of 1 of the rows of `scores`
UPDATE scores SET place = 0 WHERE explanation_id = 0 => 1 of `scores` (measure, layer_id, unit, explanation_id, place) stand there more than once
UPDATE scores SET "by" = 'label' WHERE explanation_id = 0 => 1 of `scores` (measure, layer_id, unit, explanation_id, "by", split) stand there more than once
UPDATE measures SET place = 0 => 1 of `measures` (place) stand there more than once
UPDATE measures SET measure = 'Beauty' WHERE measure = 'margin' => `regexp_full_match(measure, '[a-z][a-z0-9_]{0,39}')` doesn't hold of 1 of the rows of `measures`
UPDATE measures SET "of" = 'layer' WHERE measure = 'margin' => `"of" IN ('unit', 'explanation')` doesn't hold of 1 of the rows of `measures`
UPDATE measures SET best = 'both' WHERE measure = 'margin' => `best IN ('high', 'low', '')` doesn't hold of 1 of the rows of `measures`
UPDATE measures SET low = 2 WHERE measure = 'observer' => `low <= high` doesn't hold of 1 of the rows of `measures`
UPDATE measures SET title = ' ' WHERE measure = 'margin' => `trim(title) <> '' AND trim(short) <> ''` doesn't hold of 1 of the rows of `measures`
UPDATE method_configs SET simulator = 'nobody' => 1 of `method_configs` (simulator) point to nothing in `matrices`
UPDATE method_configs SET method = 'le-siglip' WHERE method = 'le-label' => 1 of `explanations` (config_hash, method) point to nothing in `method_configs`
UPDATE explanations SET matrix = 'nobody' => 1 of `explanations` (matrix) point to nothing in `matrices`
UPDATE impacts SET to_value = 'one' => `to_value IN ('zero', 'mean')` doesn't hold of 1 of the rows of `impacts`
UPDATE impacts SET total = -1 => `total >= 0` doesn't hold of 1 of the rows of `impacts`
UPDATE impacts SET total_error = -1 => `total_error >= 0 AND accuracy_error >= 0 AND loss_error >= 0` doesn't hold of 1 of the rows of `impacts`
UPDATE impacts SET total = NULL => `total IS NOT NULL OR reason IS NOT NULL` doesn't hold of 1 of the rows of `impacts`
UPDATE impacts SET unit = 2 => 1 of `top_impacts` (layer_id, unit, to_value) point to nothing in `impacts`
UPDATE top_impacts SET beta = 0 => `beta > 0 AND beta <= 1` doesn't hold of 1 of the rows of `top_impacts`
UPDATE scores SET place = -1 WHERE measure = 'observer' => `n >= 0 AND place >= 0` doesn't hold of 1 of the rows of `scores`
UPDATE scores SET value = NULL WHERE measure = 'observer' => `value IS NOT NULL OR reason IS NOT NULL` doesn't hold of 1 of the rows of `scores`
UPDATE units SET truth = '{"terms": 7}' WHERE truth IS NOT NULL => `units.truth` holds what can't be used
UPDATE units SET truth = '{"terms": [["boat", 3.0]]}' WHERE truth IS NOT NULL => `units.truth` holds what can't be used
UPDATE units SET truth = '{"terms": [], "noise": "much"}' WHERE truth IS NOT NULL => `units.truth` holds what can't be used
UPDATE units SET truth = '' WHERE unit = 0 => `units.truth` holds what can't be read
UPDATE concept_matrices SET filter = '{"class": 3}' WHERE matrix = 'label' => `concept_matrices.filter` holds what can't be used
UPDATE concept_matrices SET filter = '{"class": ["a", null]}' WHERE matrix = 'label' => `concept_matrices.filter` holds what can't be used
UPDATE concept_matrices SET config = '{"calibration": 7}' WHERE matrix = 'eye' => `concept_matrices.config` holds what can't be used
UPDATE concept_matrices SET config = '{"calibration": {"labels": "many", "images": []}}' WHERE matrix = 'eye' => `concept_matrices.config` holds what can't be used
UPDATE method_configs SET config = '[]' => `method_configs.config` holds what can't be used
UPDATE concept_matrices SET filter = '{"class": ["1", "2"]}' WHERE matrix = 'label' => `concept_matrices.filter` holds what can't be used
""".strip().splitlines()  # fmt: skip


def changed(whole, path, change: str):  # noqa: F811
    shutil.copyfile(whole, path)
    with duckdb.connect(str(path)) as con:
        con.execute(change)
    return path


@pytest.mark.parametrize("first", range(9))
def test_rows_that_no_build_writes_are_found(whole, tmp_path, first):  # noqa: F811
    """Some at a time, each in another table than the next, and not by their checksums: a stranger would mend these."""
    some = [line.split(" => ") for line in WRONG[first::9]]
    path = changed(whole, tmp_path / "s.duckdb", "; ".join(change for change, _ in some))
    with Store.open(path) as store:
        found = "\n".join(fault for fault in checking.faults(store) if "as it was written" not in fault)
    for change, words in some:
        assert words in found, f"{change}: {found}"


def test_a_store_without_images_is_not_in_order(whole, tmp_path):  # noqa: F811
    tables = ("images", "activations", "concept_values", "maps", "embeddings")
    path = changed(whole, tmp_path / "s.duckdb", "; ".join(f"DELETE FROM {table}" for table in tables))
    with Store.open(path) as store:
        assert store.fault == "`images` has no rows"


def test_every_column_has_a_rule_or_is_free():
    """A new column is described in `store/rules.py`, or named here."""
    free = {"name", "reason", "caption", "note", "origin", "weight", "bias", "mean", "loss", "help", "chance", "judge", "listed", "sampled", "impact", "change", "value", "method_configs.source"}  # fmt: skip
    keys = {
        (t, c)
        for t, key, *_ in (*rules.ONCE, *rules.NUMBERED, *rules.POINTERS)
        for c in re.findall(r"\w+", key)
    }
    for table, kinds in columns().items():
        known = " ".join(rules.RULES.get(table, ()))
        for column in () if table in ("meta", "skipped_images") else kinds:
            described = re.search(rf"\b{column}\b", known) or (table, column) in keys
            name = f"{table}.{column}"
            assert described or {column, name} & (free | set(CELLS)) or column.endswith("_reason"), name


def test_an_import_that_replaces_an_older_one_leaves_gaps_that_are_no_fault(whole, tmp_path):  # noqa: F811
    gaps = "UPDATE concepts SET concept_id = 9 WHERE concept_id = 4; UPDATE explanations SET explanation_id = 99 WHERE explanation_id = 0"
    gaps += "".join(
        f"; UPDATE {table} SET concept_id = 9 WHERE concept_id = 4" for table in ("terms", "concept_values")
    )
    gaps += "".join(
        f"; UPDATE {table} SET explanation_id = 99 WHERE explanation_id = 0" for table in ("terms", "scores")
    )
    gaps += "; UPDATE embeddings SET ids = [9] WHERE kind = 'concept'"
    with Store.open(changed(whole, tmp_path / "s.duckdb", gaps)) as store:
        assert "as it was written" in store.fault
