"""Words that a person writes for a unit: weights by least squares or by hand, and how well they predict it.

The same arithmetic as the machine's methods: their refit (paper, section 3.2.2) and their score (eq. 8–10).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..base.correlation import correlation
from ..base.errors import UserError
from ..store import Explanation, Score, StoreError, Term, Unit, tables
from ..store.catalog import Catalog

MOST = 30  # concepts of an explanation
METHOD = "your words"
LARGEST = 1e30  # of weights and biases, so that sums over them stay finite
_CONSTANT = 1e-7  # of its mean: a deviation that is rounding
_SPANNED = 3e-5  # share of the largest singular value below which a concept is given by the others
_NO_NULL = "Words made by hand are not scored against other units."


@dataclass(frozen=True)
class Edited:
    """A unit in a person's words, with its correlations on two splits.

    explanation: its terms in the order given, its bias, `matrix` that it was fitted with, and the scores on the
    test split. val, test: correlations by each concept matrix that knows all of the concepts, the headline's
    first. notes: sentences about weights that the images don't settle.
    """

    explanation: Explanation
    val: tuple[Score, ...]
    test: tuple[Score, ...]
    notes: tuple[str, ...] = ()

    def score(self, split: str, matrix: str | None = None) -> Score | None:
        """The correlation on 'val' or 'test' by a concept matrix, the headline's without."""
        wanted = matrix or self.explanation.simulator
        return next((s for s in getattr(self, split) if s.by == wanted), None)


def fit(
    unit: Unit,
    concept_ids: Sequence[int],
    weights: Sequence[float | None] | None = None,
    bias: float | None = None,
    matrix: str = "label",
    simulator: str | None = None,
) -> Edited:
    """Put a unit in the words of some concepts, and score them.

    weights: None for all by least squares; else one a concept, of which those that are None are fitted beside
    the given ones. bias: None for the fitted one. Fits are least squares on P by `matrix` and q of the train split, with
    intercept unless `bias` is given: with all weights free the joint fit of the greedy search. Weights of concepts that the
    train images can't tell apart are those of the smallest sum of squares; `notes` say so.
    simulator: whose score is the headline; without, or where it doesn't know a concept, the store's first
    simulator that `matrix` is not.

    Raises `UserError` for no, too many, repeated and unknown concepts and for weights that are no finite
    numbers, `StoreError` where `matrix` doesn't know one of them.
    """
    ids = _checked(unit.store, concept_ids, weights, bias)
    given = [None if w is None else float(w) for w in weights or [None] * len(ids)]
    bare = _explanation(unit, ids, matrix)
    train = unit.split == "train"
    if not train.any():
        raise UserError("The store has no train images to fit weights on.")
    p = unit.values(bare, matrix)[:, train].astype(np.float64)
    fitted, offset, notes = _fit(p, unit.activations[train].astype(np.float64), given, bias)
    terms = tuple(replace(term, weight=float(w)) for term, w in zip(bare.terms, fitted, strict=True))
    words = replace(bare, terms=terms, bias=offset)
    return _scored(unit, words, simulator, tuple(note.format(*(t.name for t in terms)) for note in notes))


def scored(unit: Unit, explanation: Explanation) -> Edited:
    """An explanation as it is, with the correlations that `fit` gives to edited ones.

    Raises `StoreError` where it has no concepts, and where no concept matrix knows all of them.
    """
    if explanation.reason is not None or not explanation.terms:
        raise StoreError(explanation.reason or "The explanation has no concepts.")
    return _scored(unit, explanation, explanation.simulator, ())


def _checked(
    store: Catalog,
    concept_ids: Sequence[int],
    weights: Sequence[float | None] | None,
    bias: float | None,
) -> list[int]:
    ids = [int(i) for i in concept_ids]
    if not ids:
        raise UserError("There are no concepts to fit; add one.")
    if len(ids) > MOST:
        raise UserError(f"An explanation has at most {MOST} concepts here; these are {len(ids)}.")
    if len(set(ids)) < len(ids):
        raise UserError("A concept is named twice; name each once.")
    if unknown := [i for i in ids if i not in store.concept_labels]:
        raise UserError(f"The store {store.name!r} has no concept {unknown[0]}.")
    if weights is not None and len(weights) != len(ids):
        raise UserError(f"There are {len(weights)} weights for {len(ids)} concepts.")
    numbers = [w for w in (*(weights or ()), bias) if w is not None]
    if not all(math.isfinite(w) and abs(w) <= LARGEST for w in numbers):
        raise UserError(f"Weights and bias must be numbers from -{LARGEST:g} to {LARGEST:g}.")
    return ids


