"""The units of a study: those to judge, and those of catch and practice trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from zlib import crc32

import numpy as np
import pandas as pd

from ..errors import UserError, did_you_mean
from ..progress import Progress
from ..store import Store
from .base import JudgedUnit
from .drawing import UnitKey, sampled_units
from .ranks import DIFFICULTIES, Indistinguishable, Sides, batch_size, obvious, query_start, stimuli
from .settings import StudySettings

CATCH_POOL = 3  # units for catch trials, in multiples of a task's catch trials
CATCH_BATCHES = 3  # of each of them: nobody asks how well people do on it


@dataclass(frozen=True)
class Stock:
    """A unit's trials of one difficulty (None: obvious) with its activations on their images, (B, 10)."""

    difficulty: str | None
    sides: Sides
    low: np.ndarray
    high: np.ndarray


@dataclass
class Brought:
    """A unit in the study, and its trials in the order in which they are handed out."""

    index: int  # in the plan's units
    key: UnitKey
    kind: str
    stocks: list[Stock]
    order: list[tuple[int, int]]  # (of which stock, which batch)
    used: int = 0
    trials: dict[tuple[int, int], int] = field(default_factory=dict)


class Choice:
    """Chooses units of a store by a study's settings.

    judged: all that were taken, in the order of the plan. left_out: [layer, unit, reason] of those that were
    drawn but whose sides can't be told apart. notes: sentences.
    """

    def __init__(self, store: Store, settings: StudySettings, progress: Progress):
        self.store, self.settings, self.progress = store, settings, progress
        self.model = store.meta["target"]["name"]
        self.images = len(store.images())
        self.size = batch_size(self.images)
        self.difficulties = [d for d in DIFFICULTIES if d in settings.stimuli.difficulty]
        known = store.layers()
        self.layers = _chosen(known, settings.stimuli.layers, store.name)
        network = known["layer"][known["source"] == "network"]
        self.depths = {str(layer): i / max(1, len(network) - 1) for i, layer in enumerate(network)}
        self.table = store.unit_table().set_index(["layer", "unit"])
        self.method = store.default_method
        self.judged: list[JudgedUnit] = []
        self.left_out: list[list] = []
        self.notes: list[str] = []

    def real(self) -> list[Brought]:
        """Draw the units to judge. Raises `UserError` for fewer than a task has trials."""
        wanted, least = self.settings.stimuli.units, self.settings.course.trials
        if wanted < least:
            raise UserError(
                f"A task has {least} trials (course.trials), each about another unit, but the study is of only "
                f"{wanted} units (stimuli.units): raise stimuli.units to {least}, or lower course.trials to {wanted}."
            )
        for difficulty in self.difficulties:
            query_start(self.images, difficulty, self.size)  # refuses those that can't be had
        found: list[tuple[UnitKey, list[Stock]]] = []
        with self.progress.task("drawing units", total=wanted) as advance:
            for key in sampled_units(self.layers, self.settings.seed):
                if len(found) == wanted:
                    break
                try:
                    found.append((key, self._stocks(key, self.difficulties)))
                    advance(1)
                except Indistinguishable as error:
                    self.left_out.append([*key, error.reason])
        some = self.settings.stimuli.layers
        where = "the chosen layers have" if some else "the store has"
        if len(found) < least:
            lower = f"lower course.trials to {len(found)}" if found else "take another store"
            raise UserError(
                f"A task has {least} trials (course.trials), each about another unit, but {where} only "
                f"{len(found)} units whose two sides can be told apart: {lower}"
                + (", or choose more layers (stimuli.layers)." if some else ".")
            )
        if len(found) < wanted:
            self.notes.append(
                f"{wanted} units were wanted, but {where} only {len(found)} whose two sides can be told apart; "
                "all of them are judged."
            )
        batches = min(self.settings.stimuli.batches, self.size)
        return [self._bring(key, "real", stocks, batches, i) for i, (key, stocks) in enumerate(found)]

    def catch(self) -> list[Brought]:
        """The most obvious units that are left: several times as many as a task has catch trials."""
        wanted = CATCH_POOL * self.settings.course.catch
        batches = min(self.settings.stimuli.batches, self.size, CATCH_BATCHES)
        return self._others("catch", "catch", self.ranking, wanted, None, batches)

    def practice_obvious(self) -> list[Brought]:
        """The most obvious units that are left then."""
        wanted = self.settings.course.practice_obvious
        return self._others("practice", "practice_obvious", self.ranking, wanted, None)

    def practice_other(self) -> list[Brought]:
        """Middling units of those that have a score, or of all where none has one; with easy trials."""
        scored = int((self._score > 0).sum()) or len(self._score)
        places = sorted(range(len(self.ranking)), key=lambda i: abs(i - (scored - 1) / 2))
        wanted, easiest = self.settings.course.practice_other, next(iter(DIFFICULTIES))
        return self._others("practice", "practice_other", [self.ranking[i] for i in places], wanted, easiest)

    @cached_property
    def ranking(self) -> list[UnitKey]:
        """All units of the store, first those that should be easiest to judge by what the store knows."""
        order = np.argsort(-self._score, kind="stable")
        return [(str(layer), int(unit)) for layer, unit in self.table.index[order]]

    @cached_property
    def _score(self) -> np.ndarray:
        """The machine observer's score and the test correlation of each unit, summed; 0 for what is unknown."""
        columns = [c for c in ("observer", "score") if c in self.table]
        return sum(self.table[c].astype(float).fillna(0.0).to_numpy() for c in columns)

    def _others(
        self,
        kind: str,
        setting: str,
        candidates: list[UnitKey],
        wanted: int,
        difficulty: str | None,
        batches: int = 1,
    ) -> list[Brought]:
        """Take the first usable candidates that have no part in the study yet, and others where there are fewer
        of them than `course.SETTING` says. difficulty: None for obvious trials."""
        least = getattr(self.settings.course, setting)
        taken = {(unit.layer, unit.unit) for unit in self.judged}
        found: list[Brought] = []
        shared = 0
        for key in sorted(candidates, key=lambda key: key in taken):  # stable: order of rank within both
            if len(found) >= (least if key in taken and not shared else wanted):
                break
            try:
                found.append(self._bring(key, kind, self._stocks(key, [difficulty]), batches))
                shared += key in taken
            except Indistinguishable:
                continue
        if len(found) < least:
            raise UserError(
                f"The study needs {least} units for {kind} trials (course.{setting}), but the store has only "
                f"{len(found)} whose two sides can be told apart: lower course.{setting} to {len(found)}."
            )
        if shared:
            self.notes.append(
                f"For want of other units, {shared} of the {len(found)} for course.{setting} have another part in "
                "the study, too."
            )
        return found

    def _stocks(self, key: UnitKey, difficulties: Sequence[str | None]) -> list[Stock]:
        """The unit's images; None stands for obvious trials. Raises `Indistinguishable`."""
        values = self.store.unit(*key).activations
        seed = [self.settings.seed, crc32(b"images"), crc32(key[0].encode()), key[1]]
        stocks = []
        for difficulty in difficulties:
            if difficulty is None:
                sides = obvious(values, seed, self.size)
            else:
                sides = stimuli(values, difficulty, seed, self.size)
            stocks.append(Stock(difficulty, sides, values[sides.low], values[sides.high]))
        return stocks

    def _bring(self, key: UnitKey, kind: str, stocks: list[Stock], batches: int, first: int = 0) -> Brought:
        """Note down a unit. Its difficulties take turns, beginning with number `first`; then batches do."""
        row, n = self.table.loc[key], len(stocks)
        explanation = row["explanation"] or None
        correlation, ablation, observer = (_number(row.get(c)) for c in ("score", "ablation", "observer"))
        self.judged.append(
            JudgedUnit(
                model=self.model,
                layer=key[0],
                unit=key[1],
                use=kind,
                name=row["name"],
                depth=self.depths.get(key[0]),
                explanation=explanation,
                method=None if (explanation, correlation, ablation) == (None,) * 3 else self.method,
                correlation=correlation,
                ablation=ablation,
                observer=observer,
            )
        )
        order = [((first + i) % n, batch) for batch in range(batches) for i in range(n)]
        return Brought(len(self.judged) - 1, key, kind, stocks, order)


def _chosen(known: pd.DataFrame, wanted: list[str], store: str) -> dict[str, int]:
    """Layers to draw units from, with their numbers of units, in the store's order."""
    names = [str(layer) for layer in known["layer"]]
    for layer in wanted:
        if layer not in names:
            raise UserError(
                f"stimuli.layers names {layer!r}, but the store {store!r} has the layers {', '.join(names)}."
                + did_you_mean(layer, names)
            )
    units = zip(names, known["units"], strict=True)
    return {layer: int(count) for layer, count in units if not wanted or layer in wanted}


def _number(value: object) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
