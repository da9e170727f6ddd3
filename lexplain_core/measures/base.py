"""The contract of a measure, and the registry of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from ..base.measures import DERIVED, Description, check_names
from ..base.registry import Registry
from ..concepts import Concept
from ..config import Build
from ..store import Score

Scores = Iterable[tuple[int, Score]]  # with the number of the unit


class Layer(Protocol):
    """A recorded layer, as a measure gets it.

    Attributes:
        number: Its number in the store.
        name: Its name.
        values: Activations, float32 (K, N): units by images.
        facts: A row per unit, with `status` (alive, dead, constant, negative) and `reason`.
    """

    @property
    def number(self) -> int: ...  # noqa: D102

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def values(self) -> np.ndarray: ...  # noqa: D102

    @property
    def facts(self) -> pd.DataFrame: ...  # noqa: D102

    @property
    def explainable(self) -> np.ndarray:
        """The units that vary and fire, int64."""


@dataclass(frozen=True)
class Words:
    """An explanation as a simulator reads it: (weight, concept) terms and a bias."""

    terms: tuple[tuple[float, Concept], ...]
    bias: float = 0.0


def _always(_config: Build) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Measure(Description):
    """A score, in one file. `docs/how-to/measures.md` shows how to add one.

    Attributes:
        measure: Called once a layer, with `layer` and what `needs` names; gives (unit, `Score`) pairs. A measure of
            explanations is called once a method and layer, and gets `words` (by unit, `Words`) and `missing` (by unit, why
            it has no explanation), too. Of a unit with several scores the first is the headline; of an explanation with
            several that by its method's main simulator is. A unit that gets none has NULL, with a reason. None where
            another measure gives these scores.
        needs: Names of what a build's stages make, and of its options, divided by spaces, such as `splits`, `simulators`,
            `probing`, `seed`; also `progress` and `kept` (checkpoints).
        when: Whether a build measures it.
    """

    measure: Callable[..., Scores] | None = None
    needs: str = ""
    when: Callable[[Build], bool] = _always


class Measures(Registry[Measure]):
    """All measures, in the order in which tables and headlines have them."""

    def add(self, measure: Measure) -> Measure:
        """Register a measure under its name, and give it back.

        Raises:
            ValueError: The name is taken, or can't be that of a column.
        """
        check_names([*(one.name for one in self.values()), *(one.name for one in DERIVED), measure.name])
        return self.register(measure.name)(measure)

    def of(self, config: Build) -> list[Measure]:
        """Those that a build measures."""
        return [one for one in self.values() if one.when(config)]


measures = Measures("measure")


def absent(
    measure: str, by: str, n: int, missing: Mapping[int, str], split: str = "test"
) -> Iterator[tuple[int, Score]]:
    """Scores of units without an explanation. missing: by unit, why it has none. n: images of the split."""
    for unit, reason in missing.items():
        yield unit, Score(measure, by, split, n, reason=f"There is no explanation to score: {reason}")
