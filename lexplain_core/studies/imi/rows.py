"""IMI's `responses_*.csv` read strictly: typed columns, or one sentence with file, row and column."""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from ...base.errors import UserError, quote
from ...base.files import read_text
from ...stimuli.base import BUTTONS
from ..results.export import IMI_COLUMNS
from .names import DETAILS, HARD, MODES, TASK

KEY = ["task_id", "response_index"]  # of a session; participant_id is 'anonymized' throughout
RESULTS = [f"{check}_result" for check in DETAILS]
_OF_SESSION = ["passed_checks", "multi_participation", "participant_id", *RESULTS]
_READ = [
    "rt", "button_pressed", "switched_queries", "confidence", "choice", "correct", "catch_trial", "is_demo",
    "trial_index", "corrected_trial_index", *KEY, "batch", "channel", "layer", "model",
    *_OF_SESSION, *(f"{check}_details" for check in DETAILS),
]  # fmt: skip
_BOOL = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
_LARGEST = 10**9  # bytes of a file
_LONGEST = 100_000  # characters of a Python literal
_MOST = 2**53  # of any number: beyond it floats skip whole ones, and SQLite has no room


def read_rows(path: Path) -> pd.DataFrame:
    """The answers of a file, a row each, in its order; index: the row's number, from 1 behind the header.

    Columns: rt, trial_index, corrected_trial_index (float64, may be NaN), button_pressed, confidence,
    response_index (int64), batch, channel (float64; NaN in practice), bools, text; and from task_id:
    task_model, hard, task_mode, difficulty. Raises `UserError`: no such file, missing columns, wrong values.
    """
    text = _read(path)
    rows = pd.DataFrame({"task_id": text.task_id, "layer": text.layer, "model": text.model})
    rows["participant_id"] = text.participant_id

    def put(column: str, values: pd.Series, fine: pd.Series, wanted: str) -> None:
        if not fine.all():
            row = fine.index[~fine.to_numpy(bool)][0]
            raise wrong(path, row, column, text.at[row, column], wanted)
        rows[column] = values

    def number(
        column: str, fine: Callable[[pd.Series], pd.Series], wanted: str, empty: pd.Series | None = None
    ) -> None:
        values = pd.to_numeric(text[column].where(text[column] != ""), errors="coerce").astype("float64")
        unasked = (text[column] == "") & (False if empty is None else empty)
        put(column, values, unasked | ((values.abs() <= _MOST) & fine(values)), wanted)

    for column in ("switched_queries", "correct", "catch_trial", "is_demo", *_OF_SESSION):
        if column != "participant_id":
            values = text[column].str.lower().map(_BOOL)
            put(column, values.fillna(False).astype(bool), values.notna(), "True or False")
    put("choice", text.choice, text.choice.isin(["a", "b"]), "'a' or 'b'")
    if (wrongly := rows.correct != (rows.choice == "b")).any():
        row = rows.index[wrongly][0]
        raise wrong(path, row, "correct", text.correct[row], "True where choice is 'b', else False")
    always = pd.Series(True, rows.index)
    number("rt", lambda v: v >= 0, "a time in ms", empty=always)
    number("button_pressed", lambda v: v.isin(range(BUTTONS)), f"a button from 0 to {BUTTONS - 1}")
    number("confidence", lambda v: v.isin([1, 2, 3]), "a confidence from 1 to 3")
    number("response_index", lambda v: (v >= 0) & (v % 1 == 0), "a whole number from 0")
    for column in ("trial_index", "corrected_trial_index"):
        number(column, lambda v: v % 1 == 0, "a whole number", empty=always)
    real = ~rows.is_demo & ~rows.catch_trial
    number("batch", lambda v: (v % 1 == 0) & (~real | (v >= 0)), "a batch from 0", empty=~real)
    number("channel", lambda v: (v % 1 == 0) & (~real | (v >= 0)), "a channel from 0", empty=~real)
    put("layer", rows.layer, ~real | (rows.layer != ""), "a layer")
    for column in ("button_pressed", "confidence", "response_index"):
        rows[column] = rows[column].astype("int64")
    rows = rows.join(_conditions(path, rows.task_id), on="task_id")
    mixed = rows.groupby(KEY)[_OF_SESSION].nunique().gt(1)
    if mixed.to_numpy().any():
        task, number_ = mixed.index[mixed.any(axis=1)][0]
        raise UserError(
            f"{path}: the answers of session {number_} of {task} differ in {quote(mixed.columns[mixed.any()][0])}, which is the same for all answers of a session."
        )
    return rows.join(text[[f"{check}_details" for check in DETAILS]])


