"""Tables of a store as data frames: layers, units, concept matrices."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from .catalog import Catalog
from .meta import read_cell
from .text import explanation_text

# At most one score of a kind per explanation: by the main simulator of its method (as
# `Explanation.score` takes it).
MAIN_SCORES = (
    "SELECT s.* FROM scores s JOIN explanations e USING (explanation_id) "
    "JOIN method_configs c USING (config_hash) WHERE s.simulator = c.simulator"
)
CORRELATIONS = f"{MAIN_SCORES} AND s.kind = 'correlation'"
ABLATIONS = f"{MAIN_SCORES} AND s.kind = 'ablation-norm'"
# Of units `u`: those that `among` names.
AMONG = "(u.layer_id, u.unit) IN (SELECT (unnest($among_layers::INT[]), unnest($among_units::INT[])))"


def among(keys: Iterable[tuple[int, int]]) -> dict[str, list[int]]:
    """Parameters of `AMONG`: (layer id, unit) of each unit."""
    keys = list(keys)
    return {"among_layers": [int(layer) for layer, _ in keys], "among_units": [int(unit) for _, unit in keys]}


def layers(store: Catalog, method: str) -> pd.DataFrame:
    """See `Store.layers`."""
    frame = store.frame(
        f"""
        SELECT l.name AS layer, l.source, l.kind, l.pooling, l.shape, l.units,
               count(*) FILTER (u.status = 'alive')::INT    AS alive,
               count(*) FILTER (u.status = 'dead')::INT     AS dead,
               count(*) FILTER (u.status = 'constant')::INT AS constant,
               count(*) FILTER (u.status = 'negative')::INT AS negative,
               l.note,
               avg(s.value) AS mean_score, avg(s.null_mean) AS mean_null, avg(s.null_high) AS mean_null_high,
               l.way, l.effect_reason, l.push_reason, l.map_reason, avg(a.value) AS mean_ablation, avg(o.value) AS mean_observer,
               count(s.value)::INT AS scored, count(a.value)::INT AS ablated, count(o.value)::INT AS observed
        FROM layers l
        JOIN units u USING (layer_id)
        LEFT JOIN explanations e ON e.layer_id = u.layer_id AND e.unit = u.unit AND e.method = ?
        LEFT JOIN ({CORRELATIONS}) s ON s.explanation_id = e.explanation_id
        LEFT JOIN ({ABLATIONS}) a ON a.explanation_id = e.explanation_id
        LEFT JOIN observer_scores o ON o.layer_id = u.layer_id AND o.unit = u.unit AND o.place = 0
        GROUP BY l.layer_id, l.name, l.source, l.kind, l.pooling, l.shape, l.units, l.note, l.way,
                 l.effect_reason, l.push_reason, l.map_reason ORDER BY l.layer_id
        """,
        [method],
    )
    return none_for_missing(frame, "way", "effect_reason", "push_reason", "map_reason")


# Why there is no ablation score: of a layer `l`, an explanation `e`, its configuration `c` and its score `a`.
ABLATION_REASON = """CASE WHEN a.value IS NULL THEN coalesce(
                   a.reason, l.effect_reason, e.reason,
                   CASE WHEN c.source IS NOT NULL THEN 'Imported explanations get no ablation scores.' END
               ) END"""
# One row per unit, with the explanation by $method.
UNITS = f"""
        SELECT u.layer_id, l.name AS layer, u.unit, u.name, u.status, coalesce(u.reason, e.reason) AS reason,
               u.maximum, u.minimum, u.mean, e.explanation_id, e.bias, e.length,
               s.value AS score, s.low, s.high, s.n AS score_n, s.reason AS score_reason,
               s.simulator, s.null_units, s.null_mean, s.null_high, s.null_above, a.value AS ablation,
               {ABLATION_REASON} AS ablation_reason,
               i.total AS impact, coalesce(i.sampled, false) AS impact_sampled,
               i.total_error AS impact_error,
               o.value AS observer, o.embedding AS observer_embedding, o.trials AS observer_trials,
               o.reason AS observer_reason, e.two_faced, e.two_faced_reason
        FROM units u JOIN layers l USING (layer_id)
        LEFT JOIN explanations e ON e.layer_id = u.layer_id AND e.unit = u.unit AND e.method = $method
        LEFT JOIN method_configs c ON c.config_hash = e.config_hash
        LEFT JOIN ({CORRELATIONS}) s ON s.explanation_id = e.explanation_id
        LEFT JOIN ({ABLATIONS}) a ON a.explanation_id = e.explanation_id
        LEFT JOIN impacts i ON i.layer_id = u.layer_id AND i.unit = u.unit AND i.to_value = 'zero'
        LEFT JOIN observer_scores o ON o.layer_id = u.layer_id AND o.unit = u.unit AND o.place = 0
