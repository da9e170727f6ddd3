"""A small study made by hand: tiny coloured pictures, no store."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lexplain_core.config.study import StudySettings, load_settings
from lexplain_core.stimuli.base import FullyPlaced, JudgedUnit, Picture, StudyPlan, Task, Trial, TrialImage

ROOT = Path(__file__).resolve().parents[2]
QUICK = ["course.lock_ms=0", "checks.total_seconds=[0, 2500]", "checks.instructions_seconds=0"]


def jpeg(colour: tuple[int, int, int], side: int = 8) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(out, "JPEG")
    return out.getvalue()


def make_settings(*overrides: str) -> StudySettings:
    """IMI's settings without locks and least times, with overrides such as `course.people=2`."""
    return load_settings(None, [*QUICK, *overrides])


def make_plan(
    tasks: int = 3,
    trials: int = 4,
    catch: int = 1,
    practice: int = 2,
    rounds: int = 3,
    overrides: tuple[str, ...] | list[str] = (),
    name: str = "small",
    model: str = "net",
    layers: int = 2,
    seed: int = 0,
    pictures=None,
) -> StudyPlan:
    """A study of `tasks` tasks, each with `trials` real and `catch` catch trials and `practice` practice ones.

    Every unit has one trial with 20 pictures of its own: dark red ones low, bright blue ones high. There
    are `trials` real units, each layer has some. overrides: settings such as `course.people=2`.
    pictures: None, or what makes one from its index, source and key.
    """
    rng = np.random.default_rng(seed)
    settings = make_settings(
        f"course.tasks={tasks}", f"course.trials={trials}", f"course.catch={catch}",
        f"course.practice_obvious={practice}", "course.practice_other=0", f"course.practice_rounds={rounds}",
        f"checks.practice_rounds={rounds}", *overrides,
    )  # fmt: skip
    units, made = [], []
    for use, count in (("real", trials), ("catch", catch), ("practice", practice)):
        for i in range(count):
            layer = i % layers
            units.append(
                JudgedUnit(
                    model, f"layer{layer}", i, use, depth=layer / max(layers - 1, 1),
                    explanation=f"2.1·thing{i}", method="greedy", correlation=0.5, ablation=0.1, observer=0.9,
                )
            )  # fmt: skip
            first = 20 * len(made)
            sides = [
                tuple(TrialImage(first + 10 * pole + place, rank=place, activation=float(place)) for place in range(10))
                for pole in range(2)
            ]  # fmt: skip
            easy = use == "real"
            made.append(Trial(len(units) - 1, use, not easy, "natural", "easy" if easy else None, 0, *sides))
    of = {kind: [i for i, t in enumerate(made) if t.kind == kind] for kind in ("real", "catch", "practice")}

    def course(of_phase: list[int]) -> tuple[FullyPlaced, ...]:
        """In random order; every other pole is the upper one, so that right answers keep the rows balanced."""
        poles = rng.permutation([("min", "max")[i % 2] for i in range(len(of_phase))])
        order = rng.permutation(np.array(of_phase, dtype=int))
        return tuple(
            FullyPlaced(int(trial), str(pole), *(tuple(int(c) for c in rng.permutation(9)) for _ in range(2)))
            for trial, pole in zip(order, poles, strict=True)
        )

    def task(number: int) -> Task:
        practices = tuple(course(of["practice"]) for _ in range(rounds)) if practice else ()
        main = course(of["real"] + of["catch"])
        return Task(f"task-{number}", model, "natural", "easy", practices, main)

    def picture(index: int) -> Picture:
        high = index % 20 >= 10
        shade = 10 + 7 * (index % 10)
        data = jpeg((0, 0, 180 + shade) if high else (shade, 0, 0))
        return Picture("natural", f"image-{index}", "image/jpeg", 8, 8, data)

    return StudyPlan(
        name,
        settings,
        tuple(units),
        tuple(made),
        tuple(task(i + 1) for i in range(tasks)),
        map(pictures or picture, range(20 * len(made))),
        facts={"store": {"id": "abc", "name": "demo", "path": "demo.duckdb"}, "model": model, "images": 1000,
               "batch": 1, "layers": [f"layer{i}" for i in range(layers)], "left_out": [], "notes": []},
    )  # fmt: skip


@pytest.fixture
def small_plan() -> StudyPlan:
    """3 tasks of 4 real trials and 1 catch trial, 2 practice trials in up to 3 rounds, no lock."""
    return make_plan()


@pytest.fixture
def small_study(tmp_path, small_plan):
    """`small_plan` in a file of its own, open."""
    from lexplain_core.studies.file.study import StudyFile

    with StudyFile.create(tmp_path / "small.sqlite", small_plan) as study:
        yield study


class Clock:
    """The server's clock, to be moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def study_of(tmp_path):
    """study_of(tasks=…, …, overrides=[…]): an open study with a `Clock`."""
    opened = []

    def make(*overrides: str, **made):
        from lexplain_core.studies.file.study import StudyFile

        path = tmp_path / f"study-{len(opened)}.sqlite"
        study = StudyFile.create(path, make_plan(overrides=overrides, **made))
        study.clock = Clock()
        opened.append(study)
        return study

    yield make
    for study in opened:
        study.close()


def answer_button(study, course, screen, right: bool = True, confidence: int = 2) -> int:
    """The button of the right (or the wrong) answer to a trial's screen, by the study's own records."""
    step, number, position = screen.trial.nonce.split("-")
    rounds = study.placed(course.task_id, {"p": "practice", "m": "main"}[step], int(number), int(position))
    upper = (rounds.upper == "max") == right
    return confidence - 1 + (0 if upper else 3)


def walk(study, course, right=lambda phase, position: True, comment: str = "fine", steps: int = 1000) -> list:
    """Go through a course (at most `steps` screens); the verdicts of all answers.

    right(phase, position) says whether the answer is to be right.
    """
    verdicts = []
    for _ in range(steps):
        screen = course.screen()
        if screen.kind == "instructions":
            course.read(20.0)
        elif screen.kind == "trial":
            trial = screen.trial
            button = answer_button(study, course, screen, right(trial.phase, trial.number - 1))
            verdicts.append(course.answer(trial.nonce, button, 900.0 + trial.lock_ms))
        elif screen.kind in ("again", "begin"):
            course.go_on()
        elif screen.kind == "comment":
            course.say(comment)
        else:
            break
    return verdicts


def folder_bytes(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, byte by byte."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
