"""What finding units reads: one wide row per unit, joined once and kept in memory.

The tables lie in the reader's own database in memory; the store's file stays as it is. They are made when they are first
asked for, anew where people have added explanations or answered trials since, and the oldest of them are dropped.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from itertools import count
from typing import TYPE_CHECKING, Any

import pandas as pd

from .tables import UNITS

if TYPE_CHECKING:
    from .reader import Store

_KEPT = 8  # tables; one of 100,000 units takes some 30 MB

# Beside the columns of the table of units: gap, between the best and the worst method's test correlation, and the
# strongest concept.
_WIDE = f"""
    WITH gaps AS (
        SELECT e.layer_id, e.unit, max(s.value) - min(s.value) AS gap
        FROM explanations e JOIN method_configs c USING (config_hash)
        JOIN scores s ON s.explanation_id = e.explanation_id AND s.simulator = c.simulator
        WHERE s.kind = 'correlation' AND s.value IS NOT NULL GROUP BY ALL HAVING count(*) > 1
    ), strongest AS (
        SELECT t.explanation_id, arg_max(t.concept_id, abs(t.weight)) AS concept_id
        FROM terms t JOIN explanations e USING (explanation_id) WHERE e.method = $method GROUP BY ALL
    )
    SELECT u.*, g.gap, lower(k.name) AS word
    FROM ({UNITS}) u
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
            - (rank() OVER (ORDER BY u.score) + (count(*) OVER (PARTITION BY u.score) - 1) / 2)
        ) / nullif(count(*) OVER () - 1, 0), 6) AS apart
        FROM people p JOIN {wide} u USING (layer_id, unit) WHERE u.score IS NOT NULL
    )
    SELECT p.*, r.apart FROM people p LEFT JOIN ranks r USING (layer_id, unit)
"""


class Tables:
    """The tables that a store keeps in memory for finding units."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._names: OrderedDict[tuple, str] = OrderedDict()

    def wide(self, store: Store, method: str) -> str:
        """The table with a row per unit: the columns of `tables.UNITS`, gap and word (the strongest concept)."""
        return self._table(store, (store._use, method), _WIDE, {"method": method})

    def people(self, store: Store, method: str, human: pd.DataFrame | None) -> str:
        """The table of units that people judged: layer_id, unit, human, apart; without any where there is no `human`."""
        digest, parameters = b"", {"layers": [], "units": [], "values": []}
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
        query = _PEOPLE.format(wide=self.wide(store, method))
        return self._table(store, (store._use, method, digest), query, parameters)

    def _table(self, store: Store, key: tuple, query: str, parameters: dict[str, Any]) -> str:
        with self._lock:
            if key in self._names:
                self._names.move_to_end(key)
                return self._names[key]
            name = f"memory.main.finding_{next(self._numbers)}"
            cursor = store._cursor()
            cursor.execute(f"CREATE TABLE {name} AS {query}", parameters)
            self._names[key] = name
            while len(self._names) > _KEPT:
                cursor.execute(f"DROP TABLE {self._names.popitem(last=False)[1]}")
            return name
