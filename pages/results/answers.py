"""How answers depend on difficulty, confidence and depth, and how long they took."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import percent, plural
from lexplain_core.studies.results.analysis import Results, reloaded, timed
from lexplain_core.views.markdown import md
from lexplain_core.views.results import as_bars, association_words, difference_line, mean_of
from lexplain_core.views.study import Study, as_points, of_condition
from pages.results.overview import pick
from pages.results.units import at_hand, units_chart
from pages.ui import links, plots, shell, tables

_SURE = {1: "1 (a guess)", 2: "2 (fairly sure)", 3: "3 (very sure)"}


def show(view: links.Results, study: Study, results: Results) -> None:
    """The tab."""
    condition = pick(view, results)
    left, right = st.columns(2, gap="large")
    with left:
        _confidence(study, results, condition)
        _times(study, results, condition)
    with right:
        _depth(study, results, condition)
    _difficulty(view, study, results)


def _confidence(study: Study, results: Results, condition: tuple) -> None:
    st.subheader("By confidence", anchor=False)
    rows = results.confidence_of(condition)
    told = "; ".join(f"{_SURE[int(r.confidence)]} {percent(r.share)}" for r in rows.itertuples())
    st.markdown(
        f"How sure people said they were, and how often they were right then. Of all answers: {told}. Whiskers: 95% Wilson intervals."
    )
    plots.chart(
        figures.proportion_bars(
            pd.DataFrame(
                {
                    "group": [_SURE[int(c)] for c in rows["confidence"]],
                    "series": "answers",
                    "mean": rows["proportion"],
                    "low": rows["low"],
                    "high": rows["high"],
                    "n": rows["responses"],
                }
            ),
            theme=shell.theme(),
        ),
        "confidence bars",
        "Bars of the proportion right by confidence, beside chance",
    )
    tables.csv("Confidence as CSV", lambda: results.confidence, study.stem, "confidence of the study")


def _times(study: Study, results: Results, condition: tuple) -> None:
    st.subheader("Response times", anchor=False)
    answers = of_condition(results.responses, condition)
    known = timed(answers)
    if known.empty:
        st.info("No response times are known of these answers.", icon=":material/timer_off:")
    else:
        correct = known["correct"].astype(bool)
        medians = ", ".join(
            f"{name} ones {known.loc[keep, 'rt_ms'].median() / 1000:.1f} s"
            for name, keep in (("right", correct), ("wrong", ~correct))
            if keep.any()
        )
        locks = sorted({float(lock) / 1000 for lock in known["lock_ms"].dropna().unique()})
        again = int((answers["rt_ms"].notna() & reloaded(answers)).sum())
        untimed = len(answers) - len(known) - again
        st.markdown(
            f"From the images to the answer: {known['rt_ms'].median() / 1000:.1f} s (median of {plural(len(known), 'answer')}); {medians}. "
            + ("Answers were locked until the dotted line. " if locks and max(locks) > 0 else "")
            + (
                f"{plural(again, 'answer')} to trials whose page was loaded again {'is' if again == 1 else 'are'} left out: "
                "the time began anew then. "
                if again
                else ""
            )
            + (f"Of {plural(untimed, 'answer')} the time is unknown." if untimed else "")
        )
        plots.chart(
            figures.response_times(
                known["rt_ms"] / 1000,
                correct,
                locks=[lock for lock in locks if lock > 0],
                theme=shell.theme(),
            ),
            "times",
            "Histogram of response times, right and wrong answers stacked",
        )
    tables.csv("Response times as CSV", lambda: results.times, study.stem, "times of the study")


def _depth(study: Study, results: Results, condition: tuple) -> None:
    st.subheader("By depth", anchor=False)
    rows = as_points(of_condition(results.units, condition))
    known = rows[rows["depth"].notna()]
    if known.empty:
        st.info("The depth of these units’ layers is unknown.", icon=":material/info:")
        return
    found = of_condition(results.depth, condition).iloc[0]
    st.markdown(f"Each point is a unit; 0 is the first of the layers, 1 the last. {association_words(found)}")
    units_chart(
        figures.human_scatter(known, "depth", "relative depth of the layer", theme=shell.theme(), height=480),
        "depth scatter",
        "Scatter of units: relative depth of the layer against the proportion right",
        at_hand(study),
    )
    tables.csv("Depth as CSV", lambda: results.depth, study.stem, "depth of the study")


def _difficulty(view: links.Results, study: Study, results: Results) -> None:
    st.subheader("By difficulty", anchor=False)
    models = results.models
    levels = models.groupby("model")["difficulty"].nunique()
    several = models[models["model"].isin(levels[levels > 1].index)]
    if several.empty:
        only = ", ".join(str(d) for d in models["difficulty"].dropna().unique())
        st.info(
            f"No model was asked about at several difficulties{f' (all trials are {only})' if only else ''}.",
            icon=":material/info:",
        )
        return
    st.markdown(
        "The further the two images in the centre lie from the extremes, the harder. Means over units, 95% intervals as in *Overview*."
    )
    one = several["model"].nunique() == 1
    left, right = st.columns([1.2, 1], gap="large")
    with left:
        bars = as_bars(several, view.over, ["difficulty"] if one else ["model", "difficulty"])
        plots.chart(
            figures.proportion_bars(bars, theme=shell.theme()),
            "difficulty bars",
            "Bars of the proportion right by difficulty, beside chance",
        )
        if (several["units"] < several["of"]).any():
            st.caption(
                md("; ".join(f"{row['difficulty']}: {mean_of(row)}" for _, row in several.iterrows()) + ".")
            )
    right.markdown("\n".join(difference_line(row) for row in results.difficulty.itertuples()))
    tables.csv("Differences as CSV", lambda: results.difficulty, study.stem, "difficulty of the study")
