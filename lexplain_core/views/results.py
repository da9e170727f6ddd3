"""The results of a study in words, and as figures want them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from ..base.numbers import percent, plural, signed, two
from ..store import of_units
from ..studies.results.analysis import CHANCE
from .markdown import md
from .study import ALL, Study, condition_words


def status(study: Study) -> str:
    """How far the study is, as Markdown."""
    sessions = study.sessions()
    parts = []
    if study.kind == "imported":
        parts.append(f"**{md(study.name)}** was run elsewhere and imported")
    else:
        made = f", made on {datetime.fromtimestamp(study.made):%d %B %Y}" if study.made else ""
        parts.append(f"**{md(study.name)}**{_made_from(study)}{made}")
        parts.append(_places(study))
    count = sessions["participant"].nunique()
    finished = int(sessions["outcome"].isin(["completed", "failed practice"]).sum())
    told = f"{plural(len(study.responses()), 'response')} by {people_count(count)}"
    if finished < len(sessions):
        told += f" ({finished:,} of {plural(len(sessions), 'session')} finished)"
    parts.append(told)
    if (minutes := median_minutes(study)) is not None:
        parts.append(f"A course took {minutes:.1f} minutes (median)")
    return ". ".join(parts) + "."


def people_count(count: int) -> str:
    """'1 person', '63 people'."""
    return "1 person" if count == 1 else f"{count:,} people"


def _made_from(study: Study) -> str:
    name = (study.facts.get("store") or {}).get("name")
    return f" of the store {md(name)}" if name else ""


def _places(study: Study) -> str:
    """Tasks done, running and free; a task is offered to as many people as the study wants."""
    tasks, each = study.tasks(), study.settings.course.people
    done = tasks["passed_people"].clip(upper=each)
    running = tasks["running"].clip(upper=each - done)
    free = len(tasks) * each - int(done.sum()) - int(running.sum())
    told = "" if each == 1 else f", {each} people each"
    return f"{plural(len(tasks), 'task')}{told}: **{int(done.sum()):,} done** (all checks passed), {int(running.sum()):,} running, {free:,} free"


def median_minutes(study: Study) -> float | None:
    """Median time of the completed courses in minutes; None where no time is known."""
    done = study.sessions().query("outcome == 'completed'")["session_id"]
    checks = study.checks()
    seconds = checks[(checks["name"] == "total_seconds") & checks["session_id"].isin(done)]["value"].dropna()
    return float(seconds.median()) / 60 if len(seconds) else None


def mean_of(row: pd.Series) -> str:
    """Over how many of the units asked about a mean is, and what the others are."""
    return of_units(int(row["units"]), int(row["of"]), without_an_answer_that_counts=int(row["of"]))


def beside_chance(row: Any, said: pd.Series) -> str:
    if pd.isna(row.low):
        return "chance is 50%."
    if not said["against"]:
        return "too few units to set it against chance (50%)."
    if row.low > CHANCE:
        return "above chance (50%)."
    return "below chance (50%)." if row.high < CHANCE else "the interval holds chance (50%)."


def as_bars(frame: pd.DataFrame, over: str, group: Sequence[str], unit: str = "responses") -> pd.DataFrame:
    """Rows of `per_model` or `per_layer` as `figures.proportion_bars` wants them; `row` is their place.

    over: 'units' or 'people', what the interval is over.
    """
    ends = ("low", "high") if over == "units" else ("cluster_low", "cluster_high")
    return pd.DataFrame(
        {
            "group": [
                " · ".join(str(row[c]) for c in group if pd.notna(row[c])) for _, row in frame.iterrows()
            ],
            "series": [f"{mode} references" for mode in frame["mode"]],
            "mean": frame["mean"].to_numpy(float),
            "low": frame[ends[0]].to_numpy(float),
            "high": frame[ends[1]].to_numpy(float),
            "n": frame[unit].to_numpy(int),
            "row": range(len(frame)),
        }
    )


def difference_line(row: Any) -> str:
    """A line: how much harder a difficulty is than another, for the same units."""
    what = f"- {md(row.model)}, {md(row.mode)}: {row.harder} less {row.easier}"
    if pd.isna(row.difference):
        return f"{what} unknown: {md(row.reason)}"
    note = f" {md(row.reason)}" if row.reason else ""
    interval = (
        f" (95% interval {signed(100 * row.low, 1)} to {signed(100 * row.high, 1)})"
        if pd.notna(row.low)
        else ""
    )
    return f"{what} **{signed(100 * row.difference, 1)} points**{interval}, over {plural(int(row.units), 'unit')} judged at both.{note}"


def association_words(row: pd.Series) -> str:
    """Spearman's and Pearson's correlation with intervals and n, or why there are none, as Markdown."""
    if pd.isna(row["spearman"]):
        return f"**No correlation:** {md(row['reason'])}"
    told = f"**Spearman’s ρ = {two(row['spearman'])}**{_interval(row, 'spearman')}"
    if "pearson" in row and pd.notna(row["pearson"]):
        told += f", Pearson’s r = {two(row['pearson'])}{_interval(row, 'pearson')}"
    n = row["n"] if "n" in row else row["units"]
    reason = f" {md(row['reason'])}" if row["reason"] else ""
    return f"{told}; n = {plural(int(n), 'unit')}.{reason}"


def _interval(row: pd.Series, name: str) -> str:
    low, high = (f"{name}_low", f"{name}_high") if f"{name}_low" in row else ("low", "high")
    return f" (95% interval {two(row[low])} to {two(row[high])})" if pd.notna(row[low]) else " (no interval)"


def why_no_score(study: Study, score: str) -> str:
    if study.kind == "imported":
        return "Imported answers come without explanations and machine observers."
    if score == "observer":
        return "The store had no machine observer when the study was made."
    return "The store had no such score of these units when the study was made."


def in_order(rows: pd.DataFrame, order: str) -> pd.DataFrame:
    """Rows of units in an order of `links.ORDERS`."""
    if order == "layer":
        keys = rows.assign(place=rows["depth"].fillna(2))
        return keys.sort_values(["place", "layer", "unit"], kind="stable").drop(columns="place")
    return rows.sort_values("proportion", ascending=order == "right", kind="stable")


def units_words(rows: pd.DataFrame, mean_of: str) -> str:
    above, below = int((rows["low"] > CHANCE).sum()), int((rows["high"] < CHANCE).sum())
    each = rows["responses"]
    count = f"{each.min():,}" if each.min() == each.max() else f"{each.min():,} to {each.max():,}"
    return (
        f"Right in {percent(rows['mean'].mean())} on average over {mean_of}. Each has {count} {'answer' if count == '1' else 'answers'}. The interval lies "
        f"above chance for {above:,}, below it for {below:,}, and holds it for {len(rows) - above - below:,}. Whiskers: 95% Wilson intervals."
    )


def no_store(study: Study) -> str:
    """Why units can't be opened, as Markdown."""
    if not study.store:
        return "Units can’t be opened: the study was not made from a store."
    name = (study.facts.get("store") or {}).get("name") or study.store
    return f"Units can’t be opened here: the store {md(name)} is not among those at hand."


def models_words(models: pd.DataFrame, over: str) -> str:
    """The first rows as sentences, and what they are beside chance."""
    told = []
    for row in as_bars(models, over, ["model"]).itertuples():
        said = models.iloc[row.row]
        told.append(
            f"**{md(condition_words(tuple(said[ALL])))}**: {percent(row.mean)} right on average, "
            f"{interval_words(row)}, over {mean_of(said)}. {plural(int(said['responses']), 'answer')} "
            f"by {people_count(int(said['participants']))}; {beside_chance(row, said)}"
        )
        if len(told) == 3:
            break
    more = len(models) - len(told)
    return "  \n".join(told) + (f"  \n… and {plural(more, 'more condition')} below." if more else "")


def interval_words(row: Any) -> str:
    """A row's 95 % interval in words, or that there is none."""
    if pd.isna(row.low) or pd.isna(row.high):
        return "no interval"
    return f"95% interval {percent(row.low)} to {percent(row.high)}"
