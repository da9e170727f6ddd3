"""Each figure of the results against its definition, computed slowly; and who counts, in real study files."""

from __future__ import annotations

import statistics
from math import isnan, nan

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.results.analysis import (
    by_confidence,
    by_depth,
    by_difficulty,
    correlations,
    counting,
    kept_responses,
    per_layer,
    per_model,
    per_unit,
    response_times,
    results,
)
from lexplain_core.studies.session.course import begin

from .conftest import make_plan, walk
from .crowd import crowd

CONDITIONS = (("net", "natural", "easy"), ("net", "synthetic", "easy"), ("other", "natural", "hard"))


@pytest.fixture(scope="module")
def everything():
    """(responses, units) of three conditions; catch trials among them."""
    return crowd(conditions=CONDITIONS)


@pytest.fixture(scope="module")
def answers(everything):
    return counting(everything[0], range(1000))


def of(answers, **values) -> list:
    """The answers with these values, as dicts."""
    return [a for a in answers.to_dict("records") if all(a[k] == v for k, v in values.items())]


def shares(rows: list) -> list[float]:
    """The share right of each unit."""
    units = {}
    for a in rows:
        units.setdefault(a["unit_id"], []).append(a["correct"])
    return [sum(c) / len(c) for c in units.values()]


def test_only_real_main_trials_of_sessions_that_count_are_counted(everything):
    responses, _ = everything
    practice = responses[responses.kind == "real"].head(3).assign(phase="practice")
    both = pd.concat([responses, practice], ignore_index=True)
    found = counting(both, [2, 3])
    assert len(found) == 16  # 8 real trials each
    assert set(found.session_id) == {2, 3} and set(found.kind) == {"real"} and set(found.phase) == {"main"}


def test_units(answers, everything):
    _, units = everything
    frame = per_unit(answers, units)
    assert len(frame) == answers.unit_id.nunique() and frame.unit_id.is_unique
    assert frame.responses.sum() == len(answers)
    scores = units.set_index("unit_id")
    for row in frame.itertuples():
        mine = of(answers, unit_id=row.unit_id)
        right = sum(a["correct"] for a in mine)
        low, high = stats.binomtest(right, len(mine)).proportion_ci(method="wilson")
        assert (row.responses, row.right) == (len(mine), right)
        assert row.participants == len({a["participant"] for a in mine})
        assert (row.proportion, row.low, row.high) == pytest.approx((right / len(mine), low, high))
        assert (row.layer, row.unit) == (mine[0]["layer"], mine[0]["unit"])
        assert row.correlation == scores.correlation[row.unit_id] and row.explanation == "2·thing"
    assert list(frame.model.unique()) == ["net", "other"] and list(frame["mode"].unique()) == [
        "natural",
        "synthetic",
    ]


@pytest.mark.parametrize("by", ["model", "layer"])
def test_means_over_units(answers, by):
    frame = per_model(answers, 300) if by == "model" else per_layer(answers, 300)
    keys = ["model", "mode", "difficulty", *(["layer"] if by == "layer" else [])]
    assert len(frame) == (3 if by == "model" else 9)
    for row in frame.to_dict("records"):
        mine = of(answers, **{key: row[key] for key in keys})
        each = shares(mine)
        assert row["units"] == len(each) and row["responses"] == len(mine)
        assert row["participants"] == len({a["participant"] for a in mine})
        assert row["mean"] == pytest.approx(statistics.fmean(each))  # each unit weighs the same
        assert (
            row["low"] < row["mean"] < row["high"] and row["cluster_low"] < row["mean"] < row["cluster_high"]
        )
        expected = "above" if row["low"] > 0.5 else "below" if row["high"] < 0.5 else "at"
        # the bootstrap over so few units is too narrow to decide anything
        assert row["against"] == (expected if by == "model" else "")
        assert row["note"] == ("" if by == "model" else "Only 4 units; the interval is too narrow.")
        if by == "layer":
            assert row["depth"] == int(row["layer"][-1]) / 2


def test_a_mean_says_how_many_of_the_units_asked_about_it_leaves_out(answers):
    asked = answers[["model", "mode", "difficulty", "layer", "unit_id"]].drop_duplicates()
    some = answers[answers.unit_id % 2 == 1]
    for made, of_all in ((per_model(some, 100, asked), asked), (per_layer(some, 100, asked), asked)):
        assert made.units.sum() == some.unit_id.nunique() < made.of.sum() == len(of_all)
    assert per_model(answers, 100).eval("units == of").all()


