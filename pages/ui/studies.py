"""The studies that the Results page shows: found, read once for all sessions, and analysed at movable thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.results.analysis import Results
from lexplain_core.views.study import Study, signature
from pages.ui import links


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
def _analysed(key: tuple, which: str, _study: Study, _checks: Any) -> Results:  # noqa: ARG001 - the cache goes by it
    return Results(_study, _checks)


# -- in words ----------------------------------------------------------------------------------------
