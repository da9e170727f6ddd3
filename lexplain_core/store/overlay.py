"""Explanations that people wrote, laid over a store without changing its file.

They lie in tables in memory, and views lay them under the store's own, so that every query that names `explanations`,
`terms`, `scores` or `method_configs` sees both. An overlay never changes; its tables go when no store uses it any more.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count

import pyarrow as pa

from ..base.errors import quote
from .database import OWN, Database
from .model import Score, UserExplanation
from .rows import ExplanationRows, method_config, table

_NUMBERS = count(1)  # of schemas in memory: none is taken for an older one
_IDS = count(2**30)  # of explanations that people wrote; a build numbers its own from 0
SCORED_ELSEWHERE = "It was scored on another build of the store: open it in Your words and keep it again."
NO_SUCH = "Explanations made by hand get no {}."
_Good = list[tuple[UserExplanation, int, list[int]]]  # with the ids of its layer and its concepts


@dataclass(frozen=True, eq=False)
class Overlay:
    """explanations: as given. methods: names of those that the store can hold. problems: a sentence for each other.
    use: the statement by which a cursor sees them beside the store's own.
    """

    explanations: tuple[UserExplanation, ...] = ()
    methods: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()
    use: str = OWN


NONE = Overlay()


def lay_over(store: Database, explanations: tuple[UserExplanation, ...]) -> Overlay:
    """Make the tables and views of an overlay."""
    good, problems = _checked(store, explanations)
    methods = frozenset(explanation.method for explanation, *_ in good)
    if not good:
        return Overlay(explanations, methods, tuple(problems))
    schema = f"memory.notes_{next(_NUMBERS)}"
    overlay = Overlay(explanations, methods, tuple(problems), f"SET search_path = '{schema},store.main'")
    # A finalizer may run at any time in any thread, so it leaves the work to the next question.
    weakref.finalize(overlay, store.questions.unused.append, schema).atexit = False
    with store.cursor(OWN) as con:
        con.execute(f"CREATE SCHEMA {schema}")
        for name, rows in _tables(good, _titles(store)):
            con.register("incoming", rows)
            con.execute(f"CREATE TABLE {schema}.user_{name} AS FROM incoming")
            con.unregister("incoming")
            con.execute(
                f"CREATE VIEW {schema}.{name} AS FROM store.main.{name} UNION ALL FROM {schema}.user_{name}"
            )
    return overlay


def image_ids(store: Database, keys: Iterable[str]) -> frozenset[int]:
    """Ids of the images with these keys; keys that the store doesn't have are left out."""
    if not (wanted := sorted({str(key) for key in keys})):
        return frozenset()
    rows = store.rows("SELECT image_id FROM images WHERE key IN (SELECT unnest(?::VARCHAR[]))", [wanted])
    return frozenset(row[0] for row in rows)


def _checked(store: Database, explanations: tuple[UserExplanation, ...]) -> tuple[_Good, list[str]]:
    """The explanations that the store can hold, and a sentence for each other."""
    if not explanations:
        return [], []
    layers = {name: (i, units) for name, i, units in store.rows("SELECT name, layer_id, units FROM layers")}
    matrices = {row[0] for row in store.rows("SELECT matrix FROM concept_matrices")}
    machines = {row[0] for row in store.rows("SELECT DISTINCT method FROM method_configs")}
    keys = sorted({key for row in explanations for _, key in row.terms})
    concepts = dict(
        store.rows("SELECT key, concept_id FROM concepts WHERE key IN (SELECT unnest(?::VARCHAR[]))", [keys])
    )
    good, problems, seen = [], [], set()
    for row in explanations:
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
            fitting = _fitting(row, store.id, matrices)
            good.append((fitting, layers[row.layer][0], [concepts[key] for _, key in row.terms]))
            continue
        problems.append(f"{quote(row.method)} of {row.layer}, unit {row.unit}, is left out: {why}.")
    return good, problems


def _fitting(explanation: UserExplanation, store: str, matrices: set[str]) -> UserExplanation:
    """The explanation with the scores that a store of this id can stand for.

    Matrices that it lacks have none, and where it is another build the scores are those of other images: in their
    place is the reason. A headline by a matrix that it lacks becomes that of the matrix which the words were fitted with.
    """
    simulator = explanation.simulator if explanation.simulator in matrices else explanation.matrix
    scores = tuple(score for score in explanation.scores if score.by in matrices)
    if explanation.store in ("", store):
        return replace(explanation, simulator=simulator, scores=scores)
    names = dict.fromkeys((simulator, *(score.by for score in scores)))
    none = tuple(Score("correlation", name, "test", 0, reason=SCORED_ELSEWHERE) for name in names)
    return replace(explanation, simulator=simulator, scores=none, val_correlation=None)


def _titles(store: Database) -> dict[str, str]:
    """The measures of explanations, with their titles."""
    return dict(store.rows("SELECT measure, title FROM measures WHERE \"of\" = 'explanation' ORDER BY place"))


def _tables(good: _Good, titles: dict[str, str]) -> Iterator[tuple[str, pa.Table]]:
    """(name of the table, its rows). titles: of the store's measures of explanations."""
    rows, configs = ExplanationRows(_IDS), []
    for number, (one, layer_id, concepts) in enumerate(good):
        row = f"by hand {number}"
        config = {"by": "hand", "made": one.made, **one.config}
        configs.append(method_config(one.method, config, one.simulator, name=row))
        scores = [score for score in one.scores if score.measure in titles]
        if scores:
            others = titles.keys() - {score.measure for score in scores}
            scores += [
                Score(name, "", "test", 0, reason=NO_SUCH.format(titles[name])) for name in sorted(others)
            ]
        rows.add(
            [(weight, concept) for (weight, _), concept in zip(one.terms, concepts, strict=True)],
            scores,
            one.simulator,
            layer_id=layer_id, unit=one.unit, method=one.method, config_hash=row, matrix=one.matrix,
            bias=one.bias, val_correlation=one.val_correlation,
        )  # fmt: skip
    yield "method_configs", table("method_configs", configs)
    yield from rows.tables()
