"""The studies that the Results page shows: found, read once for all sessions, and analysed at movable thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from lexplain_core.studies.file.study import StudyEntry, StudyFile, find_studies
from lexplain_core.studies.results.analysis import Results
from lexplain_core.studies.results.analysis import of_condition as rows_of
from pages.ui import links

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

    def trials(self) -> pd.DataFrame:
        return self.frames["trials"]

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
            name: getattr(file, name)()
            for name in ("units", "trials", "tasks", "sessions", "responses", "checks")
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


def analysed(view: links.Results, study: Study) -> Results:
    """What the study says at the view's thresholds; each figure is computed when a page first wants it."""
    checks = thresholds(view, study)
    return _analysed(study.key, checks.model_dump_json(), study, checks)


@st.cache_resource(max_entries=12, show_spinner=False)
def _analysed(key: tuple, which: str, _study: Study, _checks: Any) -> Results:
    return Results(_study, _checks)


# -- in words ----------------------------------------------------------------------------------------


def condition_words(condition: tuple) -> str:
    """'resnet50 · natural · easy'."""
    return " · ".join(str(part) for part in condition if isinstance(part, str) and part)


def chosen(view: links.Results, found: Results) -> tuple | None:
    """The condition that the address names, else the first one."""
    known = list(found.models[ALL].itertuples(index=False, name=None))
    return next((c for c in known if condition_words(c) == view.condition), known[0] if known else None)


def of_condition(frame: pd.DataFrame, condition: tuple) -> pd.DataFrame:
    """The rows of a frame that are of a condition."""
    return rows_of(frame, dict(zip(ALL, condition, strict=True)))


def unit_label(row: Any) -> str:
    """'layer4 · 12', with a computed unit's name."""
    name = getattr(row, "unit_name", None)
    return f"{row.layer} · {row.unit}" + (f" · {name}" if isinstance(name, str) and name else "")


def as_points(units: pd.DataFrame) -> pd.DataFrame:
    """Rows of `per_unit` with the columns that figures want."""
    labels = [unit_label(row) for row in units.itertuples()]
    return units.assign(label=labels, mean=units["proportion"], n=units["responses"])
