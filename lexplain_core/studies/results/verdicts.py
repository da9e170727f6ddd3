"""Who counts and who was left out, and why, at a study's own thresholds or at others."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ...config.study import Checks
from ..checks import CHECKS, judge

FINISHED = ("completed", "failed practice")


@dataclass(frozen=True)
class Exclusions:
    """Who was left out of a study and why.

    sessions: a row per finished session: session_id, participant, task, model, mode, difficulty, outcome,
    passed (all checks), failed (names of the failed checks, comma-separated), and for each check two
    columns, `<check>` (its value) and `<check>_passed`.
    checks: a row per check: check, about (its sentence), sessions (that it was made of), failed (sessions), alone (sessions
    that fail this check only).
    unfinished: rows of StudyFile.sessions() that are running or abandoned; their answers don't count.
    """

    sessions: pd.DataFrame
    checks: pd.DataFrame
    unfinished: pd.DataFrame

    @property
    def passed(self) -> list[int]:
        """Ids of the sessions that count."""
        return self.sessions.session_id[self.sessions.passed].tolist()


def exclusions(
    sessions: pd.DataFrame, checks: pd.DataFrame, thresholds: Checks, own: Checks | None = None
) -> Exclusions:
    """Judge finished sessions (StudyFile.sessions()) by their checks (StudyFile.checks()).

    At the study's `own` thresholds the stored verdicts hold (an imported study's are those of who ran it);
    at others the stored values are judged anew.
    """
    done = sessions[sessions.outcome.isin(FINISHED)]
    values = checks.pivot(index="session_id", columns="name", values="value").astype("float64")
    if own is not None and thresholds == own:
        verdicts = checks.pivot(index="session_id", columns="name", values="passed").astype(object)
        stored = done.set_index("session_id").passed
        passed = stored.fillna(False).astype(bool)
    else:
        verdicts = judge(checks, sessions, thresholds)
        verdicts = verdicts.set_index("session_id") if "session_id" in verdicts else verdicts
        passed = verdicts.passed.astype(bool)
    columns = ["session_id", "participant", "task", "model", "mode", "difficulty", "outcome"]
    table = done[columns].set_index("session_id")
    table["passed"] = passed.reindex(table.index, fill_value=False).astype(bool)
    names = list(CHECKS)
    held = verdicts.reindex(table.index, columns=names)
    table["failed"] = [
        ", ".join(name for name in names if pd.notna(row[name]) and not row[name])
        for row in held[names].to_dict("records")
    ]
    for name in names:
        table[name] = values[name].reindex(table.index) if name in values else float("nan")
        table[f"{name}_passed"] = held[name].to_numpy()
    counts = [
        (
            name,
            CHECKS[name],
            int(held[name].notna().sum()),
            int(sum(name in reasons.split(", ") for reasons in table.failed)),
            int((table.failed == name).sum()),
        )
        for name in names
    ]
    unfinished = sessions[~sessions.outcome.isin(FINISHED)].reset_index(drop=True)
    frame = pd.DataFrame(counts, columns=["check", "about", "sessions", "failed", "alone"])
    return Exclusions(table.reset_index(), frame, unfinished)
