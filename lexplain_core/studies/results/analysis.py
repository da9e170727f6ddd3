"""What a study says: shares right with intervals, by unit, layer, model, difficulty, confidence and depth.

Only answers to real trials of the main phase count, of finished sessions that pass the checks. A unit is
judged per condition (model, references' mode, difficulty); means are over units, each weighing the same, as
IMI's. Chance is ½. All functions below `results` are pure; frames have the columns of `StudyFile`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from math import nan
from typing import Protocol

import numpy as np
import pandas as pd

from ...base.intervals import wilson
from ...config.study import Checks, StudySettings
from ...stimuli.ranks import DIFFICULTIES
from .intervals import (
    RESAMPLES,
    association,
    bootstrap_clustered,
    bootstrap_units,
    few_units,
    no_interval,
)
from .verdicts import Exclusions, exclusions

CHANCE = 0.5
CONDITION = ["model", "mode", "difficulty"]
SCORES = {
    "correlation": "The explanation's correlation",
    "ablation": "The explanation's ablation score",
    "observer": "The machine observer's score",
}
QUANTILES = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}


class Judged(Protocol):
    """A study with its answers: a `StudyFile`, or what has its settings and frames."""

    @property
    def settings(self) -> StudySettings: ...
    def sessions(self) -> pd.DataFrame: ...
    def checks(self) -> pd.DataFrame: ...
    def responses(self) -> pd.DataFrame: ...
    def units(self) -> pd.DataFrame: ...
    def trials(self) -> pd.DataFrame: ...


class Results:
    """Everything that a study says at some thresholds; see the function that makes each frame.

    study: read once, here. Each frame is computed when
    it is first wanted: all of them take many seconds for a study of IMI's size. thresholds: the checks that
    decide who counts; the study's own when None. May be shared between threads; not to be changed.
    """

    def __init__(self, study: Judged, thresholds: Checks | None = None, resamples: int = RESAMPLES) -> None:
        self.own: Checks = study.settings.checks
        self.thresholds = thresholds or self.own
        self._resamples = resamples
        self._sessions, self._checks = study.sessions(), study.checks()
        self._answers, self._units = study.responses(), study.units()
        trials = study.trials()
        self._asked = trials[trials.kind == "real"][[*CONDITION, "layer", "unit_id"]].drop_duplicates()
        self._parts: dict[tuple, pd.DataFrame] = {}

    @cached_property
    def exclusions(self) -> Exclusions:
        """Who was left out, and why."""
        return exclusions(self._sessions, self._checks, self.thresholds, self.own)

    @cached_property
    def responses(self) -> pd.DataFrame:
        """The answers that count."""
        return counting(self._answers, self.exclusions.passed)

    @cached_property
    def units(self) -> pd.DataFrame:
        return per_unit(self.responses, self._units)

    @cached_property
    def layers(self) -> pd.DataFrame:
        return per_layer(self.responses, self._resamples, self._asked)

    @cached_property
    def models(self) -> pd.DataFrame:
        """A row per model, mode and difficulty."""
        return per_model(self.responses, self._resamples, self._asked)

    @cached_property
    def difficulty(self) -> pd.DataFrame:
        return by_difficulty(self.units, self._resamples)

    @cached_property
    def confidence(self) -> pd.DataFrame:
        return by_confidence(self.responses, self._resamples)

    @cached_property
    def depth(self) -> pd.DataFrame:
        return by_depth(self.units)

    @cached_property
    def times(self) -> pd.DataFrame:
        return response_times(self.responses)

    @cached_property
    def correlations(self) -> pd.DataFrame:
        return correlations(self.units)

    def layers_of(self, model: str, difficulty: str | None) -> pd.DataFrame:
        """The rows of `layers` of a model and difficulty, of all modes, without computing the others."""
        key = ("layers", model, str(difficulty))
        if key not in self._parts:
            rows = of_condition(self.responses, {"model": model, "difficulty": difficulty})
            self._parts[key] = per_layer(rows, self._resamples, self._asked)
        return self._parts[key]

    def confidence_of(self, condition: tuple) -> pd.DataFrame:
        """The rows of `confidence` of a condition (model, mode, difficulty), without computing the others."""
        key = ("confidence", *map(str, condition))
        if key not in self._parts:
            rows = of_condition(self.responses, dict(zip(CONDITION, condition, strict=True)))
            self._parts[key] = by_confidence(rows, self._resamples)
        return self._parts[key]


def results(study: Judged, thresholds: Checks | None = None, resamples: int = RESAMPLES) -> Results:
    """All figures of a study, running or finished, at its own thresholds or at others; nothing is written."""
    return Results(study, thresholds, resamples)


def of_condition(frame: pd.DataFrame, condition: Mapping) -> pd.DataFrame:
    """The rows of a frame whose columns have these values; None and NaN stand for unknown ones."""
    keep = pd.Series(True, index=frame.index)
    for name, value in condition.items():
        keep &= frame[name].isna() if pd.isna(value) else frame[name] == value
    return frame[keep]


def kept_responses(study: Judged, thresholds: Checks | None = None) -> pd.DataFrame:
    """The answers of a study that count, a row each (`counting`), at its own thresholds or at others."""
    own = study.settings.checks
    found = exclusions(study.sessions(), study.checks(), thresholds or own, own)
    return counting(study.responses(), found.passed)


def counting(responses: pd.DataFrame, sessions: Iterable[int]) -> pd.DataFrame:
    """Answers to real trials of the main phase, of the given session ids."""
    real = (
        (responses.phase == "main") & (responses.kind == "real") & responses.session_id.isin(list(sessions))
    )
    return responses[real].reset_index(drop=True)


def per_unit(answers: pd.DataFrame, units: pd.DataFrame | None = None) -> pd.DataFrame:
    """A row per unit and condition: right of responses, the proportion and its Wilson interval.

    Columns: model, mode, difficulty, layer, unit, unit_name, unit_id, depth, responses, participants, right,
    proportion, low, high; with `units` (StudyFile.units()) also explanation, method, correlation, ablation,
    observer. The interval takes a unit's answers as independent; they mostly are, as nobody meets a unit twice.
    """
    keys = [*CONDITION, "layer", "unit", "unit_id"]
    rows = (
        answers.groupby(keys, dropna=False, sort=False)
        .agg(
            unit_name=("unit_name", "first"),
            depth=("depth", "first"),
            responses=("correct", "size"),
            participants=("participant", "nunique"),
            right=("correct", "sum"),
        )
        .reset_index()
    )
    rows["right"] = rows.right.astype("int64")
    rows["proportion"] = rows.right / rows.responses
    rows["low"], rows["high"] = wilson(rows.right, rows.responses)
    rows["depth"] = rows.depth.astype("float64")
    more = []
    if units is not None:
        more = [c for c in ("explanation", "method", *SCORES) if c in units]
        rows = rows.merge(units[["unit_id", *more]], on="unit_id", how="left", validate="many_to_one")
    order = [*CONDITION, "layer", "unit", "unit_name", "unit_id", "depth", "responses", "participants"]
    return _in_order(rows[[*order, "right", "proportion", "low", "high", *more]], "depth", "layer", "unit")


def per_model(
    answers: pd.DataFrame, resamples: int = RESAMPLES, asked: pd.DataFrame | None = None
) -> pd.DataFrame:
    """A row per model, mode and difficulty: the mean over units, with intervals.

    asked: the units of the study's real trials (the columns of a condition, layer, unit_id), those of the answers
    without. Columns: model, mode, difficulty, units, of (how many were asked about: the others have no answer that counts), participants, responses, mean; low, high: BCa bootstrap over
    units, as IMI; cluster_low, cluster_high: resampling participants and units; against: the first interval
    against chance ('above', 'below', 'at', or '' without an interval that says so); note: why there is no interval, or
    that it rests on few units and so is too narrow.
    """
    return _in_order(_means(answers, CONDITION, resamples, asked))


def per_layer(
    answers: pd.DataFrame, resamples: int = RESAMPLES, asked: pd.DataFrame | None = None
) -> pd.DataFrame:
    """A row per layer and condition; columns of `per_model`, and layer, depth."""
    rows = _means(answers, [*CONDITION, "layer"], resamples, asked)
    depth = answers.groupby(["model", "layer"], dropna=False).depth.first().astype("float64")
    rows.insert(4, "depth", depth.reindex(pd.MultiIndex.from_frame(rows[["model", "layer"]])).to_numpy())
    return _in_order(rows, "depth", "layer")


def _means(
    answers: pd.DataFrame, keys: list[str], resamples: int, asked: pd.DataFrame | None
) -> pd.DataFrame:
    rows = []
    of = (answers if asked is None else asked).groupby(keys, dropna=False).unit_id.nunique()
    answers = answers[[*keys, "unit_id", "participant", "correct"]]
    for key, group in answers.groupby(keys, dropna=False, sort=False):
        of_units = group.groupby("unit_id").correct.mean()
        mean, low, high = bootstrap_units(of_units, resamples=resamples)
        _, cluster_low, cluster_high = bootstrap_clustered(group, resamples=resamples)
        people = group.participant.nunique()
        few = few_units(len(of_units))  # then the interval decides nothing
        against = (
            "" if few or np.isnan(low) else "above" if low > CHANCE else "below" if high < CHANCE else "at"
        )
        rows.append(
            (*key, len(of_units), people, len(group), mean, low, high, cluster_low, cluster_high, against,
             " ".join(filter(None, (no_interval(len(of_units), people), few)))),
        )  # fmt: skip
    columns = ["units", "participants", "responses", "mean", "low", "high", "cluster_low", "cluster_high"]
    made = pd.DataFrame(rows, columns=[*keys, *columns, "against", "note"])
    made.insert(len(keys) + 1, "of", of.reindex(pd.MultiIndex.from_frame(made[keys])).to_numpy(dtype=int))
    return made


def by_difficulty(units: pd.DataFrame, resamples: int = RESAMPLES) -> pd.DataFrame:
    """How much harder it gets: the same units at two difficulties, per model and mode.

    units: `per_unit`. Columns: model, mode, easier, harder, units (judged at both), mean_easier,
    mean_harder, difference (harder − easier, mean over units), low, high (BCa bootstrap over units), reason.
    The means of each difficulty over all its units are `per_model`'s.
    """
    rows = []
    for key, group in units.groupby(["model", "mode"], dropna=False, sort=False):
        table = group.pivot(index="unit_id", columns="difficulty", values="proportion")
        levels = [d for d in DIFFICULTIES if d in table]
        for i, easier in enumerate(levels):
            for harder in levels[i + 1 :]:
                both = table[[easier, harder]].dropna()
                difference = bootstrap_units(both[harder] - both[easier], resamples=resamples)
                n = len(both)
                reason = "No unit was judged at both." if not n else no_interval(n) or few_units(n)
                rows.append(
                    (*key, easier, harder, n, both[easier].mean(), both[harder].mean(), *difference, reason)
                )
    columns = [
        "easier",
        "harder",
        "units",
        "mean_easier",
        "mean_harder",
        "difference",
        "low",
        "high",
        "reason",
    ]
    return pd.DataFrame(rows, columns=["model", "mode", *columns])


def by_confidence(answers: pd.DataFrame, resamples: int = RESAMPLES) -> pd.DataFrame:
    """A row per condition and confidence 1 to 3: how often it is used, and how often it is right.

    Columns: model, mode, difficulty, confidence, responses, share (of the condition's answers), right,
    proportion (of all these answers, units pooled), low, high (Wilson: answers as independent),
    cluster_low, cluster_high (resampling participants and units). A confidence nobody used has 0 responses.
    """
    rows = []
    answers = answers[[*CONDITION, "confidence", "unit_id", "participant", "correct"]]
    for key, group in answers.groupby(CONDITION, dropna=False, sort=False):
        for confidence in (1, 2, 3):
            these = group[group.confidence == confidence]
            n, right = len(these), int(these.correct.sum())
            proportion, *clustered = bootstrap_clustered(these, resamples=resamples, pooled=True)
            low, high = (float(x) for x in wilson(right, n))
            share = n / len(group)
            rows.append((*key, confidence, n, share, right, proportion, low, high, *clustered))
    columns = ["confidence", "responses", "share", "right", "proportion", "low", "high"]
    frame = pd.DataFrame(rows, columns=[*CONDITION, *columns, "cluster_low", "cluster_high"])
    return _in_order(frame, "confidence")


def by_depth(units: pd.DataFrame) -> pd.DataFrame:
    """Whether deeper layers are easier: a row per condition, Spearman's ρ of proportion and depth.

    units: `per_unit`. Columns: model, mode, difficulty, units, layers, spearman, low, high (Bonett & Wright), reason.
    """
    rows = []
    for key, group in units.groupby(CONDITION, dropna=False, sort=False):
        found = association(group.proportion, group.depth, names=("People's score", "The depth"))
        layers = group.depth.nunique()
        reason = "All units lie at the same depth." if layers == 1 and found.n > 2 else found.reason
        rows.append((*key, found.n, layers, found.spearman, found.spearman_low, found.spearman_high, reason))
    return _in_order(
        pd.DataFrame(rows, columns=[*CONDITION, "units", "layers", "spearman", "low", "high", "reason"])
    )


def response_times(answers: pd.DataFrame) -> pd.DataFrame:
    """Quantiles of the response time in ms, from the images' appearance to the answer; holds the lock.

    Rows: all answers, right and wrong ones, each confidence. Columns: group, value, responses, untimed
    (answers without a time) and reloaded (answers after the trial was loaded again, whose time began anew),
    both left out of the rest, lock_ms (how long answers were locked; NaN where it is unknown or differs),
    mean, q05, q25, median, q75, q95.
    """
    correct = answers.correct.astype(bool)
    groups = [
        ("all", "all", answers),
        ("answer", "right", answers[correct]),
        ("answer", "wrong", answers[~correct]),
    ]
    groups += [("confidence", str(c), answers[answers.confidence == c]) for c in (1, 2, 3)]
    rows = []
    for group, value, these in groups:
        times = timed(these).rt_ms.astype("float64")
        again = int((these.rt_ms.notna() & reloaded(these)).sum())
        locks = these.lock_ms.astype("float64").unique()
        lock = float(locks[0]) if len(locks) == 1 else nan
        spread = times.quantile(list(QUANTILES.values())).tolist() if len(times) else [nan] * len(QUANTILES)
        mean = float(times.mean()) if len(times) else nan
        rows.append((group, value, len(these), len(these) - len(times) - again, again, lock, mean, *spread))
    columns = ["group", "value", "responses", "untimed", "reloaded", "lock_ms", "mean", *QUANTILES]
    return pd.DataFrame(rows, columns=columns)


def reloaded(answers: pd.DataFrame) -> pd.Series:
    """Whether a trial was loaded again before its answer, bool: its response time began anew. Unknown: no."""
    return answers.shown_times.astype("float64") > 1


def timed(answers: pd.DataFrame) -> pd.DataFrame:
    """The answers whose response time is known, and is that from the first sight of the trial."""
    return answers[answers.rt_ms.notna() & ~reloaded(answers)]


def correlations(units: pd.DataFrame) -> pd.DataFrame:
    """Whether scores made without people go with people's: a row per condition and score.

    units: `per_unit` with scores. Columns: model, mode, difficulty, score (correlation, ablation, observer),
    n (units that have both), spearman, spearman_low, spearman_high, pearson, pearson_low, pearson_high, reason.
    """
    rows = []
    for key, group in units.groupby(CONDITION, dropna=False, sort=False):
        for score, name in SCORES.items():
            if score in group:
                found = association(group.proportion, group[score], names=("People's score", name))
                rows.append({**dict(zip(CONDITION, key, strict=True)), "score": score, **vars(found)})
    columns = [
        "score",
        "n",
        *(f"{kind}{end}" for kind in ("spearman", "pearson") for end in ("", "_low", "_high")),
    ]
    return _in_order(pd.DataFrame(rows, columns=[*CONDITION, *columns, "reason"]))


def _in_order(frame: pd.DataFrame, *more: str) -> pd.DataFrame:
    """By model, mode, difficulty from easy to very hard, then `more`."""
    rank = {name: n for n, name in enumerate(DIFFICULTIES)}
    order = frame.assign(_hard=frame.difficulty.map(rank)).sort_values(
        ["model", "mode", "_hard", *more], kind="stable"
    )
    return order.drop(columns="_hard").reset_index(drop=True)
