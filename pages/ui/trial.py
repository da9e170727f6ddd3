"""A 2AFC trial: nine examples on either side, two images in the centre, six buttons; by mouse or by keys.

Everything that the browser gets before the answer is in `trial`'s message: images in the order of
their cells, as data (no file names, no addresses), and a nonce. Which of the two is right comes
with the verdict, after the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from lexplain_core.config.study import Labels
from lexplain_core.views.trial_screen import (
    Answer,
    Feedback,
    Times,
    TrialView,
    picture_url,
    read_answer,
    screen_words,
    spans,
)
from pages.ui.front import component

_component = component("trial")


def trial(
    key: str,
    shown: TrialView,
    on_answer: Callable[[Answer], None],
    on_continue: Callable[[str], None] | None = None,
    *,
    feedback: Feedback | None = None,
    times: Times | None = None,
    height: int | None = None,
    labels: Labels | None = None,
) -> None:
    """Show a trial, and its feedback in a later run of the script.

    on_answer gets the `Answer` before the script runs again (it is a callback: use session state); the
    browser repeats an answer that isn't acknowledged, so it can come more than once. After it, call again
    with the same `shown` and with `feedback`: the images aren't sent again. on_continue gets the nonce (may be
    repeated, too); without one there is no Continue button. height: in pixels; the window's without one.
    labels: the words around the images; a study's own, or the default ones.
    """
    wanted, times = f"{key} wants images", times or Times()
    data: dict[str, Any] = {
        "nonce": shown.nonce,
        "attempt": shown.attempt,
        "lock": times.lock,
        "feedbackAfter": times.feedback,
        "continueAfter": times.go_on,
        "continues": on_continue is not None,
        "height": f"{height}px" if height else "100dvh",
    }
    if feedback is not None:
        data["verdict"] = {"right": feedback.right, "score": feedback.score}
    if feedback is None or st.session_state.get(wanted) == shown.nonce:
        data |= _content(shown, labels or Labels())

    def answer() -> None:
        if (given := read_answer(_value(key, "answer"))) is not None:
            on_answer(given)

    def go_on() -> None:
        nonce = _value(key, "go_on")
        if isinstance(nonce, str) and on_continue is not None:
            on_continue(nonce)

    def send_images() -> None:
        st.session_state[wanted] = _value(key, "need")

    _component(
        data=data,
        key=key,
        width="stretch",
        height="content",
        on_answer_change=answer,
        on_go_on_change=go_on,
        on_need_change=send_images,
    )


def _content(shown: TrialView, labels: Labels) -> dict[str, Any]:
    """The images and the words of a trial, as the browser gets them."""
    return {
        "images": [picture_url(p) for p in (shown.upper, shown.lower, *shown.left, *shown.right)],
        "question": spans(shown.question),
        "label": shown.label,
        "count": shown.count,
        "note": shown.note,
        "score": shown.score,
        "progress": shown.progress,
        "words": screen_words(labels),
    }


def _value(key: str, event: str) -> Any:
    return (st.session_state.get(key) or {}).get(event)
