"""People judge: two-alternative forced-choice studies, as IMI ran them (Zimmermann et al., NeurIPS 2023).

Names are imported when they are first used: who takes part waits for no statistics.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .analysis import Results, results
    from .base import JudgedUnit, Picture, Placed, Shown, StudyPlan, Task, Trial
    from .checks import CHECKS, judge
    from .course import Course, NotAdmitted, Screen, TrialScreen, Verdict, admit, begin, resume
    from .export import export_responses, export_sessions
    from .file import Recorded, StudyEntry, StudyFile, find_studies, studies_folder, study_path
    from .humans import human_scores
    from .imi import import_imi
    from .intervals import wilson
    from .making import new_study
    from .planning import plan_study
    from .ranks import DIFFICULTIES, Indistinguishable, Refused, Sides, batch_size, stimuli
    from .settings import StudySettings, load_settings, parse_settings

_HOMES = {
    "analysis": ["Results", "results"],
    "base": ["JudgedUnit", "Picture", "Placed", "Shown", "StudyPlan", "Task", "Trial"],
    "checks": ["CHECKS", "judge"],
    "course": ["Course", "NotAdmitted", "Screen", "TrialScreen", "Verdict", "admit", "begin", "resume"],
    "export": ["export_responses", "export_sessions"],
    "file": ["Recorded", "StudyEntry", "StudyFile", "find_studies", "studies_folder", "study_path"],
    "humans": ["human_scores"],
    "imi": ["import_imi"],
    "intervals": ["wilson"],
    "making": ["new_study"],
    "planning": ["plan_study"],
    "ranks": ["DIFFICULTIES", "Indistinguishable", "Refused", "Sides", "batch_size", "stimuli"],
    "settings": ["StudySettings", "load_settings", "parse_settings"],
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "CHECKS",
    "Course",
    "DIFFICULTIES",
    "Indistinguishable",
    "JudgedUnit",
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
    "Trial",
    "TrialScreen",
    "Verdict",
    "admit",
    "batch_size",
    "begin",
    "export_responses",
    "export_sessions",
    "find_studies",
    "human_scores",
    "import_imi",
    "judge",
    "load_settings",
    "new_study",
    "parse_settings",
    "plan_study",
    "results",
    "resume",
    "stimuli",
    "studies_folder",
    "study_path",
    "wilson",
]


def __getattr__(name: str):
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME_OF[name]}", __name__), name)
