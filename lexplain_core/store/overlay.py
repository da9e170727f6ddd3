"""What people add to a store without changing its file: explanations made by hand, and images that aren't shown.

The store stays read-only. Explanations made by hand lie in tables in memory, and views lay them under the
store's own, so that every query that names `explanations`, `terms`, `scores` or `method_configs` sees both.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count

import duckdb

from ..base.errors import quote
from .catalog import Catalog
from .database import OWN
from .made import Made
from .model import Score
from .version import StoreError

_TABLES = ("explanations", "terms", "scores", "method_configs")
_KEPT = 2  # generations of tables: a query may still run on the last one
_AT_ONCE = 200  # rows a statement
_FIRST_ID = 2**30  # of explanations made by hand; a build numbers its own from 0
NO_ABLATION = "Explanations made by hand get no ablation scores."
SCORED_ELSEWHERE = "It was scored on another build of the store: open it in Your words and keep it again."
NOT_COMPARED = "Explanations made by hand are not compared over the ranges."


class Added:
    """What was laid over a store. Tables in memory and their rows are numbered, so that none is taken for an older one.

    lock: one at a time takes in. laid: numbers of the tables in memory.
    """

    def __init__(self, store: Catalog):
        self.lock = threading.RLock()
        self.generations, self.ids = count(1), count(1)
        self.laid: list[int] = []
        self.made: tuple[Made, ...] = ()
        self.problems: list[str] = []


def take_in(store: Catalog, made: Sequence[Made], hidden_keys: Iterable[str]) -> list[str]:
    """See `Store.take_in`."""
    added = store.kept(Added)
    with added.lock:
        made = tuple(made)
        store.hidden = _hidden_ids(store, hidden_keys)  # first: it holds whatever is wrong with the rest
        if made != added.made:  # hiding an image leaves the tables, and all that is made of them, as they are
            good, problems = _checked(store, made)
            number, use = None, OWN
            if good:
                number = next(added.generations)
                use = _lay(store, number, good)
            store.use, store.by_hand = use, frozenset(row.method for row, *_ in good)
            added.made, added.problems = made, problems
            store.__dict__.pop("default_method", None)
            _drop_old(store, added, number)
    return list(added.problems)


def _hidden_ids(store: Catalog, keys: Iterable[str]) -> frozenset[int]:
    """Ids of the images with these keys; keys that the store doesn't have are left out."""
    wanted = sorted({str(key) for key in keys})
    if not wanted:
        return frozenset()
    rows = store.rows(
        "SELECT image_id FROM store.main.images WHERE key IN (SELECT unnest(?::VARCHAR[]))", [wanted]
    )
    return frozenset(row[0] for row in rows)


def _checked(store: Catalog, made: Sequence[Made]) -> tuple[list[tuple[Made, int, list[int]]], list[str]]:
    """(what was made, layer id, concept ids) of all that the store can hold, and a sentence for each other."""
    if not made:
        return [], []
    layers = {
        name: (i, units)
        for name, i, units in store.rows("SELECT name, layer_id, units FROM store.main.layers")
    }
    matrices = {row[0] for row in store.rows("SELECT matrix FROM store.main.concept_matrices")}
    machines = {row[0] for row in store.rows("SELECT DISTINCT method FROM store.main.method_configs")}
    keys = sorted({key for row in made for _, key in row.terms})
    concepts = dict(
        store.rows(
            "SELECT key, concept_id FROM store.main.concepts WHERE key IN (SELECT unnest(?::VARCHAR[]))",
            [keys],
        )
    )
    good, problems, seen = [], [], set()
    for row in made:
        lost = [key for _, key in row.terms if key not in concepts]
        if row.layer not in layers:
            why = f"the store has no layer {quote(row.layer)}"
        elif not 0 <= row.unit < layers[row.layer][1]:
            why = f"layer {quote(row.layer)} has no unit {row.unit}"
        elif row.method in machines:
            why = "a method of the store has that name"
        elif row.matrix not in matrices:
            why = f"the store has no concept matrix {quote(row.matrix)}"
        elif lost:
            why = f"the store has no concept {quote(lost[0])}"
        elif not row.terms:
            why = "it has no concepts"
        elif (row.layer, row.unit, row.method) in seen:
            why = "there is another of that name for this unit"
        else:
            seen.add((row.layer, row.unit, row.method))
            good.append((row, layers[row.layer][0], [concepts[key] for _, key in row.terms]))
            continue
        problems.append(f"{quote(row.method)} of {row.layer}, unit {row.unit}, is left out: {why}.")
    return good, problems


