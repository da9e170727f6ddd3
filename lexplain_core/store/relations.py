"""How units relate: which ones are alike."""

from __future__ import annotations

import pandas as pd

from . import tables
from .catalog import Catalog


def similar(store: Catalog, unit: tuple[int, int], method: str | None) -> pd.DataFrame:
    """See `Unit.similar`."""
    return _in_words(
        store,
        "SELECT rank, other AS unit, correlation FROM similar_units "
        "WHERE layer_id = $layer AND unit = $unit ORDER BY rank < 0, abs(rank)",
        unit,
        method,
    )


def alike(store: Catalog, unit: tuple[int, int], method: str | None, count: int) -> pd.DataFrame:
    """See `Unit.alike`."""
    return _in_words(
        store,
        """
        WITH said AS (
            SELECT e.unit, t.concept_id, sum(t.weight) AS weight
            FROM explanations e JOIN terms t USING (explanation_id)
            WHERE e.layer_id = $layer AND e.method = $method GROUP BY e.unit, t.concept_id
        ), lengths AS (
            SELECT unit, sqrt(sum(weight ** 2)) AS length FROM said GROUP BY unit
        )
        SELECT o.unit, sum(m.weight * o.weight) / any_value(l.length) / any_value(k.length) AS cosine
        FROM said m JOIN said o USING (concept_id) JOIN lengths l ON l.unit = m.unit JOIN lengths k ON k.unit = o.unit
        WHERE m.unit = $unit AND o.unit <> $unit AND l.length > 0 AND k.length > 0
        GROUP BY o.unit HAVING cosine > 0 ORDER BY round(cosine, 9) DESC, o.unit LIMIT $count
        """,
        unit,
        method,
        count=max(0, int(count)),
    )


def _in_words(
    store: Catalog, query: str, unit: tuple[int, int], method: str | None, **more: int
) -> pd.DataFrame:
    """The units that a query finds, with their explanations by a method and its test correlations."""
    method = method or store.default_method
    frame = store.frame(
        f"""
        WITH found AS ({query}), ordered AS (SELECT *, row_number() OVER () AS place FROM found)
        SELECT f.* EXCLUDE (place), e.explanation_id, e.bias, s.value AS score
        FROM ordered f LEFT JOIN explanations e
            ON e.layer_id = $layer AND e.unit = f.unit AND e.method = $method
        LEFT JOIN ({tables.HEADLINES} AND s.measure = 'correlation') s ON s.explanation_id = e.explanation_id
        ORDER BY f.place
        """,
        {"layer": unit[0], "unit": unit[1], "method": method} | more,
    )
    _, lines = tables.in_words(store, frame.pop("explanation_id"), frame.pop("bias"), method, True)
    frame.insert(len(frame.columns) - 1, "explanation", lines)
    return frame


def class_means(store: Catalog, unit: tuple[int, int]) -> pd.DataFrame:
    """See `Unit.class_means`."""
    return store.frame(
        """
        SELECT c.class_id, c.name AS label, count(*) AS n, avg(a.value) AS mean, stddev_samp(a.value) AS std
        FROM activations a JOIN images i USING (image_id) JOIN classes c USING (class_id)
        WHERE a.layer_id = ? AND a.unit = ? GROUP BY c.class_id, c.name ORDER BY mean DESC, c.class_id
        """,
        list(unit),
    )


def superclass_means(store: Catalog, unit: tuple[int, int]) -> pd.DataFrame:
    """See `Unit.superclass_means`."""
    return store.frame(
        """
        SELECT s.superclass_id, s.name AS superclass, count(*) AS n, avg(a.value) AS mean, stddev_samp(a.value) AS std
        FROM activations a JOIN images i USING (image_id) JOIN superclass_members m USING (class_id)
        JOIN superclasses s USING (superclass_id)
        WHERE a.layer_id = ? AND a.unit = ? GROUP BY s.superclass_id, s.name ORDER BY mean DESC, s.superclass_id
        """,
        list(unit),
    )
