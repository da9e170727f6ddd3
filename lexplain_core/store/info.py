"""What a store holds, as stable JSON for scripts (documented in docs/reference/info-json.md)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from . import effects, tables
from .catalog import Catalog
from .tables import HEADLINES
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
    keep = ["layer", "source", "kind", "pooling", "shape", "units", "dead", "constant", "negative", "note",
            "intervention", "effect_reason", "output_effects_reason", "map_reason"]  # fmt: skip
    facts = layers.set_index("layer")[["units", "dead", "constant"]].to_dict("index")
    layer_rows = layers[keep].rename(columns={"layer": "name"}).to_dict("records")
    for row in layer_rows:
        row["shape"] = [int(size) for size in row["shape"]]
        row["note"] = row["note"] if isinstance(row["note"], str) else None
        row["mean_top_impact"] = tops.get(row["name"])
    explained = store.rows(
        f"""
        SELECT l.name, e.method, count(*) FILTER (e.reason IS NULL)::INT,
               count(*) FILTER (e.reason IS NOT NULL)::INT, avg(e.length) FILTER (e.reason IS NULL),
               avg(s.value), count(s.value)::INT, any_value(c.simulator)
        FROM explanations e JOIN layers l USING (layer_id) JOIN method_configs c USING (config_hash)
        LEFT JOIN ({HEADLINES} AND s.measure = 'correlation') s ON s.explanation_id = e.explanation_id
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
        "measures": [vars(one) for one in tables.stored(store).values()],
        "scores": _scores(store, facts),
        "impacts": impacts,
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


def _scores(store: Catalog, layers: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    """Means by measure, layer, method and scorer, and over how many units they are. layers: counts of their units."""
    rows = store.rows(
        """
        SELECT s.measure, l.name, e.method, s.by, min(s.place) = 0, any_value(s.split), max(s.n), count(s.value)::INT,
               count(*) FILTER (s.value IS NULL)::INT, avg(s.value), avg(s.chance),
               count(*) FILTER (s.sampled AND s.value IS NOT NULL)::INT, count(*) FILTER (
                   CASE m.best WHEN 'high' THEN s.value <= s.chance OR s.low <= m.chance
                               WHEN 'low' THEN s.value >= s.chance OR s.high >= m.chance END)::INT
        FROM scores s JOIN measures m USING (measure) JOIN layers l USING (layer_id)
        LEFT JOIN explanations e USING (explanation_id)
        GROUP BY s.measure, m.place, l.name, l.layer_id, e.method, s.by
        ORDER BY m.place, l.layer_id, e.method, min(s.place), s.by
        """
    )
    names = (
        "measure", "layer", "method", "by", "main", "split", "n", "scored", "unscored", "mean", "mean_chance", "sampled",
        "doubtful",
    )  # fmt: skip
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return [row | {"mean_over": _over(layers[row["layer"]], row["scored"])} for row in found]


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


def _over(layer: dict[str, int], mean_of: int, **why: int) -> str:
    """Over how many of a layer's units a mean is, and what the others are."""
    left = {name: layer[name] for name in ("dead", "constant") if name in layer}
    return of_units(int(mean_of), int(layer["units"]), **left, **why)


def _number(value: float | None) -> float | None:
    """A plain number, None where there is none."""
    return None if value is None or pd.isna(value) else float(value)
