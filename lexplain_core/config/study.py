"""A study's settings: every count, lock and text, with IMI's values as defaults (Zimmermann et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from ..base.errors import UserError, did_you_mean, quote
from ..base.files import exists
from ..base.toml import read_toml
from . import Section, apply_overrides

_LONGEST_S = 10_000_000  # some 115 days
_MOST_TRIALS = 10_000_000  # of a study
Difficulty = Literal["easy", "medium", "hard", "very hard"]


class Stimuli(Section):
    """Which units and images people are asked about."""

    units: int = Field(
        84,
        ge=1,
        le=1_000_000,
        description="Units to judge, drawn layer first, then unit within the layer; all where there are fewer.",
    )
    layers: list[str] = Field(
        default_factory=list,
        max_length=10_000,
        description="Draw units from these layers only; from all when empty.",
    )
    difficulty: list[Difficulty] = Field(
        default_factory=lambda: list[Difficulty](["easy"]),
        min_length=1,
        description="Where the queries' ranks lie: `easy` (just inside the references), `medium` (99th and 1st percentile), `hard` (95th and 5th), `very hard` (85th and 15th). Several are mixed evenly.",
    )
    batches: int = Field(
        11,
        ge=1,
        le=1000,
        description="Query pairs a unit brings at most; there are no more than the batches B.",
    )
    images: Literal["source", "stored"] = Field(
        "source",
        description="`source` reads the probing set's images again; `stored` takes what the store keeps of them (thumbnails of up to 160 pixels), where the set is not at hand.",
    )
    resize: int = Field(
        256, ge=16, le=4096, description="The shorter side of an image is resized to this many pixels …"
    )
    side: int = Field(224, ge=16, le=4096, description="… and a centred square of this side is shown.")
    quality: int = Field(92, ge=50, le=100, description="JPEG quality of the shown crops.")


class Course(Section):
    """What a person goes through."""

    tasks: int = Field(63, ge=1, le=100_000, description="Tasks of the study; each is for another person.")
    people: int = Field(1, ge=1, le=1_000_000, description="How many people are to answer each task.")
    trials: int = Field(40, ge=1, le=10_000, description="Real trials of a task; no unit comes twice.")
    catch: int = Field(
        5,
        ge=0,
        le=10_000,
        description="Catch trials (very obvious ones, other for each task), mixed among the real ones.",
    )
    practice_obvious: int = Field(4, ge=0, le=1000, description="Obvious practice trials.")
    practice_other: int = Field(1, ge=0, le=1000, description="Practice trials that are less obvious.")
    practice_rounds: int = Field(
        3, ge=1, le=1000, description="How often the practice is offered until all its answers are right."
    )
    feedback: bool = Field(
        True, description="Say after each main trial whether the answer was right; practice always does."
    )
    running_score: bool = Field(
        True, description="Show the number of right answers during the main trials; with `feedback` only."
    )
    lock_ms: int = Field(
        1500, ge=0, le=600_000, description="Answers are locked for so long after the images are shown."
    )
    feedback_ms: int = Field(350, ge=0, le=600_000, description="From an answer to its feedback.")
    continue_ms: int = Field(1500, ge=0, le=600_000, description="From an answer to the button that goes on.")
    instructions_lock_s: float = Field(
        0.0, ge=0, le=3600, description="Instructions can't be left before so many seconds."
    )
    comment: bool = Field(True, description="Ask for a comment at the end; it is optional.")
    pid: Literal["required", "invited", "optional"] = Field(
        "required",
        description="Who is let in. `required`: everybody whose address says a name (`?pid=`), whatever name that is; each begins once. "
        "`invited`: only those names that `study invite` has written down. `optional`: an address without a name will do; "
        "nobody can tell then who takes part twice.",
    )
    abandon_minutes: float = Field(
        60.0,
        gt=0,
        le=1_000_000,
        description="A task is offered again when its person was not seen for so long.",
    )

    @model_validator(mode="after")
    def _bounded(self) -> Course:
        trials = self.tasks * (self.trials + self.catch + self.practice_obvious + self.practice_other)
        if trials > _MOST_TRIALS:
            raise ValueError(f"tasks of {trials:,} trials in all; {_MOST_TRIALS:,} are the most")
        return self


class Checks(Section):
    """The quality checks; a session that fails one is left out, and its task is offered again."""

    practice_rounds: int = Field(3, ge=1, le=1000, description="Practice rounds at most.")
    catch_right: float = Field(0.8, ge=0, le=1, description="Share of the catch trials right, at least.")
    total_seconds: tuple[float, float] = Field(
        (135.0, 2500.0), description="Seconds in all, from consent to the last answer: at least, at most."
    )
    instructions_seconds: float = Field(
        15.0, ge=0, le=86_400, description="Seconds on the instructions, at least."
    )
    row_share: float = Field(
        0.9,
        ge=0.5,
        le=1,
        description="Neither row is chosen in more than this share of the main trials; not asked of fewer than 15 of them.",
    )

    @field_validator("total_seconds")
    @classmethod
    def _ordered(cls, seconds: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= seconds[0] <= seconds[1] <= _LONGEST_S:
            raise ValueError(f"two numbers of seconds from 0 to {_LONGEST_S:,}, the lesser one first")
        return seconds


def tame(text: str) -> str:
    """Markdown in which no picture is loaded from anywhere, and no link hides its address; `[…](mailto:…)` stays a link.

    A study's file may be anybody's, and what it loads from elsewhere would tell who takes part, and when.
    """
    text = text.replace("![", "!\\[").replace(
        "]:", "]\\:"
    )  # pictures, and addresses that stand elsewhere in the text
    return text.replace("](", "]\\(").replace("]\\(mailto:", "](mailto:")


class _Words(Section):
    model_config = ConfigDict(str_max_length=20_000)

    @field_validator("*")
    @classmethod
    def _tamed(cls, value: Any) -> Any:
        if isinstance(value, list):
            return [tame(text) for text in value]
        return tame(value) if isinstance(value, str) else value


class Labels(_Words):
    """The short words that people read: titles, buttons, and what stands around a trial."""

    how_it_works: str = Field("How it works", description="Title of the instructions.")
    sketch: str = Field(
        "Nine examples on the left, nine on the right; two images in the centre, with buttons 1 to 3 each",
        description="The sketch over the instructions in words, for those who can't see it.",
    )
    go_on: str = Field("Continue", description="The button that goes on.")
    wait: str = Field(
        "Continue in {seconds} s", description="That button while the instructions can't be left yet."
    )
    again: str = Field("Once more", description="Title before a practice round is repeated.")
    practise: str = Field("Practise again", description="The button that repeats the practice.")
    ready: str = Field("Ready", description="Title between practice and main trials.")
    start: str = Field("Start", description="The button that starts the main trials.")
    almost: str = Field("Almost done", description="Title of the comment's page.")
    comment: str = Field("Your comment (optional)", description="The comment's field, for screen readers.")
    finish: str = Field("Finish", description="The button that sends the comment.")
    thanks: str = Field("Thank you", description="Title of the last page.")
    failed: str = Field("That's all", description="Title after the last practice round with a wrong answer.")
    code: str = Field("Your completion code", description="Over the completion code.")
    incomplete: str = Field("This link is incomplete", description="Title where the address lacks a name.")
    not_invited: str = Field("This study is by invitation", description="Title for who is not invited.")
    unknown: str = Field("This link doesn't work", description="Title for an address of somebody unknown.")
    full: str = Field("No places left", description="Title where no task is free.")
    begun: str = Field(
        "Begun already", description="Title for a name whose session is somebody else's to go on with."
    )
    taken_part: str = Field("You have taken part", description="Title for a person who has finished.")
    error: str = Field("Something went wrong", description="Title when something fails.")
    practice: str = Field("Practice", description="Over practice trials.")
    count: str = Field("{number} of {of}", description="Which trial this is.")
    score: str = Field("Correct answers: {right}", description="The running score.")
    progress: str = Field("Progress", description="The bar at the top, for screen readers.")
    left: str = Field("Left examples", description="Over the examples on the left.")
    right: str = Field("Right examples", description="Over the examples on the right.")
    upper: str = Field("Upper image", description="The upper image in the centre, for screen readers.")
    lower: str = Field("Lower image", description="The lower image in the centre, for screen readers.")
    confidence: str = Field(
        "{image}, confidence {confidence} of 3", description="An answer's button, for screen readers."
    )
    key: str = Field("Key {key}", description="Over an answer's button when the mouse is on it.")
    more_confident: str = Field("more confident", description="Beside the arrow between the answers.")
    small: str = Field(
        "This window is too small for the images. Please make it larger, or use a tablet or a computer.",
        description="In place of a trial where the window is smaller than about 640 × 440 pixels.",
    )
    correct: str = Field("Correct", description="After a right answer.")
    wrong: str = Field("Not correct", description="After a wrong answer.")
    waiting: str = Field(
        "Waiting for the server …", description="When an answer has not arrived for some seconds."
    )


class Texts(_Words):
    """What people read, in Markdown."""

    title: str = Field("Which image matches?", description="Title of the page.")
    consent: str = Field(
        "In this study you look at small images and say which of two matches a group of others better. "
        "It takes about {minutes} minutes; please do it in one go.\n\n"
        "We keep your answers, how long they took, and the name that your link gives you; nothing else about "
        "you or your device. Taking part is voluntary: you may stop at any time by closing the page, and what "
        "you answered is deleted if you ask whoever invited you.\n\n"
        "Colours matter in some of the images. If you see colours differently from most people, please say so in the comment at the end.",
        description="The consent page; a study of people needs words of one's own here, with whom to write to. `{minutes}` is a guess from the number of trials (15 for IMI's 50).",
    )
    agree: str = Field("I agree and want to take part", description="The button that starts the course.")
    instructions: list[str] = Field(
        max_length=100,
        default_factory=lambda: [
            "On each screen there are two groups of nine images: one on the **left**, one on the **right**. "
            "Something sets the two groups apart. It may be an object, a colour, a texture, or something harder to name.",
            "In the **centre** are two more images, one above the other. One of them belongs to the left group, the other to the right group.",
            "The question is always the same: **which image at the centre matches the right examples better?**",
            "The numbers below the upper image and above the lower one are your answer: they say which image you choose, and how sure you are "
            "(1 a guess, 2 fairly sure, 3 very sure). One click is the whole answer; guess when in doubt.",
            "You can use the keyboard instead: **1, 2, 3** choose the upper image, **4, 5, 6** the lower one "
            "(4 a guess, 6 very sure), and **Enter** goes on; the small figure on each answer is its key. "
            "The numbers wake up shortly after the images appear.",
            "Each screen stands alone: what set the groups apart before doesn't help with the next one.",
        ],
        description="The instructions, a paragraph each.",
    )
    question: str = Field(
        "Which image at the center matches the **right** examples better?",
        description="The question over every trial (IMI's wording).",
    )
    again: str = Field(
        "Not all of these answers were right. Please try the practice once more: look for what the images on the right have in common and those on the left lack.",
        description="Before a practice round is repeated.",
    )
    begin: str = Field(
        "All right! From now on it counts. Please go through these trials in one go; take the time you need for each of them.",
        description="Between practice and main trials.",
    )
    comment: str = Field(
        "Anything that you would like to tell us? Was something unclear, did something look broken? You may leave this empty.",
        description="Over the field for a comment.",
    )
    thanks: str = Field(
        "Thank you for taking part! Your answers are saved. Please hand the code below to whoever invited you.",
        description="The last page.",
    )
    failed: str = Field(
        "Thank you for your time. Each round of the practice had a wrong answer in it, and without the practice the rest would not "
        "make sense, so we stop here. Please hand the code below to whoever invited you.",
        description="After the last practice round with a wrong answer.",
    )
    full: str = Field(
        "Thank you for your interest! All places of this study are taken at the moment.",
        description="Where no task is free.",
    )
    not_invited: str = Field(
        "This study is for people who were invited to it, and your link names somebody else. Please use exactly the link that you were given.",
        description="For a person who is not among those invited.",
    )
    no_pid: str = Field(
        "This address doesn't say who you are. Please use the whole link that you were given; it says `?pid=` and your name.",
        description="Where the address lacks a name, or says one that nobody can have.",
    )
    placeholder: str = Field(
        "This link wasn't filled in: where it should name you, it holds a placeholder. Please go back to the page that sent you here "
        "and open the study from there, or tell whoever invited you.",
        description="Where the name in the address is a panel's placeholder, such as `{{%PROLIFIC_PID%}}`, or `undefined`.",
    )
    begun: str = Field(
        "Somebody of this name has begun this study before, and each person takes part once. If that was you, please go on in the "
        "browser where you began: its history has the address, which holds `?t=`. If you can't find it, ask whoever invited "
        "you for a link that leads back to where you were.",
        description="For an address that names a person who has begun, but doesn't hold that person's secret.",
    )
    unknown: str = Field(
        "This link belongs to no one who takes part in this study. Please use the link that you were given first.",
        description="For an address of somebody unknown, or deleted.",
    )
    error: str = Field(
        "Your answers so far are saved. Please load this page again.", description="When something fails."
    )
    offline: str = Field(
        "The connection is lost. As soon as it is back, this page goes on by itself; your answers are kept.",
        description="While the server can't be reached; plain text.",
    )
    taken_part: str = Field(
        "You have taken part in this study before, and each person can do so once. Thank you!",
        description="For a person who has finished, and opens the invitation's link again; the completion code stands below.",
    )
    labels: Labels = Field(default_factory=Labels, description="Titles, buttons and other short words.")


class StudySettings(Section):
    """Everything that can be set of a study."""

    seed: int = Field(0, ge=0, lt=2**63, description="Draws units, batches, places and orders.")
    stimuli: Stimuli = Field(default_factory=Stimuli, description="Units and images.")
    course: Course = Field(default_factory=Course, description="What a person goes through.")
    checks: Checks = Field(default_factory=Checks, description="Quality checks.")
    texts: Texts = Field(default_factory=Texts, description="What people read.")


def load_settings(path: str | Path | None = None, overrides: Sequence[str] = ()) -> StudySettings:
    """Settings from a TOML file (IMI's without one) with `key=value` overrides, such as `course.trials=10`.

    Raises `UserError` naming file, key and reason.
    """
    data = {}
    if path is not None:
        if not exists(path):
            raise UserError(f"There is no settings file {path}.")
        data = read_toml(Path(path), "The settings")
    return parse_settings(apply_overrides(data, overrides), str(path) if path else "of the study")


def parse_settings(data: dict, source: str) -> StudySettings:
    """Check settings given as a dict; `source` is named in the error."""
    try:
        return StudySettings.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "combination"
        if first["type"] == "extra_forbidden":
            section: Any = StudySettings
            for part in first["loc"][:-1]:
                section = section.model_fields[str(part)].annotation
            reason = "there is no such setting." + did_you_mean(
                str(first["loc"][-1]), list(section.model_fields)
            )
        else:
            reason = f"{first['msg'].removeprefix('Value error, ')} (got {quote(first['input'])})."
        raise UserError(f"The settings {source} have a wrong {quote(where)}: {reason}") from None
