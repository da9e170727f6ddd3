"""Participant mode: one study from consent to thanks, and nothing else.

A person is a token in the address, `?t=…`; whatever happens to the page or the connection, that
address leads back to where the person is. All that is recorded is in the study's file.
"""

from __future__ import annotations

import html
import logging
import re
import secrets
import time
from base64 import b64encode
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from lexplain_core.errors import UserError
from lexplain_core.trials import Course, NotAdmitted, StudyFile, TrialScreen, admit, begin, resume, study_path
from pages.parts import trial as front

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
    title = study.settings.texts.title if study else "Study"
    st.set_page_config(page_title=title, page_icon=icon, layout="wide", initial_sidebar_state="collapsed")

    def page() -> None:
        _dress()
        try:
            if study is None:
                _closed(problem, preview)
            else:
                _course(study)
        except Exception:
            _LOG.exception("A page of the study %r failed", name)
            _calm("Something went wrong", "Your answers so far are saved. Please load this page again.")

    pages = [st.Page(page, title=title, default=True)]
    if elsewhere := re.search(
        r"([\w-]+)/*$", urlsplit(st.context.url or "").path
    ):  # every address leads here
        pages.append(st.Page(page, title=title, url_path=elsewhere.group(1)))
    st.navigation(pages, position="hidden").run()


def _path(name: str) -> Path:
    if not name:
        raise UserError("`--study` wants the name of a study: `streamlit run app.py -- --study NAME`.")
    path = Path(name)
    return path if path.suffix == ".sqlite" or path.name != name else study_path(name)


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
    if screen.kind == "trial":
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
        course = admit(study, st.query_params.get("pid"))
    _remember(course)
    return course


def _remember(course: Course | None) -> None:
    """Keep a person's course, and put its token in place of all else in the address."""
    if course is not st.session_state.get("course"):
        for name in ("verdict", "shown", "attempt", "reading since"):
            st.session_state.pop(name, None)
    st.session_state["course"] = course
    wanted = {} if course is None else {"t": course.token}
    if course is not None and st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def _begin(study: StudyFile) -> None:
    if st.session_state.get("course") is not None:
        return  # a second click
    pid = f"preview {secrets.token_hex(4)}" if study.previewing else st.query_params.get("pid")
    _remember(begin(study, pid))


# -- trials ----------------------------------------------------------------------------------------


def _ask(course: Course, shown: TrialScreen) -> None:
    """A trial, or the feedback to it."""
    settings = course.study.settings
    verdict = st.session_state.get("verdict")
    feedback = verdict.feedback if verdict is not None else None
    scored = shown.phase == "main" and shown.right_so_far is not None

    def answered(answer: front.Answer) -> None:
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
        front.Shown(
            nonce=shown.nonce,
            upper=shown.upper,
            lower=shown.lower,
            left=shown.left,
            right=shown.right,
            question=settings.texts.question,
            label="Practice" if shown.phase == "practice" else "",
            count=f"{shown.number} of {shown.of}",
            note=_PREVIEW if course.study.previewing else "",
            score=_score(shown.right_so_far) if scored else "",
            progress=st.session_state.get("progress"),
            attempt=st.session_state.get("attempt", 0),
        ),
        _safely(answered),
        go_on,
        answered=verdict is not None,
        right=feedback,
        score=_score(verdict.right) if scored and verdict is not None else None,
        lock_ms=shown.lock_ms,
        feedback_ms=settings.course.feedback_ms,
        continue_ms=settings.course.continue_ms,
    )


def _score(right: int) -> str:
    return f"Correct answers: {right}"


# -- the other screens -----------------------------------------------------------------------------


def _consent(study: StudyFile) -> None:
    texts = study.settings.texts
    with _card(study, texts.title):
        st.markdown(texts.consent)
        st.button(texts.agree, type="primary", key="agree", on_click=_safely(_begin), args=(study,))


def _instructions(course: Course) -> None:
    study = course.study
    since = st.session_state.setdefault("reading since", time.monotonic())

    def done() -> None:
        seconds = time.monotonic() - since
        if seconds >= study.settings.course.instructions_lock_s:
            course.read(seconds)

    def button() -> None:
        left = since + study.settings.course.instructions_lock_s - time.monotonic()
        if left > 0:
            st.button(f"Continue in {left:.0f} s", key="not yet", disabled=True)
        else:
            st.button("Continue", type="primary", key="read", on_click=_safely(done), shortcut="Enter")
        if left <= 0 and locked:
            st.rerun()

    locked = since + study.settings.course.instructions_lock_s > time.monotonic()
    with _card(study, "How it works"):
        st.html(_SKETCH)
        for paragraph in study.settings.texts.instructions:
            st.markdown(paragraph)
        if locked:
            st.fragment(button, run_every=1.0)()
        else:
            button()


