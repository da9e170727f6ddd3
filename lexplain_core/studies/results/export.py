"""A study's answers and sessions as tables: IMI's columns by name and meaning, then ours.

`IMI_COLUMNS`, `OUR_COLUMNS` and `SESSION_COLUMNS` say what each column holds. Empty means unknown or not so
asked. Texts (names of people, layers, tasks; comments …) that a spreadsheet would take for a formula get a
leading '.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd

from ...base.files import cant_write, write_whole
from ...stimuli.base import QUERY
from ..checks import CHECKS
from ..file.study import StudyFile
from ..imi.names import WRITES, details, task_name

_ABOUT = {name: about.rstrip(".") for name, about in CHECKS.items()}
IMI_COLUMNS = {
    "rt": "response time in ms, from the images' appearance to the answer; holds the lock",
    "button_pressed": "0 to 2: the upper image, confidence 1 to 3; 3 to 5: the lower one",
    "switched_queries": "whether the upper image is the max query",
    "confidence": "1 to 3",
    "choice": "the chosen query: a the min one, b the max one",
    "correct": "whether the max query was chosen",
    "min_query": "the min query's key; anonymized where unknown",
    "max_query": "the max query's key",
    "min_references": "keys of the min references, from the weakest to the strongest, as a JSON list",
    "max_references": "keys of the max references, likewise",
    "catch_trial": "whether it is a catch trial",
    "is_demo": "whether it is a practice trial",
    "trial_type": "always 2afc-image-confidence-response",
    "trial_index": "number of the answer within the session, practice included, from 0 (IMI's counts other screens, too)",
    "time_elapsed": "ms from consent to the answer, by the server's clock",
    "internal_node_id": "empty (jsPsych's name of a screen)",
    "response_index": "number of the session among those of its task, from 0",
    "participant_id": "whom the researcher invited; anonymized where nobody was named",
    "corrected_trial_index": "place within the main trials, from 0; empty in practice",
    "task_id": "model, difficulty (_hard99 medium, _hard95 hard, _hard85 very hard), mode and number of the task",
    "task_number": "number of the task",
    "batch": "query pair of the unit; -1 for catch trials, empty in practice",
    "channel": "the unit's number; empty in practice",
    "layer": "the unit's layer, as the store names it",
    "mode": "kind of the references: natural, optimized (synthetic); catch_trial for catch trials",
    "model": "the target model; catch/… for catch trials",
    "passed_checks": "whether the five checks below hold; empty while the session runs",
    **{f"{imi}_result": f"check {ours}: {_ABOUT[ours]}" for imi, ours in WRITES.items()},
    **{f"{imi}_details": f"value of the check {ours}, as a Python literal" for imi, ours in WRITES.items()},
    "instruction_time_details_extracted": "seconds on the instructions",
    "total_response_time_details_extracted": "seconds in all",
    "row_variability_details_details_upper_extracted": "main trials in which the upper image was chosen",
    "row_variability_details_details_lower_extracted": "main trials in which the lower image was chosen",
    "catch_trials_details_ratio_extracted": "share of the catch trials right",
    "catch_trials_details_correctly_answered_extracted": "which catch trials were right, as a Python list",
    "demo_trials_details_extracted": "practice rounds",
    "multi_participation": "whether the person took part before",
}  # fmt: skip
OUR_COLUMNS = {
    "session": "number of the session",
    "participant": "whom the researcher invited, or the session",
    "outcome": "of the session: running, abandoned, completed, failed practice",
    "passed": "whether the session passes all checks, at the study's own thresholds; empty while it runs",
    "task": "the task's name",
    "phase": "practice, main",
    "round": "of the practice, from 1",
    "position": "within the round, from 0",
    "kind": "real, catch, practice; only real ones of the main phase are scored",
    "obvious": "whether the queries are among the most extreme images, too",
    "trial": "number of the trial",
    "unit": "the unit's number",
    "unit_name": "name of a computed unit",
    "depth": "of the layer: 0 the first, 1 the last",
    "references": "natural, synthetic",
    "difficulty": "easy, medium, hard, very hard; empty where obvious",
    "upper": "the upper query: min, max",
    "lock_ms": "how long answers were locked",
    "load_ms": "from the message to the images' appearance, in the browser",
    "hidden": "whether the page was out of sight meanwhile",
    "shown_times": "how often the trial was sent before its answer; more than 1: the page was loaded again, and rt began anew",
    "shown_at": "when the trial was sent first, seconds since 1970",
    "answered_at": "when the answer came, seconds since 1970",
    "explanation": "of the unit",
    "method": "that made the explanation",
    "correlation": "the explanation's correlation score",
    "ablation": "the explanation's ablation score",
    "observer": "the machine observer's score of the unit",
}
SESSION_COLUMNS = {
    **{c: OUR_COLUMNS[c] for c in ("session", "participant", "task")},
    "model": "the target model",
    "mode": "kind of the references: natural, synthetic, mixed",
    "difficulty": "of the task; empty where its trials differ",
    "outcome": OUR_COLUMNS["outcome"],
    "step": "where the person stands",
    "passed": OUR_COLUMNS["passed"],
    "answers": "how many were given, practice included",
    "started_at": "consent, seconds since 1970",
    "finished_at": "seconds since 1970",
    "instructions_s": "seconds on the instructions",
    **{name: f"value of the check: {about}" for name, about in _ABOUT.items()},
    **{f"{name}_passed": f"whether it holds: {about}" for name, about in _ABOUT.items()},
    "code": "the completion code",
    "comment": "what the person wrote",
}
_FORMULA = re.compile(r"^[=+\-@\t\r]")


def export_responses(study: StudyFile) -> pd.DataFrame:
    """A row per answer of every session, also of those left out or under way; columns as said above.

    study: a `StudyFile`.
    """
    rows, sessions = study.responses(), study.sessions().set_index("session_id")
    checks = study.checks()
    verdicts = checks.pivot(index="session_id", columns="name", values="passed").reindex(columns=list(CHECKS))
    told = details(rows, sessions, checks)
    mine = rows.session_id
    demo, catch = rows.phase == "practice", rows.kind == "catch"
    out = pd.DataFrame(index=rows.index)
    out["rt"] = rows.rt_ms
    out["button_pressed"] = rows.button
    out["switched_queries"] = rows.upper == "max"
    out["confidence"] = rows.confidence
    out["choice"] = rows.choice.map({"min": "a", "max": "b"})
    out["correct"] = rows.correct
    images = _images(study.trial_images()).reindex(rows.trial_id).reset_index(drop=True)
    out = out.join(images.astype(object).fillna("anonymized"))
    out["catch_trial"], out["is_demo"] = catch, demo
    out["trial_type"] = "2afc-image-confidence-response"
    out["trial_index"] = rows.groupby("session_id").cumcount()
    out["time_elapsed"] = 1000 * (rows.answered_at - mine.map(sessions.started_at))
    out["internal_node_id"] = None
    out["response_index"] = mine.map(told.response_index)
    out["participant_id"] = mine.map(sessions.pid).astype(object).fillna("anonymized")
    out["corrected_trial_index"] = rows.position.astype("float64").mask(demo)
    names = pd.Series({i: task_name(s) for i, s in sessions.iterrows()}, dtype=object)
    out["task_id"] = mine.map(names)
    out["task_number"] = mine.map(names.map(lambda name: int(name.rpartition("-")[2])))
    out["batch"] = rows.batch.astype("float64").mask(catch, -1.0).mask(demo)
    out["channel"] = rows.unit.astype("float64").mask(demo)
    out["layer"] = rows.layer
    out["mode"] = rows["mode"].replace("synthetic", "optimized").mask(catch, "catch_trial")
    plain = catch & ~rows.model.str.startswith("catch/")
    out["model"] = rows.model.mask(plain, "catch/" + rows.model)
    found = verdicts.astype("boolean")
    out["passed_checks"] = mine.map(found[list(WRITES.values())].all(axis=1))
    for imi, ours in WRITES.items():
        out[f"{imi}_result"] = mine.map(found[ours])
    for column in told.columns.drop("response_index"):
        out[column] = mine.map(told[column])
    first = checks[checks["name"] == "first_time"].dropna(subset="value").set_index("session_id")
    out["multi_participation"] = ~mine.map(first.passed).astype("boolean")
    ours = rows.rename(columns={"session_id": "session", "trial_id": "trial"})
    ours = ours.assign(references=rows["mode"])
    ours["outcome"], ours["passed"] = mine.map(sessions.outcome), mine.map(sessions.passed)
    units = study.units().set_index("unit_id")
    for column in ("explanation", "method", "correlation", "ablation", "observer"):
        ours[column] = rows.unit_id.map(units[column])
    return no_formulas(pd.concat([out[list(IMI_COLUMNS)], ours[list(OUR_COLUMNS)]], axis=1))


def export_sessions(study: StudyFile) -> pd.DataFrame:
    """A row per session, also of those left out or under way; columns `SESSION_COLUMNS`."""
    sessions, checks = study.sessions(), study.checks()
    counts = study.responses().groupby("session_id").size()
    out = sessions.rename(columns={"session_id": "session"})
    out["answers"] = sessions.session_id.map(counts).fillna(0).astype("int64")
    for end, what in (("", "value"), ("_passed", "passed")):
        table = checks.pivot(index="session_id", columns="name", values=what).reindex(columns=list(CHECKS))
        for name in CHECKS:
            out[name + end] = sessions.session_id.map(table[name])
    return no_formulas(out[list(SESSION_COLUMNS)])


def export_csv(study: StudyFile, path: str | Path, sessions: bool = False) -> tuple[int, int]:
    """Write `export_responses`, or `export_sessions`, as CSV in UTF-8; how many rows and columns it has.

    Raises `UserError` where it can't be written.
    """
    frame = export_sessions(study) if sessions else export_responses(study)
    try:
        write_whole(Path(path), frame.to_csv(index=False).encode())
    except OSError as error:
        raise cant_write(path, error) from None
    return frame.shape


def no_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy in whose text columns no spreadsheet finds a formula: such texts get a leading '."""
    texts = [c for c in frame if frame[c].dtype == object or isinstance(frame[c].dtype, pd.StringDtype)]
    return frame.assign(**{c: frame[c].astype(object).map(_plain) for c in texts})


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _images(images: pd.DataFrame) -> pd.DataFrame:
    """By trial: keys of the queries, and of the references as JSON lists; 'anonymized' without images."""
    made = {}
    for pole in ("min", "max"):
        side = images[images.pole == pole]
        made[f"{pole}_query"] = side[side.place == QUERY].set_index("trial_id").key
        references = side[side.place != QUERY].sort_values(["trial_id", "place"])
        made[f"{pole}_references"] = references.groupby("trial_id").key.agg(
            lambda keys: json.dumps(list(keys))
        )
    return pd.DataFrame(made)
