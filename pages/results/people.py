"""Who took part: the checks with thresholds that can be moved, who was left out and why, codes, and all rows as CSV."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from lexplain_core.base.errors import UserError
from lexplain_core.base.numbers import plural
from lexplain_core.config.study import Checks
from lexplain_core.studies.checks import CHECKS
from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.results.analysis import Results
from lexplain_core.studies.results.export import export_responses, export_sessions
from lexplain_core.views.markdown import code, md
from lexplain_core.views.study import Study
from pages.ui import links, studies, tables
from pages.ui.bound import Changes, bind, press
from pages.ui.text import message

_SHORT = {
    "practice_rounds": "Practice rounds",
    "catch_right": "Catch trials right",
    "total_seconds": "Seconds in all",
    "instructions_seconds": "Seconds on instructions",
    "row_share": "Share of one row",
    "first_time": "First time",
}


def left_out_line(view: links.Results, results: Results) -> None:
    """One line above figures: how many sessions count, and whether thresholds were moved."""
    sessions = results.exclusions.sessions
    kept, count = int(sessions["passed"].sum()), len(sessions)
    words = f"Figures are of {plural(len(results.responses), 'answer')} to real trials, from {kept:,} of {plural(count, 'finished session')}"
    words += "." if kept == count else f"; {count - kept:,} left out by the checks (see *People*)."
    if unfinished := len(results.exclusions.unfinished):
        words += f" {plural(unfinished, 'unfinished one')} {'does' if unfinished == 1 else 'do'} not count."
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(words)
        if studies.moved(view):
            st.badge("thresholds moved", icon=":material/tune:", color="orange")
            _reset(view, "reset above")


def _reset(view: links.Results, key: str) -> None:
    st.button(
        "The study’s own thresholds",
        key=key,
        icon=":material/undo:",
        **press(view, **dict.fromkeys(studies.THRESHOLDS)),
    )


def show(view: links.Results, study: Study, results: Results) -> None:
    """The tab."""
    left_out_line(view, results)
    left, right = st.columns([1.9, 1], gap="large")
    with left:
        st.subheader("Checks", anchor=False)
        st.markdown(
            "A finished session counts if it passes every check. Move a threshold to see what follows; the study’s file keeps its own."
        )
        _thresholds(view, study)
        _checks(study, results)
    with right:
        _codes(study)
        _rows(study)
    _sessions(study, results)


def _thresholds(view: links.Results, study: Study) -> None:
    own, limits = (_limits(checks) for checks in (study.settings.checks, studies.thresholds(view, study)))
    controls = {
        "rounds": ("Practice rounds, at most", {"min_value": 1, "max_value": 100, "step": 1}),
        "catch": ("Catch trials right, at least", _share(0.0)),
        "row": ("Share of one row, at most", _share(0.5)),
        "least": ("Seconds in all, at least", _seconds(5.0)),
        "most": ("Seconds in all, at most", _seconds(60.0)),
        "reading": ("Seconds on instructions, at least", _seconds(1.0)),
    }
    columns = st.columns(3)
    for place, (name, (label, options)) in enumerate(controls.items()):
        columns[place % 3].number_input(
            label,
            help=f"The study’s own: {own[name]:g}",
            **options,
            **bind(view, name, partial(_moved, name, own[name]), shows=limits[name]),
        )


def _limits(checks: Checks) -> dict[str, int | float]:
    """The thresholds of a study, by their names in the address."""
    least, most = checks.total_seconds
    return {
        "rounds": checks.practice_rounds,
        "catch": float(checks.catch_right),
        "row": float(checks.row_share),
        "least": float(least),
        "most": float(most),
        "reading": float(checks.instructions_seconds),
    }


def _share(least: float) -> dict[str, Any]:
    return {"min_value": least, "max_value": 1.0, "step": 0.05, "format": "%.2f"}


def _seconds(step: float) -> dict[str, Any]:
    return {"min_value": 0.0, "max_value": 1e6, "step": step, "format": "%.0f"}


def _moved(name: str, own: float, value: float) -> Changes:
    value = round(value, 4)
    return {name: None if value == own else value}


def _checks(study: Study, results: Results) -> None:
    frame = results.exclusions.checks
    number = tables.number
    tables.show(
        frame.assign(check=[_SHORT.get(name, name) for name in frame["check"]]),
        "checks",
        "Table of checks: sessions that failed it, that failed it alone, and that it was made of",
        {
            "check": tables.text("Check", width=140),
            "failed": number("Failed", width=55, help="Sessions that fail it"),
            "alone": number("Only this", width=70, help="Sessions that fail this check and no other"),
            "sessions": number("Of", width=45, help="Sessions that it was made of"),
            "about": tables.text("Passed where"),
        },
    )
    tables.csv("Checks as CSV", frame, study.stem, "checks of the study")


def _codes(study: Study) -> None:
    st.subheader("Completion code", anchor=False)
    if study.kind != "study":
        st.markdown("Imported answers have no completion codes.")
        return
    given = st.text_input(
        "Whose code is this?",
        key="code",
        placeholder="ABCD-2345",
        help="A person sees it on the last page",
        max_chars=40,
    )
    if not given.strip():
        return
    try:
        with StudyFile.open(study.path) as file:
            found = file.verify(given)
    except UserError as error:
        st.error(message(error), icon=":material/error:")
        return
    if found is None:
        st.error(md(f"Nobody in this study has the code “{given.strip()}”."), icon=":material/cancel:")
        return
    when = (
        datetime.fromtimestamp(found["finished_at"]).strftime("%d %B %Y, %H:%M")
        if found["finished_at"]
        else "?"
    )
    passed = "all checks passed" if found["passed"] else "not all checks passed"
    tell, icon = (
        (st.success, ":material/verified:") if found["passed"] else (st.warning, ":material/warning:")
    )
    tell(
        f"**{md(found['participant'])}**, task {md(found['task'])}: {found['outcome']} on {when}; {passed} at the study’s own thresholds.",
        icon=icon,
    )


def _rows(study: Study) -> None:
    st.subheader("All rows", anchor=False)
    st.markdown(
        f"A row an answer, of everybody, practice and catch trials included, with IMI’s column names where they exist; the same as "
        f"{code(f'python -m lexplain_core study export {shlex.quote(study.stem)}')}. A row a session has what the checks say."
    )
    for label, export, name in (
        ("Answers as CSV", export_responses, "answers"),
        ("Sessions as CSV", export_sessions, "sessions"),
    ):
        tables.csv(label, partial(_export, study, export), study.stem, name)


def _export(study: Study, export: Callable[[StudyFile], pd.DataFrame]) -> pd.DataFrame:
    with StudyFile.open(study.path) as file:
        return export(file)


def _sessions(study: Study, results: Results) -> None:
    st.subheader("Sessions", anchor=False)
    judged = results.exclusions.sessions
    every = study.sessions()
    if every.empty:
        st.markdown("Nobody has begun yet.")
        return
    frame = every[
        ["session_id", "participant", "task", "outcome", "started_at", "finished_at", "comment"]
    ].merge(
        judged.drop(columns=["participant", "task", "model", "mode", "difficulty", "outcome"]),
        on="session_id",
        how="left",
    )
    told = [
        ""
        if pd.isna(passed)
        else "counts"
        if passed
        else "left out: " + ", ".join(_SHORT.get(f, f).lower() for f in failed.split(", ") if f)
        for passed, failed in zip(frame["passed"], frame["failed"].fillna(""), strict=True)
    ]
    shown = frame.assign(verdict=told)
    for name in {"catch_right", "row_share"} & set(frame):
        shown[name] = 100 * frame[name]
    number, text = tables.number, tables.text
    tables.show(
        shown,
        "sessions",
        "Table of sessions: person, task, outcome, whether it counts or why it was left out, values of the checks",
        {
            "participant": text("Person", width=110),
            "task": text("Task", width=110),
            "outcome": text("Outcome", width=110),
            "verdict": text("At these thresholds", width=220),
            "practice_rounds": number("Rounds", format="%d", width=60, help=CHECKS["practice_rounds"]),
            "catch_right": number("Catch", format="%.0f%%", width=60, help=CHECKS["catch_right"]),
            "total_seconds": number("Seconds", format="%.0f", width=70, help=CHECKS["total_seconds"]),
            "instructions_seconds": number("Reading", format="%.0f", width=70, help=CHECKS["instructions_seconds"]),
            "row_share": number("One row", format="%.0f%%", width=70, help=CHECKS["row_share"]),
            "comment": text("Comment"),
        },
        optional=("comment",),
        tall=(10, 380),
    )  # fmt: skip
