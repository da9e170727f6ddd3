"""The statements behind `UnitQuery`: the units that pass its filters, sorted, and one page of their table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ...base.errors import quote
from ...base.text import folded
from .. import tables
from ..catalog import Catalog
from ..version import StoreError
from .query import SearchResult, UnitQuery, columns
from .table import Tables
from .text import Term, read_search

_NUMBERS = ("gap", "human", "apart")


@dataclass
class _Query:
    """A statement over the wide rows `u` of units and what people made of them, `h`."""

    units: str
    people: str
    ctes: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    found: str = "NULL"  # which methods' explanations hold the search, as a list of their numbers in `names`
    names: list[str] = field(default_factory=list)
    methods: list[tuple[str, str]] = field(default_factory=list)  # with their simulators

    def sql(self, what: str, after: str = "") -> str:
        """SELECT what … after."""
        before = f"WITH {', '.join(self.ctes)} " if self.ctes else ""
        said = "JOIN said q ON q.layer_id = u.layer_id AND q.unit = u.unit" if self.ctes else ""
        return (
            f"{before}SELECT {what} FROM {self.units} u {said} "
            f"LEFT JOIN {self.people} h ON h.layer_id = u.layer_id AND h.unit = u.unit "
            f"WHERE {' AND '.join(self.conditions) or 'true'} {after}"
        )


def find(
    store: Catalog,
    wanted: UnitQuery,
    limit: int | None = 100,
    offset: int = 0,
    human: pd.DataFrame | None = None,
) -> SearchResult:
    """See `Store.find`."""
    method = wanted.method or store.default_method
    name, way = wanted.sort.removeprefix("-"), "DESC" if wanted.sort.startswith("-") else "ASC"
    tie = way if name == "unit" else "ASC"
    order = f"{columns(store.measures)[name].sql} {way} NULLS LAST, u.layer_id {tie}, u.unit {tie}"
    page = {"most": 2**62 if limit is None else int(limit), "before": int(offset)}
    with _query(store, wanted, method, human) as (query, missing):
        keys = store.rows(
            query.sql(
                f"u.rowid, {query.found}, count(*) OVER ()", f"ORDER BY {order} LIMIT $most OFFSET $before"
            ),
            query.parameters | page,
        )
        total = keys[0][2] if keys else store.rows(query.sql("count(*)"), query.parameters)[0][0]
        rows = _rows(store, query, keys, method)
        of = store.rows(f"SELECT count(*) FROM {query.units}")[0][0]
    simulators = sorted({simulator for name, simulator in query.methods if name == method})
    return SearchResult(rows, int(total), int(of), tuple(simulators), tuple(missing))


def _rows(store: Catalog, query: _Query, keys: list[tuple], method: str) -> pd.DataFrame:
    """The rows of a page, in their order."""
    frame = store.frame(
        f"""
        SELECT u.* EXCLUDE (layer_id, word, gap), u.gap, h.human, h.apart
        FROM (SELECT unnest($rows::BIGINT[]) AS id, generate_subscripts($rows::BIGINT[], 1) AS place) p
        JOIN {query.units} u ON u.rowid = p.id
        LEFT JOIN {query.people} h ON h.layer_id = u.layer_id AND h.unit = u.unit
        ORDER BY p.place
        """,
        {"rows": [key[0] for key in keys]},
    )
    frame = tables.told(store, frame, method, few=len(keys) <= 1000)
    # a method without a row in method_configs has no place among the names
    methods = [sorted({place for place in key[1] or () if place}) for key in keys]
    frame["found"] = [tuple(query.names[place - 1] for place in some) for some in methods]
    return frame.astype(dict.fromkeys(_NUMBERS, float))


def any_alive(store: Catalog, wanted: UnitQuery, human: pd.DataFrame | None = None) -> tuple[str, int] | None:
    """See `Store.surprise`."""
    with _query(store, wanted, wanted.method or store.default_method, human) as (query, _):
        query.conditions.append("u.status = 'alive'")
        found = store.rows(query.sql("u.layer, u.unit", "ORDER BY random() LIMIT 1"), query.parameters)
    return (found[0][0], int(found[0][1])) if found else None


def spans(store: Catalog, method: str, human: pd.DataFrame | None = None) -> dict[str, tuple[float, float]]:
    """See `Store.spans`."""
    known = columns(store.measures)
    names = [name for name, column in known.items() if column.number]
    ends = ", ".join(f"min({known[name].sql}), max({known[name].sql})" for name in names)
    with _query(store, UnitQuery(), method, human) as (query, _):
        row = store.rows(query.sql(ends))[0]
    found = {name: row[2 * place : 2 * place + 2] for place, name in enumerate(names)}
    return {name: (float(low), float(high)) for name, (low, high) in found.items() if low is not None}


def score_column(store: Catalog, method: str) -> pd.DataFrame:
    """See `Store.score_column`."""
    with _query(store, UnitQuery(), method, None) as (query, _):
        return store.frame(f"SELECT layer, correlation AS score FROM {query.units} ORDER BY layer_id, unit")


# -- filters --------------------------------------------------------------------------------------


@contextmanager
def _query(
    store: Catalog, wanted: UnitQuery, method: str, human: pd.DataFrame | None
) -> Iterator[tuple[_Query, list[str]]]:
    """The filters as SQL, and the terms of the search that no concept's name contains.

    The statement can be run as long as the context lasts.
    """
    methods = store.rows("SELECT method, simulator FROM method_configs")
    names = sorted({name for name, _ in methods})
    for name in (wanted.by, method if names else ""):
        if name and name not in names:
            raise StoreError(
                f"The store {quote(store.name)} has no explanations by {quote(name)}; it has {', '.join(store.methods())}."
            )
    with store.kept(Tables).of(store.use, method, human) as (units, people):
        query = _Query(units, people, names=names, methods=methods)
        yield query, _filters(store, query, wanted)


def _filters(store: Catalog, query: _Query, wanted: UnitQuery) -> list[str]:
    """Add the filters. Gives the terms of the search that no concept's name contains."""
    missing: list[str] = []
    if wanted.layer:
        query.conditions.append("u.layer_id = $layer")
        query.parameters["layer"] = store.layer_id(wanted.layer)
    if wanted.status:
        query.conditions.append("u.status = $status")
        query.parameters["status"] = wanted.status
    if wanted.among is not None:
        layers = dict(store.rows("SELECT name, layer_id FROM layers"))
        query.conditions.append(tables.AMONG)
        query.parameters |= tables.among(
            (layers[layer], unit) for layer, unit in wanted.among if layer in layers
        )
    known = columns(store.measures)
    for name, ends in wanted.ranges.items():
        for end, sign, bound in zip(("low", "high"), (">=", "<="), ends, strict=True):
            if bound is not None:
                query.conditions.append(f"{known[name].sql} {sign} ${name}_{end}")
                query.parameters[f"{name}_{end}"] = float(bound)
    if terms := read_search(wanted.q)[0]:
        missing = _say(store, query, terms, wanted.by)
    elif wanted.by:
        query.conditions.append(
            "(u.layer_id, u.unit) IN (SELECT (e.layer_id, e.unit) FROM explanations e "
            "WHERE e.method = $by AND e.bias IS NOT NULL)"
        )
        query.parameters["by"] = wanted.by
    return missing


