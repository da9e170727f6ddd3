"""The demo store as it would be under other circumstances."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb

NASTY = (
    "![x](https://elsewhere.example/p.png) $a$ $b$ :material/home: :dog: :red[r] **b** `c` www.elsewhere.example "
    "a -> b"
)
SECOND = "a second"  # a method before the default one in the alphabet


def called(store: Path, path: Path) -> duckdb.DuckDBPyConnection:
    """A copy whose id and name are its file's, open to be changed."""
    shutil.copy(store, path)
    con = duckdb.connect(str(path))
    con.execute("UPDATE meta SET value = ? WHERE key IN ('id', 'name')", [json.dumps(path.stem)])
    return con


def renamed(store: Path, path: Path) -> None:
    called(store, path).close()


def elsewhere(store: Path, path: Path) -> None:
    """Its network isn't at hand."""
    with called(store, path) as con:
        (text,) = con.execute("SELECT value FROM meta WHERE key = 'config'").fetchone()
        config = json.loads(text)
        config["target"] |= {"model": "torchvision/resnet18", "weights": "/nowhere/else.pth"}
        con.execute("UPDATE meta SET value = ? WHERE key = 'config'", [json.dumps(config)])


def without_effects(store: Path, path: Path) -> None:
    """No outputs for its classes, so nothing was measured."""
    with called(store, path) as con:
        for table in ("impacts", "top_impacts", "bucket_impacts", "output_effects", "maps"):
            con.execute(f"DELETE FROM {table}")
        con.execute("DELETE FROM scores WHERE measure LIKE 'ablation%' OR measure = 'impact'")
        con.execute("UPDATE layers SET intervention = NULL, effect_reason = 'Class [x] has no output.'")


def same_encoder(store: Path, path: Path) -> None:
    """Explainer and simulator are one."""
    with called(store, path) as con:
        con.execute("INSERT OR REPLACE INTO meta VALUES ('same_encoder', 'true')")


def unseen(store: Path, path: Path) -> None:
    """Without concept values, as an import of free words leaves a store without encoders."""
    with called(store, path) as con:
        con.execute("DELETE FROM concept_values")
        con.execute("DELETE FROM embeddings")


def labels_alone(store: Path, path: Path) -> None:
    """With the label method alone."""
    with called(store, path) as con:
        con.execute("DELETE FROM explanations WHERE method <> 'le-label'")
        con.execute(
            "DELETE FROM scores WHERE explanation_id NOT IN (SELECT explanation_id FROM explanations)"
        )
        con.execute("DELETE FROM scores WHERE explanation_id IS NOT NULL AND \"by\" NOT IN ('label', '')")
        con.execute("DELETE FROM concept_matrices WHERE kind <> 'label'")
        con.execute("DELETE FROM concept_values WHERE matrix <> 'label'")


def other_names(store: Path, path: Path) -> None:
    """Every tenth image has another name."""
    with called(store, path) as con:
        con.execute("UPDATE meta SET value = '\"The other\"' WHERE key = 'name'")
        con.execute("UPDATE images SET key = 'other/' || key WHERE image_id % 10 = 0")


def foreign(store: Path, path: Path) -> None:
    """A store with `NASTY` wherever a page shows some text, a second method and no constant unit."""
    shutil.copy(store, path)
    with duckdb.connect(str(path)) as con:
        meta = {
            key: json.loads(value) for key, value in con.execute("SELECT key, value FROM meta").fetchall()
        }
        meta |= {"name": NASTY, "probing_set": meta["probing_set"] | {"name": NASTY},
                 "target": meta["target"] | {"name": NASTY}, "outputs": [NASTY] * len(meta["outputs"])}  # fmt: skip
        for key in ("name", "probing_set", "target", "outputs"):
            con.execute("UPDATE meta SET value = ? WHERE key = ?", [json.dumps(meta[key]), key])
        con.execute("UPDATE layers SET name = ? WHERE layer_id = 0", [NASTY])
        con.execute("UPDATE layers SET effect_reason = ? WHERE source = 'computed'", [NASTY])
        con.execute("UPDATE impacts SET total = 0, reason = ? WHERE layer_id = 0 AND unit = 1", [NASTY])
        con.execute("UPDATE scores SET value = NULL, reason = ? WHERE measure LIKE 'ablation%' "
                    "AND layer_id = 0 AND unit = 1", [NASTY])  # fmt: skip
        con.execute("UPDATE units SET name = ?, status = if(status = 'constant', 'dead', status)", [NASTY])
        more = con.execute("SELECT max(explanation_id) + 1 FROM explanations").fetchone()[0]
        con.execute(
            "CREATE TEMP TABLE own AS SELECT explanation_id FROM explanations WHERE method = 'le-label'"
        )
        for table in ("terms", "scores", "explanations"):
            replaced = {"explanations": ", ? AS method"}.get(table, "")
            con.execute(
                f"INSERT INTO {table} SELECT * REPLACE (explanation_id + ? AS explanation_id{replaced}) "
                f"FROM {table} WHERE explanation_id IN (FROM own)",
                [more, SECOND] if replaced else [more],
            )
        # Another method, and the encoder that it was found with, by such a name.
        con.execute("UPDATE explanations SET method = ? WHERE method = 'le-siglip'", [NASTY])
        query = "SELECT matrix FROM concept_matrices WHERE kind = 'encoder' AND 'explainer' IN roles"
        (matrix,) = con.execute(query).fetchone()
        for table in ("explanations", "concept_matrices", "concept_values"):
            con.execute(f"UPDATE {table} SET matrix = ? WHERE matrix = ?", [NASTY, matrix])
