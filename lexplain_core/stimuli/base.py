"""What a study is made of: units, trials, tasks, and the places of their images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..config.study import StudySettings

POLES = ("min", "max")
REFERENCES = 9  # a side, in 3 rows of 3
QUERY = 9  # the place of a side's query, after its references 0 to 8
BUTTONS = 6  # 0 to 2: the upper image, confidence 1 to 3; 3 to 5: the lower one


@dataclass(frozen=True)
class Picture:
    """An image as people are shown it. data is None where only its name is known (imported studies).

    source: 'natural' (of the probing set, `key` its key) or 'synthetic'. type: its MIME type.
    """

    source: str
    key: str
    type: str | None = None
    width: int | None = None
    height: int | None = None
    data: bytes | None = None


@dataclass(frozen=True)
class JudgedUnit:
    """A unit that trials are about, with what is known of it when the study is made.

    use: 'real', 'catch' or 'practice'. depth: 0 for the first of the model's layers to 1 for the last, None
    where unknown. correlation, ablation: scores of its explanation by `method`. observer: the machine observer's.
    """

    model: str
    layer: str
    unit: int
    use: str = "real"
    name: str | None = None
    depth: float | None = None
    explanation: str | None = None
    method: str | None = None
    correlation: float | None = None
    ablation: float | None = None
    observer: float | None = None


@dataclass(frozen=True)
class TrialImage:
    """An image of a trial: index of its picture in the plan, its rank (0 the smallest activation of the
    probing set) and the unit's activation; both None for synthetic images."""

    picture: int
    rank: int | None = None
    activation: float | None = None


@dataclass(frozen=True)
class Trial:
    """A 2AFC question. low, high: 10 images each, references from the least to the most extreme, then the query.

    unit: index in the plan. kind: 'real', 'catch', 'practice'. mode: 'natural', 'synthetic' references.
    obvious: the queries are among the most extreme images, too; `difficulty` is None then.
    """

    unit: int
    kind: str
    obvious: bool
    mode: str
    difficulty: str | None
    batch: int
    low: tuple[TrialImage, ...]
    high: tuple[TrialImage, ...]


@dataclass(frozen=True)
class Placed:
    """A trial with the places of its images: the pole of the upper query, and for each of the 9 cells of a
    side, row by row, which reference (0 to 8) lies there. None where unknown (imported studies)."""

    trial: int
    upper: str | None
    left: tuple[int, ...] | None
    right: tuple[int, ...] | None


@dataclass(frozen=True)
class FullyPlaced(Placed):
    """A trial all of whose places are known, as people are shown it."""

    upper: str
    left: tuple[int, ...]
    right: tuple[int, ...]


@dataclass(frozen=True)
class Task:
    """What one person gets: practice, an order and places for each round, and the main trials."""

    name: str
    model: str
    mode: str
    difficulty: str | None
    practice: tuple[tuple[Placed, ...], ...]
    main: tuple[Placed, ...]


P = TypeVar("P", bound=Iterable[Picture])


@dataclass(frozen=True)
class StudyPlan(Generic[P]):
    """A whole study before anybody has answered. pictures may be made one by one while they are written.

    facts: what it was made from, JSON-ready: store (id, name, path), model, images (of the probing set),
    batch (B), layers (names in order), left_out ([layer, unit, reason]), notes (sentences).
    kind: 'study', or 'imported' for one that was run elsewhere.
    """

    name: str
    settings: StudySettings
    units: tuple[JudgedUnit, ...]
    trials: tuple[Trial, ...]
    tasks: tuple[Task, ...]
    pictures: P
    facts: dict = field(default_factory=dict)
    kind: str = "study"