def _pause(course: Course, kind: str) -> None:
    texts = course.study.settings.texts
    title, text, label = {
        "again": ("Once more", texts.again, "Practise again"),
        "begin": ("Ready", texts.begin, "Start"),
    }[kind]
    with _card(course.study, title):
        st.markdown(text)
        st.button(label, type="primary", key=kind, on_click=_safely(course.go_on), shortcut="Enter")


def _comment(course: Course) -> None:
    def say() -> None:
        course.say(st.session_state["comment"] or "")

    with _card(course.study, "Almost done"):
        st.markdown(course.study.settings.texts.comment)
        st.text_area(
            "Your comment (optional)", key="comment", height=140, max_chars=5000, label_visibility="collapsed"
        )
        st.button("Finish", type="primary", key="finish", on_click=_safely(say))


def _end(course: Course, kind: str, code: str | None) -> None:
    texts = course.study.settings.texts
    with _card(course.study, "Thank you" if kind == "thanks" else "That's all"):
        st.markdown(texts.thanks if kind == "thanks" else texts.failed)
        if code:
            st.markdown("**Your completion code**")
            with st.container(key="lx_code"):
                st.code(code, language=None)


def _refused(study: StudyFile, refusal: NotAdmitted) -> None:
    titles = {
        "no pid": "This link is incomplete",
        "unknown": "This link doesn't work",
        "full": "No places left",
        "taken part": "You have taken part",
    }
    with _card(study, titles.get(refusal.reason, "Not now")):
        st.markdown(refusal.text)
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


def _card(study: StudyFile | None, title: str):
    """The frame of all screens but trials: a narrow column with a heading."""
    card = st.container(key="lx_card")
    with card:
        if study is not None and study.previewing:
            st.html(f'<p class="lx-preview">{html.escape(_PREVIEW)}</p>')
        st.title(title, anchor=False)
    return card


def _dress() -> None:
    st.html(_STYLE)


_STYLE = """<style>
[data-testid="stHeader"], [data-testid="stToolbar"], [data-testid="stSidebar"] { display: none; }
[data-testid="stMainBlockContainer"] { padding: 0; max-width: none; }
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: 0; }
[data-stale="true"] { opacity: 1 !important; transition: none !important; }
.st-key-lx_card { max-width: 720px; margin: 0 auto; padding: min(7vh, 4rem) 1.5rem 3rem; gap: .9rem; }
.st-key-lx_card :is(p, li) { font-size: 1.1rem; line-height: 1.55; }
.st-key-lx_card button { min-height: 2.9rem; padding: 0 1.3rem; }
.st-key-lx_card button[kind="primary"], .st-key-lx_card button[kind="primary"] * { color: light-dark(#fff, #0d1218); }
.st-key-lx_card button kbd, .st-key-lx_card button p + * { font-size: 1rem; opacity: .85; }
.st-key-lx_card [data-testid="stText"] { font-family: inherit; font-size: 1.1rem; line-height: 1.55; }
.st-key-lx_card p code { font-size: 1em; color: inherit; }
.st-key-lx_code code { font-size: 1.6rem; letter-spacing: .06em; }
.st-key-lx_card [data-testid="stButton"] { margin-top: .6rem; }
.st-key-lx_code [data-testid="stCodeCopyButton"] { opacity: 1; transform: none; }
[data-testid="stDialog"] [role="dialog"] > * { display: none; }
[data-testid="stDialog"] [role="dialog"]::before { padding: 1.6rem; font-size: 1.1rem; line-height: 1.5; content:
    "The connection is lost. As soon as it is back, this page goes on by itself; your answers are kept."; }
.lx-preview { border: 1px solid currentColor; border-radius: 4px; padding: .2rem .6rem; font-weight: 600;
              width: fit-content; margin: 0; }
.lx-sketch { display: block; width: 100%; max-width: 440px; height: auto; margin: 0 auto; }
</style>"""


def _sketch() -> str:
    """What a trial looks like, in outlines; in a grey that is seen on white and on black."""
    grey = "#7c8794"
    cells = [
        f'<rect x="{x + 30 * column}" y="{30 + 30 * row}" width="26" height="26" rx="2" fill="{grey}" fill-opacity=".5"/>'
        for x in (8, 312)
        for row in range(3)
        for column in range(3)
    ]
    queries = [f'<rect x="180" y="{y}" width="46" height="46" rx="2" fill="{grey}"/>' for y in (6, 100)]
    words = [
        f'<text x="{x}" y="20" font-size="15">{word}</text>'
        for x, word in ((51, "Left examples"), (355, "Right examples"))
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
    alt = "Nine examples on the left, nine on the right; two images in the centre, with buttons 1 to 3 each"
    return f'<img class="lx-sketch" alt="{alt}" src="data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}">'


_SKETCH = _sketch()

if __name__ == "__main__":  # a server that has just started ran this file for the address /participant
    import app

    app.main()