def _lay(store: Catalog, number: int, good: list[tuple[Made, int, list[int]]]) -> str:
    """Make the tables and views; the statement that lets a cursor see them."""
    made, seen, rows = f"memory.made_{number}", f"memory.seen_{number}", _rows(store, good)
    with store.cursor(OWN) as con:
        con.execute(f"CREATE SCHEMA {made}")
        con.execute(f"CREATE SCHEMA {seen}")
        for table in _TABLES:
            con.execute(f"CREATE TABLE {made}.{table} AS FROM store.main.{table} LIMIT 0")
            for start in range(0, len(rows[table]), _AT_ONCE):
                some = rows[table][start : start + _AT_ONCE]
                names = list(dict.fromkeys(name for row in some for name in row))
                marks = ", ".join([f"({', '.join('?' * len(names))})"] * len(some))
                values = [row.get(name) for row in some for name in names]
                con.execute(f"INSERT INTO {made}.{table} ({', '.join(names)}) VALUES {marks}", values)
            con.execute(
                f"CREATE VIEW {seen}.{table} AS FROM store.main.{table} UNION ALL BY NAME FROM {made}.{table}"
            )
    return f"SET search_path = '{seen},store.main'"


def _rows(store: Catalog, good: list[tuple[Made, int, list[int]]]) -> dict[str, list[dict]]:
    matrices = {row[0] for row in store.rows("SELECT matrix FROM store.main.concept_matrices")}
    rows: dict[str, list[dict]] = {table: [] for table in _TABLES}
    for row, layer_id, concepts in good:
        row = _fitting(store, row, matrices)
        identity = _FIRST_ID + next(store.kept(Added).ids)
        config_hash = f"by hand {identity}"
        config = {"by": "hand", "made": row.made, **row.config}
        rows["method_configs"].append(
            {"config_hash": config_hash, "method": row.method, "config": json.dumps(config),
             "simulator": row.simulator}
        )  # fmt: skip
        rows["explanations"].append(
            {"explanation_id": identity, "layer_id": layer_id, "unit": int(row.unit), "method": row.method,
             "config_hash": config_hash, "matrix": row.matrix, "bias": float(row.bias),
             "length": len(row.terms), "val_correlation": _number(row.val_correlation),
             "two_faced_reason": NOT_COMPARED}
        )  # fmt: skip
        for rank, ((weight, _), concept) in enumerate(zip(row.terms, concepts, strict=True)):
            rows["terms"].append(
                {"explanation_id": identity, "rank": rank, "concept_id": concept, "weight": float(weight)}
            )
        for score in row.scores:
            rows["scores"].append(
                {"explanation_id": identity, "simulator": score.simulator, "kind": score.kind,
                 "split": score.split, "n": int(score.n), "value": _number(score.value),
                 "low": _number(score.low), "high": _number(score.high), "reason": score.reason,
                 "null_units": score.null_units, "null_mean": _number(score.null_mean),
                 "null_high": _number(score.null_high), "null_above": score.null_above,
                 "null_reason": score.null_reason, "sampled": bool(score.sampled)}
            )  # fmt: skip
        if row.scores:
            n = max(int(score.n) for score in row.scores)
            rows["scores"].append(
                {"explanation_id": identity, "simulator": row.simulator, "kind": "ablation-norm",
                 "split": "test", "n": n, "reason": NO_ABLATION}
            )  # fmt: skip
    return rows


def _fitting(store: Catalog, made: Made, matrices: set[str]) -> Made:
    """What was made, with the scores that this store can stand for.

    Matrices that it lacks have none, and where it is another build the scores are those of other images: in their
    place is the reason. A headline by a matrix that it lacks becomes that of the matrix which the words were fitted with.
    """
    simulator = made.simulator if made.simulator in matrices else made.matrix
    scores = tuple(score for score in made.scores if score.simulator in matrices)
    if made.store in ("", store.id):
        return replace(made, simulator=simulator, scores=scores)
    names = dict.fromkeys((simulator, *(score.simulator for score in scores)))
    none = (Score(name, "correlation", "test", 0, None, None, None, SCORED_ELSEWHERE) for name in names)
    return replace(made, simulator=simulator, scores=tuple(none), val_correlation=None)


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _drop_old(store: Catalog, added: Added, number: int | None) -> None:
    """Drop the tables that no query can still see: all but the newest generations."""
    if number is not None:
        added.laid.append(number)
    while len(added.laid) > _KEPT:
        old = added.laid.pop(0)
        try:
            with store.cursor(OWN) as con:
                con.execute(f"DROP SCHEMA IF EXISTS memory.seen_{old} CASCADE")
                con.execute(f"DROP SCHEMA IF EXISTS memory.made_{old} CASCADE")
        except (StoreError, duckdb.Error):  # in use, after all: it costs a few kB
            continue