def test_a_mean_lies_above_at_or_below_chance():
    for ability, word in ((0.9, "above"), (0.5, "at"), (0.1, "below")):
        responses, _ = crowd(3, units=20, people=30, each=10, ability=np.full(20, ability))
        assert per_model(counting(responses, range(99)), 500).against.tolist() == [word]


def test_one_unit_or_one_person_has_no_interval(answers):
    one = per_model(answers[answers.unit_id == 1], 100).iloc[0]
    assert one["units"] == 1 and isnan(one.low) and isnan(one.cluster_low) and one.against == ""
    assert one.note == "Only one unit; an interval needs two at least."
    alone = per_model(answers[answers.session_id == 1], 100).iloc[0]
    assert not isnan(alone.low) and isnan(alone.cluster_low) and "one participant" in alone.note


def test_the_same_units_at_two_difficulties():
    easy, units = crowd(0)
    hard = crowd(1, ability=np.full(12, 0.55))[0].assign(difficulty="very hard")
    medium = crowd(2, ability=np.full(12, 0.7))[0].assign(difficulty="medium")
    medium = medium[medium.unit_id > 4]
    rows = pd.concat([hard, medium, easy], ignore_index=True)
    frame = by_difficulty(per_unit(counting(rows, range(99)), units), 500)
    pairs = list(zip(frame.easier, frame.harder, strict=True))
    assert pairs == [("easy", "medium"), ("easy", "very hard"), ("medium", "very hard")]
    share = {
        (a["difficulty"], u): shares(of(rows, difficulty=a["difficulty"], unit_id=u, kind="real"))
        for a in rows.drop_duplicates("difficulty").to_dict("records")
        for u in units.unit_id
    }
    for row in frame.itertuples():
        both = [u for u in units.unit_id if share[row.easier, u] and share[row.harder, u]]
        gaps = [share[row.harder, u][0] - share[row.easier, u][0] for u in both]
        assert row.units == len(both)
        assert row.difference == pytest.approx(statistics.fmean(gaps))
        assert row.mean_easier == pytest.approx(statistics.fmean(share[row.easier, u][0] for u in both))
        assert row.mean_harder == pytest.approx(statistics.fmean(share[row.harder, u][0] for u in both))
        assert row.low < row.difference < row.high


def test_confidence(answers):
    answers = answers[(answers.model != "other") | (answers.confidence != 2)]
    frame = by_confidence(answers, 300)
    assert len(frame) == 9
    for row in frame.to_dict("records"):
        group = of(answers, **{key: row[key] for key in ("model", "mode", "difficulty")})
        mine = [a for a in group if a["confidence"] == row["confidence"]]
        right = sum(a["correct"] for a in mine)
        assert (row["responses"], row["right"]) == (len(mine), right)
        assert row["share"] == pytest.approx(len(mine) / len(group))
        if not mine:
            assert row["model"] == "other" and row["confidence"] == 2 and isnan(row["proportion"])
            continue
        low, high = stats.binomtest(right, len(mine)).proportion_ci(method="wilson")
        assert (row["proportion"], row["low"], row["high"]) == pytest.approx((right / len(mine), low, high))
        assert row["cluster_low"] < row["proportion"] < row["cluster_high"]
    for _, rows in frame.groupby(["model", "mode"]):
        assert rows.share.sum() == pytest.approx(1)


def test_depth(answers, everything):
    units = per_unit(answers, everything[1])
    frame = by_depth(units)
    assert len(frame) == 3
    for row in frame.itertuples():
        mine = units[(units.model == row.model) & (units["mode"] == row.mode)]
        assert row.spearman == pytest.approx(stats.spearmanr(mine.proportion, mine.depth).statistic)
        assert (row.units, row.layers, row.reason) == (len(mine), 3, "")
        assert row.low < row.spearman < row.high
    assert set(by_depth(units.assign(depth=0.5)).reason) == {"All units lie at the same depth."}
    assert set(by_depth(units.assign(depth=nan)).units) == {0}