def _explanation(unit: Unit, ids: list[int], matrix: str) -> Explanation:
    labels = unit.store.concept_labels
    terms = tuple(Term(0.0, i, *labels[i]) for i in ids)
    return Explanation(-1, METHOD, matrix, terms, 0.0, None, None, {})


def _fit(
    p: np.ndarray, q: np.ndarray, given: list[float | None], bias: float | None
) -> tuple[np.ndarray, float, list[str]]:
    """Weights (T,) and bias from P (T, n) and q (n,), and sentences with places for the concepts' names."""
    free = np.array([w is None for w in given])
    weights = np.array([0.0 if w is None else w for w in given])
    notes = []
    middle = np.zeros(len(p)) if bias is not None else p.mean(axis=1)
    deviation = p.std(axis=1)
    vary = deviation > _CONSTANT * np.maximum(np.abs(p.mean(axis=1)), 1e-30)
    notes += [
        f"“{{{place}}}” is the same on every train image, so no weight can be found for it; it gets 0."
        for place in np.flatnonzero(free & ~vary)
    ]
    chosen = np.flatnonzero(free & vary)
    if len(chosen):
        rest = q - weights @ p - (bias or 0.0)
        centred = p[chosen] - middle[chosen, None]
        scale = np.sqrt((centred**2).mean(axis=1))
        aim = rest if bias is not None else rest - rest.mean()
        found, _, rank, _ = np.linalg.lstsq((centred / scale[:, None]).T, aim, rcond=_SPANNED)
        weights[chosen] = found / scale
        if rank < len(chosen):
            notes.append(
                "The train images can’t tell some of these concepts apart, so how they share their weight is arbitrary."
            )
    offset = float(np.mean(q - weights @ p)) if bias is None else float(bias)
    return weights, offset, notes


def _scored(unit: Unit, words: Explanation, simulator: str | None, notes: tuple[str, ...]) -> Edited:
    simulated = {}
    for name in _matrices(unit.store, words.matrix):
        try:
            simulated[name] = unit.simulated(words, name)
        except StoreError:  # it doesn't know all of the concepts
            continue
    if not simulated:
        raise StoreError("No concept matrix of this store knows all of these concepts.")
    headline = simulator if simulator in simulated else _headline(unit.store, words.matrix, list(simulated))
    order = sorted(simulated, key=lambda name: (name != headline, name != words.matrix))
    masks = {split: unit.split == split for split in ("val", "test")}
    val, test = (
        tuple(_score(unit, simulated[name], name, split, mask) for name in order)
        for split, mask in masks.items()
    )
    own = next((score.value for score in val if score.by == words.matrix), None)
    words = replace(words, scores=test, simulator=headline, val_correlation=own)
    return Edited(words, val, test, notes)


def _matrices(store: Catalog, first: str) -> list[str]:
    names = tables.matrices(store)["matrix"].tolist()
    return sorted(names, key=lambda name: name != first)


def _headline(store: Catalog, matrix: str, known: list[str]) -> str:
    """Whose score comes first: a simulator that the words were not fitted with, where there is one."""
    roles = tables.matrices(store).set_index("matrix")["roles"]
    others = [name for name in known if name != matrix]
    return next((name for name in others if "simulator" in roles[name]), others[0] if others else matrix)


def _score(unit: Unit, simulated: np.ndarray, matrix: str, split: str, mask: np.ndarray) -> Score:
    found = correlation(unit.activations[mask], simulated[mask], interval="wider")
    return Score(
        "correlation", matrix, split, found.n, found.value, found.low, found.high, found.reason,
        details={"null_reason": _NO_NULL},
    )  # fmt: skip
