"""The studies that the Results page shows: found, read once for all sessions, and analysed at movable thresholds."""

from __future__ import annotations

from pathlib import Path

from lexplain_core.base.entries import signature
from lexplain_core.config.study import Checks
from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.results.analysis import Results
from lexplain_core.views.study import Study
from pages.ui import links
from pages.ui.cache import cached


@cached("Reading the study …", most=6)
def read(path: Path) -> Study:
    """A study, read anew where its file has changed. Raises `UserError`."""
    key = signature(path)
    with StudyFile.open(path) as file:
        frames = {
            name: getattr(file, name)()
            for name in ("units", "trials", "tasks", "sessions", "responses", "checks")
        }
        return Study(key, path, file.name, file.kind, file.settings, file.facts, file.made, frames)


# -- thresholds --------------------------------------------------------------------------------------

THRESHOLDS = ("rounds", "catch", "least", "most", "reading", "row")


def thresholds(view: links.Results, study: Study) -> Checks:
    """The checks' thresholds that the address asks for; the study's own where it says nothing."""
    own: Checks = study.settings.checks
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
    return _analysed(study, thresholds(view, study))


@cached(most=12)
def _analysed(study: Study, checks: Checks) -> Results:
    return Results(study, checks)
