"""Results: what people answered in a study, while it runs or after, and a form that makes a new one."""

from __future__ import annotations

from dataclasses import asdict, replace

import streamlit as st

from lexplain_core.base.entries import signature
from lexplain_core.base.errors import UserError
from lexplain_core.base.pages import Page
from lexplain_core.studies.file.study import StudyEntry, studies_folder
from lexplain_core.views.markdown import code, md
from lexplain_core.views.opened import Opened
from lexplain_core.views.results import status
from lexplain_core.views.study import Study, entries
from pages.results import answers, new, overview, people, scores, units
from pages.ui import links, studies
from pages.ui.bound import bind, switch
from pages.ui.plain_words import plain_words
from pages.ui.shell import Offer
from pages.ui.text import message, unusable

_PARTS = {
    "overview": "Overview",
    "units": "Units",
    "answers": "Answers",
    "scores": "Against scores",
    "people": "People",
    "new": "New study",
}
_SHOWS = {
    "overview": overview.show,
    "units": units.show,
    "answers": answers.show,
    "scores": scores.show,
}
_EVERY = 10  # seconds between looks at the file


def render(view: links.Results, _: Opened | None, offer: Offer) -> None:
    found = entries()
    st.title("What people answered", anchor=False)
    entry = _wanted(view, found)
    if entry is None:
        offer(view)
        _no_study(found)
        new.show(view)
        return
    view = replace(view, study=entry.path.stem)
    offer(view)
    try:
        study = studies.read(entry.path)
    except UserError as error:
        st.error(message(error), icon=":material/error:")
        return
    _bar(view, found, study)
    st.markdown(status(study))
    switch(view, "show", _PARTS)
    if view.show == "new":
        new.show(view)
    elif view.show == "people":
        people.show(view, study, studies.analysed(view, study))
    elif study.responses().empty:
        _no_answers(study)
    else:
        _figures(view, study)
    _what_is_this()
    if study.kind == "study" and view.show != "new":  # not while someone fills in the form
        _watch(study)


def _wanted(view: links.Results, found: list[StudyEntry]) -> StudyEntry | None:
    """The study that the address asks for, else the one that was last written to; None where there is none."""
    good = [entry for entry in found if entry.error is None]
    if view.study:
        for entry in good:
            if entry.path.stem == view.study:
                return entry
        lost = md(f"There is no study “{view.study}” in {studies_folder()}.")
        unusable(lost + (" Another one is shown." if good else ""))
    return good[0] if good else None


def _bar(view: links.Results, found: list[StudyEntry], study: Study) -> None:
    names = {
        e.path.stem: e.name + (" (imported)" if e.kind == "imported" else "")
        for e in found
        if e.error is None
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Study",
            list(names),
            format_func=names.__getitem__,
            width=320,
            **bind(view, "study", lambda stem: asdict(links.Results(view.store, stem, view.show))),
        )
        if study.kind == "study":
            st.button(
                "Reload",
                icon=":material/refresh:",
                key="reload",
                help="The page also reloads by itself when answers come in",
            )
    for entry in found:
        if entry.error:
            st.error(message(entry.error), icon=":material/error:")


def _figures(view: links.Results, study: Study) -> None:
    results = studies.analysed(view, study)
    people.left_out_line(view, results)
    if results.responses.empty:
        st.info(
            "**No answer counts yet.** Figures are of answers to real trials, of people who have finished and pass the "
            "checks. *People* shows who has begun and who was left out, and lets you move the thresholds.",
            icon=":material/hourglass_empty:",
        )
        return
    _SHOWS[view.show](view, study, results)


def _no_study(found: list[StudyEntry]) -> None:
    st.info(
        f"**There is no study yet** in {code(studies_folder())}. A *study* is a file with trials for people, made from a store; their "
        "answers go into it, and this page shows what they say.",
        icon=":material/groups:",
    )
    for entry in found:
        if entry.error:
            st.error(message(entry.error), icon=":material/error:")
    st.markdown("In a terminal:")
    st.code("python -m lexplain_core study new STORE --name NAME", language="bash")
    st.markdown(
        "The answers of the IMI experiment, released by its authors, can be read in: "
        "`python -m lexplain_core import imi FOLDER`. Or make a study here:"
    )


def _no_answers(study: Study) -> None:
    st.info(
        "**Nobody has answered yet.** The figures appear here while answers come in.",
        icon=":material/hourglass_empty:",
    )
    new.how_to_run(study.stem)


@st.fragment(run_every=_EVERY)
def _watch(study: Study) -> None:
    """Run the page again when the study's file has changed."""
    if signature(study.path) != study.key:
        st.rerun()


def _what_is_this() -> None:
    plain_words(
        """
In a study, people answer **two-alternative trials**: nine images that excite a unit least, nine that excite it most, and two in
the centre, of which one belongs to either side. The **proportion right** says how well people can tell from examples what the unit does;
guessing gives **½**, the dashed line of every chart.

A **unit’s** proportion has a Wilson interval, which takes its answers as independent. A **layer’s** or **model’s** number is the mean over its
units, each weighing the same, with a 95% bootstrap interval of 10,000 resamples: over *units* (what other units of the model would
give), or over *people and units* both (other people, too), which is wider.

Only answers to **real trials** count, of people who finished and pass all **checks**. Practice and catch trials don’t. *People* says who was left out and why;
the thresholds there can be moved, and all figures follow. The study’s file isn’t changed by that.

**Response times** run from the moment the images are seen to the answer, and hold the time in which answers are locked.
"""
    )


PAGE = Page("Results", ":material/groups:", links.Results, render, place=70, stores=False)
