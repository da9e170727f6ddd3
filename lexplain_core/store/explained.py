"""The explanations and scores of one unit, (layer id, number), as the store has them."""

from __future__ import annotations

from collections.abc import Mapping

from .catalog import Catalog
from .meta import read_cell
from .model import Explanation, Score, Term


def scores(store: Catalog, unit: tuple[int, int]) -> dict[int | None, list[Score]]:
    """All scores by explanation, those of the unit itself under None; in the order of measures, headlines first."""
    found: dict[int | None, list[Score]] = {}
    for row in store.records(
        "SELECT s.explanation_id, s.measure, s.by, s.split, s.n, s.value, s.low, s.high, s.reason, s.chance, s.sampled, "
        "s.details FROM scores s JOIN measures m USING (measure) WHERE s.layer_id = ? AND s.unit = ? "
        "ORDER BY m.place, s.place, s.by",
        list(unit),
    ):
        identity, details = row.pop("explanation_id"), row.pop("details")
        read = {} if details is None else read_cell("scores.details", details)
        found.setdefault(identity, []).append(Score(**row, details=read))
    return found


def explanations(
    store: Catalog, unit: tuple[int, int], scores: Mapping[int | None, list[Score]]
) -> list[Explanation]:
    """See `Unit.explanations`."""
    rows = store.records(
        """
        SELECT e.explanation_id AS id, e.method, e.matrix, e.bias, e.val_correlation, e.reason, e.kkt_violation,
               c.config, c.simulator, c.source
        FROM explanations e JOIN method_configs c USING (config_hash)
        WHERE e.layer_id = ? AND e.unit = ? ORDER BY e.method, e.explanation_id
        """,
        list(unit),
    )
    terms = _terms(store, [row["id"] for row in rows])
    return [
        Explanation(
            **row | {"config": read_cell("method_configs.config", row["config"])},
            terms=tuple(_term(store, row["matrix"], *term) for term in terms.get(row["id"], ())),
            scores=tuple(scores.get(row["id"], ())),
        )
        for row in rows
    ]


def _term(store: Catalog, matrix: str, weight: float, concept: int) -> Term:
    same = store.same_concepts.get(matrix, {}).get(concept, ())
    return Term(weight, concept, *store.concept_labels[concept], same)


def _terms(store: Catalog, ids: list[int]) -> dict[int, list[tuple[float, int]]]:
    """(weight, concept id)s by explanation, in order."""
    found: dict[int, list[tuple[float, int]]] = {}
    for identity, weight, concept in store.rows(
        "SELECT explanation_id, weight, concept_id FROM terms "
        "WHERE explanation_id IN ?::INT[] ORDER BY explanation_id, rank",
        [ids],
    ):
        found.setdefault(identity, []).append((weight, concept))
    return found
