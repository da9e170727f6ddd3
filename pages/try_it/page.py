"""Try it: a few two-alternative trials on a unit or a layer, each explained afterwards; nothing is recorded."""

from __future__ import annotations

import random
from dataclasses import astuple, replace

import streamlit as st

from lexplain_core.base.intervals import wilson
from lexplain_core.base.numbers import percent, plural
from lexplain_core.base.pages import Page
from lexplain_core.views.markdown import code, md
from lexplain_core.views.opened import Opened
from lexplain_core.views.trial_screen import Answer, Feedback, Times, TrialView
from lexplain_core.views.trials import Asked, Drawn, Round
from pages.try_it import explained, tried
from pages.ui import go, links, shell
from pages.ui.bound import Changes, bind, press
from pages.ui.plain_words import plain_words
from pages.ui.shell import Offer
from pages.ui.text import message, unusable
from pages.ui.trial import trial

_TIMES = Times(lock=500, feedback=150, go_on=400)
_QUESTION = "Which image at the center matches the **right** examples better?"
_HEIGHT = 560  # pixels of a trial
_MOST = 20


def render(view: links.TryIt, opened: Opened, offer: Offer) -> None:
    view = _known(view, opened)
    offer(view, release_focus=True)
    st.title("Try it", anchor=False)
    st.markdown(
        "Nine images on the left hardly excite a unit of the network, nine on the right excite it most. **Which of the two "
        "in the centre belongs to the right?** People in studies answer the same question. "
        "Nothing that you do here is recorded."
    )
    _controls(view, opened)
    drawn = tried.draw(view, opened)
    if drawn.problem:
        _no_trials(view, opened, drawn)
    else:
        _round(view, opened, drawn)
    _what_is_this()


def _known(view: links.TryIt, opened: Opened) -> links.TryIt:
    """The view with a layer and a unit that this store has, after saying what it hasn't."""
    layers = shell.layers(opened).set_index("layer")
    if view.layer and view.layer not in layers.index:
        unusable(md(f"This store has no layer “{view.layer}”; its last one is asked about."))
        view = replace(view, layer="", unit=None)
    if not view.layer:
        view = replace(view, layer=shell.last_layer(opened))
    units = int(layers.loc[view.layer, "units"])
    if view.unit is not None and view.unit >= units:
        unusable(
            md(
                f"Layer “{view.layer}” has no unit {view.unit}; its units are 0 to {units - 1}. Any of them is asked about."
            )
        )
        view = replace(view, unit=None)
    return view


# -- controls ----------------------------------------------------------------------------------------


def _controls(view: links.TryIt, opened: Opened) -> None:
    layers = shell.layers(opened).set_index("layer")["units"]
    columns = st.columns([1.3, 1.3, 1.1, 0.8, 1.1], vertical_alignment="bottom")
    columns[0].selectbox(
        "Layer", list(layers.index), **bind(view, "layer", lambda layer: {"layer": layer, "unit": None})
    )
    columns[1].number_input(
        f"Unit, 0 to {layers[view.layer] - 1}",
        0,
        int(layers[view.layer]) - 1,
        value=None,
        step=1,
        placeholder="any of the layer",
        help="Empty: each trial is about another unit of the layer, which is named after your answer",
        **bind(view, "unit"),
    )
    columns[2].selectbox(
        "Difficulty",
        links.DIFFICULTIES,
        help="How extreme the two images in the centre are. easy: just less than the examples; medium: at the 99th and "
        "1st percentile; hard: 95th and 5th; very hard: 85th and 15th",
        **bind(view, "difficulty"),
    )
    columns[3].number_input("Trials", 1, _MOST, step=1, **bind(view, "count"))
    columns[4].button(
        "New trials",
        icon=":material/shuffle:",
        key="new trials",
        help="Other images, by another seed; the address keeps it",
        **press(view, _new),
    )


def _new() -> Changes:
    return {"seed": random.randrange(1, 10**6)}


def _no_trials(view: links.TryIt, opened: Opened, drawn: Drawn) -> None:
    """Why nothing can be asked, and where to go instead."""
    st.info(f"**There are no such trials.** {message(drawn.problem)}", icon=":material/block:")
    if drawn.refused:
        others = [
            d
            for d in links.DIFFICULTIES
            if d != view.difficulty and not tried.draw(replace(view, difficulty=d), opened).problem
        ]
        with st.container(horizontal=True):
            for difficulty in others:
                st.button(
                    f"Try {difficulty} ones",
                    key=f"try {difficulty}",
                    **press(view, difficulty=difficulty),
                )
    elif view.unit is not None:
        found = explained.another(view, opened)
        with st.container(horizontal=True):
            if found:
                st.button(f"Try unit {found.unit}", key="try another", type="primary", **press(found))
            st.button("Try any unit of the layer", key="try any", **press(view, unit=None))


# -- the trials --------------------------------------------------------------------------------------


