"""A 2AFC trial: nine examples on either side, two images in the centre, six buttons; by mouse or by keys.

Everything that the browser gets before the answer is in `trial`'s message: images in the order of
their cells, as data (no file names, no addresses), and a nonce. Which of the two is right comes
with the verdict, after the answer.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from lexplain_core.base.errors import UserError
from lexplain_core.base.pictures import UnreadableImage, stored_type
from lexplain_core.config.study import Labels
from lexplain_core.stimuli.base import BUTTONS, Picture
from lexplain_core.studies.session.screens import finite
from pages.ui.front import component

_component = component("trial")


@dataclass(frozen=True)
class Answer:
    """What the browser says of a click or a key.

    button: 0 to 2 for the upper image with confidence 1 to 3, 3 to 5 for the lower one. rt_ms: from the moment
    the images were shown, the lock included. load_ms: from the message to that moment. hidden: whether the
    page was out of sight in between.
    """

    nonce: str
    button: int
    rt_ms: float
    load_ms: float | None
    hidden: bool

    @property
    def upper(self) -> bool:
        """Whether the upper image was chosen."""
        return self.button < BUTTONS // 2

    @property
    def confidence(self) -> int:
        """1 to 3."""
        return self.button % (BUTTONS // 2) + 1


@dataclass(frozen=True)
class Shown:
    """A trial's images, and the words around them. nonce: another one for every trial, telling nothing.

    question: of Markdown, **bold** and *italic* are understood. progress: 0 to 1, None for no bar.
    attempt: another number asks the same trial again, after an answer that was not taken.
    """

    nonce: str
    upper: Picture
    lower: Picture
    left: Sequence[Picture]
    right: Sequence[Picture]
    question: str
    label: str = ""  # 'Practice'
    count: str = ""  # '3 of 45'
    note: str = ""  # 'Preview: nothing is recorded'
    score: str = ""  # 'Right so far: 2'
    progress: float | None = None
    attempt: int = 0


def trial(
    key: str,
    shown: Shown,
    on_answer: Callable[[Answer], None],
    on_continue: Callable[[str], None] | None = None,
    *,
    answered: bool = False,
    right: bool | None = None,
    score: str | None = None,
    lock_ms: int = 1500,
    feedback_ms: int = 350,
    continue_ms: int = 1500,
    height: int | None = None,
    labels: Labels | None = None,
) -> None:
    """Show a trial, and its feedback in a later run of the script.

    on_answer gets the `Answer` before the script runs again (it is a callback: use session state); the
    browser repeats an answer that isn't acknowledged, so it can come more than once. After it, call again
    with the same `shown` and `answered=True`: the images aren't sent again.
    right: whether the answer was right; None if people aren't told: then the next trial is asked for
    `feedback_ms` after the answer, without a button. on_continue gets the nonce (may be repeated, too); without
    one there is no Continue button. score: put in place of `shown.score` with the feedback.
    lock_ms: for so long after the images are shown answers are locked. feedback_ms, continue_ms: from the answer
    to its feedback, and to the Continue button. height: in pixels; the window's without one.
    labels: the words around the images; a study's own, or the default ones.
    """
    wanted = f"{key} wants images"
    data: dict[str, Any] = {
        "nonce": shown.nonce,
        "attempt": shown.attempt,
        "lock": lock_ms,
        "feedbackAfter": feedback_ms,
        "continueAfter": continue_ms,
        "continues": on_continue is not None,
        "height": f"{height}px" if height else "100dvh",
    }
    if answered:
        data["verdict"] = {"right": right, "score": score}
    if not answered or st.session_state.get(wanted) == shown.nonce:
        data |= {
            "images": [_url(p) for p in (shown.upper, shown.lower, *shown.left, *shown.right)],
            "question": _spans(shown.question),
            "label": shown.label,
            "count": shown.count,
            "note": shown.note,
            "score": shown.score,
            "progress": shown.progress,
            "words": _words(labels or Labels()),
        }

    def answer() -> None:
        if (given := _answer(_value(key, "answer"))) is not None:
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


def _value(key: str, event: str) -> Any:
    return (st.session_state.get(key) or {}).get(event)


def _answer(given: Any) -> Answer | None:
    """The answer in a message from the browser, which may hold anything."""
    try:
        nonce, button, rt, load = given["nonce"], given["button"], given["rt"], given["load"]
    except (TypeError, KeyError):
        return None
    if not isinstance(nonce, str) or type(button) is not int or not 0 <= button < BUTTONS:
        return None
    rt, load = _duration(rt), _duration(load)
    if rt is None:
        return None
    return Answer(nonce, button, rt, load, bool(given.get("hidden")))


def _duration(value: Any) -> float | None:
    number = finite(value)
    return number if number is not None and number >= 0 else None


def filled(text: str, **values: Any) -> str:
    """A label with `{name}` replaced by values; other braces stay."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def _words(labels: Labels) -> dict[str, Any]:
    """All that the browser writes itself; of the six answers, the names and what to press."""
    half = BUTTONS // 2
    images = (labels.upper, labels.lower)
    return {
        "progress": labels.progress,
        "left": labels.left,
        "right": labels.right,
        "images": images,
        "hint": labels.more_confident,
        "go": labels.go_on,
        "good": f"✓ {labels.correct}",
        "bad": f"✗ {labels.wrong}",
        "waiting": labels.waiting,
        "small": labels.small,
        "answers": [
            filled(labels.confidence, image=images[n // half], confidence=n % half + 1)
            for n in range(BUTTONS)
        ],
        "keys": [filled(labels.key, key=n + 1) for n in range(BUTTONS)],
    }


def _url(picture: Picture) -> str:
    try:
        kind = stored_type(picture.data or b"")  # whatever the study's file says it is
    except UnreadableImage as error:
        raise UserError(f"The study's picture of {picture.key!r} can't be shown: {error}.") from None
    return f"data:{kind};base64,{b64encode(picture.data).decode()}"


# A single _ is a mark at the edge of a word alone; within a word, as in a_name, it stands for itself.
_EMPHASIS = re.compile(
    r"(\*\*.+?\*\*|__.+?__|\*.+?\*|(?<!\w)_(?:[^_]|(?<=\w)_(?=\w))++_(?!\w))",
)


def _spans(text: str) -> list[list[str]]:
    """Text with **bold** and *italic* as [element, text] pairs; element is 'span', 'strong' or 'em'."""
    spans = []
    for piece in _EMPHASIS.split(" ".join(text.split())):
        for mark, element in (("**", "strong"), ("__", "strong"), ("*", "em"), ("_", "em")):
            if len(piece) > 2 * len(mark) and piece.startswith(mark) and piece.endswith(mark):
                spans.append([element, piece[len(mark) : -len(mark)]])
                break
        else:
            if piece:
                spans.append(["span", piece])
    return spans