def test_response_times(answers):
    frame = response_times(answers)
    groups = {
        ("all", "all"): of(answers),
        ("answer", "right"): of(answers, correct=True),
        ("answer", "wrong"): of(answers, correct=False),
        **{("confidence", str(c)): of(answers, confidence=c) for c in (1, 2, 3)},
    }
    assert list(zip(frame.group, frame.value, strict=True)) == list(groups)
    for row, mine in zip(frame.itertuples(), groups.values(), strict=True):
        times = sorted(a["rt_ms"] for a in mine if not isnan(a["rt_ms"]))
        assert row.responses == len(mine) and row.untimed == len(mine) - len(times) > 0
        assert row.mean == pytest.approx(statistics.fmean(times))
        assert row.median == pytest.approx(statistics.median(times))
        cuts = statistics.quantiles(times, n=20, method="inclusive")
        assert (row.q05, row.q25, row.q75, row.q95) == pytest.approx([cuts[i] for i in (0, 4, 14, 18)])
        assert row.lock_ms == 1500 and row.q05 >= 1500  # the lock is in the time
    assert set(frame.reloaded) == {0}
    mixed = answers.assign(lock_ms=np.where(answers.index % 2, 0.0, 1500.0))
    assert response_times(mixed).lock_ms.isna().all()


def test_times_after_a_reload_are_left_out(answers):
    plain = response_times(answers).iloc[0]
    times = pd.array(np.where(answers.index % 3, 1, 2), dtype="Int64")
    times[1] = pd.NA  # unknown, as in imports: counts
    again = answers.assign(shown_times=times, rt_ms=answers.rt_ms.where(answers.index % 3 > 0, 1.0))
    row = response_times(again).iloc[0]
    assert row.reloaded == (answers.index % 3 == 0).sum()
    assert row.untimed == answers.rt_ms[answers.index % 3 > 0].isna().sum() < plain.untimed
    assert row["mean"] == pytest.approx(answers.rt_ms[answers.index % 3 > 0].mean())
    assert row.responses == plain.responses == len(answers)


def test_scores_made_without_people(answers, everything):
    units = per_unit(answers, everything[1])
    frame = correlations(units)
    assert list(frame.score) == ["correlation", "ablation", "observer"] * 3
    for row in frame.to_dict("records"):
        mine = units[(units.model == row["model"]) & (units["mode"] == row["mode"])]
        mine = mine[mine[row["score"]].notna()]
        if row["score"] == "ablation":  # no unit has one
            assert row["n"] == 0 and isnan(row["pearson"]) and row["reason"]
            continue
        x, y = mine.proportion.to_numpy(float), mine[row["score"]].to_numpy(float)
        assert row["n"] == len(mine) == (12 if row["score"] == "correlation" else 9)
        assert row["pearson"] == pytest.approx(np.corrcoef(x, y)[0, 1])
        assert row["spearman"] == pytest.approx(np.corrcoef(stats.rankdata(x), stats.rankdata(y))[0, 1])
        interval = stats.pearsonr(x, y).confidence_interval()
        assert (row["pearson_low"], row["pearson_high"]) == pytest.approx(tuple(interval))
        assert row["spearman_low"] < row["spearman"] < row["spearman_high"]


def test_no_answers_make_empty_frames(everything):
    none = counting(everything[0], [])
    units = per_unit(none, everything[1])
    frames = (
        per_model(none),
        per_layer(none),
        by_confidence(none),
        units,
        by_depth(units),
        by_difficulty(units),
    )
    assert all(len(frame) == 0 for frame in (*frames, correlations(units)))
    assert set(per_model(everything[0]).columns) == set(frames[0].columns)
    assert response_times(none).responses.eq(0).all()


# -- who counts


def upper_only(study, course) -> None:
    """The practice right, then always the upper image."""
    walk(study, course, steps=2 + 3)  # instructions, 2 practice trials, begin, a first trial
    while (screen := course.screen()).kind == "trial":
        course.answer(screen.trial.nonce, 0, 2000.0)
    walk(study, course)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """20 real and 5 catch trials: two able people, a coin-flipper, one who takes the upper row only, one who
    never passes the practice, one who has only begun, and one who left long ago."""
    coin = np.random.default_rng(0)
    able = np.random.default_rng(1)
    plan = make_plan(tasks=7, trials=20, catch=5, layers=3)
    with StudyFile.create(tmp_path_factory.mktemp("who") / "who.sqlite", plan) as study:
        for name in ("ann", "bob"):
            walk(study, begin(study, name), lambda phase, i: phase == "practice" or able.random() < 0.9)
        walk(study, begin(study, "coin"), lambda phase, i: phase == "practice" or coin.random() < 0.5)
        upper_only(study, begin(study, "upper"))
        walk(study, begin(study, "lost"), lambda phase, i: i > 0)
        walk(study, begin(study, "running"), steps=9)
        now, study.clock = study.clock, lambda: 0.0
        walk(study, begin(study, "gone"), steps=6)
        study.clock = now
        yield study


