"""Where a study lies that a person has named."""

from __future__ import annotations

from pathlib import Path

from ...base.errors import UserError
from .study import END, study_path


def find_study(name: str, folder: Path | None = None) -> Path:
    """The file of a study by its name in `folder` (`studies_folder()` without), or by the path of a `.sqlite` file.

    Whether there is such a file is not looked at. Raises `UserError` for what can be neither.
    """
    if not name:
        raise UserError("Which study? Give its name, or the path of its .sqlite file.")
    path = Path(name)
    return path if path.suffix == END or path.name != name else study_path(name, folder)
