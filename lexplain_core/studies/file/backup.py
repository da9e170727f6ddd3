"""A whole copy of a study, taken while people take part in it."""

from __future__ import annotations

from pathlib import Path

from ...base.errors import UserError
from ...base.sqlite_file import back_up, dated
from .study import END, StudyFile, studies_folder


def backup_study(path: Path, to: Path | None = None) -> Path:
    """Copy a study to a new file, with all that is written down at this moment; returns where it is.

    A file that is merely copied while its study is served lacks the last answers, which are in its log. The copy is
    read again as a whole before it gets its name. to: a file with the study's name and the time, in the present
    folder, without one. Raises `UserError` where `to` is taken, can't be written or lies among the studies, and
    where the study is damaged.
    """
    to = to or dated(path.stem, END)
    if to.suffix == END and to.parent.resolve() in (studies_folder().resolve(), path.parent.resolve()):
        raise UserError(
            f"A backup in {to.parent}, among the studies, would be listed as another one and its answers counted twice: "
            "give it another folder, or another ending than .sqlite."
        )
    with StudyFile.open(path) as study, study.reading() as con:
        back_up(con, to, _check)
    return to


def _check(path: Path) -> None:
    with StudyFile.open(path) as copy:
        copy.check_all()
