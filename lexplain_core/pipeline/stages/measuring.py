"""The stage of a build that runs a measure: of units once a layer, of explanations once a method and layer."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from ...explain import Explanation
from ...measures import Measure, Words, measures
from ...store import Score
from ...store.rows import score_row, table
from ..stage import Desk
from ..tables import joined
from .concepts import Choice
from .explaining import Explained
from .recording import Layer

GIVEN = (
    "layer",
    "words",
    "missing",
    "matrix",
    "progress",
    "kept",
)  # by this stage, to every measure that names it


def run_measure(
    desk: Desk,
    layers: list[Layer],
    measure: Measure,
    choice: Choice | None = None,
    explanations: Explained | None = None,
    **needs: Any,
) -> pa.Table:
    """Scores by a measure as rows of `scores`, without ids of explanations.

    choice, explanations: a method's, where the measure is of explanations. needs: what the measure asks for by name.
    """

    def of_layer(layer: Layer) -> pa.Table:
        given: dict[str, Any] = {
            "layer": layer, "progress": desk.progress, "kept": desk.kept.within(f"layer {layer.number}, state"),
        }  # fmt: skip
        units: dict[int, str | None] = {unit: _why_dead(layer, unit) for unit in range(len(layer.values))}
        if choice is not None and explanations is not None:
            found = explanations[layer.number]
            units = {unit: one.reason for unit, one in found.items()}
            missing = {unit: reason for unit, reason in units.items() if reason is not None}
            given |= {"words": in_words(choice, found), "missing": missing, "matrix": choice.matrix}
        asked = inspect.signature(measure.measure).parameters if measure.measure else {}
        given = {name: value for name, value in (given | needs).items() if name in asked}
        return table("scores", _rows(measure, layer, units, given))

    return joined("scores", (desk.once(f"layer {layer.number}", of_layer, layer) for layer in layers))


def _rows(
    measure: Measure, layer: Layer, units: dict[int, str | None], given: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    assert measure.measure is not None, "a measure whose scores another one gives has no stage"
    places: dict[tuple[str, int], int] = defaultdict(int)
    for unit, score in measure.measure(**given):
        if score.measure not in measures or unit not in units:
            raise ValueError(
                f"the measure {measure.name!r} gave {score.measure!r} of unit {unit}, which nobody asked for"
            )
        key = score.measure, int(unit)
        yield score_row(_finite(score), layer.number, int(unit), place=places[key])
        places[key] += 1
    for unit, reason in units.items():
        if (measure.name, unit) not in places:
            score = Score(measure.name, "", "all", 0, reason=reason or "The measure gave it no value.")
            yield score_row(score, layer.number, unit)


def _finite(score: Score) -> Score:
    """A score without a value, with the reason, where it is no finite number."""
    if score.value is None or np.isfinite(score.value):
        return score
    return Score(score.measure, score.by, score.split, score.n, reason="The score is not a finite number.")


def _why_dead(layer: Layer, unit: int) -> str | None:
    reason = layer.facts["reason"][unit]
    return reason if isinstance(reason, str) else None


def in_words(choice: Choice, found: dict[int, Explanation]) -> dict[int, Words]:
    """The explanations of a layer, by unit, as simulators read them."""
    concepts = choice.matrix.concepts
    return {
        unit: Words(
            tuple((w, concepts[c]) for w, c in zip(result.weights, result.concepts, strict=True)), result.bias
        )
        for unit, result in found.items()
        if result.reason is None and result.bias is not None
    }