def _read(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise UserError(
            f"There is no {path}; `import imi` wants the folder of Zenodo record 8131197, with human_responses/responses_main.csv in it."
        )
    written = read_text(path, "The answers", _LARGEST)
    try:
        header = pd.read_csv(io.StringIO(written), nrows=0, skipinitialspace=True).columns
        missing = [column for column in IMI_COLUMNS if column not in header]
        if missing:
            raise UserError(
                f"{path} lacks {len(missing)} of the {len(IMI_COLUMNS)} columns of IMI's responses: {', '.join(missing)}."
            )
        text = pd.read_csv(
            io.StringIO(written),
            usecols=_READ,
            dtype="str",
            keep_default_na=False,
            index_col=False,
            skipinitialspace=True,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"{path} can't be read as CSV: {str(error).strip()[:200]}.") from None
    if text.empty:
        raise UserError(f"{path} holds no answers.")
    text = text.apply(lambda column: column.fillna("").str.strip())
    text.index = pd.RangeIndex(1, len(text) + 1)
    return text


def _conditions(path: Path, task_ids: pd.Series) -> pd.DataFrame:
    """By task id: the model, difficulty and mode that it names."""
    made = {}
    for row, name in task_ids.drop_duplicates().items():
        found = TASK.fullmatch(name)
        if not found:
            raise wrong(path, row, "task_id", name, "of the form resnet50_hard95_natural-61")
        if found["hard"] not in HARD:
            known = ", ".join(f"hard{h}" for h in HARD if h)
            raise wrong(path, row, "task_id", name, f"of a known difficulty ({known}, or none)")
        made[name] = (found["model"], found["hard"], MODES[found["mode"]], HARD[found["hard"]])
    return pd.DataFrame.from_dict(
        made, orient="index", columns=["task_model", "hard", "task_mode", "difficulty"]
    )


def read_details(path: Path, row: int, column: str, text: str) -> dict | None:
    """A `*_details` cell: a dict with the numbers that its check is known by; None where empty.

    It is a Python literal (`ast.literal_eval`: nothing is run).
    """
    if not text:
        return None
    keys = DETAILS[column.removesuffix("_details")]
    try:
        if len(text) > _LONGEST:
            raise ValueError
        found = ast.literal_eval(re.sub(r"\bnan\b", "None", text))
        fine = isinstance(found, dict) and all(key in found for key in keys)
        json.dumps(found)  # as the study will keep it: a literal may be a set, or a complex number
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        fine = False
    if not fine:
        raise wrong(path, row, column, text, f"a Python dict with {' and '.join(map(repr, keys))}")
    for key in keys:
        value = found[key]
        number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST
        if key != "correctly_answered" and value is not None and not number:
            raise wrong(path, row, column, text, f"a dict whose {quote(key)} is a number")
    return found


def wrong(path: Path, row: int, column: str, value: str, wanted: str) -> UserError:
    """What is wrong with a cell, in a sentence."""
    shown = value if len(value) <= 80 else value[:80] + "…"
    return UserError(
        f"{path}, row {row} after the header, column {quote(column)}: {quote(shown)} is not {wanted}."
    )
