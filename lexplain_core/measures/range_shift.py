"""Range shift: whether a unit means different things at different activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..concepts import ConceptMatrix
from ..store import MATCH, Score
from ..store.buckets import Buckets, winners
from .base import Layer, Measure, Scores, Words, absent, measures

NAME = "range_shift"
LOW, HIGH = (1, 2, 3), (4, 5, 6, 7)  # buckets; the lowest one is where most units are silent
LEAST_IMAGES = 10  # of each part, that show a named concept


def range_shift(
    activations: np.ndarray, matches: np.ndarray, weights: Sequence[float]
) -> tuple[float | None, str | None]:
    """How different the concepts of a unit's low ranges are from those of its high ones, and why that
    can't be said where it is None.

    activations: (N,). matches: boolean (T, N), which concepts of its explanation each image matches.
    Half the sum over concepts of |share in ranges 2–4 − share in ranges 5–8|, 0 (the same) to 1
    (nothing in common); every image counts once, for the concept of `winners`, and those that show
    none of the concepts are left out.
    """
    buckets = Buckets.of(activations)
    if buckets is None:
        return None, "No activation is above 0, so the unit has no ranges."
    where, winner = buckets.assign(activations), winners(matches, weights)
    shares = []
    for name, part in (("2 to 4", LOW), ("5 to 8", HIGH)):
        shown = winner[np.isin(where, part)]
        shown = shown[shown >= 0]
        if len(shown) < LEAST_IMAGES:
            return None, (
                f"Ranges {name} have {len(shown)} images that show one of the concepts, "
                f"fewer than {LEAST_IMAGES}."
            )
        shares.append(np.bincount(shown, minlength=len(matches)) / len(shown))
    return float(np.abs(shares[0] - shares[1]).sum() / 2), None


def shift_score(activations: np.ndarray, matches: np.ndarray, weights: Sequence[float]) -> Score:
    """`range_shift` as a score."""
    value, reason = range_shift(activations, matches, weights)
    return Score(NAME, "", "all", len(activations), value, reason=reason)


def measure_range_shift(
    layer: Layer, words: Mapping[int, Words], missing: Mapping[int, str], matrix: ConceptMatrix
) -> Scores:
    """Range shift of all explanations of a layer, by the concept matrix that they were found on."""
    rows = {concept.key: row for row, concept in enumerate(matrix.concepts)}
    for unit, one in words.items():
        matches = matrix.values[[rows[concept.key] for _, concept in one.terms]] >= MATCH
        yield unit, shift_score(np.asarray(layer.values[unit]), matches, [weight for weight, _ in one.terms])
    yield from absent(NAME, "", layer.values.shape[1], missing, "all")


measures.add(
    Measure(
        name=NAME, title="range shift", short="Range shift", of="explanation", low=0, high=1,
        measure=measure_range_shift,
        help="Whether the unit means different things at different activations: how different the concepts are that its low "
        "and its high ranges show; 0, the same; 1, none in common",
    )
)  # fmt: skip
