"""Tables of a store as data frames: layers, units, concept matrices."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from ..base.measures import DERIVED, ENDS, Description
from .catalog import Catalog
from .meta import read_cell
from .text import explanation_text

# At most one score of a measure for each unit, and for each explanation.
HEADLINES = "SELECT s.* FROM scores s WHERE s.place = 0"
# Of units `u`: those that `among` names.
AMONG = "(u.layer_id, u.unit) IN (SELECT (unnest($among_layers::INT[]), unnest($among_units::INT[])))"


def among(keys: Iterable[tuple[int, int]]) -> dict[str, list[int]]:
    """Parameters of `AMONG`: (layer id, unit) of each unit."""
    keys = list(keys)
    return {"among_layers": [int(layer) for layer, _ in keys], "among_units": [int(unit) for _, unit in keys]}


def layers(store: Catalog, method: str) -> pd.DataFrame:
    """See `Store.layers`."""
    frame = store.frame(
        """
        SELECT l.layer_id, l.name AS layer, l.source, l.kind, l.pooling, l.shape, l.units,
               count(*) FILTER (u.status = 'alive')::INT    AS alive,
               count(*) FILTER (u.status = 'dead')::INT     AS dead,
               count(*) FILTER (u.status = 'constant')::INT AS constant,
               count(*) FILTER (u.status = 'negative')::INT AS negative,
               l.note, l.intervention, l.effect_reason, l.output_effects_reason, l.map_reason
        FROM layers l JOIN units u USING (layer_id) GROUP BY ALL ORDER BY l.layer_id
        """
    )
    means = store.frame(
        f"""
        SELECT s.layer_id, s.measure, avg(s.value) AS mean, count(s.value)::INT AS units, avg(s.chance) AS chance
        FROM ({HEADLINES}) s LEFT JOIN explanations e USING (explanation_id)
        WHERE s.explanation_id IS NULL OR e.method = ? GROUP BY s.layer_id, s.measure
        """,
        [method],
    )
    for name in stored(store):
        own = means[means["measure"] == name].set_index("layer_id")
        rows = own.reindex(frame["layer_id"]).reset_index(drop=True)
        frame[f"mean_{name}"], frame[f"units_{name}"] = rows["mean"], rows["units"].fillna(0).astype("int32")
        frame[f"mean_{name}_chance"] = rows["chance"]
    return none_for_missing(
        frame.drop(columns="layer_id"), "intervention", "effect_reason", "output_effects_reason", "map_reason"
    )


def stored(store: Catalog) -> dict[str, Description]:
    """The measures that the store has rows of."""
    derived = {one.name for one in DERIVED}
    return {name: one for name, one in store.measures.items() if name not in derived}


def headlines(store: Catalog) -> tuple[str, str]:
    """Columns and joins that lay the headline of each measure beside units `u` and explanations `e`.

    The columns are the measure's value, under its name, and `MEASURE_END` of each of `ENDS`.
    """
    columns, joins = [], []
    for number, (name, one) in enumerate(
        stored(store).items()
    ):  # names are those that `check_names` lets pass
        s = f"s{number}"
        columns += [f"{s}.value AS {name}", *(f'{s}."{end}" AS {name}_{end}' for end in ENDS)]
        same = f"{s}.explanation_id = e.explanation_id"
        if one.of == "unit":
            same = f"{s}.layer_id = u.layer_id AND {s}.unit = u.unit"
        joins.append(f"LEFT JOIN ({HEADLINES} AND s.measure = '{name}') {s} ON {same}")
    return ", ".join(columns), " ".join(joins)


def units_sql(store: Catalog) -> str:
    """One row per unit, with the explanation by $method and the headline of each measure, as `headlines` has it."""
    columns, joins = headlines(store)
    return f"""
        SELECT u.layer_id, l.name AS layer, u.unit, u.name, u.status, coalesce(u.reason, e.reason) AS reason,
               u.maximum, u.minimum, u.mean, e.explanation_id, e.bias, e.length, {columns}
        FROM units u JOIN layers l USING (layer_id)
        LEFT JOIN explanations e ON e.layer_id = u.layer_id AND e.unit = u.unit AND e.method = $method
        {joins}
    """


def unit_table(store: Catalog, layer: str | None, method: str) -> pd.DataFrame:
    """See `Store.unit_table`."""
    frame = store.frame(
        f"{units_sql(store)} WHERE $layer IS NULL OR l.name = $layer ORDER BY u.layer_id, u.unit",
        {"method": method, "layer": layer},
    )
    return told(store, frame.drop(columns="layer_id"), method)


def told(store: Catalog, frame: pd.DataFrame, method: str, few: bool = False) -> pd.DataFrame:
    """Rows of `units_sql` with their explanations in words, in place of ids. few: there are few rows."""
    names, lines = in_words(store, frame.pop("explanation_id"), frame.pop("bias"), method, few)
    frame.insert(8, "explanation", lines)
    frame.insert(9, "terms", names)
    texts = [f"{name}_{end}" for name in stored(store) for end in ("by", "reason")]
    return none_for_missing(frame, "name", "reason", *(column for column in texts if column in frame))


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
        texts = [text if isinstance(text, str) else None for text in frame[column]]
        frame[column] = pd.Series(texts, index=frame.index, dtype=object)
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
