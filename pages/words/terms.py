"""Terms of a hand-made explanation, to and from the address: `12:2.1,40:-0.3`, and `none` for no terms."""

from __future__ import annotations

from collections.abc import Container

from lexplain_core.live.editing import MOST
from lexplain_core.store import Explanation
from lexplain_core.views.edited import Draft, read_terms
from lexplain_core.views.explanations import by_weight

NAME = "name of the words"  # in the session: what they are to be kept under


def draft(
    terms: str, bias: float | None, way: str, start: Explanation | None, known: Container[int]
) -> tuple[Draft, list[str]]:
    """What the address asks for, and a sentence for each part of it that can't be used.

    terms: as `write` writes them, '' for none. start: the explanation that is edited; its terms, strongest first, stand where the address has none. known: ids of the store's
    concepts. way: 'refit' or 'keep'. With re-fitted weights those of the address don't count.
    """
    problems: list[str] = []
    if terms:
        pairs, problems = read_terms(terms, known)
    elif start is not None:
        pairs = [(term.concept_id, term.weight) for term in by_weight(start)][:MOST]
    else:
        pairs = []
    ids = tuple(concept for concept, _ in pairs)
    if way == "refit":
        return Draft(ids, (None,) * len(ids)), problems
    return Draft(ids, tuple(weight for _, weight in pairs), bias), problems
