"""Quality checks of a session, as IMI made them (Zimmermann et al. 2023): a value each, and limits that can be moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..config.study import Checks
from ..stimuli.base import BUTTONS

CHECKS = {
    "practice_rounds": "The practice was passed within the allowed rounds.",
    "catch_right": "Enough catch trials were answered right.",
    "total_seconds": "The whole course took neither too little time nor too much.",
    "instructions_seconds": "The instructions were read for long enough.",
    "row_share": "Neither the upper nor the lower image was chosen nearly always.",
    "first_time": "The person took part for the first time.",
}
SLACK = 1e-9  # 4 of 5 is 0.8
LEAST_ROWS = 15  # main trials; of fewer, one row may be chosen nearly always by chance


@dataclass(frozen=True)
class Value:
    """What a check looks at; None where it can't be known, which passes. details: JSON-ready."""

    value: float | None
    details: dict


def values_of(
    answers: Sequence[Mapping],
    rounds: int,
    started_at: float | None,
    instructions_s: float | None,
    named: bool,
    failed: bool = False,
) -> dict[str, Value]:
    """The values of a session's checks.

    answers: with phase, kind, button, correct, answered_at. rounds: practice rounds taken. failed: the
    last of them had a wrong answer. named: the person had a pid, so that nobody could take part twice.
    """
    main = [a for a in answers if a["phase"] == "main"]
    catch = [bool(a["correct"]) for a in main if a["kind"] == "catch"]
    ends = [a["answered_at"] for a in (main or answers)]
    upper = sum(a["button"] < BUTTONS // 2 for a in main)
    lower = len(main) - upper
    practised = any(a["phase"] == "practice" for a in answers)
    return {
        "practice_rounds": Value(
            float(rounds) if practised else None, {"rounds": rounds if practised else 0, "failed": failed}
        ),
        "catch_right": Value(sum(catch) / len(catch) if catch else None, {"right": sum(catch), "of": len(catch)}),
        "total_seconds": Value(max(ends) - started_at if ends and started_at is not None else None, {}),
        "instructions_seconds": Value(instructions_s, {}),
        "row_share": Value(
            max(upper, lower) / len(main) if len(main) >= LEAST_ROWS else None, {"upper": upper, "lower": lower}
        ),
        "first_time": Value(
            1.0 if named else None,
            {} if named else {"why": "The address named nobody, so this can't be known."},
        ),
    }  # fmt: skip


def within(name: str, values: np.ndarray, limits: Checks) -> np.ndarray:
    """Whether values (any shape, float; NaN passes) of a check lie within its limits."""
    if name == "practice_rounds":
        wrong = values > limits.practice_rounds
    elif name == "catch_right":
        wrong = values < limits.catch_right - SLACK
    elif name == "total_seconds":
        wrong = (values < limits.total_seconds[0]) | (values > limits.total_seconds[1])
    elif name == "instructions_seconds":
        wrong = values < limits.instructions_seconds
    elif name == "row_share":
        wrong = values > limits.row_share + SLACK
    elif name == "first_time":
        wrong = values < 1
    else:
        raise KeyError(name)
    return ~wrong


def evaluate(values: Mapping[str, Value], limits: Checks) -> dict[str, bool]:
    """Which checks a session passes. A practice that was never passed fails, however many rounds are allowed."""
    found = {}
    for name, value in values.items():
        number = np.nan if value.value is None else value.value
        found[name] = bool(within(name, np.asarray(number), limits)) and not value.details.get(
            "failed", False
        )
    return found


def judge(checks: pd.DataFrame, sessions: pd.DataFrame, limits: Checks) -> pd.DataFrame:
    """Who passes which check at other limits, from the values in the file.

    checks, sessions: `StudyFile.checks()` and `.sessions()`. Returns a frame by session_id with a bool
    column a check and `passed` (all of them); only finished sessions are in it. Where a value is unknown,
    what was found when the session ended stands; a check that a session lacks is passed.
    """
    index = pd.Index(sorted(checks["session_id"].unique()), name="session_id", dtype="int64")
    failed = index.isin(sessions.loc[sessions["step"] == "failed", "session_id"])
    found = pd.DataFrame(index=index)
    for name in CHECKS:
        mine = checks[checks["name"] == name].set_index("session_id").reindex(index)
        values = mine["value"].to_numpy("float64")
        stored = mine["passed"].astype("boolean").fillna(True).to_numpy("bool")
        found[name] = np.where(np.isnan(values), stored, within(name, values, limits))
    found["practice_rounds"] &= ~failed
    found["passed"] = found.all(axis=1)
    return found
