"""A study as pages read it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ..studies.file.study import StudyEntry, find_studies
from ..studies.results.analysis import Results
from ..studies.results.analysis import of_condition as rows_of

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


def condition_words(condition: tuple) -> str:
    """'resnet50 · natural · easy'."""
    return " · ".join(str(part) for part in condition if isinstance(part, str) and part)


def of_condition(frame: pd.DataFrame, condition: tuple) -> pd.DataFrame:
    """The rows of a frame that are of a condition."""
    return rows_of(frame, dict(zip(ALL, condition, strict=True)))


def unit_label(row: Any) -> str:
    """'layer4 · 12', with the unit's name where it has one."""
    name = getattr(row, "unit_name", None)
    return f"{row.layer} · {row.unit}" + (f" · {name}" if isinstance(name, str) and name else "")


def as_points(units: pd.DataFrame) -> pd.DataFrame:
    """Rows of `per_unit` with the columns that figures want."""
    labels = [unit_label(row) for row in units.itertuples()]
    return units.assign(label=labels, mean=units["proportion"], n=units["responses"])


def chosen_condition(found: Results, condition: str) -> tuple | None:
    """The condition of these words, else the first one."""
    known = list(found.models[ALL].itertuples(index=False, name=None))
    return next((c for c in known if condition_words(c) == condition), known[0] if known else None)
