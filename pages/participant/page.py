"""Participant mode: one study from consent to thanks, and nothing else.

A person is a token in the address, `?t=…`; whatever happens to the page or the connection, that
address leads back to where the person is, and so does a signed link, `?pid=…&key=…`. A name alone, `?pid=…`, begins a
session and does nothing else. All that is recorded is in the study's file.
"""

from __future__ import annotations

import html
import logging
import math
import re
import secrets
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lexplain_core.base.errors import UserError
from lexplain_core.config.study import Texts
from lexplain_core.studies.file.finding import find_study
from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.session.course import Course, NotAdmitted, TrialScreen, admit, begin, resume
from lexplain_core.views.trial_screen import (
    Answer,
    Feedback,
    Times,
    TrialView,
    course_minutes,
    filled,
    sketch,
)
from pages.participant import look
from pages.ui import trial as front

_LOG = logging.getLogger("lexplain.participant")
_TRIAL = "trial"  # key of the component
_PREVIEW = "Preview: nothing is recorded"


def main(name: str, preview: bool, icon: str) -> None:
    """Serve a study. name: of a study in the folder of studies, or a path. preview: record nothing."""
    st.set_option("client.showErrorDetails", "none")  # no paths for people, whatever happens
    study, problem = None, None
    try:
        study = _study(_path(name), preview)
    except UserError as error:
        problem = str(error)
    except Exception:
        _LOG.exception("The study %r could not be opened", name)
        problem = "The study could not be opened; the server's log says why."
    texts = study.settings.texts if study else Texts()
    title = texts.title if study else "Study"
    st.set_page_config(page_title=title, page_icon=icon, layout="wide", initial_sidebar_state="collapsed")

    def page() -> None:
        st.html(look.style(texts.offline))
        try:
            if study is None:
                _closed(problem, preview)
            else:
                _course(study)
        except Exception:
            _LOG.exception("A page of the study %r failed", name)
            with _card(None, texts.labels.error):
                st.markdown(texts.error)

    pages = [st.Page(page, title=title, default=True)]
    if elsewhere := _last_part(st.context.url or ""):  # every address leads here
        pages.append(st.Page(page, title=title, url_path=elsewhere))
    st.navigation(pages, position="hidden").run()


def _last_part(url: str) -> str | None:
    """The name of a page that an address ends in, as Streamlit reads it; None where it names none."""
    path = url.partition("://")[2].partition("/")[2]
    last = path.rstrip("/").rpartition("/")[2]
    return last if re.fullmatch(r"[\w-]{1,100}", last) else None


def _path(name: str) -> Path:
    if not name:
        raise UserError("`--study` wants the name of a study: `python -m lexplain_core serve --study NAME`.")
    return find_study(name)


@st.cache_resource(show_spinner=False)
def _study(path: Path, preview: bool) -> StudyFile:
    """The study, opened once for all people."""
    study = StudyFile.open(path)
    if study.kind != "study":
        study.close()
        raise UserError(f"{path} was imported: people can't take part in it.")
    if not preview:
        return study
    copy = study.preview()
    study.close()
    return copy


def _safely(callback: Callable[..., Any]) -> Callable[..., None]:
    """A callback whose failure is said on the page: Streamlit would leave the page as it was."""

    @wraps(callback)
    def guarded(*arguments: Any) -> None:
        try:
            callback(*arguments)
        except NotAdmitted as refusal:
            st.session_state["refused"] = refusal
        except Exception as error:
            st.session_state["refused"] = error

    return guarded


# -- the course ------------------------------------------------------------------------------------


def _course(study: StudyFile) -> None:
    """Whatever comes next for the person whom the address names."""
    try:
        if refused := st.session_state.pop("refused", None):
            raise refused
        course = _present(study)
    except NotAdmitted as refusal:
        _refused(study, refusal)
        return
    if course is None:
        _consent(study)
        return
    verdict, shown = st.session_state.get("verdict"), st.session_state.get("shown")
    if verdict is not None and shown is not None:
        _ask(course, shown)
        return
    screen = course.screen()
    if screen.trial is not None:
        st.session_state["shown"] = screen.trial
        st.session_state["progress"] = screen.progress
        _ask(course, screen.trial)
        return
    st.session_state.pop("shown", None)
    if screen.kind == "instructions":
        _instructions(course)
    elif screen.kind in ("again", "begin"):
        _pause(course, screen.kind)
    elif screen.kind == "comment":
        _comment(course)
    else:
        _end(course, screen.kind, screen.code)


def _present(study: StudyFile) -> Course | None:
    """The course of the person whom the address names; None for one who hasn't begun.

    Raises `NotAdmitted`.
    """
    token = st.query_params.get("t")
    course = st.session_state.get("course")
    if course is not None and (not token or course.token == token):
        pass
    elif token:
        try:
            course = resume(study, token)
        except NotAdmitted:
            if not study.previewing:
                raise
            course = None  # of a preview that is over
    elif study.previewing:
        course = None
    else:
        course = admit(study, st.query_params.get("pid"), st.query_params.get("key"))
    _remember(course)
    return course


def _remember(course: Course | None) -> None:
    """Keep a person's course, and put its token in place of all else in the address; a signed link stays there."""
    if course is not st.session_state.get("course"):
        for name in ("verdict", "shown", "attempt"):
            st.session_state.pop(name, None)
    st.session_state["course"] = course
    if course is not None and course.token and st.query_params.to_dict() != {"t": course.token}:
        st.query_params.from_dict({"t": course.token})


def _begin(study: StudyFile) -> None:
    if st.session_state.get("course") is not None:
        return  # a second click
    if study.previewing:
        _remember(begin(study, f"preview {secrets.token_hex(4)}"))
    else:
        _remember(begin(study, st.query_params.get("pid"), st.query_params.get("key")))


