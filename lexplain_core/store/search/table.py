"""What finding units reads: one wide row per unit, joined once and kept in memory.

The tables lie in the reader's own database in memory; the store's file stays as it is. They are made when they are first
asked for, anew where people have added explanations or answered trials since, and the oldest of them are dropped as soon
as no query reads them.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pandas as pd

from ..catalog import Catalog
from ..tables import units_sql

_KEPT = 4  # tables that no query reads; one of 100,000 units takes some 80 MB

# Beside `units_sql`: gap, between the best and the worst method's test correlation, and the
# strongest concept.
_WIDE = """
    WITH gaps AS (
        SELECT s.layer_id, s.unit, max(s.value) - min(s.value) AS gap FROM scores s
        WHERE s.measure = 'correlation' AND s.place = 0 AND s.value IS NOT NULL GROUP BY ALL HAVING count(*) > 1
    ), strongest AS (
        SELECT t.explanation_id, arg_max(t.concept_id, (abs(t.weight), -t.rank)) AS concept_id
        FROM terms t JOIN explanations e USING (explanation_id) WHERE e.method = $method GROUP BY ALL
    )
    SELECT u.*, g.gap, lower(k.name) AS word
    FROM ({units}) u
    LEFT JOIN gaps g ON g.layer_id = u.layer_id AND g.unit = u.unit
    LEFT JOIN strongest w ON w.explanation_id = u.explanation_id
    LEFT JOIN concepts k ON k.concept_id = w.concept_id
    ORDER BY u.layer_id, u.unit
"""
# Of units that people judged: their score, and how far its rank and that of the test correlation are apart. Ranks go
# from 0 to 1 among the units that have both; ties share theirs.
_PEOPLE = """
    WITH people AS (
        SELECT l.layer_id, p.unit, p.human FROM layers l JOIN (
            SELECT unnest($layers::VARCHAR[]) AS name, unnest($units::INT[]) AS unit, unnest($values::DOUBLE[]) AS human
        ) p USING (name)
    ), ranks AS (
        SELECT p.layer_id, p.unit, round(abs(
            (rank() OVER (ORDER BY p.human) + (count(*) OVER (PARTITION BY p.human) - 1) / 2)
            - (rank() OVER (ORDER BY u.correlation) + (count(*) OVER (PARTITION BY u.correlation) - 1) / 2)
        ) / nullif(count(*) OVER () - 1, 0), 6) AS apart
        FROM people p JOIN {wide} u USING (layer_id, unit) WHERE u.correlation IS NOT NULL
    )
    SELECT p.*, r.apart FROM people p LEFT JOIN ranks r USING (layer_id, unit)
"""


@dataclass(eq=False)
class _Table:
    """A table in memory. lock: held while it is made. readers: how many queries need it now."""

    name: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    made: bool = False
    readers: int = 0


class Tables:
    """The tables that a store keeps in memory for finding units."""

    def __init__(self, store: Catalog):
        self._store = store
        self._lock = threading.Lock()  # of the two below; never held while a table is made
        self._numbers = count(1)
        self._tables: OrderedDict[tuple, _Table] = OrderedDict()

    @contextmanager
    def of(self, use: str, method: str, human: pd.DataFrame | None = None) -> Iterator[tuple[str, str]]:
        """The names of two tables, which stay as long as the context does. use: the store's that asks (`Database.use`).

        The first has a row per unit: those of `tables.units_sql`, gap and word (the strongest concept). The other one has
        the units that people judged: layer_id, unit, human, apart; it is empty where there is no `human`.
        """
        digest = b""
        parameters: dict[str, list[Any]] = {"layers": [], "units": [], "values": []}
        if human is not None and len(human):
            known = human.loc[human["human"].notna(), ["layer", "unit", "human"]]
            digest = hashlib.sha256(
                pd.util.hash_pandas_object(known, index=False).to_numpy().tobytes()
            ).digest()
            parameters = {
                "layers": known["layer"].tolist(),
                "units": known["unit"].tolist(),
                "values": known["human"].astype(float).tolist(),
            }
        with ExitStack() as stack:
            query = _WIDE.format(units=units_sql(self._store))
            wide = stack.enter_context(self._table(use, (method,), query, {"method": method}))
            query = _PEOPLE.format(wide=wide)
            yield wide, stack.enter_context(self._table(use, (method, digest), query, parameters))

    @contextmanager
    def _table(self, use: str, key: tuple, query: str, parameters: dict[str, Any]) -> Iterator[str]:
        key = (use, *key)
        with self._lock:
            table = self._tables.get(key)
            if table is None:
                table = self._tables[key] = _Table(f"memory.main.finding_{next(self._numbers)}")
            self._tables.move_to_end(key)
            table.readers += 1
        try:
            with table.lock:
                if not table.made:
                    with self._store.cursor(use) as cursor:
                        cursor.execute(f"CREATE TABLE {table.name} AS {query}", parameters)
                    table.made = True
            yield table.name
        finally:
            with self._lock:
                table.readers -= 1
                idle = [key for key, one in self._tables.items() if not one.readers]
                old = [self._tables.pop(key) for key in idle[: max(0, len(idle) - _KEPT)]]
            for one in old:
                with self._store.cursor() as cursor:
                    cursor.execute(f"DROP TABLE IF EXISTS {one.name}")
