"""What a person is shown: the screens of a course, verdicts, and why someone isn't admitted."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ...stimuli.base import QUERY, FullyPlaced, Picture


class NotAdmitted(Exception):
    """Why a person can't take part or go on. reason: 'no pid', 'placeholder', 'not invited', 'begun', 'taken part',
    'full', 'unknown'; text: to show. code: the completion code of who has taken part, and came by a signed link."""

    def __init__(self, reason: str, text: str, code: str | None = None) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
        self.code = code


@dataclass(frozen=True)
class Verdict:
    """What an answer is followed by. feedback: whether it was right; None where the study doesn't say.

    right: main answers right so far; 0 where the study doesn't show them. nonce: the trial's.
    """

    feedback: bool | None
    right: int
    nonce: str


@dataclass(frozen=True)
class TrialScreen:
    """A trial as a person may see it: nothing here separates low from high, or a catch trial from a real one.

    number: 1 to `of` within its phase. left, right: 9 pictures in order of their cells, row by row.
    feedback: whether the answer will be commented on. right_so_far: None where it isn't shown.
    """

    nonce: str
    phase: str
    number: int
    of: int
    upper: Picture
    lower: Picture
    left: tuple[Picture, ...]
    right: tuple[Picture, ...]
    lock_ms: int
    feedback: bool
    right_so_far: int | None


@dataclass(frozen=True)
class Screen:
    """What comes now. kind: 'instructions', 'trial', 'again', 'begin', 'comment', 'thanks', 'failed'.

    progress: 0 to 1, by position alone. code: the completion code with 'thanks' and 'failed'. round: of practice.
    """

    kind: str
    progress: float
    round: int
    trial: TrialScreen | None = None
    code: str | None = None


def arrange(
    placed: FullyPlaced, ids: dict[tuple[str, int], int], pictures: dict[int, Picture]
) -> tuple[Picture, Picture, tuple[Picture, ...], tuple[Picture, ...]]:
    """upper, lower, left and right of a `TrialScreen`, without keys and sources, which might tell something.

    ids: of a trial's pictures by pole and place.
    """
    bare = {i: replace(picture, key="", source="") for i, picture in pictures.items()}
    return (
        bare[ids[placed.upper, QUERY]],
        bare[ids[other_pole(placed.upper), QUERY]],
        tuple(bare[ids["min", place]] for place in placed.left),
        tuple(bare[ids["max", place]] for place in placed.right),
    )


def other_pole(pole: str) -> str:
    """'min' for 'max' and the other way round."""
    return "min" if pole == "max" else "max"


def finite(value: object) -> float | None:
    """What a browser says is a number, if it is a finite one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        value = float(value)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None
