"""Sessions, answers and checks of IMI's files, as a study's tables hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ..file.study import Recorded
from .names import DETAILS, WRITES
from .rows import KEY, read_details

LOCK_MS = 1500.0  # of IMI's experiment; response times hold it
ROUND = 5  # practice trials of a round
_NOBODY = {"", "anonymized", "nan", "None"}


def with_sessions(rows: pd.DataFrame, files: list[Path]) -> pd.DataFrame:
    """Adds session_id, task (number of the task), participant, upper, phase, round, position, task_difficulty, details.

    rows: `read_rows` of all files, with columns file (its number) and row. details: of the session's first
    row, a dict by check; None elsewhere.
    """
    rows = rows.assign(
        session_id=rows.groupby(["file", *KEY], sort=False).ngroup() + 1,
        task=rows.groupby("task_id", sort=False).ngroup(),
        participant=rows.participant_id.mask(rows.participant_id.isin(_NOBODY), ""),
        upper=np.where(rows.switched_queries, "max", "min"),
        phase=np.where(rows.is_demo, "practice", "main"),
        task_difficulty=rows.difficulty,
    )
    rows = rows.sort_values(["session_id", "trial_index"], kind="stable", ignore_index=True)
    told = {
        row["session_id"]: {
            check: read_details(files[row["file"]], row["row"], f"{check}_details", row[f"{check}_details"])
            for check in DETAILS
        }
        for row in rows.drop_duplicates("session_id").to_dict("records")
    }
    first = ~rows.session_id.duplicated()
    found = [told[i] if begins else None for i, begins in zip(rows.session_id, first, strict=True)]
    rows["details"] = pd.Series(found, rows.index, dtype=object)
    return _with_places(rows)


def _with_places(rows: pd.DataFrame) -> pd.DataFrame:
    """Adds round and position. In the main phase position is corrected_trial_index, where it is one."""
    parts = rows.groupby(["session_id", "phase"])
    number = parts.cumcount()
    asked = parts.session_id.transform("size")
    told = [((d or {}).get("demo_trials") or {}).get("n_demo_trials_blocks") for d in rows.details]
    blocks = (
        pd.Series(told, rows.index, dtype="float64").groupby(rows.session_id).transform("first").fillna(0)
    )
    even = (blocks > 0) & (asked % blocks.where(blocks > 0, 1) == 0)
    size = (asked / blocks.where(even, 1)).where(even, ROUND).astype("int64")
    said = rows.corrected_trial_index.where(~rows.is_demo)
    twice = rows.assign(said=said).duplicated(["session_id", "phase", "said"], keep=False)
    fine = ((said >= 0) & ~twice).groupby([rows.session_id, rows.phase]).transform("all")
    position = number.where(~rows.is_demo, number % size)
    return rows.assign(
        round=(number // size + 1).where(rows.is_demo, 1).astype("int64"),
        position=position.where(~fine, said.fillna(-1)).astype("int64"),
    )


def records(answers: pd.DataFrame) -> Recorded:
    """The study's tables of what people did; answers: with sessions and trials."""
    responses = pd.DataFrame(
        {
            "session_id": answers.session_id,
            "phase": answers.phase,
            "round": answers["round"],
            "position": answers.position,
            "trial_id": answers.trial_id,
            "upper": answers.upper,
            "button": answers.button_pressed,
            "choice": answers.choice.map({"a": "min", "b": "max"}),
            "confidence": answers.confidence,
            "correct": answers.correct.astype("int64"),
            "rt_ms": answers.rt,
            "lock_ms": LOCK_MS,
        }
    )
    first = answers[answers.details.notna()]
    sessions, checks = [], []
    for row in first.to_dict("records"):
        counts = row["file"] == 0 and row["passed_checks"] and not row["multi_participation"]
        rounds, reading = (
            (row["details"][check] or {}).get(key)
            for check, key in (("demo_trials", "n_demo_trials_blocks"), ("instruction_time", "total_time"))
        )
        sessions.append(
            {
                "session_id": row["session_id"],
                "pid": row["participant"] or None,
                "task_id": row["task"],
                "step": "thanks",
                "round": max(1, int(rounds or 1)),
                "instructions_s": reading,
                "passed": int(counts),
            }
        )
        checks += _checks(row)
    return Recorded(
        pd.DataFrame(sessions).astype({"pid": object}),
        responses,
        pd.DataFrame(checks, columns=["session_id", "name", "value", "passed", "details"]),
    )


def _checks(row: dict) -> list[tuple]:
    """The six checks of a session: IMI's verdicts, and its values where they are known."""
    found = {check: row["details"][check] or {} for check in DETAILS}
    upper, lower = (found["row_variability"].get(key) for key in ("n_upper_row", "n_lower_row"))
    both = (upper or 0) + (lower or 0)
    right = found["catch_trials"].get("correctly_answered")
    values: dict[str, tuple[float | None, dict]] = {
        "demo_trials": (found["demo_trials"].get("n_demo_trials_blocks"), {}),
        "catch_trials": (
            found["catch_trials"].get("ratio"),
            {"right": sum(map(bool, right)), "of": len(right)} if isinstance(right, list) else {},
        ),
        "total_response_time": (found["total_response_time"].get("total_time"), {}),
        "row_variability": (
            max(upper or 0, lower or 0) / both if both else None,
            {"upper": upper, "lower": lower},
        ),
        "instruction_time": (found["instruction_time"].get("total_time"), {}),
    }
    rows = []
    for check, (value, details) in values.items():
        passed = int(row[f"{check}_result"])
        rows.append((row["session_id"], WRITES[check], value, passed, details | {"imi": found[check]}))
    who = {"response_index": row["response_index"], "participant_id": row["participant_id"]}
    again = row["multi_participation"]
    return [*rows, (row["session_id"], "first_time", float(not again), int(not again), who)]