def _say(store: Catalog, query: _Query, terms: list[Term], by: str) -> list[str]:
    """Add the search. Gives the terms that no concept's name contains."""
    texts = [folded(term.text) for term in terms]

    def mask_of(name: str) -> int:
        """A bit for each term that a name contains."""
        name = folded(name)
        return sum(1 << place for place, text in enumerate(texts) if text in name)

    # A concept is also found by the names that stand under its own, in explanations found on their matrix.
    masks = [
        (concept, "", mask) for concept, (name, _) in store.concept_labels.items() if (mask := mask_of(name))
    ]
    others = [
        (concept, matrix, mask)
        for matrix, same in store.same_concepts.items()
        for concept, names in same.items()
        for name in names
        if (mask := mask_of(name))
    ]
    rows = masks + others
    parameters: dict[str, Any] = {
        "concepts": [concept for concept, _, _ in rows],
        "matrices": [matrix for _, matrix, _ in rows],
        "masks": [mask for _, _, mask in rows],
        "by": by,
        "methods": query.names,
    }
    have = []
    for place, term in enumerate(terms):
        asked = [f"m.mask & {1 << place} <> 0"]
        if term.sign:
            asked.append("t.weight > 0" if term.sign == "+" else "t.weight < 0")
        if term.compare:
            asked.append(f"t.weight {term.compare} $bound_{place}")
            parameters[f"bound_{place}"] = term.bound
        have.append(f"bool_or({' AND '.join(asked)})")
    query.ctes.append(
        "masks AS (SELECT unnest($concepts::INT[]) AS concept_id, unnest($matrices::VARCHAR[]) AS matrix, "
        "unnest($masks::INT[]) AS mask)"
    )
    found_on = "JOIN explanations x ON x.explanation_id = t.explanation_id AND m.matrix IN ('', x.matrix) "
    hits = (
        "SELECT t.explanation_id{} FROM terms t JOIN masks m USING (concept_id) "
        f"{found_on if others else ''}GROUP BY ALL"
    )
    whose = "list(list_position($methods, e.method))"
    named = _named(store, query.units, terms, parameters)
    if any(named):
        flags = ", ".join(f"{one} AS h{place}" for place, one in enumerate(have))
        held = " AND ".join(
            f"({' OR '.join(filter(None, (f'coalesce(h.h{place}, false)', name)))})"
            for place, name in enumerate(named)
        )
        query.ctes += [
            f"hits AS ({hits.format(f', {flags}')})",
            f"said AS (SELECT u.layer_id, u.unit, {whose} FILTER (h.explanation_id IS NOT NULL) AS found "
            f"FROM {query.units} u LEFT JOIN explanations e ON e.layer_id = u.layer_id AND e.unit = u.unit "
            "AND ($by = '' OR e.method = $by) LEFT JOIN hits h ON h.explanation_id = e.explanation_id "
            f"WHERE {held} GROUP BY ALL)",
        ]
    else:
        query.ctes += [
            f"hits AS ({hits.format('')} HAVING {' AND '.join(have)})",
            f"said AS (SELECT e.layer_id, e.unit, {whose} AS found FROM hits JOIN explanations e USING (explanation_id) "
            "WHERE $by = '' OR e.method = $by GROUP BY ALL)",
        ]
    query.found = "q.found"
    query.parameters |= parameters
    said = 0
    for _, _, mask in rows:
        said |= mask
    return [term.text for place, term in enumerate(terms) if not said >> place & 1 and not named[place]]


def _named(store: Catalog, units: str, terms: list[Term], parameters: dict[str, Any]) -> list[str]:
    """For each term what finds it in a unit's name, or as its `layer:unit`; '' where no unit has it there."""
    conditions = []
    names = [name for (name,) in store.rows("SELECT DISTINCT name FROM units WHERE name IS NOT NULL")]
    layers = [name for (name,) in store.rows("SELECT name FROM layers")]
    for place, term in enumerate(terms):
        text = folded(term.text)
        own: dict[str, Any] = {f"names_{place}": [name for name in names if text in folded(name)]}
        how = [f"u.name IN $names_{place}::VARCHAR[]"]
        layer, _, unit = text.rpartition(":")
        if layer and unit.isdecimal() and len(unit) < 10:
            own[f"layers_{place}"] = [name for name in layers if folded(name) == layer]
            how.append(f"(u.layer IN $layers_{place}::VARCHAR[] AND u.unit = {int(unit)})")
        condition = " OR ".join(how)
        if term.weighted or not store.rows(f"SELECT 1 FROM {units} u WHERE {condition} LIMIT 1", own):
            conditions.append("")
            continue
        parameters |= own
        conditions.append(condition)
    return conditions
