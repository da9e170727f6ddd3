"""The stages of a build that judge explanations without running the network: correlation, and range shift."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ...concepts.simulators import Simulator
from ...explain import Found
from ...measures.scoring import Words, score_layer
from ...store import MATCH, Score
from ...store.relations import two_faced
from ..stage import Desk
from ..tables import score_table, shift_table
from .concepts import Choice
from .explaining import Explained
from .recording import EXPLAINABLE, Layer


def score_explanations(
    desk: Desk,
    layers: list[Layer],
    splits: np.ndarray,
    simulators: tuple[Simulator, ...],
    choice: Choice,
    explanations: Explained,
) -> pa.Table:
    """Correlation on the test split, as each simulator predicts it, beside its null.

    A simulator that ran has a score of every unit, though it may be undefined.
    """
    test, scores = splits == "test", []
    with desk.progress.task("simulate", total=len(layers) * len(simulators)) as advance:
        for layer in layers:
            found = explanations[layer.number]
            words = in_words(choice, found)
            alive = layer.facts["status"].isin(EXPLAINABLE).to_numpy()
            for simulator in simulators:
                scored = score_layer(words, simulator, layer.values, alive, test)
                for unit, result in found.items():
                    if result.reason is None:
                        score = scored[unit].score(simulator.name)
                    else:
                        score = without(simulator.name, "correlation", int(test.sum()), result.reason)
                    scores.append(((layer.number, unit), score))
                advance(1)
    return score_table(scores)


def without(simulator: str, kind: str, n: int, reason: str) -> Score:
    """The score of an explanation that isn't there. n: images of the test split. reason: why there is no explanation."""
    why = f"There is no explanation to score: {reason}"
    return Score(simulator, kind, "test", n, None, None, None, why)


def in_words(choice: Choice, found: dict[int, Found]) -> dict[int, Words]:
    """The explanations of a layer, by unit, as simulators read them."""
    concepts = choice.matrix.concepts
    return {
        unit: Words(
            tuple((w, concepts[c]) for w, c in zip(result.weights, result.concepts, strict=True)), result.bias
        )
        for unit, result in found.items()
        if result.reason is None and result.bias is not None
    }


def measure_range_shift(
    _desk: Desk, layers: list[Layer], choice: Choice, explanations: Explained
) -> pa.Table:
    """How different the concepts of each unit's low and high ranges are."""
    shifts: list = []
    for layer in layers:
        for unit, result in explanations[layer.number].items():
            shift: tuple[float | None, str | None] = (None, result.reason)
            if result.reason is None:
                matches = choice.matrix.values[list(result.concepts)] >= MATCH
                shift = two_faced(np.asarray(layer.values[unit]), matches, result.weights)
            shifts.append(((layer.number, unit), shift))
    return shift_table(shifts)
