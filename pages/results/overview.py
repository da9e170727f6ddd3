"""A study at a glance: how far it is, and its models' and layers' means beside chance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import percent, plural
from lexplain_core.store import of_units
from lexplain_core.studies.results.analysis import CHANCE, Results
from lexplain_core.studies.results.export import no_formulas
from pages.ui import links, shell, studies
from pages.ui.studies import Study
from pages.ui.switch import changed
from pages.ui.text import md

_OVER = {"units": "units", "people": "people and units"}


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
    told = f"{plural(len(study.responses()), 'response')} by {people(count)}"
    if finished < len(sessions):
        told += f" ({finished:,} of {plural(len(sessions), 'session')} finished)"
    parts.append(told)
    if (minutes := median_minutes(study)) is not None:
        parts.append(f"A course took {minutes:.1f} minutes (median)")
    return ". ".join(parts) + "."


def people(count: int) -> str:
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


def show(view: links.Results, study: Study, results: Results) -> None:
    """The tab."""
    _over(view)
    models = results.models
    st.subheader("Models", anchor=False)
    st.markdown(_in_words(models, view))
    several = models["difficulty"].nunique(dropna=False) > 1
    shell.chart(
        figures.proportion_bars(
            as_bars(models, view.over, ["model", "difficulty"] if several else ["model"]),
            theme=shell.theme(),
            title=f"answers that are right, mean over units; whiskers: 95% interval over {_OVER[view.over]}",
        ),
        "model bars",
        "Bars of the proportion right by model and kind of references, beside chance",
    )
    notes(models)
    shell.csv_button(
        "Models as CSV",
        lambda: no_formulas(models),
        shell.file_name(study.stem, "models of the study"),
        "csv models",
    )
    _layers(view, study, results)


def _over(view: links.Results) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html('<span class="lx-muted">Intervals of means are over</span>', width="content")
        st.session_state["over"] = view.over
        st.segmented_control(
            "Intervals of means are over",
            links.OVER,
            key="over",
            format_func=_OVER.get,
            required=True,
            label_visibility="collapsed",
            width="content",
            on_change=changed,
            args=(view, "over", "over"),
            help="units: what other units would give (IMI’s interval). people and units: other people, too",
        )


def _in_words(models: pd.DataFrame, view: links.Results) -> str:
    """The first rows as sentences, and what they are beside chance."""
    told = []
    for row in as_bars(models, view.over, ["model"]).itertuples():
        said = models.iloc[row.row]
        told.append(
            f"**{md(studies.condition_words(tuple(said[studies.ALL])))}**: {percent(row.mean)} right on average, "
            f"{figures.interval_words(row)}, over {mean_of(said)}. {plural(int(said['responses']), 'answer')} "
            f"by {people(int(said['participants']))}; {_beside_chance(row, said)}"
        )
        if len(told) == 3:
            break
    more = len(models) - len(told)
    return "  \n".join(told) + (f"  \n… and {plural(more, 'more condition')} below." if more else "")


def mean_of(row) -> str:
    """Over how many of the units asked about a mean is, and what the others are."""
    return of_units(int(row["units"]), int(row["of"]), without_an_answer_that_counts=int(row["of"]))


def _beside_chance(row, said: pd.Series) -> str:
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


def notes(frame: pd.DataFrame) -> None:
    """What is to be known of intervals: why there is none, or that one rests on few units."""
    for note, rows in frame[frame["note"].fillna("") != ""].groupby("note", sort=False):
        which = "" if len(rows) == len(frame) else f"{len(rows):,} of {len(frame):,}: "
        st.caption(f"{which}{md(note)}")


def _layers(view: links.Results, study: Study, results: Results) -> None:
    st.subheader("Layers", anchor=False)
    condition = pick(view, results, modes=False)
    rows = results.layers_of(condition[0], condition[2])
    rows = rows.assign(place=rows["depth"].fillna(2)).sort_values(["place", "layer", "mode"], kind="stable")
    names = rows["layer"].unique()
    st.markdown(
        f"{plural(len(names), 'layer')} of {md(condition[0])}, those nearest to the image first; means over each layer’s units."
    )
    with st.container(height=560 if len(names) > 14 else "content", border=False):
        shell.chart(
            figures.proportion_bars(as_bars(rows, view.over, ["layer"]), theme=shell.theme()),
            "layer bars",
            "Bars of the proportion right by layer, beside chance",
        )
    notes(rows)
    if left := [f"{row['layer']}: {mean_of(row)}" for _, row in rows.iterrows() if row["units"] < row["of"]]:
        st.caption(md(f"Means of {'; '.join(left[:5])}{'; …' if len(left) > 5 else ''}."))
    shell.csv_button(
        "Layers as CSV",
        lambda: no_formulas(results.layers),
        shell.file_name(study.stem, "layers of the study"),
        "csv layers",
    )


def pick(view: links.Results, results: Results, modes: bool = True) -> tuple:
    """The condition that is shown, with a picker where there are several. modes: whether natural and synthetic
    references are told apart."""
    known = list(results.models[studies.ALL].itertuples(index=False, name=None))
    condition = studies.chosen(view, results)
    if not modes:  # the first of each model and difficulty stands for both
        known = list({(c[0], str(c[2])): c for c in reversed(known)}.values())[::-1]
        condition = next(c for c in known if c[0] == condition[0] and str(c[2]) == str(condition[2]))
    if len(known) > 1:
        words = {studies.condition_words(c): c for c in known}
        labels = {
            w: studies.condition_words((c[0], "" if not modes else c[1], c[2])) for w, c in words.items()
        }
        st.session_state["condition"] = studies.condition_words(condition)
        st.selectbox(
            "Condition",
            list(words),
            format_func=labels.get,
            key="condition",
            width=420,
            on_change=changed,
            args=(view, "condition", "condition"),
        )
    return condition
