"""The studies that the Results page shows: found, read once for all sessions, and analysed at movable thresholds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from lexplain_core.trials import StudyEntry, StudyFile, analysis, find_studies
from lexplain_core.trials.verdicts import exclusions

from .. import links

CHANCE = 0.5
ALL = ["model", "mode", "difficulty"]


@dataclass(frozen=True, eq=False)
class Study:
    """A study's frames as `StudyFile` has them, read at one moment; what `results` wants of a study.

    key changes when the file does. kind: 'study', or 'imported'. Shared between sessions: not to be changed.
    """

    key: tuple
    path: Path
    name: str
    kind: str
    settings: Any
    facts: dict
    made: Any
    frames: dict[str, pd.DataFrame]

    def units(self) -> pd.DataFrame:
        return self.frames["units"]

    def tasks(self) -> pd.DataFrame:
        return self.frames["tasks"]

    def sessions(self) -> pd.DataFrame:
        return self.frames["sessions"]

    def responses(self) -> pd.DataFrame:
        return self.frames["responses"]

    def checks(self) -> pd.DataFrame:
        return self.frames["checks"]

    @property
    def stem(self) -> str:
        """The name of its file, by which commands and addresses call it."""
        return self.path.stem

    @property
    def store(self) -> str:
        """The id of the store that it was made from, '' where unknown."""
        return str((self.facts.get("store") or {}).get("id") or "")

    @cached_property
    def conditions(self) -> list[tuple]:
        """(model, mode, difficulty) of the tasks' real trials, as `Results.models` has them, in its order."""
        rows = self.responses()
        rows = rows[(rows["phase"] == "main") & (rows["kind"] == "real")]
        return list(rows[ALL].drop_duplicates().itertuples(index=False, name=None))


def entries() -> list[StudyEntry]:
    """The studies of the folder, the newest first; unreadable ones with their reason."""
    return sorted(find_studies(), key=lambda entry: entry.modified or 0, reverse=True)


def signature(path: Path) -> tuple:
    """Changes with every answer: time and size of the file and of its write-ahead log."""
    return (str(path), *_stat(path), *_stat(path.with_name(path.name + "-wal")))


def _stat(path: Path) -> tuple:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size) if found.st_size else (0, 0)


def read(path: Path) -> Study:
    """A study, read anew where its file has changed. Raises `UserError`."""
    return _read(signature(path))


@st.cache_resource(max_entries=6, show_spinner="Reading the study …")
def _read(key: tuple) -> Study:
    path = Path(key[0])
    with StudyFile.open(path) as file:
        frames = {
            name: getattr(file, name)() for name in ("units", "tasks", "sessions", "responses", "checks")
        }
        return Study(key, path, file.name, file.kind, file.settings, file.facts, file.made, frames)


# -- thresholds --------------------------------------------------------------------------------------

THRESHOLDS = ("rounds", "catch", "least", "most", "reading", "row")


def thresholds(view: links.Results, study: Study) -> Any:
    """The checks' thresholds that the address asks for; the study's own where it says nothing."""
    own = study.settings.checks
    low, high = own.total_seconds
    low, high = low if view.least is None else view.least, high if view.most is None else view.most
    found = {
        "practice_rounds": view.rounds,
        "catch_right": view.catch,
        "instructions_seconds": view.reading,
        "row_share": view.row,
    }
    kept = {name: value for name, value in found.items() if value is not None}
    return own.model_copy(update=kept | {"total_seconds": (low, max(low, high))})


def moved(view: links.Results) -> bool:
    """Whether the address sets a threshold."""
    return any(getattr(view, name) is not None for name in THRESHOLDS)


