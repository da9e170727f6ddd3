"""Terms of a hand-made explanation, to and from the address: `12:2.1,40:-0.3`, and `none` for no terms."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from lexplain_core.base.errors import few
from lexplain_core.figures import by_weight
from lexplain_core.live.editing import LARGEST, MOST
from lexplain_core.store import Explanation
from pages.ui import links

EMPTY = "none"
_LONGEST = 40  # characters of a term
NAME = "name of the words"  # in the session: what they are to be kept under


@dataclass(frozen=True)
class Draft:
    """What is to be fitted. ids: of concepts, in order. weights: one each, None where it is to be fitted.
    bias: None for the fitted one."""

    ids: tuple[int, ...] = ()
    weights: tuple[float | None, ...] = ()
    bias: float | None = None


def draft(view: links.Words, start: Explanation | None, known: Container[int]) -> tuple[Draft, list[str]]:
    """What the address asks for, and a sentence for each part of it that can't be used.

    start: the explanation that is edited; its terms, strongest first, stand where the address has none. known: ids of the store's
    concepts. With re-fitted weights those of the address don't count.
    """
    problems: list[str] = []
    if view.terms:
        terms, problems = read(view.terms, known)
    elif start is not None:
        terms = [(term.concept_id, term.weight) for term in by_weight(start)][:MOST]
    else:
        terms = []
    ids = tuple(concept for concept, _ in terms)
    if view.way == "refit":
        return Draft(ids, (None,) * len(ids)), problems
    return Draft(ids, tuple(weight for _, weight in terms), view.bias), problems


def read(text: str, known: Container[int]) -> tuple[list[tuple[int, float | None]], list[str]]:
    """(concept, weight) of each term of an address, and a sentence for each that was left out."""
    if text.strip() == EMPTY:
        return [], []
    terms: dict[int, float | None] = {}
    problems = []
    for piece in map(str.strip, text.split(",")):
        concept, colon, number = piece.partition(":")
        try:
            identity = int(concept) if len(concept) <= _LONGEST else -1
            weight = float(number) if colon else None
            if identity < 0 or (weight is not None and not abs(weight) <= LARGEST):  # nor is NaN
                raise ValueError
        except ValueError:
            problems.append(
                f"The address has a term “{piece[:_LONGEST]}”, which is not a concept’s number with its weight, such as 12:0.5; it was left out."
            )
            continue
        if identity not in known:
            problems.append(f"This store has no concept {identity}; it was left out.")
        elif identity in terms:
            problems.append(f"The address names concept {identity} twice; its first weight counts.")
        elif len(terms) == MOST:
            problems.append(
                f"An explanation has at most {MOST} concepts here; concept {identity} was left out."
            )
        else:
            terms[identity] = weight
    return list(terms.items()), few(problems)


def write(ids: Sequence[int], weights: Sequence[float | None] | None = None) -> str:
    """Terms for an address; without weights, or where one is None, the concept's number alone."""
    if not len(ids):
        return EMPTY
    given = [None] * len(ids) if weights is None else weights
    return ",".join(
        str(concept) if weight is None else f"{concept}:{weight:.6g}"
        for concept, weight in zip(ids, given, strict=True)
    )