"""
_TEXTS = (
    "name", "reason", "score_reason", "simulator", "ablation_reason", "observer_embedding", "observer_reason",
    "two_faced_reason",
)  # fmt: skip


def unit_table(store: Catalog, layer: str | None, method: str) -> pd.DataFrame:
    """See `Store.unit_table`."""
    frame = store.frame(
        f"SELECT * FROM ({UNITS}) WHERE $layer IS NULL OR layer = $layer ORDER BY layer_id, unit",
        {"method": method, "layer": layer},
    )
    return told(store, frame.drop(columns="layer_id"), method)


def told(store: Catalog, frame: pd.DataFrame, method: str, few: bool = False) -> pd.DataFrame:
    """Rows of `UNITS` with their explanations in words, in place of ids. few: there are few rows."""
    names, lines = in_words(store, frame.pop("explanation_id"), frame.pop("bias"), method, few)
    frame.insert(8, "explanation", lines)
    frame.insert(9, "terms", names)
    return none_for_missing(frame, *_TEXTS)


def in_words(
    store: Catalog, ids: Iterable, biases: Iterable, method: str | None = None, few: bool = False
) -> tuple[list[list[str]], list[str]]:
    """Of explanations by id (missing where there is none) the names of their concepts, strongest first,
    and their lines. method: whose they all are, so that only its terms are read; few: read only the terms of these ids."""
    ids = list(ids)
    if few:
        which = "WHERE t.explanation_id IN (SELECT unnest($ids::INT[]))"
        given: dict = {"ids": [int(i) for i in ids if pd.notna(i)]}
    else:
        which = "JOIN explanations e USING (explanation_id) WHERE $method IS NULL OR e.method = $method"
        given = {"method": method}
    labels = store.concept_labels
    terms: dict[int, list[tuple[float, str]]] = {}
    for explanation, concept, weight in store.rows(
        f"SELECT t.explanation_id, t.concept_id, t.weight FROM terms t {which} "
        "ORDER BY t.explanation_id, abs(t.weight) DESC, t.rank",
        given,
    ):
        terms.setdefault(explanation, []).append((weight, labels[concept][0]))
    lines, names = [], []
    for explanation, bias in zip(ids, biases, strict=True):
        found = terms.get(explanation, []) if pd.notna(explanation) else []
        names.append([name for _, name in found])
        lines.append(explanation_text(found, None if pd.isna(bias) else bias) if found else "")
    return names, lines


def none_for_missing(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The frame with None, not NaN, where its text columns hold nothing."""
    for column in columns:
        frame[column] = frame[column].astype(object).where(frame[column].notna(), None)
    return frame


def matrices(store: Catalog) -> pd.DataFrame:
    """See `Store.matrices`."""
    frame = store.frame(
        "SELECT matrix, kind, roles, a, b, loss, kept, dropped, filter, config "
        "FROM concept_matrices ORDER BY kind = 'encoder', matrix"
    )
    frame["roles"] = [tuple(str(role) for role in roles) for roles in frame["roles"]]
    for column in ("filter", "config"):
        place = f"concept_matrices.{column}"
        found = [read_cell(place, text) if isinstance(text, str) else None for text in frame[column]]
        frame[column] = pd.Series(found, dtype=object)
    return frame