# -- trials ----------------------------------------------------------------------------------------


def _ask(course: Course, shown: TrialScreen) -> None:
    """A trial, or the feedback to it."""
    settings = course.study.settings
    labels = settings.texts.labels
    verdict = st.session_state.get("verdict")
    scored = shown.phase == "main" and shown.right_so_far is not None
    feedback = None
    if verdict is not None:
        score = filled(labels.score, right=verdict.right) if scored else None
        feedback = Feedback(verdict.feedback, score)

    def answered(answer: Answer) -> None:
        if st.session_state.get("verdict") is not None:
            return  # said twice
        found = course.answer(answer.nonce, answer.button, answer.rt_ms, answer.load_ms, answer.hidden)
        if found is None:  # another page of the same person was quicker
            st.session_state["attempt"] = st.session_state.get("attempt", 0) + 1
        else:
            st.session_state["verdict"] = found

    def go_on(nonce: str) -> None:
        if nonce == shown.nonce:
            st.session_state["verdict"] = None

    front.trial(
        _TRIAL,
        TrialView(
            nonce=shown.nonce,
            upper=shown.upper,
            lower=shown.lower,
            left=shown.left,
            right=shown.right,
            question=settings.texts.question,
            label=labels.practice if shown.phase == "practice" else "",
            count=filled(labels.count, number=shown.number, of=shown.of),
            note=_PREVIEW if course.study.previewing else "",
            score=filled(labels.score, right=shown.right_so_far) if scored else "",
            progress=st.session_state.get("progress"),
            attempt=st.session_state.get("attempt", 0),
        ),
        _safely(answered),
        go_on,
        feedback=feedback,
        times=Times(shown.lock_ms, settings.course.feedback_ms, settings.course.continue_ms),
        labels=labels,
    )


# -- the other screens -----------------------------------------------------------------------------


def _consent(study: StudyFile) -> None:
    texts = study.settings.texts
    with _card(study, texts.title):
        st.markdown(filled(texts.consent, minutes=course_minutes(study)))
        st.button(texts.agree, type="primary", key="agree", on_click=_safely(_begin), args=(study,))


def _instructions(course: Course) -> None:
    texts = course.study.settings.texts
    unlocks = time.monotonic() + course.locked_s()
    locked = unlocks > time.monotonic()

    def button() -> None:
        left = unlocks - time.monotonic()
        if left > 0:
            st.button(filled(texts.labels.wait, seconds=math.ceil(left)), key="not yet", disabled=True)
        elif locked:
            st.rerun()
        else:
            st.button(
                texts.labels.go_on,
                type="primary",
                key="read",
                on_click=_safely(course.read),
                shortcut="Enter",
            )

    with _card(course.study, texts.labels.how_it_works):
        st.html(sketch(texts.labels))
        for paragraph in texts.instructions:
            st.markdown(paragraph)
        if locked:
            st.fragment(button, run_every=1.0)()
        else:
            button()


def _pause(course: Course, kind: str) -> None:
    texts = course.study.settings.texts
    title, text, label = {
        "again": (texts.labels.again, texts.again, texts.labels.practise),
        "begin": (texts.labels.ready, texts.begin, texts.labels.start),
    }[kind]
    with _card(course.study, title):
        st.markdown(text)
        st.button(label, type="primary", key=kind, on_click=_safely(course.go_on), shortcut="Enter")


def _comment(course: Course) -> None:
    texts = course.study.settings.texts

    def say() -> None:
        course.say(st.session_state["comment"] or "")

    with _card(course.study, texts.labels.almost):
        st.markdown(texts.comment)
        st.text_area(
            texts.labels.comment, key="comment", height=140, max_chars=5000, label_visibility="collapsed"
        )
        st.button(texts.labels.finish, type="primary", key="finish", on_click=_safely(say))


def _end(course: Course, kind: str, code: str | None) -> None:
    texts = course.study.settings.texts
    with _card(course.study, texts.labels.thanks if kind == "thanks" else texts.labels.failed):
        st.markdown(texts.thanks if kind == "thanks" else texts.failed)
        _code(texts, code)


def _code(texts: Texts, code: str | None) -> None:
    if code:
        st.markdown(f"**{texts.labels.code}**")
        with st.container(key="lx_code"):
            st.code(code, language=None)


def _refused(study: StudyFile, refusal: NotAdmitted) -> None:
    labels = study.settings.texts.labels
    titles = {
        "no pid": labels.incomplete,
        "placeholder": labels.incomplete,
        "begun": labels.begun,
        "not invited": labels.not_invited,
        "unknown": labels.unknown,
        "full": labels.full,
        "taken part": labels.taken_part,
    }
    with _card(study, titles[refusal.reason]):
        st.markdown(refusal.text)
        _code(study.settings.texts, refusal.code)
        if refusal.reason == "full" and study.previewing:
            st.button("Preview from the beginning", key="anew", on_click=_study.clear)


def _closed(problem: str | None, preview: bool) -> None:
    _LOG.error("%s", problem)
    if preview:  # by whoever made the study
        _calm("The study can't be opened", problem or "")
    else:
        _calm(
            "This study isn't open",
            "Please tell whoever invited you; the server's log says what to do about it.",
        )


def _calm(title: str, text: str) -> None:
    with _card(None, title):
        st.text(text)


def _card(study: StudyFile | None, title: str) -> DeltaGenerator:
    """The frame of all screens but trials: a narrow column with a heading."""
    card = st.container(key="lx_card")
    with card:
        if study is not None and study.previewing:
            st.html(f'<p class="lx-preview">{html.escape(_PREVIEW)}</p>')
        st.title(title, anchor=False)
    return card
