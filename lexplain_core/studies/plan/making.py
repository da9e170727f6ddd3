"""Make a study of a store: plan it, draw its pictures, write its file."""

from __future__ import annotations

import re
from pathlib import Path

from ... import notes
from ...base.errors import UserError, quote
from ...base.progress import Progress, Silent
from ...base.writing import check_writing
from ...config.study import StudySettings
from ...store import Store
from .pictures import LoadPicture, source_pictures, stored_pictures
from .planning import Synthetic, plan_study


def new_study(
    store_path: str | Path,
    name: str,
    settings: StudySettings,
    folder: Path | None = None,
    progress: Progress | None = None,
    synthetic: Synthetic | None = None,
    root: Path | None = None,
) -> Path:
    """Make the study NAME of a store, `folder`/NAME.sqlite; returns its path.

    folder: `studies_folder()` without one. synthetic: as for `plan_study`. root: the folder of the store's images on this
    machine, where it isn't the one that the store names. Raises `UserError` for a bad name, a
    study that is there already, and whatever store, images or settings don't allow.
    """
    from ..file.study import StudyFile, study_path

    progress = progress or Silent()
    check_writing()
    check_new_name(name)
    path = study_path(name, folder)
    if path.exists():
        raise UserError(
            f"There is a study {quote(name)} already, at {path}: give this one another name, or delete that file."
        )
    with Store.open(store_path) as opened:
        store = notes.with_notes(opened).store  # images that are hidden from its examples are shown to nobody
        images: list[LoadPicture] = []  # to be read when the plan stands: that may take long, or fail
        plan = plan_study(store, settings, name, lambda i: images[0](i), synthetic, progress)
        for note in plan.facts["notes"]:
            progress.note(note)
        images.append(_pictures(store, settings, progress, root, plan.pictures.images))
        with progress.task("drawing pictures", total=len(plan.pictures)) as advance:
            plan.pictures.advance = advance
            study = StudyFile.create(path, plan)
        study.close()
    size = path.stat().st_size / 2**20
    progress.note(
        f"Wrote {path}: {len(plan.tasks)} tasks, {len(plan.trials):,} trials, {len(plan.pictures):,} pictures, {size:,.0f} MiB."
    )
    return path


def check_new_name(name: str) -> None:
    """Raise `UserError` for a name that no new study can have: it is part of addresses, commands and file names.

    Stricter than `file_write.check_name`, which says what files of studies may be called to be read.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name):
        raise UserError(
            f"A study can't be named {quote(name)}: take letters (a to z), digits, '-' and '_' only, 80 at most."
        )


def _pictures(
    store: Store, settings: StudySettings, progress: Progress, root: Path | None, wanted: list[int]
) -> LoadPicture:
    if settings.stimuli.images == "stored":
        return stored_pictures(store, settings)
    return source_pictures(store, settings, progress, root, wanted)
