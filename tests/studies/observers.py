"""Simulated observers: they take whole courses through the engine, with abilities that a test knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.session.course import Course, begin


class Clock:
    """A clock that tests move: `clock()` is the time, `clock.wait(seconds)` lets it pass."""

    def __init__(self, now: float = 1_800_000_000.0):
        self.now = now

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


class Observer:
    """Someone who answers right with a known probability.

    ability: P(right) for a real trial, one number or by (layer, unit); `obvious` for practice and catch trials.
    upper: P(the upper image), whatever it shows, in place of all that. seconds: an answer takes so long on average.
    reading: seconds on the instructions. comment: at the end. The study's clock must be a `Clock`.
    """

    def __init__(
        self,
        ability: float | Mapping[tuple[str, int], float] = 0.8,
        *,
        obvious: float = 1.0,
        upper: float | None = None,
        seconds: float = 6.0,
        reading: float = 30.0,
        comment: str = "",
        seed: int = 0,
    ):
        self.ability, self.obvious, self.upper = ability, obvious, upper
        self.seconds, self.reading, self.comment = seconds, reading, comment
        self.rng = np.random.default_rng(seed)

    def take(self, study: StudyFile, pid: str, answers: int | None = None) -> Course:
        """Take part in a study from consent to thanks, or leave after so many answers. Raises `NotAdmitted`."""
        clock, course, given = study.clock, begin(study, pid), 0
        trials = study.trials().set_index("trial_id")
        for _ in range(100_000):
            screen = course.screen()
            if screen.kind == "instructions":
                clock.wait(self.reading)
                course.read(self.reading)
            elif screen.kind == "trial":
                if given == answers:
                    return course
                self._answer(study, course, screen, trials, clock.wait)
                given += 1
            elif screen.kind in ("again", "begin"):
                clock.wait(2.0)
                course.go_on()
            elif screen.kind == "comment":
                clock.wait(5.0)
                course.say(self.comment)
            else:
                return course
        raise AssertionError("this course has no end")

    def _answer(self, study, course, screen, trials, wait: Callable[[float], None]) -> None:
        trial = screen.trial
        step, number, position = trial.nonce.split("-")
        placed = study.placed(
            course.task_id, {"p": "practice", "m": "main"}[step], int(number), int(position)
        )
        row = trials.loc[placed.trial]
        if row["kind"] != "real":
            chance = self.obvious
        elif isinstance(self.ability, Mapping):
            chance = self.ability[row["layer"], int(row["unit"])]
        else:
            chance = self.ability
        right = self.rng.random() < chance
        upper = (placed.upper == "max") == right
        if self.upper is not None:
            upper = bool(self.rng.random() < self.upper)
        sure = min(2, int(self.rng.integers(0, 3)) + int(right and chance > 0.7))
        lock = trial.lock_ms / 1000
        took = lock + float(self.rng.gamma(3.0, self.seconds / 3))
        wait(took)
        button = sure if upper else 3 + sure
        assert course.answer(trial.nonce, button, 1000 * took, load_ms=40.0) is not None
        wait(1.0)
