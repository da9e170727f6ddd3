"""A whole copy of a study, taken while people take part in it."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path

from ..errors import UserError
from .file import END, StudyFile, studies_folder
from .file_access import connect
from .file_write import new_file


def backup_study(path: Path, to: Path | None = None) -> Path:
    """Copy a study to a new file, with all that is written down at this moment; returns where it is.

    A file that is merely copied while its study is served lacks the last answers, which are in its log. The copy is
    read again as a whole before it gets its name. to: a file with the study's name and the time, in the present
    folder, without one. Raises `UserError` where `to` is taken, can't be written or lies among the studies, and
    where the study is damaged.
    """
    with StudyFile.open(path) as study:
        to = to or Path(f"{path.stem}-{datetime.now():%Y-%m-%d-%H%M%S}{END}")
        if to.suffix == END and to.absolute().parent.resolve() in (
            studies_folder().absolute().resolve(),
            path.absolute().parent.resolve(),
        ):
            raise UserError(
                f"A backup in {to.parent}, among the studies, would be listed as another one and its answers counted twice: "
                "give it another folder, or another ending than .sqlite."
            )
        with new_file(to, "file") as fresh:
            with study.reading() as con:
                con.execute("VACUUM INTO ?", (str(fresh.absolute()),))
            with closing(connect(str(fresh.absolute()))) as copy:
                copy.execute("PRAGMA journal_mode=WAL")
            with StudyFile.open(fresh) as copy:
                copy.check_all()
    return to
