"""People judge: two-alternative forced-choice studies, as IMI ran them (Zimmermann et al., NeurIPS 2023).

Names are imported when they are first used: who takes part waits for no statistics.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .analysis import CHANCE, Results, of_condition, reloaded, results, timed
    from .base import BUTTONS, JudgedUnit, Picture, Placed, Shown, StudyPlan, Task, Trial
    from .checks import CHECKS, judge
    from .course import Course, NotAdmitted, Screen, TrialScreen, Verdict, admit, begin, resume
    from .drawing import generator, place, uppers
    from .export import export_csv, export_responses, export_sessions, no_formulas
    from .file import Recorded, StudyEntry, StudyFile, find_studies, studies_folder, study_path
    from .file_backup import backup_study
    from .finding import find_study
    from .humans import human_scores
    from .imi import import_imi
    from .intervals import wilson
    from .making import new_study
    from .pictures import stored_pictures
    from .planning import plan_study
    from .ranks import DIFFICULTIES, Indistinguishable, Refused, Sides, batch_size, stimuli
    from .screens import finite
    from .settings import Labels, StudySettings, Texts, load_settings, parse_settings

_HOMES = {
    "analysis": ["CHANCE", "Results", "of_condition", "reloaded", "results", "timed"],
    "base": ["BUTTONS", "JudgedUnit", "Picture", "Placed", "Shown", "StudyPlan", "Task", "Trial"],
    "checks": ["CHECKS", "judge"],
    "course": ["Course", "NotAdmitted", "Screen", "TrialScreen", "Verdict", "admit", "begin", "resume"],
    "drawing": ["generator", "place", "uppers"],
    "export": ["export_csv", "export_responses", "export_sessions", "no_formulas"],
    "file": ["Recorded", "StudyEntry", "StudyFile", "find_studies", "studies_folder", "study_path"],
    "file_backup": ["backup_study"],
    "finding": ["find_study"],
    "humans": ["human_scores"],
    "imi": ["import_imi"],
    "intervals": ["wilson"],
    "making": ["new_study"],
    "pictures": ["stored_pictures"],
    "planning": ["plan_study"],
    "ranks": ["DIFFICULTIES", "Indistinguishable", "Refused", "Sides", "batch_size", "stimuli"],
    "screens": ["finite"],
    "settings": ["Labels", "StudySettings", "Texts", "load_settings", "parse_settings"],
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "BUTTONS",
    "CHANCE",
    "CHECKS",
    "Course",
    "DIFFICULTIES",
    "Indistinguishable",
    "JudgedUnit",
    "Labels",
    "NotAdmitted",
    "Picture",
    "Placed",
    "Recorded",
    "Refused",
    "Results",
    "Screen",
    "Shown",
    "Sides",
    "StudyEntry",
    "StudyFile",
    "StudyPlan",
    "StudySettings",
    "Task",
    "Texts",
    "Trial",
    "TrialScreen",
    "Verdict",
    "admit",
    "backup_study",
    "batch_size",
    "begin",
    "export_csv",
    "export_responses",
    "export_sessions",
    "find_studies",
    "find_study",
    "finite",
    "generator",
    "human_scores",
    "import_imi",
    "judge",
    "load_settings",
    "new_study",
    "no_formulas",
    "of_condition",
    "parse_settings",
    "place",
    "plan_study",
    "reloaded",
    "results",
    "resume",
    "stimuli",
    "stored_pictures",
    "studies_folder",
    "study_path",
    "timed",
    "uppers",
    "wilson",
]


def __getattr__(name: str):
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME_OF[name]}", __name__), name)
