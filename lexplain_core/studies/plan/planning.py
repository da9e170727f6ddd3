"""A study before anybody has answered: its units, their trials, and who sees what where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...base.progress import Progress, Silent
from ...config.study import StudySettings
from ...stimuli.base import QUERY, REFERENCES, Picture, Placed, StudyPlan, Task, Trial, TrialImage
from ...stimuli.choosing import Brought, Choice, Stock
from ...stimuli.drawing import UnitKey, generator, least_used, place, uppers
from ...store import Store
from ..checks import LEAST_ROWS
from .pictures import LoadPicture, Pictures

FEW = 20  # main trials, below which one row may be chosen nearly always by chance
Synthetic = Mapping[UnitKey, tuple[Sequence[Picture], Sequence[Picture]]]


def plan_study(
    store: Store,
    settings: StudySettings,
    name: str,
    load_picture: LoadPicture,
    synthetic: Synthetic | None = None,
    progress: Progress | None = None,
) -> StudyPlan[Pictures]:
    """Draw a study's units, trials and tasks by its seed; nothing is written, and no picture made yet.

    load_picture(image id) makes a picture, when the plan's `pictures` are gone through (by threads).
    synthetic: for some units, by layer and unit, 9 references for min and 9 for max, the last of
    them for the first cell; their real trials have these references, and natural queries.
    A unit is left out (`facts["left_out"]`, with the reason) where its two sides can't be told apart at one of
    the difficulties, even if they can be at others: all of a mixed study's difficulties are about the same units.
    Raises `UserError` for layers that the store hasn't got, difficulties that its images can't
    give, and for fewer usable units than a task has trials.
    """
    choice = Choice(store, settings, progress or Silent())
    real = choice.real()
    catch = choice.catch()
    practice = [*choice.practice_obvious(), *choice.practice_other()]
    trials = _Trials(load_picture, synthetic or {})
    tasks = _tasks(settings, name, choice, trials, real, catch, practice)
    facts = {
        "store": {"id": store.id, "name": store.name, "path": str(store.path)},
        "model": choice.model,
        "images": choice.images,
        "batch": choice.size,
        "layers": list(choice.layers),
        "left_out": choice.left_out,
        "notes": [*choice.notes, *_advice(settings)],
    }
    units = tuple(choice.judged)
    return StudyPlan(name, settings, units, tuple(trials.made), tasks, trials.pictures, facts)


def _advice(settings: StudySettings) -> list[str]:
    """What to think of where a course is much shorter than IMI's, and its checks are still IMI's."""
    course, checks, usual = settings.course, settings.checks, StudySettings()
    main, practice = course.trials + course.catch, _practice(settings)
    least, most = usual.checks.total_seconds
    imis, imis_practice = usual.course.trials + usual.course.catch, _practice(usual)
    said = []
    if checks.total_seconds == (least, most) and (main < imis or practice != imis_practice):
        fitting = 5 * round(least * (main + practice) / (imis + imis_practice) / 5)
        said.append(
            f"The checks leave out who takes fewer than {least:g} seconds, which is IMI's limit for {imis} trials after "
            f"{imis_practice} of practice; this study has {main} after {practice}. Another limit: "
            f"`--set 'checks.total_seconds=[{fitting}, {most:g}]'`."
        )
    if checks.row_share == usual.checks.row_share and LEAST_ROWS <= main < FEW:
        said.append(
            f"The checks leave out who chooses one row in more than {checks.row_share:.0%} of the main trials; of only "
            f"{main} trials that may happen by chance. Another limit: `--set checks.row_share=1`."
        )
    return said


def _practice(settings: StudySettings) -> int:
    return settings.course.practice_obvious + settings.course.practice_other


def _tasks(
    settings: StudySettings,
    name: str,
    choice: Choice,
    trials: _Trials,
    real: list[Brought],
    catch: list[Brought],
    practice: list[Brought],
) -> tuple[Task, ...]:
    """Task by task: its units, their next trials, the order and the places. Practice is the same for all.

    No task has a catch trial about a unit that it also has a real trial about: where the pool of catch units
    has too few others, more units stand in.
    """
    course, pool = settings.course, len(catch)
    practised = [trials.next_of(brought) for brought in practice]
    used, caught = np.zeros(len(real), dtype=np.int64), np.zeros(len(catch), dtype=np.int64)
    tasks = []
    for number in range(course.tasks):
        rng = generator(settings.seed, "task", number)
        mine = least_used(used, course.trials, rng)
        used[mine] += 1
        keys = {real[i].key for i in mine}
        while sum(brought.key not in keys for brought in catch) < course.catch:
            catch.append(choice.another_catch(keys))
            caught = np.append(caught, 0)
        avoid = [2 if brought.key in keys else int(i >= pool) for i, brought in enumerate(catch)]
        plain = least_used(caught, course.catch, rng, np.array(avoid, dtype=np.int64))
        caught[plain] += 1
        judged = [trials.next_of(real[i]) for i in mine]
        main = [*judged, *(trials.next_of(catch[i]) for i in plain)]
        modes = {trials.made[t].mode for t in judged}
        difficulties = {trials.made[t].difficulty for t in judged}
        tasks.append(
            Task(
                name=f"{name}-{number + 1}",
                model=choice.model,
                mode=modes.pop() if len(modes) == 1 else "mixed",
                difficulty=difficulties.pop() if len(difficulties) == 1 else None,
                practice=tuple(_placed(practised, rng) for _ in range(course.practice_rounds)),
                main=_placed(main, rng),
            )
        )
    return tuple(tasks)


def _placed(trials: list[int], rng: np.random.Generator) -> tuple[Placed, ...]:
    """Trials in a new order, with new places."""
    above = uppers(len(trials), rng)
    return tuple(
        place(trials[i], upper, rng) for i, upper in zip(rng.permutation(len(trials)), above, strict=True)
    )


class _Trials:
    """The trials of a plan, each made when it is wanted for the first time, with their pictures."""

    def __init__(self, load_picture: LoadPicture, synthetic: Synthetic):
        self.made: list[Trial] = []
        self.pictures = Pictures(load_picture)
        self._synthetic = synthetic
        self._shown: dict[UnitKey, list[tuple[TrialImage, ...]]] = {}

    def next_of(self, brought: Brought) -> int:
        """A unit's next trial in turn, as its number in the plan."""
        turn = brought.order[brought.used % len(brought.order)]
        brought.used += 1
        if turn not in brought.trials:
            brought.trials[turn] = len(self.made)
            self.made.append(self._make(brought, brought.stocks[turn[0]], turn[1]))
        return brought.trials[turn]

    def _make(self, brought: Brought, stock: Stock, batch: int) -> Trial:
        made = self._made_references(brought.key) if brought.kind == "real" else None
        sides = stock.sides
        low = self._side(
            sides.low[batch], sides.low_ranks[batch], stock.low[batch], made[0] if made else None
        )
        high = self._side(
            sides.high[batch], sides.high_ranks[batch], stock.high[batch], made[1] if made else None
        )
        mode, plain = "synthetic" if made else "natural", stock.difficulty is None
        return Trial(brought.index, brought.kind, plain, mode, stock.difficulty, batch, low, high)

    def _side(
        self, images: np.ndarray, ranks: np.ndarray, values: np.ndarray, made: tuple[TrialImage, ...] | None
    ) -> tuple[TrialImage, ...]:
        natural = range(QUERY + 1) if made is None else [QUERY]
        shown = (
            TrialImage(self.pictures.natural(int(images[i])), int(ranks[i]), float(values[i]))
            for i in natural
        )
        return (*(made or ()), *shown)

    def _made_references(self, key: UnitKey) -> list[tuple[TrialImage, ...]] | None:
        """A unit's synthetic references for min and max; None where it has none."""
        if key not in self._synthetic:
            return None
        if key not in self._shown:
            poles = self._synthetic[key]
            if [len(pole) for pole in poles] != [REFERENCES, REFERENCES]:
                raise ValueError(f"unit {key} needs {REFERENCES} synthetic references for min and for max")
            self._shown[key] = [tuple(TrialImage(self.pictures.add(p)) for p in pole) for pole in poles]
        return self._shown[key]
