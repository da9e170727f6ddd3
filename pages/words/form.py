"""The table of terms on the page of your words: weights, removing, adding, and how weights are found."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from lexplain_core import figures
from lexplain_core.base.numbers import LARGEST_INTEGER, decimals, rounded
from lexplain_core.live.editing import LARGEST, MOST, Edited
from lexplain_core.store import Unit
from lexplain_core.views.edited import Draft, read_terms, shown_weights, write_terms
from lexplain_core.views.explanations import matrix_title
from lexplain_core.views.markdown import md
from pages.ui import links, shell
from pages.ui.bound import Changes, bind, labelled, press
from pages.words.keep import NAME

WAYS = {"refit": "re-fitted", "keep": "as they are"}
_HELP = (
    "Re-fitted: by least squares on the train split, as the machine’s methods do it, each time that a concept comes or "
    "goes. As they are: those that you see, and a concept that you add gets the weight that fits best beside them."
)
_SCRATCH = "no words"


def switches(
    view: links.Words,
    unit: Unit,
    draft: Draft,
    edited: Edited | None,
    matrices: list[str],
    user_methods: Container[str] = (),
) -> None:
    """What the words start from, whose eyes see the concepts, and how weights are found. user_methods: methods that
    somebody wrote, whose names the words may be kept under."""
    methods = [one.method for one in unit.explanations if not one.reason]
    with st.container(horizontal=True, vertical_alignment="bottom", key="lx_switches_edit"):
        st.selectbox(
            "Start from",
            ["", *methods],
            format_func=lambda name: name or _SCRATCH,
            width=190,
            help="Whose words you edit; another choice starts over from them",
            **bind(
                view,
                "method",
                lambda method: _start(method, user_methods),
                shows=view.method if view.method in methods else "",
            ),
        )
        labelled(
            view,
            "matrix",
            {name: md(matrix_title(name)) for name in matrices},
            "Concepts seen by",
            help="Who says which concepts an image shows, for finding weights and in the stacked charts",
        )
        labelled(view, "way", WAYS, "Weights", help=_HELP, to=lambda way: _way(view, draft, edited, way))
        st.space("stretch")
        st.button(
            "Start over",
            icon=":material/restart_alt:",
            key="start over",
            disabled=not view.terms and view.bias is None and view.way == "refit",
            help="Back to the words that you started from, with weights re-fitted",
            **press(view, terms="", bias=None, way="refit"),
        )


def _start(method: str, user_methods: Container[str]) -> Changes:
    st.session_state[NAME] = method if method in user_methods else ""
    terms = "" if method else write_terms([])
    return {"method": method, "terms": terms, "bias": None, "way": "refit", "matrix": ""}


def _way(view: links.Words, draft: Draft, edited: Edited | None, way: str) -> Changes:
    kept = edited if way == "keep" else None
    found = _now(view, draft, shown_weights(draft, kept) if kept else None)
    weights = tuple(found.values()) if kept else None
    return {"way": way, "terms": write_terms(tuple(found), weights), "bias": None}


def _terms(terms: Mapping[int, float | None], **more: Any) -> Changes:
    """The address with these terms."""
    return {"terms": write_terms(tuple(terms), tuple(terms.values())), **more}


def _now(
    view: links.Words, draft: Draft, shown: Sequence[float | None] | None = None
) -> dict[int, float | None]:
    """Concept → weight as the address has them now: others may have changed in the same moment. Where it has no weight,
    that which is `shown`."""
    now = shell.now(view)
    terms = dict(zip(draft.ids, draft.weights, strict=True))
    if now.terms != view.terms:
        terms = dict(read_terms(now.terms, range(LARGEST_INTEGER))[0])
    known = dict(zip(draft.ids, shown, strict=True)) if shown else {}
    return {c: known.get(c) if weight is None else weight for c, weight in terms.items()}


def terms(
    view: links.Words,
    unit: Unit,
    draft: Draft,
    edited: Edited | None,
    names: Mapping[int, str],
    styles: Mapping[int, figures.Style],
) -> None:
    """A row a term: its colour and name, its weight, a button that removes it; and the bias."""
    weights = shown_weights(draft, edited)
    places = decimals(unit.maximum - unit.minimum, 100)
    look: dict[str, Any] = {"step": 10.0 ** (1 - places), "format": f"%.{places}f", "width": 150}
    look |= {"min_value": -LARGEST, "max_value": LARGEST, "value": None}
    for place, concept in enumerate(draft.ids):
        name = names[concept]
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(_name(name, styles.get(concept)))
            st.number_input(
                f"Weight of {md(name)}",
                label_visibility="collapsed",
                placeholder="not fitted",
                **look,
                **bind(
                    view,
                    "terms",
                    partial(_weighed, view, draft, tuple(weights), concept),
                    shows=weights[place],
                    key=f"weight {concept}",
                ),
            )
            st.button(
                "Remove",
                icon=":material/close:",
                key=f"remove {concept}",
                type="tertiary",
                help=f"Take {md(name)} out of the words",
                **press(view, partial(_remove, view, draft, concept)),
            )
    if edited is not None:
        _bias(view, edited, look)


def _bias(view: links.Words, edited: Edited, look: dict[str, Any]) -> None:
    fitted = edited.explanation.bias or 0.0
    if view.way == "refit":
        st.html(
            f'<p class="lx-facts lx-muted">Bias {rounded(fitted)}: the prediction without any of the concepts.</p>'
        )
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html("Bias" + ("" if view.bias is not None else ' <span class="lx-muted">(fitted)</span>'))
        st.number_input(
            "Bias",
            label_visibility="collapsed",
            placeholder=rounded(fitted),
            help="The prediction without any of the concepts. Empty: the one that fits best; correlations don’t depend on it.",
            **look,
            **bind(view, "bias"),
        )


def _name(name: str, style: figures.Style | None) -> str:
    color = style.color if style else "transparent"
    return f'<span class="lx-line" style="font-size:1rem"><span class="t" style="--c:{color}">{escape(name)}</span></span>'


def _weighed(
    view: links.Words, draft: Draft, weights: tuple[float | None, ...], concept: int, weight: float | None
) -> Changes | None:
    """A weight was set by hand: it holds, and so do the others as they were shown."""
    terms = _now(view, draft, weights)
    if concept not in terms:  # removed in the same moment
        return None
    return _terms(
        terms | {concept: weight}, way="keep"
    )  # None, where it was emptied: fitted beside the others


def _remove(view: links.Words, draft: Draft, concept: int) -> Changes:
    terms = _now(view, draft)
    terms.pop(concept, None)
    return _terms(terms)


def add(view: links.Words, draft: Draft, sayable: pd.DataFrame, names: Mapping[int, str]) -> None:
    """A box that completes the name of a concept, and adds it."""
    ids = sayable["concept"].tolist()
    same = dict(zip(ids, sayable["same"], strict=True))
    st.selectbox(
        f"Add a concept, of {len(ids):,} that can be said",
        ids,
        index=None,
        format_func=lambda concept: (
            names.get(concept, "") + (f" (same images as: {others})" if (others := same.get(concept)) else "")
        ),
        filter_mode="contains",
        placeholder="Type a part of its name …",
        disabled=len(draft.ids) >= MOST,
        **bind(view, "terms", partial(_add, view, draft, names), shows=None, key="add concept"),
    )


def _add(view: links.Words, draft: Draft, names: Mapping[int, str], concept: int | None) -> Changes | None:
    if concept is None:
        return None
    terms = _now(view, draft)
    if concept in terms:
        st.toast(f"{md(names[concept])} is among the words already.", icon=":material/info:")
        return None
    return _terms(terms | {int(concept): None})
