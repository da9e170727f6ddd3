"""Terms of a hand-made explanation, to and from the address: `12:2.1,40:-0.3`, and `none` for no terms."""

from __future__ import annotations

from collections.abc import Container

from lexplain_core.live.editing import MOST
from lexplain_core.store import Explanation
from lexplain_core.views.edited import Draft, read_terms
from lexplain_core.views.explanations import by_weight
from pages.ui import links

NAME = "name of the words"  # in the session: what they are to be kept under


def draft(view: links.Words, start: Explanation | None, known: Container[int]) -> tuple[Draft, list[str]]:
    """What the address asks for, and a sentence for each part of it that can't be used.

    start: the explanation that is edited; its terms, strongest first, stand where the address has none. known: ids of the store's
    concepts. With re-fitted weights those of the address don't count.
    """
    problems: list[str] = []
    if view.terms:
        terms, problems = read_terms(view.terms, known)
    elif start is not None:
        terms = [(term.concept_id, term.weight) for term in by_weight(start)][:MOST]
    else:
        terms = []
    ids = tuple(concept for concept, _ in terms)
    if view.way == "refit":
        return Draft(ids, (None,) * len(ids)), problems
    return Draft(ids, tuple(weight for _, weight in terms), view.bias), problems
