"""Stages: what each needs and makes, and how a build runs them and goes on where it ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from ..base.checkpoints import Checkpoints, NoCheckpoints
from ..base.errors import UserError, refuse_shortage
from ..base.progress import Progress
from . import fingerprint
from .folder import StageFolder

T = TypeVar("T")
_RESULT = "result"
_SECONDS = "seconds.json"


@dataclass(frozen=True)
class Made:
    """A value that stages need, and the fingerprint of what it was made from."""

    value: Any
    fingerprint: str


@dataclass(frozen=True)
class Desk:
    """What a stage works with.

    progress: where it reports. kept: its checkpoints. folder: on the disk of the store. seconds: what the stages before it took, by name.
    """

    progress: Progress
    folder: Path = Path()
    kept: Checkpoints = NoCheckpoints()
    seconds: dict[str, float] | None = None

    def once(self, key: str, make: Callable[..., T], *args: Any) -> T:
        """What is kept under `key`, else what `make(*args)` gives, which is kept from now on."""
        if (found := self.kept.load(key)) is not None:
            return found["value"]
        value = make(*args)
        self.kept.save(key, value=value)
        return value


@dataclass(frozen=True)
class Stage:
    """A step of a build.

    run: called with a `Desk` and what it needs, by name; returns what it makes, in the order of `makes` (one thing as it
    is, several as a tuple).
    needs: names of options and of what earlier stages make, divided by spaces; `argument=name` where the argument has
    another name. makes: names. A name like `scores:le-label` belongs to one method.
    keep: `result`: what it makes is kept, and the stage doesn't run again. `pieces`: the stage keeps pieces by itself and
    puts them together in every run. `nothing`: it runs each time, since what it makes lives in memory. `source`: the same,
    and what it makes comes as `Made`, with a fingerprint of its content: so options that lead to the same thing count
    as the same. It may keep pieces, too.
    """

    name: str
    run: Callable[..., Any]
    needs: str = ""
    makes: str = ""
    keep: Literal["result", "pieces", "nothing", "source"] = "nothing"

    @property
    def arguments(self) -> dict[str, str]:
        """The name of what is needed, by the argument that it becomes."""
        pairs = (need.partition("=") for need in self.needs.split())
        return {argument: name or argument for argument, _, name in pairs}

    @property
    def products(self) -> list[str]:
        return self.makes.split()

    def facts(self, made: dict[str, Made]) -> dict[str, str]:
        """Fingerprints of all that the work of this stage depends on."""
        return {name: made[name].fingerprint for name in self.arguments.values()} | {
            "the code": fingerprint.of_code(self.run),
            "Python or its packages": fingerprint.of_packages(),
        }


@dataclass(frozen=True)
class Plan:
    """What a build would do with a stage. seconds: what it took last time, where that is known."""

    stage: str
    action: Literal["kept", "goes on", "runs"]
    why: str
    seconds: float | None = None


class Runner:
    """Runs stages one after the other; each gets what the ones before it made.

    given: options, by name. folder: the working folder.
    """

    def __init__(self, stages: Sequence[Stage], given: dict[str, Made], folder: Path, progress: Progress):
        self._stages, self._folder, self._progress = stages, folder, progress
        self._made = dict(given)
        self._seconds: dict[str, float] = self._known_seconds()

    @property
    def spent(self) -> float:
        """Seconds that all stages took together, in this run and in those that it goes on from."""
        return sum(self._seconds.values())

    def run(self) -> None:
        """Run all stages. What is kept is not made again, if it was made from the same things."""
        for stage in self._stages:
            desk, facts = self._desk(stage)
            found = desk.kept.load(_RESULT) if stage.keep == "result" else None
            if found is None:
                self._progress.stage(stage.name)
                found = self._run(stage, desk)
            else:
                self._progress.note(f"{stage.name}: kept from the last run")
            self._take(stage, facts, list(found.values()))

    def value(self, name: str) -> Any:
        """What was made under a name."""
        return self._made[name].value

    def plan(self) -> list[Plan]:
        """What `run` would do. Only the sources are made: images and networks are read, nothing is computed."""
        plans = []
        for stage in self._stages:
            desk, facts = self._desk(stage)
            if stage.keep == "source":
                self._take(stage, facts, self._values(stage, replace(desk, kept=NoCheckpoints())))
                continue
            if isinstance(desk.kept, StageFolder):
                plans.append(self._planned(stage, desk.kept))
            self._take(stage, facts, [None] * len(stage.products))
        return plans

    def _desk(self, stage: Stage) -> tuple[Desk, dict[str, str]]:
        facts = stage.facts(self._made)
        kept: Checkpoints = NoCheckpoints()
        if stage.keep != "nothing":
            kept = StageFolder(self._folder / stage.name.replace(" ", "-"), facts)
        return Desk(self._progress, self._folder, kept, self._seconds), facts

    def _run(self, stage: Stage, desk: Desk) -> dict[str, Any]:
        started, before = time.perf_counter(), 0.0
        if isinstance(desk.kept, StageFolder) and desk.kept.changed() == []:
            before = self._seconds.get(stage.name, 0.0)  # it goes on from its pieces
        try:
            values = dict(zip(stage.products, self._values(stage, desk), strict=True))
            if stage.keep == "result":
                desk.kept.save(_RESULT, **{name.partition(":")[0]: value for name, value in values.items()})
            elif stage.keep == "pieces" and desk.kept.load(_RESULT) is None:
                desk.kept.save(_RESULT)
            return values
        except UserError:
            raise
        except Exception as error:
            refuse_shortage(error, f"The build ended in the stage “{stage.name}”")
            raise
        finally:
            self._clock(stage, before + time.perf_counter() - started)

    def _values(self, stage: Stage, desk: Desk) -> list[Any]:
        needs = {argument: self._made[name].value for argument, name in stage.arguments.items()}
        found = stage.run(desk, **needs)
        return list(found) if len(stage.products) > 1 else [found] * len(stage.products)

    def _take(self, stage: Stage, facts: dict[str, str], values: list[Any]) -> None:
        whole = fingerprint.digest(stage.name, facts)
        for name, value in zip(stage.products, values, strict=True):
            self._made[name] = value if isinstance(value, Made) else Made(value, whole)

    def _planned(self, stage: Stage, kept: StageFolder) -> Plan:
        changed, seconds = kept.changed(), self._seconds.get(stage.name)
        if changed == []:
            whole = kept.load(_RESULT) is not None
            return Plan(
                stage.name, "kept" if whole else "goes on", "" if whole else "it was interrupted", seconds
            )
        why = "it has not run yet" if changed is None else self._why(changed)
        return Plan(stage.name, "runs", why, seconds)

    def _why(self, changed: list[str]) -> str:
        """Why a stage runs again: options that changed, else the stages that it needs, which run again themselves."""
        makers = {name: f"“{stage.name}”" for stage in self._stages for name in stage.products}
        options = [name.replace("method:", "the options of ") for name in changed if name not in makers]
        if options:
            return f"{', '.join(options)} changed"
        return f"it needs {', '.join(dict.fromkeys(makers[name] for name in changed))}, run anew"

    # -- how long stages take ----------------------------------------------------------------

    def _clock(self, stage: Stage, seconds: float) -> None:
        self._seconds[stage.name] = round(seconds, 2)
        if self._folder.is_dir():
            with suppress(OSError):
                (self._folder / _SECONDS).write_text(json.dumps(self._seconds), "utf-8")

    def _known_seconds(self) -> dict[str, float]:
        try:
            found = json.loads((self._folder / _SECONDS).read_text("utf-8"))
            return {stage.name: float(found[stage.name]) for stage in self._stages if stage.name in found}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}
