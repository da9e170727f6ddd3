"""Rows of a store's tables, as builds, imports and notes write them; columns and types are those of schema.sql."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

import pandas as pd
import pyarrow as pa

from ..base.measures import Description
from .model import Score
from .opening import arrow_schemas

Row = Mapping[str, Any] | tuple[Any, ...]  # a tuple has all columns of schema.sql, in their order


def table(name: str, rows: pd.DataFrame | Iterable[Row]) -> pa.Table:
    """Rows with the columns and types of a table of schema.sql. NaN, None and columns that rows lack are NULL.

    Raises `ValueError` for columns that the table doesn't have.
    """
    schema = arrow_schemas()[name]
    frame = rows if isinstance(rows, pd.DataFrame) else _frame(list(rows), schema.names)
    if strange := set(frame.columns) - set(schema.names):
        raise ValueError(f"the table {name} has no columns {sorted(strange)}")
    columns = [
        _column(frame[field.name], field.type) if field.name in frame else pa.nulls(len(frame), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _frame(rows: list[Row], names: list[str]) -> pd.DataFrame:
    named = bool(rows) and isinstance(rows[0], Mapping)
    return pd.DataFrame(rows, columns=None if named else names, dtype=object)


def _column(values: pd.Series, kind: pa.DataType) -> pa.Array:
    if pa.types.is_floating(kind):
        values = values.astype("float64")  # Arrow takes no whole numbers beyond 2**53
    return pa.array(values, kind, from_pandas=True)


def config_hash(config: Mapping[str, Any]) -> str:
    """12 hexadecimal digits that name a method's configuration."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:12]


def method_config(
    method: str, config: Mapping[str, Any], simulator: str, source: str | None = None, name: str | None = None
) -> dict[str, Any]:
    """A row of `method_configs`. simulator: whose score is the headline. name: the row's, else `config_hash`."""
    return {"config_hash": name or config_hash(config), "method": method, "config": json.dumps(config),
            "simulator": simulator, "source": source}  # fmt: skip


def measure_rows(descriptions: Iterable[Description]) -> Iterator[dict[str, Any]]:
    """Rows of `measures`, in the order given."""
    for place, one in enumerate(descriptions):
        facts = {
            field.name: getattr(one, field.name) for field in fields(Description) if field.name != "name"
        }
        yield facts | {"measure": one.name, "place": place}


def score_row(
    score: Score, layer_id: int, unit: int, explanation_id: int | None = None, place: int = 0
) -> dict[str, Any]:
    """A row of `scores`. place: 0 for the headline of its measure."""
    details = json.dumps(dict(score.details)) if score.details else None
    return vars(score) | {"details": details, "layer_id": layer_id, "unit": unit, "explanation_id": explanation_id,
                          "place": place}  # fmt: skip


def places(scores: Iterable[Score], simulator: str) -> Iterator[tuple[Score, int]]:
    """The scores of an explanation with their places: those by its main simulator come first."""
    others: Counter[str] = Counter()
    for score in scores:
        main = score.by in (simulator, "")
        others[score.measure] += not main
        yield score, 0 if main else others[score.measure]


class ExplanationRows:
    """Explanations as rows of `explanations`, `terms` and `scores`. ids: theirs, in order."""

    def __init__(self, ids: Iterable[int]):
        self._ids = iter(ids)
        self._rows: dict[str, list[dict[str, Any]]] = {"explanations": [], "terms": [], "scores": []}

    def add(
        self, terms: Iterable[tuple[float, int]], scores: Iterable[Score], simulator: str, **explanation: Any
    ) -> None:
        """Add an explanation.

        terms: (weight, concept id)s in order. simulator: whose scores are the headline. explanation: the columns of
        `explanations` but its id and length.
        """
        identity, terms = next(self._ids), list(terms)
        self._rows["explanations"].append(explanation | {"explanation_id": identity, "length": len(terms)})
        self._rows["terms"] += [
            {"explanation_id": identity, "rank": rank, "concept_id": concept, "weight": weight}
            for rank, (weight, concept) in enumerate(terms)
        ]
        where = explanation["layer_id"], explanation["unit"], identity
        self._rows["scores"] += [
            score_row(score, *where, place) for score, place in places(scores, simulator)
        ]

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """(name of the table, its rows) of what was added since the last call."""
        for name, rows in self._rows.items():
            yield name, table(name, rows)
            rows.clear()
