"""Who took part: the checks with thresholds that can be moved, who was left out and why, codes, and all rows as CSV."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import datetime

import pandas as pd
import streamlit as st

from lexplain_core.base.errors import UserError
from lexplain_core.base.numbers import plural
from lexplain_core.studies.checks import CHECKS
from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.results.analysis import Results
from lexplain_core.studies.results.export import export_responses, export_sessions, no_formulas
from lexplain_core.views.markdown import code, md
from lexplain_core.views.study import Study
from lexplain_core.views.tables import file_name
from pages.ui import links, shell, studies
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
    back = replace(view, **dict.fromkeys(studies.THRESHOLDS))
    st.button(
        "The study’s own thresholds", key=key, icon=":material/undo:", on_click=shell.show, args=(back,)
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
    limits, state = studies.thresholds(view, study), st.session_state
    own = study.settings.checks
    values = {
        "rounds": limits.practice_rounds,
        "catch": limits.catch_right,
        "least": limits.total_seconds[0],
        "most": limits.total_seconds[1],
        "reading": limits.instructions_seconds,
        "row": limits.row_share,
    }
    owns = {
        "rounds": own.practice_rounds,
        "catch": own.catch_right,
        "least": own.total_seconds[0],
        "most": own.total_seconds[1],
        "reading": own.instructions_seconds,
        "row": own.row_share,
    }
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
        kind = int if name == "rounds" else float
        state[f"t {name}"] = kind(values[name])
        columns[place % 3].number_input(
            label, key=f"t {name}", on_change=_moved, args=(view, name, owns[name]),
            help=f"The study’s own: {owns[name]:g}", **options,
        )  # fmt: skip


def _share(least: float) -> dict:
    return {"min_value": least, "max_value": 1.0, "step": 0.05, "format": "%.2f"}


def _seconds(step: float) -> dict:
    return {"min_value": 0.0, "max_value": 1e6, "step": step, "format": "%.0f"}


def _moved(view: links.Results, name: str, own: float) -> None:
    value = st.session_state[f"t {name}"]
    value = round(value, 4) if isinstance(value, float) else value
    shell.show(replace(view, **{name: None if value == own else value}))


def _checks(study: Study, results: Results) -> None:
    frame = results.exclusions.checks
    st.dataframe(
        pd.DataFrame(
            {
                "check": [_SHORT.get(name, name) for name in frame["check"]],
                "failed": frame["failed"],
                "alone": frame["alone"],
                "sessions": frame["sessions"],
                "about": frame["about"],
            }
        ),
        hide_index=True,
        height="content",
        placeholder="",
        key="checks",
        alt="Table of checks: sessions that failed it, that failed it alone, and that it was made of",
        column_config={
            "check": st.column_config.TextColumn("Check", width=140),
            "failed": st.column_config.NumberColumn("Failed", width=55, help="Sessions that fail it"),
            "alone": st.column_config.NumberColumn("Only this", width=70, help="Sessions that fail this check and no other"),
            "sessions": st.column_config.NumberColumn("Of", width=45, help="Sessions that it was made of"),
            "about": st.column_config.TextColumn("Passed where"),
        },
    )  # fmt: skip
    shell.csv_button(
        "Checks as CSV",
        lambda: no_formulas(frame),
        file_name(study.stem, "checks of the study"),
        "csv checks",
    )


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
        shell.csv_button(
            label,
            lambda export=export: _export(study, export),
            file_name(study.stem, name),
            f"csv {name}",
        )


def _export(study: Study, export) -> pd.DataFrame:
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
    shown = pd.DataFrame(
        {
            "participant": frame["participant"],
            "task": frame["task"],
            "outcome": frame["outcome"],
            "verdict": told,
        }
    )
    for name in CHECKS:
        if name in frame and name != "first_time":
            shown[name] = frame[name] * (100 if name in ("catch_right", "row_share") else 1)
    if frame["comment"].notna().any():
        shown["comment"] = frame["comment"]
    st.dataframe(
        shown,
        hide_index=True,
        height=380 if len(shown) > 10 else "content",
        placeholder="",
        key="sessions",
        alt="Table of sessions: person, task, outcome, whether it counts or why it was left out, values of the checks",
        column_config={
            "participant": st.column_config.TextColumn("Person", width=110),
            "task": st.column_config.TextColumn("Task", width=110),
            "outcome": st.column_config.TextColumn("Outcome", width=110),
            "verdict": st.column_config.TextColumn("At these thresholds", width=220),
            "practice_rounds": st.column_config.NumberColumn("Rounds", format="%d", width=60, help=CHECKS["practice_rounds"]),
            "catch_right": st.column_config.NumberColumn("Catch", format="%.0f%%", width=60, help=CHECKS["catch_right"]),
            "total_seconds": st.column_config.NumberColumn("Seconds", format="%.0f", width=70, help=CHECKS["total_seconds"]),
            "instructions_seconds": st.column_config.NumberColumn(
                "Reading", format="%.0f", width=70, help=CHECKS["instructions_seconds"]
            ),
            "row_share": st.column_config.NumberColumn("One row", format="%.0f%%", width=70, help=CHECKS["row_share"]),
            "comment": st.column_config.TextColumn("Comment"),
        },
    )  # fmt: skip
