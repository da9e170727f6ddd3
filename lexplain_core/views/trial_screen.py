"""What a two-alternative trial shows, and what the browser says of the answer."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..base.errors import UserError
from ..base.pictures import UnreadableImage, data_url, stored_type
from ..config.study import Labels
from ..stimuli.base import BUTTONS, Picture
from ..studies.file.study import StudyFile
from ..studies.session.screens import finite

# A single _ is a mark at the edge of a word alone; within a word, as in a_name, it stands for itself.
_EMPHASIS = re.compile(
    r"(\*\*.+?\*\*|__.+?__|\*.+?\*|(?<!\w)_(?:[^_]|(?<=\w)_(?=\w))++_(?!\w))",
)


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


def read_answer(given: Any) -> Answer | None:
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


@dataclass(frozen=True)
class Times:
    """Milliseconds. lock: for so long after the images are shown answers are locked. feedback, go_on: from the answer
    to its feedback, and to the Continue button."""

    lock: int = 1500
    feedback: int = 350
    go_on: int = 1500


@dataclass(frozen=True)
class Feedback:
    """What follows an answer. right: whether it was; None if people aren't told: then the next trial is asked for
    after `Times.feedback`, without a button. score: put in place of `TrialView.score`."""

    right: bool | None = None
    score: str | None = None


@dataclass(frozen=True)
class TrialView:
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


def filled(text: str, **values: Any) -> str:
    """A label with `{name}` replaced by values; other braces stay."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def screen_words(labels: Labels) -> dict[str, Any]:
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


def picture_url(picture: Picture) -> str:
    try:
        kind = stored_type(picture.data or b"")  # whatever the study's file says it is
    except UnreadableImage as error:
        raise UserError(f"The study's picture of {picture.key!r} can't be shown: {error}.") from None
    return data_url(picture.data, kind)


def spans(text: str) -> list[list[str]]:
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


def sketch(labels: Labels) -> str:
    """What a trial looks like, in outlines; in a grey that is seen on white and on black. HTML."""
    grey = "#7c8794"
    cells = [
        f'<rect x="{x + 30 * column}" y="{30 + 30 * row}" width="26" height="26" rx="2" fill="{grey}" fill-opacity=".5"/>'
        for x in (8, 312)
        for row in range(3)
        for column in range(3)
    ]
    queries = [f'<rect x="180" y="{y}" width="46" height="46" rx="2" fill="{grey}"/>' for y in (6, 100)]
    words = [
        f'<text x="{x}" y="20" font-size="15">{html.escape(word)}</text>'
        for x, word in ((51, labels.left), (355, labels.right))
    ]
    keys = [
        f'<rect x="{164 + 27 * n}" y="{y}" width="24" height="19" rx="3" fill="none" stroke="{grey}"/>'
        f'<text x="{176 + 27 * n}" y="{y + 14}" font-size="15">{n + 1}</text>'
        for y in (55, 78)
        for n in range(3)
    ]
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="440" height="152" viewBox="-17 0 440 152">'
        f'<g text-anchor="middle" font-family="sans-serif" fill="{grey}">{"".join(cells + queries + words + keys)}</g></svg>'
    )
    return f'<img class="lx-sketch" alt="{html.escape(labels.sketch)}" src="{data_url(svg.encode(), "image/svg+xml")}">'


def course_minutes(study: StudyFile) -> int:
    """How long the course takes, roughly: IMI's 50 trials took a quarter of an hour."""
    course = study.settings.course
    trials = course.practice_obvious + course.practice_other + course.trials + course.catch
    return max(1, round(15 * trials / 50))