def test_who_is_left_out_and_why(study):
    found = results(study, resamples=200).exclusions
    rows = found.sessions.set_index("participant")
    assert rows.passed.to_dict() == {"ann": True, "bob": True, "coin": False, "upper": False, "lost": False}
    assert rows.failed["ann"] == "" and rows.outcome["lost"] == "failed practice"
    assert "catch_right" in rows.failed["coin"] and rows.catch_right["coin"] < 0.8
    assert "row_share" in rows.failed["upper"] and rows.row_share["upper"] >= 24 / 25
    assert rows.failed["lost"] == "practice_rounds" and rows.practice_rounds["lost"] == 3
    counts = found.checks.set_index("check")
    assert counts.failed["practice_rounds"] == counts.alone["practice_rounds"] == 1
    for name in counts.index:
        failing = [p for p in rows.index if name in rows.failed[p].split(", ")]
        assert counts.failed[name] == len(failing)
        assert counts.alone[name] == sum(rows.failed[p] == name for p in failing)
        assert all(not rows[f"{name}_passed"][p] for p in failing)
    unfinished = found.unfinished.set_index("participant").outcome
    assert unfinished.to_dict() == {"running": "running", "gone": "abandoned"}


def test_only_those_who_pass_are_counted(study):
    found = results(study, resamples=200)
    assert set(found.responses.participant) == {"ann", "bob"}
    kept = [
        r for r in study.responses().to_dict("records")
        if r["participant"] in ("ann", "bob") and r["phase"] == "main" and r["kind"] == "real"
    ]  # fmt: skip
    assert len(found.responses) == len(kept) == 40
    right = [r["correct"] for r in kept]
    assert found.models["mean"].item() == pytest.approx(statistics.fmean(shares(kept)))
    assert found.units.right.sum() == sum(right) and found.units.responses.sum() == 40
    assert found.models.of.item() == (study.trials().query("kind == 'real'").unit_id.nunique()) >= 20
    assert len(found.layers) == 3 and len(found.times) == 6 and len(found.confidence) == 3
    assert found.correlations.score.tolist() == ["correlation", "ablation", "observer"]
    assert (
        "same for all 20 units" in found.correlations.reason[0] and found.thresholds == study.settings.checks
    )
    pd.testing.assert_frame_equal(kept_responses(study), found.responses)


@pytest.mark.parametrize(
    ("limits", "who"),
    [
        ({"catch_right": 0.0}, {"ann", "bob", "coin"}),
        ({"catch_right": 0.0, "row_share": 1.0}, {"ann", "bob", "coin", "upper"}),
        ({"practice_rounds": 20}, {"ann", "bob"}),  # whoever never passed the practice stays out
        ({"total_seconds": (1000.0, 2000.0)}, set()),
        ({"instructions_seconds": 1000.0}, set()),
    ],
)
def test_the_figures_follow_the_thresholds(study, limits, who):
    thresholds = study.settings.checks.model_copy(update=limits)
    found = results(study, thresholds, resamples=200)
    assert set(found.responses.participant) == who
    sessions = found.exclusions.sessions
    assert set(sessions.participant[sessions.passed]) == who
    assert (sessions.failed == "").tolist() == sessions.passed.tolist()
    assert found.models.participants.sum() == len(who) and found.thresholds == thresholds
    if who:
        mine = of(study.responses()[study.responses().participant.isin(who)], phase="main", kind="real")
        assert found.models["mean"].item() == pytest.approx(statistics.fmean(shares(mine)))


def test_at_its_own_thresholds_a_session_is_judged_as_it_was(study):
    own = study.settings.checks
    moved = own.model_copy(update={"total_seconds": (own.total_seconds[0], own.total_seconds[1] + 1)})
    stored, anew = (results(study, t, resamples=100).exclusions.sessions for t in (own, moved))
    assert stored.passed.tolist() == anew.passed.tolist() and stored.failed.tolist() == anew.failed.tolist()


def test_a_study_without_answers(tmp_path):
    with StudyFile.create(tmp_path / "new.sqlite", make_plan()) as study:
        found = results(study)
    assert found.models.empty and found.units.empty and found.exclusions.sessions.empty
    assert found.exclusions.checks.failed.eq(0).all() and found.times.responses.eq(0).all()