class Analysed:
    """What `results` says of a study, with the same attributes; each is computed when a page first wants it.

    In a study of IMI's size all of it takes many seconds, what one tab shows one or two. Shared between sessions.
    """

    def __init__(self, study: Study, checks: Any):
        self._study, self.thresholds = study, checks
        self._parts: dict[tuple, pd.DataFrame] = {}

    @cached_property
    def exclusions(self) -> Any:
        study = self._study
        return exclusions(study.sessions(), study.checks(), self.thresholds, study.settings.checks)

    @cached_property
    def responses(self) -> pd.DataFrame:
        return analysis.counting(self._study.responses(), self.exclusions.passed)

    @cached_property
    def units(self) -> pd.DataFrame:
        return analysis.per_unit(self.responses, self._study.units())

    @cached_property
    def models(self) -> pd.DataFrame:
        return analysis.per_model(self.responses)

    @cached_property
    def difficulty(self) -> pd.DataFrame:
        return analysis.by_difficulty(self.units)

    @cached_property
    def depth(self) -> pd.DataFrame:
        return analysis.by_depth(self.units)

    @cached_property
    def times(self) -> pd.DataFrame:
        return analysis.response_times(self.responses)

    @cached_property
    def correlations(self) -> pd.DataFrame:
        return analysis.correlations(self.units)

    @cached_property
    def layers(self) -> pd.DataFrame:
        return analysis.per_layer(self.responses)

    @cached_property
    def confidence(self) -> pd.DataFrame:
        return analysis.by_confidence(self.responses)

    def layers_of(self, model: str, difficulty: Any) -> pd.DataFrame:
        """The rows of `layers` of a model and difficulty, natural and synthetic."""
        rows = self.responses[self.responses["model"] == model]
        rows = rows[rows["difficulty"].isna() if pd.isna(difficulty) else rows["difficulty"] == difficulty]
        return self._part(("layers", model, str(difficulty)), analysis.per_layer, rows)

    def confidence_of(self, condition: tuple) -> pd.DataFrame:
        """The rows of `confidence` of a condition."""
        rows = of_condition(self.responses, condition)
        return self._part(("confidence", *map(str, condition)), analysis.by_confidence, rows)

    def _part(self, name: tuple, compute: Callable, rows: pd.DataFrame) -> pd.DataFrame:
        if name not in self._parts:
            self._parts[name] = compute(rows)
        return self._parts[name]


def analysed(view: links.Results, study: Study) -> Analysed:
    """What the study says at the view's thresholds."""
    checks = thresholds(view, study)
    return _analysed(study.key, checks.model_dump_json(), study, checks)


@st.cache_resource(max_entries=12, show_spinner=False)
def _analysed(key: tuple, which: str, _study: Study, _checks: Any) -> Analysed:
    return Analysed(_study, _checks)


# -- in words ----------------------------------------------------------------------------------------


def condition_words(condition: tuple) -> str:
    """'resnet50 · natural · easy'."""
    return " · ".join(str(part) for part in condition if isinstance(part, str) and part)


def chosen(view: links.Results, found: Analysed) -> tuple | None:
    """The condition that the address names, else the first one."""
    known = list(found.models[ALL].itertuples(index=False, name=None))
    return next((c for c in known if condition_words(c) == view.condition), known[0] if known else None)


def of_condition(frame: pd.DataFrame, condition: tuple) -> pd.DataFrame:
    """The rows of a frame that are of a condition."""
    keep = pd.Series(True, index=frame.index)
    for name, value in zip(ALL, condition, strict=True):
        keep &= frame[name].isna() if pd.isna(value) else frame[name] == value
    return frame[keep]


def unit_label(row: Any) -> str:
    """'layer4 · 12', with a computed unit's name."""
    name = getattr(row, "unit_name", None)
    return f"{row.layer} · {row.unit}" + (f" · {name}" if isinstance(name, str) and name else "")


def as_points(units: pd.DataFrame) -> pd.DataFrame:
    """Rows of `per_unit` with the columns that figures want."""
    labels = [unit_label(row) for row in units.itertuples()]
    return units.assign(label=labels, mean=units["proportion"], n=units["responses"])