def _round(view: links.TryIt, opened: Opened, drawn: Drawn) -> None:
    state = st.session_state
    here = astuple(view)
    if "round" not in state or state["round"].view != here:
        state["round"] = Round(here, state["round"].number + 1 if "round" in state else 1)
    done: Round = state["round"]
    if done.at >= len(drawn.trials):
        _tally(view, drawn, done)
        return
    st.caption(_about(view, drawn))
    asked = drawn.trials[done.at]
    button = done.buttons.get(done.at)
    trial(
        "try",
        _shown(opened, asked, done, len(drawn.trials)),
        on_answer=_answered,
        on_continue=_went_on,
        feedback=None if button is None else Feedback(asked.correct(button)),
        times=_TIMES,
        height=_HEIGHT,
    )
    if button is not None:
        explained.show(view, opened, asked, button)


def _about(view: links.TryIt, drawn: Drawn) -> str:
    whose = (
        f"Each trial is about another unit of {code(view.layer)}; which one, and its words, come after your answer."
        if view.unit is None
        else f"All trials are about {code(view.layer)} · unit {view.unit}. If you have looked at its page before, its "
        "examples and words make this easier than it is for people in a study."
    )
    return f"{whose} {md(drawn.short)}"


def _shown(opened: Opened, asked: Asked, done: Round, count: int) -> TrialView:
    pictures = tried.pictures(opened, asked.low + asked.high)
    upper, lower = asked.queries
    return TrialView(
        done.nonce(done.at),
        pictures[upper],
        pictures[lower],
        [pictures[asked.low[i]] for i in asked.left],
        [pictures[asked.high[i]] for i in asked.right],
        _QUESTION,
        label="Try it",
        count=f"{done.at + 1} of {count}",
        progress=done.at / count,
    )


def _answered(answer: Answer) -> None:
    done: Round | None = st.session_state.get("round")
    if done and answer.nonce == done.nonce(done.at):
        done.buttons.setdefault(done.at, answer.button)  # the first one counts


def _went_on(nonce: str) -> None:
    done: Round | None = st.session_state.get("round")
    if done and nonce == done.nonce(done.at) and done.at in done.buttons:
        done.at += 1


def _again() -> None:
    done: Round = st.session_state["round"]
    st.session_state["round"] = Round(done.view, done.number + 1)


def _tally(view: links.TryIt, drawn: Drawn, done: Round) -> None:
    """How many were right, with the interval that so few answers leave."""
    rights = [asked.correct(done.buttons[i]) for i, asked in enumerate(drawn.trials)]
    low, high = (float(end) for end in wilson(sum(rights), len(rights)))
    st.subheader(f"{sum(rights)} of {len(rights)} right", anchor=False)
    st.markdown(
        f"That is {percent(sum(rights) / len(rights))}; with {plural(len(rights), 'answer')}, the 95% interval goes from "
        f"{percent(low)} to {percent(high)} (Wilson). By guessing one gets half of them right."
    )
    for number, (asked, right) in enumerate(zip(drawn.trials, rights, strict=True)):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(f"<span>{number + 1}. {'✓ right' if right else '✗ not right'}</span>", width=110)
            if view.unit is None:
                _open(view, asked, f"{asked.layer} · unit {asked.unit}")
    if view.unit is not None:
        _open(view, drawn.trials[0], f"Open {view.layer} · unit {view.unit}")
    with st.container(horizontal=True):
        st.button(
            "New trials",
            icon=":material/shuffle:",
            key="more trials",
            type="primary",
            **press(view, _new),
        )
        st.button("The same ones again", icon=":material/replay:", key="again", on_click=_again)


def _open(view: links.TryIt, asked: Asked, label: str) -> None:
    go.link(md(label), links.Neuron(store=view.store, layer=asked.layer, unit=asked.unit))


def _what_is_this() -> None:
    plain_words(
        """
A **two-alternative forced-choice trial**, as in Zimmermann, Klein & Brendel (2023). All 20 images come from the probing set, in the
order of one unit’s activation: on the left nine of those with the smallest, on the right nine of those with the largest.
Of the two in the centre, one is from the low end of that order and one from the high end; which is on top is drawn by a coin. Who can tell
them apart has understood something of what the unit does; by guessing one is right half of the time.

Click one of the six numbers, or press **1, 2, 3** for the upper image and **4, 5, 6** for the lower one; the higher the number of its row, the
surer you are. **Enter** goes on. The numbers wake up half a second after the images appear.

Afterwards you see whose activations these were, where the two images lie among all, what the unit’s **explanation** says, and
whether its words alone would have answered right. The **machine observer**, where the store has one, answers such trials by comparing their
embeddings.

The same address brings the same trials. A real study, with consent, practice and checks, is made on the page *Results*.
"""
    )


PAGE = Page("Try it", ":material/quiz:", links.TryIt, render, place=60)
