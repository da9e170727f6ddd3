"""An explanation that is being edited: its terms in an address, its scores beside those of the words before."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from ..base.errors import UserError, few
from ..base.numbers import plural, signed, two
from ..live import editing
from ..live.editing import LARGEST, MOST, Edited
from ..notes import check_name
from ..store import Explanation, Score, Store, StoreError, Unit, UserExplanation
from .explanations import by_weight
from .scores import seen_by

EMPTY = "none"
_LONGEST = 40  # characters of a term


@dataclass(frozen=True)
class Draft:
    """What is to be fitted. ids: of concepts, in order. weights: one each, None where it is to be fitted.
    bias: None for the fitted one."""

    ids: tuple[int, ...] = ()
    weights: tuple[float | None, ...] = ()
    bias: float | None = None


def read_terms(text: str, known: Container[int]) -> tuple[list[tuple[int, float | None]], list[str]]:
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


def write_terms(ids: Sequence[int], weights: Sequence[float | None] | None = None) -> str:
    """Terms for an address; without weights, or where one is None, the concept's number alone."""
    if not len(ids):
        return EMPTY
    given = [None] * len(ids) if weights is None else weights
    return ",".join(
        str(concept) if weight is None else f"{concept}:{weight:.6g}"
        for concept, weight in zip(ids, given, strict=True)
    )


def shown_weights(draft: Draft, edited: Edited | None) -> list[float | None]:
    """The weights as fitted; where nothing could be fitted, as they were given."""
    return [term.weight for term in edited.explanation.terms] if edited else list(draft.weights)


def check_method_name(name: str, store: Store) -> str:
    """The name without blanks around it; `UserError` where words can't be kept under it."""
    name = check_name(name, "an explanation")
    if name in set(store.methods()) - store.user_methods:
        raise UserError(f"“{name}” is the name of a method of this store; choose another one.")
    return name


def score_sentence(edited: Edited, before: Edited | None) -> str:
    """The val correlation in the headline simulator's eyes, beside that of the words before (HTML)."""
    score = edited.val[0]
    eyes = f'<span class="lx-muted">(concepts seen by {escape(seen_by(score.by))})</span>'
    if score.value is None:
        return f"<b>No val correlation</b> {eyes}<b>:</b> {escape(score.reason or 'it is undefined.')}"
    words = f"Val correlation <b>{two(score.value)}</b>{_interval(score)}, {plural(score.n, 'image')} {eyes}"
    old = before.score("val", score.by) if before else None
    if before is None or old is None or old.value is None:
        return words
    change = _change(score.value, old.value)
    return f"{words}. {escape(before.explanation.method)}: <b>{two(old.value)}</b>, so {change}."


def _change(new: float, old: float) -> str:
    gain = round(new, 2) - round(old, 2)  # of the figures that stand before it
    if abs(gain) < 0.005:
        return "no change to speak of"
    return f"a change of <b>{signed(gain)}</b>"


def compared(edited: Edited, before: Edited | None) -> list[tuple[Edited, str]]:
    return [(edited, "your words"), *([(before, before.explanation.method)] if before else [])]


def matrix_note(name: str, fitted: str, headline: str) -> str:
    notes = ["the weights were fitted with these"] * (name == fitted) + ["headline"] * (name == headline)
    return f'<br><span class="lx-muted">{"; ".join(notes)}</span>' if notes else ""


def edited_cell(score: Score | None) -> str:
    if score is None:
        return '<span class="lx-muted">doesn’t know these concepts</span>'
    if score.value is None:
        return f'<span class="lx-muted">none: {escape(score.reason or "")}</span>'
    return (
        f'<b>{two(score.value)}</b>{_interval(score, " ({})")}<br><span class="lx-muted">'
        f"{plural(score.n, 'image')}</span>"
    )


def _interval(score: Score, pattern: str = ", 95% interval {}") -> str:
    if score.low is None or score.high is None:
        return ""
    return pattern.format(f"{two(score.low)} to {two(score.high)}")


def read_draft(
    terms: str, bias: float | None, way: str, start: Explanation | None, known: Container[int]
) -> tuple[Draft, list[str]]:
    """What the address asks for, and a sentence for each part of it that can't be used.

    terms: as `write` writes them, '' for none. start: the explanation that is edited; its terms, strongest first, stand where the address has none. known: ids of the store's
    concepts. way: 'refit' or 'keep'. With re-fitted weights those of the address don't count.
    """
    pairs: list[tuple[int, float | None]] = []
    problems: list[str] = []
    if terms:
        pairs, problems = read_terms(terms, known)
    elif start is not None:
        pairs = [(term.concept_id, term.weight) for term in by_weight(start)[:MOST]]
    ids = tuple(concept for concept, _ in pairs)
    if way == "refit":
        return Draft(ids, (None,) * len(ids)), problems
    return Draft(ids, tuple(weight for _, weight in pairs), bias), problems


def to_keep(
    unit: Unit, edited: Edited, name: str, keys: Mapping[int, str], way: str, start: str, seen: int
) -> UserExplanation:
    """The words as they are kept: concepts by their keys, scores on the test split.

    start: the method whose words they were begun from, '' for none. seen: how many versions' test scores were looked at.
    """
    words = edited.explanation
    assert words.bias is not None, "what was fitted has a bias"
    return UserExplanation(
        unit.layer,
        unit.unit,
        name,
        tuple((term.weight, keys[term.concept_id]) for term in words.terms),
        words.bias,
        words.matrix,
        words.simulator,
        words.val_correlation,
        words.scores,
        {"way": way, "from": start or None, "test_scores_seen": seen},
        datetime.now(UTC).isoformat(timespec="seconds"),
    )


def fit_draft(
    unit: Unit, draft: Draft, matrix: str, start: Explanation | None
) -> tuple[Edited | None, Exception | None]:
    """The words, fitted and scored, or what is wrong with them; neither where there are none."""
    if not draft.ids:
        return None, None
    simulator = start.simulator if start else None
    try:
        return editing.fit(unit, draft.ids, draft.weights, draft.bias, matrix, simulator), None
    except (StoreError, UserError) as error:
        return None, error
