"""The units of a study: those to judge, and those of catch and practice trials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from zlib import crc32

import numpy as np
import pandas as pd

from ..base.errors import UserError, did_you_mean, quote
from ..base.progress import Progress
from ..config.study import StudySettings
from ..store import Store
from .base import JudgedUnit
from .drawing import UnitKey, sampled_units
from .ranks import DIFFICULTIES, Indistinguishable, Sides, batch_size, obvious, query_start, stimuli

CATCH_POOL = 3  # units for catch trials, in multiples of a task's catch trials
CATCH_BATCHES = 3  # of each of them: nobody asks how well people do on it
OBVIOUS = 0.95  # machine observer's score from which on a unit is good enough for catch and practice trials
SHARE = 0.25  # of the units with a test correlation, those with the largest, where no machine has observed
_UNKNOWN = (
    "Neither a machine observer's scores nor correlations are known of this store's units, so nobody knows which are "
    "plain enough for catch and practice trials: try them in the preview."
)
_STAND_INS = (
    "Some tasks have catch trials that are less plain than such trials should be, because their real trials are about "
    "the plainer units: try them in the preview."
)


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
        self.model = (store.meta.get("target") or {}).get("name") or "the network"
        self.images = len(store.images()) - len(store.hidden)  # that trials may show
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
        """Obvious units for catch trials: several times as many as a task has of them, if there are so many."""
        least = self.settings.course.catch
        found = self._obvious("catch", "catch", CATCH_POOL * least, self._catch_batches)
        if least <= len(found) < 2 * least:
            self.notes.append(
                f"There are only {len(found)} units for catch trials, and each task has {least} of them: many people get the "
                "same ones."
            )
        return found

    def another_catch(self, but: set[UnitKey]) -> Brought:
        """One more unit for catch trials, none of `but`, in a task. Raises `UserError` where none is left."""
        known = but | {(u.layer, u.unit) for u in self.judged if u.use == "catch"}
        others = (key for key in self._by_obviousness() if key not in known)
        if found := self._some("catch", others, 1, None, self._catch_batches):
            if found[0].key not in self.good and self._informed and _STAND_INS not in self.notes:
                self.notes.append(_STAND_INS)
            return found[0]
        course = self.settings.course
        raise UserError(
            f"A task's {course.trials} real and {course.catch} catch trials are each about another unit, and the store "
            "has fewer units whose two sides can be told apart: lower course.trials or course.catch."
        )

    def practice_obvious(self) -> list[Brought]:
        """The most obvious units that are left then."""
        return self._obvious("practice", "practice_obvious", self.settings.course.practice_obvious)

    def practice_other(self) -> list[Brought]:
        """Middling units of those that have a score, or of all where none has one; with easy trials."""
        scored = int((self._score > 0).sum()) or len(self._score)
        middle = sorted(range(len(self.ranking)), key=lambda i: abs(i - (scored - 1) / 2))
        taken = self._taken()
        candidates = sorted((self.ranking[i] for i in middle), key=lambda key: key in taken)
        wanted, easiest = self.settings.course.practice_other, next(iter(DIFFICULTIES))
        found = self._take("practice", "practice_other", iter(candidates), wanted, easiest)
        self._say_shared("practice_other", found, taken)
        return found

    @cached_property
    def ranking(self) -> list[UnitKey]:
        """All units of the store, first those that should be easiest to judge by what the store knows."""
        return [self._keys[i] for i in np.argsort(-self._score, kind="stable")]

    @cached_property
    def good(self) -> set[UnitKey]:
        """Units that anybody can tell: a machine observer gets `OBVIOUS` of their trials right, or, where none
        has observed the store, they are in the best `SHARE` by test correlation. Empty where neither is known."""
        if self._observed:
            best = self._known("observer") >= OBVIOUS
        elif self._scored:
            scores = self._known("correlation")
            best = scores >= np.nanquantile(scores, 1 - SHARE)
        else:
            return set()
        return {self._keys[i] for i in np.flatnonzero(best)}

    @property
    def _informed(self) -> bool:
        return self._observed or self._scored

    @cached_property
    def _observed(self) -> bool:
        return not np.isnan(self._known("observer")).all()

    @cached_property
    def _scored(self) -> bool:
        return not np.isnan(self._known("correlation")).all()

    @cached_property
    def _keys(self) -> list[UnitKey]:
        return [(str(layer), int(unit)) for layer, unit in self.table.index]

    @cached_property
    def _score(self) -> np.ndarray:
        """The machine observer's score and the test correlation of each unit, summed; 0 for what is unknown."""
        return sum(np.nan_to_num(self._known(column)) for column in ("observer", "correlation"))

    def _known(self, column: str) -> np.ndarray:
        """A column of the table of units, NaN where unknown."""
        if column not in self.table:
            return np.full(len(self.table), np.nan)
        return self.table[column].astype(float).to_numpy()

    @property
    def _catch_batches(self) -> int:
        return min(self.settings.stimuli.batches, self.size, CATCH_BATCHES)

    def _taken(self) -> set[UnitKey]:
        """Units that have a part in the study."""
        return {(unit.layer, unit.unit) for unit in self.judged}

    def _by_obviousness(self) -> Iterator[UnitKey]:
        """Good units that have no part in the study yet; good ones that have; the others by rank."""
        taken, good = self._taken(), self.good
        rank = dict(zip(self._keys, -self._score, strict=True))
        yield from (key for key in self.ranking if key in good and key not in taken)
        yield from (key for key in self.ranking if key in good and key in taken)
        rest = (key for key in self.ranking if key not in good)
        yield from sorted(rest, key=lambda key: (rank[key], key in taken))  # stable

    def _obvious(self, kind: str, setting: str, wanted: int, batches: int = 1) -> list[Brought]:
        """Units for obvious trials: good ones up to `wanted`; others only where there are fewer than the setting
        says, or where nothing is known of any."""
        least, good, taken = getattr(self.settings.course, setting), self.good, self._taken()
        candidates = self._by_obviousness()
        found = self._take(kind, setting, candidates, least, None, batches)
        more = (key for key in candidates if key in good or not self._informed)
        found += self._some(kind, more, wanted - least, None, batches)
        self._say_shared(setting, found, taken)
        plain = sum(brought.key in good for brought in found)
        if self._informed and plain < len(found):
            self.notes.append(
                f"Only {plain} of the {len(found)} units for course.{setting} are as plain as such trials should be: try "
                "them in the preview."
            )
        if found and not self._informed and _UNKNOWN not in self.notes:
            self.notes.append(_UNKNOWN)
        return found

    def _take(
        self,
        kind: str,
        setting: str,
        candidates: Iterator[UnitKey],
        wanted: int,
        difficulty: str | None,
        batches: int = 1,
    ) -> list[Brought]:
        """The first `wanted` usable candidates. Raises `UserError` where there are fewer."""
        found = self._some(kind, candidates, wanted, difficulty, batches)
        if len(found) < wanted:
            raise UserError(
                f"The study needs {wanted} units for {kind} trials (course.{setting}), but the store has only "
                f"{len(found)} whose two sides can be told apart: lower course.{setting} to {len(found)}."
            )
        return found

    def _some(
        self, kind: str, candidates: Iterator[UnitKey], wanted: int, difficulty: str | None, batches: int = 1
    ) -> list[Brought]:
        """The first usable candidates, `wanted` at most; no candidate is looked at in vain. difficulty: None for
        obvious trials."""
        found: list[Brought] = []
        while len(found) < wanted and (key := next(candidates, None)) is not None:
            try:
                found.append(self._bring(key, kind, self._stocks(key, [difficulty]), batches))
            except Indistinguishable:
                continue
        return found

    def _say_shared(self, setting: str, found: list[Brought], taken: set[UnitKey]) -> None:
        if shared := sum(brought.key in taken for brought in found):
            self.notes.append(
                f"For want of other units, {shared} of the {len(found)} for course.{setting} have another part in "
                "the study, too."
            )

    def _stocks(self, key: UnitKey, difficulties: Sequence[str | None]) -> list[Stock]:
        """The unit's images; None stands for obvious trials. Raises `Indistinguishable`."""
        values = self.store.unit(*key).activations
        seed = [self.settings.seed, crc32(b"images"), crc32(key[0].encode()), key[1]]
        stocks = []
        for difficulty in difficulties:
            if difficulty is None:
                sides = obvious(values, seed, self.size, self.store.hidden)
            else:
                sides = stimuli(values, difficulty, seed, self.size, self.store.hidden)
            stocks.append(Stock(difficulty, sides, values[sides.low], values[sides.high]))
        return stocks

    def _bring(self, key: UnitKey, kind: str, stocks: list[Stock], batches: int, first: int = 0) -> Brought:
        """Note down a unit. Its difficulties take turns, beginning with number `first`; then batches do."""
        row, n = self.table.loc[key], len(stocks)
        explanation = row["explanation"] or None
        correlation, ablation, observer = (
            _number(row.get(c)) for c in ("correlation", "ablation", "observer")
        )
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
                f"stimuli.layers names {quote(layer)}, but the store {quote(store)} has the layers {', '.join(names)}."
                + did_you_mean(layer, names)
            )
    units = zip(names, known["units"], strict=True)
    return {layer: int(count) for layer, count in units if not wanted or layer in wanted}


def _number(value: float | None) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
