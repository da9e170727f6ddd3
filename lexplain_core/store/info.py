"""What a store holds, as stable JSON for scripts (documented in docs/reference/info-json.md)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from . import effects, tables
from .catalog import Catalog
from .tables import CORRELATIONS
from .text import of_units

TOP = 0.02  # beta of the Top Impact that stands for a layer

# Of stores that don't say it.
_NO_SET = {"name": "an unknown set", "source": ""}
_NO_TARGET = {"name": "unknown", "source": "", "outputs": None, "accuracy": None, "accuracy_images": 0}


def describe(store: Catalog) -> dict[str, Any]:
    """The dictionary that `python -m lexplain_core info STORE --json` prints."""
    meta = store.meta
    splits = dict(store.rows("SELECT split, count(*) FROM images GROUP BY split"))
    layers = tables.layers(store, store.default_method)
    impacts = _impacts(store)
    tops = {row["layer"]: row["mean_top_impact"] for row in impacts if row["to"] == "zero"}
    layers_of = layers.set_index("layer")[["ablated", "observed"]].to_dict()
    keep = ["layer", "source", "kind", "pooling", "shape", "units", "dead", "constant", "negative", "note",
            "way", "effect_reason", "push_reason", "map_reason", "mean_ablation", "mean_observer"]  # fmt: skip
    facts = layers.set_index("layer")[["units", "dead", "constant"]].to_dict("index")
    layer_rows = layers[keep].rename(columns={"layer": "name"}).to_dict("records")
    for row in layer_rows:
        row["shape"] = [int(size) for size in row["shape"]]
        row["note"] = row["note"] if isinstance(row["note"], str) else None
        row["mean_ablation"] = _number(row["mean_ablation"])
        row["mean_observer"] = _number(row["mean_observer"])
        row["mean_top_impact"] = tops.get(row["name"])
    explained = store.rows(
        f"""
        SELECT l.name, e.method, count(*) FILTER (e.reason IS NULL)::INT,
               count(*) FILTER (e.reason IS NOT NULL)::INT, avg(e.length) FILTER (e.reason IS NULL),
               avg(s.value), count(s.value)::INT, any_value(c.simulator)
        FROM explanations e JOIN layers l USING (layer_id) JOIN method_configs c USING (config_hash)
        LEFT JOIN ({CORRELATIONS}) s ON s.explanation_id = e.explanation_id
        GROUP BY l.name, l.layer_id, e.method ORDER BY l.layer_id, e.method
        """
    )
    names = (
        "layer",
        "method",
        "explained",
        "unexplained",
        "mean_length",
        "mean_correlation",
        "scored",
        "simulator",
    )
    for row in layer_rows:
        row["mean_ablation_over"] = _over(facts[row["name"]], layers_of["ablated"][row["name"]])
        row["mean_observer_over"] = _over(
            {"units": row["units"]}, layers_of["observed"][row["name"]]
        )  # which judges dead units, too
    found = [dict(zip(names, row, strict=True)) for row in explained]
    return {
        "id": store.id,
        "name": store.name,
        "schema_version": meta["schema_version"],
        "created": meta.get("created"),
        "probing_set": _NO_SET | (meta.get("probing_set") or {}),
        "target": _NO_TARGET | (meta.get("target") or {}),
        "images": sum(splits.values()),
        "splits": {name: int(splits.get(name, 0)) for name in ("train", "val", "test")},
        "skipped": store.skipped().to_dict("records"),
        "classes": store.rows("SELECT count(*) FROM classes")[0][0],
        "superclasses": store.rows("SELECT count(*) FROM superclasses")[0][0],
        "concepts": store.rows("SELECT count(*) FROM concepts")[0][0],
        "layers": layer_rows,
        "units": int(layers["units"].sum()),
        "dead_units": int(layers["dead"].sum()),
        "explanations": [row | {"mean_over": _over(facts[row["layer"]], row["scored"])} for row in found],
        "matrices": _matrices(store),
        "scores": [row | {"mean_over": _over(facts[row["layer"]], row["scored"])} for row in _scores(store)],
        "ablations": [
            row | {"mean_over": _over(facts[row["layer"]], row["scored"])} for row in _ablations(store)
        ],
        "impacts": impacts,
        "observers": [
            row | {"mean_over": _over(facts[row["layer"]], row["scored"])} for row in _observers(store)
        ],
        "temperature": meta.get("temperature"),
        "same_encoder": bool(meta.get("same_encoder")),
        "unsteady": meta.get("unsteady"),
        "build": meta.get("build"),
        "config": meta.get("config"),
        "versions": meta.get("versions"),
    }


def _matrices(store: Catalog) -> list[dict[str, Any]]:
    """A dictionary per concept matrix; numbers that are unknown are None."""
    rows = tables.matrices(store).drop(columns="config").to_dict("records")
    for row in rows:
        row["roles"] = list(row["roles"])
        row["same"] = {
            store.concept_labels[concept][0]: list(names)
            for concept, names in store.same_concepts.get(row["matrix"], {}).items()
        }
        for key, kind in (("a", float), ("b", float), ("loss", float), ("kept", int), ("dropped", int)):
            row[key] = None if pd.isna(row[key]) else kind(row[key])
    return rows


def _scores(store: Catalog) -> list[dict[str, Any]]:
    """Mean correlation and mean of its null, by layer, method and simulator."""
    rows = store.rows(
        """
        SELECT l.name, e.method, s.simulator, s.simulator = c.simulator, count(s.value)::INT, avg(s.value),
               count(s.null_mean)::INT, avg(s.null_mean), avg(s.null_high),
               count(*) FILTER (s.value <= s.null_high OR s.low <= 0)::INT
        FROM scores s JOIN explanations e USING (explanation_id) JOIN layers l USING (layer_id)
        JOIN method_configs c USING (config_hash)
        WHERE s.kind = 'correlation'
        GROUP BY l.name, l.layer_id, e.method, s.simulator, c.simulator
        ORDER BY l.layer_id, e.method, s.simulator
        """
    )
    names = (
        "layer", "method", "simulator", "main", "scored", "mean_correlation", "with_null", "mean_null",
        "mean_null_high", "doubtful",
    )  # fmt: skip
    return [dict(zip(names, row, strict=True)) for row in rows]


def _ablations(store: Catalog) -> list[dict[str, Any]]:
    """Mean ablation scores, by layer, method, simulator and kind."""
    rows = store.rows(
        """
        SELECT l.name, e.method, s.simulator, s.simulator = c.simulator, s.kind, count(s.value)::INT, avg(s.value),
               count(*) FILTER (s.sampled AND s.value IS NOT NULL)::INT, count(*) FILTER (s.low <= 0)::INT
        FROM scores s JOIN explanations e USING (explanation_id) JOIN layers l USING (layer_id)
        JOIN method_configs c USING (config_hash)
        WHERE s.kind LIKE 'ablation-%'
        GROUP BY l.name, l.layer_id, e.method, s.simulator, c.simulator, s.kind
        ORDER BY l.layer_id, e.method, s.simulator, s.kind
        """
    )
    names = (
        "layer", "method", "simulator", "main", "kind", "scored", "mean_ablation", "sampled", "doubtful",
    )  # fmt: skip
    return [dict(zip(names, row, strict=True)) for row in rows]


def _impacts(store: Catalog) -> list[dict[str, Any]]:
    """Units with an impact and mean Top Impact at 0.02, by layer and by what units were set to."""
    found = []
    counts = tables.layers(store, store.default_method).set_index("layer")[["units", "dead", "constant"]]
    for to in effects.impact_values(store):
        table = effects.table1(store, to)
        means = table[np.isclose(table["beta"], TOP)].set_index("layer")
        for layer, units in effects.impacts(store, to, None).groupby("layer", sort=False):
            none: dict[str, Any] = {"mean": None, "error": None, "units": 0}
            mean = means.loc[layer] if layer in means.index else none
            whole = {name: int(counts.loc[layer, name]) for name in counts}
            idle = int((units["total"] == 0).sum())
            errors = units["total_error"][units["total"].notna()]
            found.append(
                {
                    "layer": layer,
                    "to": to,
                    "units": int(units["total"].notna().sum()),
                    "without_effect": idle,
                    "sampled": bool(units["sampled"].any()),
                    "rough": int(units["rough"].sum()),
                    "mean_impact": _number(units["total"].mean()),
                    "mean_impact_error": _number(
                        np.sqrt((errors**2).sum()) / len(errors) if len(errors) else None
                    ),
                    "mean_impact_over": _over(whole, int(units["total"].notna().sum())),
                    "mean_top_impact": _number(mean["mean"]),
                    "mean_top_impact_error": _number(mean["error"]),
                    "mean_top_impact_over": _over(whole, int(mean["units"]), without_effect=idle),
                }
            )
    return found


def _observers(store: Catalog) -> list[dict[str, Any]]:
    """Mean scores of the machine observers, by layer and embedding, the main one first."""
    rows = store.rows(
        """
        SELECT l.name, o.embedding, o.place = 0, max(o.trials)::INT, count(o.value)::INT,
               count(*) FILTER (o.value IS NULL)::INT, avg(o.value), avg(o.soft)
        FROM observer_scores o JOIN layers l USING (layer_id)
        GROUP BY l.name, l.layer_id, o.embedding, o.place ORDER BY l.layer_id, o.place
        """
    )
    names = ("layer", "embedding", "main", "trials", "scored", "unscored", "mean", "mean_soft")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _over(layer: dict[str, int], mean_of: int, **why: int) -> str:
    """Over how many of a layer's units a mean is, and what the others are."""
    left = {name: layer[name] for name in ("dead", "constant") if name in layer}
    return of_units(int(mean_of), int(layer["units"]), **left, **why)


def _number(value: float | None) -> float | None:
    """A plain number, None where there is none."""
    return None if value is None or pd.isna(value) else float(value)
