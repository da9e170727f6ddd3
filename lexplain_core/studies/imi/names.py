"""IMI's names of tasks, difficulties and checks, and ours."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

# resnet50_hard95_natural-61: model, difficulty, mode, number. The column `model` mixes difficulties.
TASK = re.compile(
    r"(?P<model>.+?)(?:_hard(?P<hard>[0-9]++))?_(?P<mode>natural|optimized)-(?P<task>[0-9]{1,9})"
)
HARD = {None: "easy", "99": "medium", "95": "hard", "85": "very hard"}
MODES = {"natural": "natural", "optimized": "synthetic"}
WRITES = {  # IMI's check: ours
    "demo_trials": "practice_rounds",
    "catch_trials": "catch_right",
    "total_response_time": "total_seconds",
    "row_variability": "row_share",
    "instruction_time": "instructions_seconds",
}
DETAILS = {  # keys of IMI's `*_details`, in its order
    "demo_trials": ("n_demo_trials_blocks",),
    "catch_trials": ("ratio", "correctly_answered"),
    "total_response_time": ("total_time",),
    "row_variability": ("n_upper_row", "n_lower_row"),
    "instruction_time": ("total_time",),
}
EXTRACTED = {  # column: check, key of its details
    "instruction_time_details_extracted": ("instruction_time", "total_time"),
    "total_response_time_details_extracted": ("total_response_time", "total_time"),
    "row_variability_details_details_upper_extracted": ("row_variability", "n_upper_row"),
    "row_variability_details_details_lower_extracted": ("row_variability", "n_lower_row"),
    "catch_trials_details_ratio_extracted": ("catch_trials", "ratio"),
    "catch_trials_details_correctly_answered_extracted": ("catch_trials", "correctly_answered"),
    "demo_trials_details_extracted": ("demo_trials", "n_demo_trials_blocks"),
}


def task_name(session: pd.Series) -> str:
    """IMI's kind of name for the task of a row of StudyFile.sessions(); its own where it is of that form."""
    if TASK.fullmatch(session.task):
        return session.task
    hard = {ours: imi for imi, ours in HARD.items()}.get(session.difficulty)
    mode = "natural" if session["mode"] == "natural" else "optimized"
    number = re.search(r"(?<![0-9])[0-9]{1,9}$", session.task)
    return (
        f"{session.model}{f'_hard{hard}' if hard else ''}_{mode}-{number[0] if number else session.task_id}"
    )


def details(responses: pd.DataFrame, sessions: pd.DataFrame, checks: pd.DataFrame) -> pd.DataFrame:
    """What IMI's columns say of the checks' values, by session: response_index, `*_details`, `*_extracted`.

    responses, sessions (by session_id), checks: as of StudyFile. Sessions under way have no details.
    """
    catch = responses[(responses.phase == "main") & (responses.kind == "catch")]
    answered = catch.groupby("session_id").correct.agg(lambda right: [bool(r) for r in right])
    number = sessions.groupby("task_id").cumcount()
    by_session: dict[int, dict] = {}
    for session, name, *found in checks[["session_id", "name", "value", "details"]].itertuples(index=False):
        by_session.setdefault(session, {})[name] = tuple(found)
    made = {}
    for i in sessions.index:
        row: dict[str, Any] = {"response_index": int(number[i])}
        made[i] = row
        if i not in by_session:
            continue
        mine = by_session[i]
        told = {name: found for name, (_, found) in mine.items()}
        row["response_index"] = told.get("first_time", {}).get("response_index", row["response_index"])
        value = {name: None if pd.isna(v) else float(v) for name, (v, _) in mine.items()}
        rows = told.get("row_share", {})
        rounds = value.get("practice_rounds")
        ours = {
            "demo_trials": (0 if rounds is None else int(rounds),),
            "catch_trials": (value.get("catch_right"), answered.get(i, [])),
            "total_response_time": (value.get("total_seconds"),),
            "row_variability": (rows.get("upper"), rows.get("lower")),
            "instruction_time": (value.get("instructions_seconds"),),
        }
        for imi, keys in DETAILS.items():
            # What an import read is kept whole.
            full = told.get(WRITES[imi], {}).get("imi") or dict(zip(keys, ours[imi], strict=True))
            row[f"{imi}_details"] = repr(full)
            for column, (check, key) in EXTRACTED.items():
                if check == imi:
                    found = full.get(key)
                    row[column] = repr(found) if isinstance(found, list) else found
    columns = ["response_index", *(f"{imi}_details" for imi in DETAILS), *EXTRACTED]
    return pd.DataFrame.from_dict(made, orient="index").reindex(columns=columns)
