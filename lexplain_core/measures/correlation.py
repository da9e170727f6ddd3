"""Correlation of simulated and actual activation (Oikarinen & Weng 2024, eq. 8–10), each beside its null."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..base.correlation import Correlation, constant, correlation, simulate
from ..base.memory import large
from ..base.progress import Progress
from ..concepts import Concept
from ..concepts.simulators import Simulator, Unsupported
from ..store import Score
from .base import Layer, Measure, Scores, Words, absent, measures
from .null import Null, null

NAME = "correlation"

# Entries of the arrays that are worked on at a time: 64 MiB of float32.
_AT_ONCE = 16_000_000


@dataclass(frozen=True)
class Scored:
    """An explanation's correlation with its unit, and with the other units of the layer."""

    correlation: Correlation
    null: Null

    def score(self, simulator: str) -> Score:
        """As a store keeps it: by a simulator, on the test split."""
        own, null = self.correlation, self.null
        details = {
            "null_units": null.units,
            "null_mean": null.mean,
            "null_above": null.above,
            "null_reason": null.reason,
        }
        return Score(
            NAME,
            simulator,
            "test",
            own.n,
            own.value,
            own.low,
            own.high,
            own.reason,
            null.high,
            details=details,
        )


def score_layer(
    found: Mapping[int, Words],
    simulator: Simulator,
    q: np.ndarray,
    alive: np.ndarray,
    test: np.ndarray,
) -> dict[int, Scored]:
    """Score explanations of one layer on the test split; n is the number of its images.

    found: by unit. q: activations of *all* units of the layer, (K, N), in memory or not. alive:
    boolean (K,), the units that may be others in a null; those constant on the test split are
    left out of it anyway. test: boolean (N,). Every explanation is simulated (eq. 8–9) and
    correlated with its unit (eq. 10); the same simulation's correlations with the other units,
    as one matrix product for all, are its null. Memory is bounded by the test split's columns of
    q and of P of the distinct concepts, both float32. A concept that the simulator can't judge
    makes a score without a value, with the reason.
    """
    n = int(test.sum())
    values, rows, reasons = concept_values(found, simulator, test)
    scored = {unit: undefined(n, reason) for unit, reason in reasons.items()}
    pending = [unit for unit in found if unit not in scored]
    step = max(1, _AT_ONCE // (4 * max(n, len(alive))))
    others, vary = _standardised_units(q, alive, test, n) if n and pending else (None, alive)
    for start in range(0, len(pending), step):
        units = pending[start : start + step]
        simulated = simulations([found[unit] for unit in units], values, rows)
        across = None if others is None else _standardised(simulated)[0] @ others.T
        for i, unit in enumerate(units):
            own = correlation(q[unit][test], simulated[i], interval="wider")
            if across is None or own.value is None:
                scored[unit] = undefined(n, own.reason)
                continue
            keep = vary.copy()
            keep[unit] = False
            scored[unit] = Scored(own, null(own.value, across[i][keep]))
    return {unit: scored[unit] for unit in found}


def undefined(n: int, reason: str | None) -> Scored:
    """A score over n images that has no value, for a reason said in a sentence."""
    return Scored(Correlation(n, reason=reason), Null(0, reason=reason))


def concept_values(
    found: Mapping[int, Words], simulator: Simulator, chosen: np.ndarray
) -> tuple[np.ndarray, dict[str, int], dict[int, str]]:
    """P of the distinct concepts of explanations on chosen images, boolean (N,).

    Returns P, float32 (T, n), the row of each concept's key, and the reason for each unit whose
    explanation has no terms or a concept that the simulator can't judge.
    """
    concepts: dict[str, Concept] = {}
    for words in found.values():
        for _, concept in words.terms:
            concepts.setdefault(concept.key, concept)
    values, rows, refused = _ask(list(concepts.values()), simulator, chosen)
    reasons: dict[int, str] = {}
    for unit, words in found.items():
        unknown = [refused[concept.key] for _, concept in words.terms if concept.key in refused]
        if not words.terms:
            reasons[unit] = "The explanation has no concepts."
        elif unknown:
            reasons[unit] = unknown[0]
    return values, rows, reasons


def simulations(
    explanations: Sequence[Words],
    values: np.ndarray,
    rows: Mapping[str, int],
    columns: np.ndarray | None = None,
) -> np.ndarray:
    """What explanations predict (eq. 8–9), float64 (u, n), from P and rows of `concept_values`, on all images or `columns`."""
    out = np.empty((len(explanations), values.shape[1] if columns is None else len(columns)))
    for i, words in enumerate(explanations):
        p = values[[rows[concept.key] for _, concept in words.terms]]
        p = p if columns is None else np.take(p, columns, axis=1)
        out[i] = simulate(np.array([weight for weight, _ in words.terms]), words.bias, p)
    return out


def _ask(
    concepts: list[Concept], simulator: Simulator, chosen: np.ndarray
) -> tuple[np.ndarray, dict[str, int], dict[str, str]]:
    """P of concepts on the chosen images, asked for in pieces, one by one where a piece is refused.

    Returns P, (T, n), the row of each concept's key, and why a concept has none.
    """
    n = int(chosen.sum())
    values = np.zeros((0, n), np.float32)
    rows: dict[str, int] = {}
    refused: dict[str, str] = {}

    def ask(some: list[Concept]) -> None:
        nonlocal values
        found = simulator.values(some)
        values = values if len(values) else large((len(concepts), n), found.dtype)
        values[len(rows) : len(rows) + len(some)] = found[:, chosen]
        rows.update((concept.key, row) for row, concept in enumerate(some, len(rows)))

    for piece in pieces(concepts, max(1, _AT_ONCE // len(chosen))):
        try:
            ask(piece)
        except Unsupported:
            for concept in piece:
                try:
                    ask([concept])
                except Unsupported as error:
                    refused[concept.key] = str(error)
    return values[: len(rows)], rows, refused


def pieces(items: list, size: int) -> Iterator[list]:
    """Cut a list into lists of `size`, the last of what is left."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _standardised_units(
    q: np.ndarray, alive: np.ndarray, test: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """The layer's units on the test split, centred and of length 1, and which of them vary."""
    out = large((len(q), n))
    vary = np.zeros(len(q), dtype=bool)
    step = max(1, _AT_ONCE // (4 * max(len(test), 1)))
    for start in range(0, len(q), step):
        part = slice(start, start + step)
        out[part], vary[part] = _standardised(np.asarray(q[part])[:, test].astype(np.float64))
    return out, vary & np.asarray(alive, dtype=bool)


def _standardised(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of float64 (R, n) centred and of length 1, as float32, and which rows vary; others are 0."""
    vary = ~constant(values)
    centred = values - values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    vary &= length[:, 0] > 0
    return (centred / np.where(vary[:, None], length, np.inf)).astype(np.float32), vary


def score_explanations(
    layer: Layer,
    words: Mapping[int, Words],
    missing: Mapping[int, str],
    splits: np.ndarray,
    simulators: Sequence[Simulator],
    progress: Progress,
) -> Scores:
    """Correlation on the test split, as each simulator predicts it, beside its null.

    A simulator that ran has a score of every unit, though it may be undefined.
    """
    test = splits == "test"
    alive = np.isin(np.arange(len(layer.values)), layer.explainable)
    with progress.task(f"simulate {layer.name}", total=len(simulators)) as advance:
        for simulator in simulators:
            scored = score_layer(words, simulator, layer.values, alive, test)
            yield from ((unit, one.score(simulator.name)) for unit, one in scored.items())
            yield from absent(NAME, simulator.name, int(test.sum()), missing)
            advance(1)


measures.add(
    Measure(
        name=NAME, title="test correlation", short="Test corr.", of="explanation", low=-1, high=1, best="high", chance=0,
        judge=True, needs="splits simulators progress", measure=score_explanations,
        help="Correlation of simulated and actual activation on the test split; below it chance: what the same words score "
        "on other units of the layer, 95% of which are below",
    )
)  # fmt: skip
