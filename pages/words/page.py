"""Your words: an explanation edited by hand, with what it predicts at once beside it."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from lexplain_core.base.errors import UserError
from lexplain_core.base.pages import Page
from lexplain_core.live import editing
from lexplain_core.live.editing import Edited
from lexplain_core.store import Explanation, StoreError, Unit
from lexplain_core.views.edited import Draft, fit_draft, read_draft, score_sentence
from lexplain_core.views.explanations import colored
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import Opened
from pages.ui import go, links, shell
from pages.ui.cache import cached
from pages.ui.plain_words import plain_words
from pages.ui.shell import Offer
from pages.ui.text import message, unusable
from pages.words import charts, form, keep, scores


def render(view: links.Words, opened: Opened, offer: Offer) -> None:
    view, unit = _find(view, opened)
    if unit is None:
        offer(view)
        return
    names, keys = _concepts(opened)
    start = _start(view, unit)
    draft, problems = read_draft(view.terms, view.bias, view.way, start, names)
    matrices = list(shell.matrices(opened))
    view = replace(view, matrix=_matrix(view, start, matrices))
    offer(view)
    edited, error = fit_draft(unit, draft, view.matrix, start)
    before = _before(opened, unit.layer, unit.unit, start.method) if start else None
    look = charts.styles(draft.ids, before.explanation if before else None)
    _title(view, unit)
    form.switches(view, unit, draft, edited, matrices, opened.store.user_methods)
    unusable(*map(md, problems))
    if edited:
        st.html(
            f'<p class="lx-line">{colored(edited.explanation, look)}</p>'
            f'<p class="lx-facts lx-score">{score_sentence(edited, before)}</p>'
        )
    elif error:
        st.error(message(error), icon=":material/error:")
    else:
        st.info("There are no words yet. **Add a concept** that you think this unit answers to.")
    left, right = st.columns([1, 1.35], gap="medium")
    with left:
        st.subheader("The words", anchor=False)
        form.terms(view, unit, draft, edited, names, look)
        form.add(view, draft, _sayable(opened, view.matrix), names)
        for note in edited.notes if edited else ():
            st.caption(md(note))
    if edited:
        with right:
            st.subheader("What is in the images, by activation", anchor=False)
            charts.area(unit, edited.explanation, view.matrix, look, "area")
        charts.below(unit, edited, before, view.matrix, look)
        _scores(view, unit, edited, before, draft)
    keep.show(view, opened, unit, edited, keys, _place(unit), (draft, view.matrix))
    _what_is_this()


@cached("Reading the concepts …", most=4)
def _concepts(opened: Opened) -> tuple[dict[int, str], dict[int, str]]:
    """Names and keys of all concepts by id."""
    frame = opened.store.concepts()
    ids = [int(i) for i in frame["concept"]]
    return dict(zip(ids, frame["name"], strict=True)), dict(zip(ids, frame["key"], strict=True))


@cached("Reading the concepts …")
def _sayable(opened: Opened, matrix: str) -> pd.DataFrame:
    return opened.store.sayable(matrix)


@cached(most=64)
def _before(opened: Opened, layer: str, number: int, method: str) -> Edited | None:
    """The words before, scored as the edited ones are; None where nothing can be predicted from them."""
    unit = opened.store.unit(layer, number)
    try:
        return editing.scored(unit, unit.explanation(method))
    except (StoreError, UserError):
        return None


def _find(view: links.Words, opened: Opened) -> tuple[links.Words, Unit | None]:
    """The unit of the address and the method that its words start from; None after saying what is wrong."""
    missing = "unit" if view.unit is None else "layer" if not view.layer else None
    try:
        if missing and st.query_params.get(missing):  # what was ignored of it stands above
            raise StoreError("")
        if missing or view.unit is None:
            raise StoreError(
                f"The address names no {missing}: open this page by “Edit these words” on a unit's page."
            )
        unit = opened.store.unit(view.layer, view.unit)
    except StoreError as error:
        shell.no_unit(error, view.store)
        return view, None
    known = [one.method for one in unit.explanations if not one.reason]
    if view.method and view.method not in known:
        unusable(md(f"This unit has no words by “{view.method}” to start from."))
        view = replace(view, method="")
    if not view.method and not view.terms and known:
        default = opened.store.default_method
        view = replace(view, method=default if default in known else known[0])
    return view, unit


def _start(view: links.Words, unit: Unit) -> Explanation | None:
    return unit.explanation(view.method) if view.method else None


def _matrix(view: links.Words, start: Explanation | None, matrices: list[str]) -> str:
    """The matrix to fit with: the one asked for, else that of the words before, else labels or what there is."""
    if view.matrix in matrices:
        return view.matrix
    if view.matrix:
        unusable(md(f"This store has no concept matrix “{view.matrix}”; another one is used."))
    if start is not None and start.matrix in matrices:
        return start.matrix
    return "label" if "label" in matrices else matrices[0]


def _title(view: links.Words, unit: Unit) -> None:
    name = f"{unit.layer} · unit {unit.unit}" + (f" · {unit.name}" if unit.name else "")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(f"Your words for {md(name)}", anchor=False, width="content")
        there = links.Neuron(store=view.store, layer=unit.layer, unit=unit.unit, method=view.method)
        go.link("To the unit", there, icon=":material/stacked_line_chart:")
    if unit.status != "alive" and unit.reason:
        st.caption(md(unit.reason))


def _place(unit: Unit) -> tuple[str, str, int]:
    return unit.store.id, unit.layer, unit.unit


def _scores(view: links.Words, unit: Unit, edited: Edited, before: Edited | None, draft: Draft) -> None:
    st.subheader("How well the words predict the unit", anchor=False)
    place = st.container()
    with_test = scores.switch_to_test(_place(unit), (draft, view.matrix))
    with place:
        scores.table(edited, before, with_test)


def _what_is_this() -> None:
    plain_words(
        f"""
An **explanation** says what a unit answers to: add the weight of each concept that an image shows, and the bias, and you get the
activation that the words predict. Here you write one yourself: start from a machine’s words or from none, add concepts, take others
out, change weights.

**Weights: re-fitted** finds those that predict the unit best on the *train* images (least squares), each time that a concept comes or
goes, just as the machine’s methods do at the end. **As they are** keeps what you see; a concept that you add gets the weight that fits
best beside the others. Setting a weight yourself switches to it. An emptied weight is fitted.

The **correlation** says how well the predicted activations follow the actual ones: 1 is perfect, 0 is nothing. Its 95% interval is what
chance alone leaves open. It is computed on images that no weight was fitted on: those of the **val** split while you try things, those of
the **test** split when you are done. Who says which concepts an image shows, its labels or an encoder, stands in front of each row;
the *headline* is the judge of the words that you started from, else one that the weights were not fitted with.

{scores.SPOILT}

The **stacked chart** shows which of your concepts the images of each range of activation show; every image counts once, for the
rarest of them. Weights change nothing in it.

**Kept words** are a method of the name that you give them: they stand beside the machine’s on every page of this store. They lie in a
file of notes beside the store, which itself stays as it is. At most {editing.MOST} concepts. They get no ablation score and no null, which
need the network and the other units.
"""
    )


PAGE = Page("Your words", ":material/edit_note:", links.Words, render, place=90, listed=False)
