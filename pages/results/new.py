"""A form that makes a study from a store, and what to do with the study then."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lexplain_core.base.errors import UserError
from lexplain_core.base.numbers import LARGEST_INTEGER
from lexplain_core.base.progress import Advance
from lexplain_core.base.writing import check_writing
from lexplain_core.config.study import StudySettings, load_settings, parse_settings
from lexplain_core.store import StoreEntry
from lexplain_core.studies.file.study import study_path
from lexplain_core.studies.plan.making import new_study
from lexplain_core.views.markdown import code, md
from pages.ui import access, links, shell
from pages.ui.text import message

_IMAGES = {
    "source": "the probing set’s own, read again",
    "stored": "the store’s thumbnails, up to 160 pixels",
}


class _Bar:
    """The progress of long work on the page, with what is left of it; a `Progress` for `new_study`."""

    def __init__(self, place: DeltaGenerator) -> None:
        self._place = place
        self.notes: list[str] = []

    @contextmanager
    def task(self, label: str, total: int) -> Iterator[Advance]:
        bar, began, done = self._place.progress(0.0, text=label), time.monotonic(), 0
        last = began

        def advance(n: int = 1) -> None:
            nonlocal done, last
            done += n
            now = time.monotonic()
            if now - last > 0.2 and total:
                last = now
                left = (now - began) / done * (total - done)
                bar.progress(
                    min(1.0, done / total), text=f"{label}: {done:,} of {total:,}, about {left:.0f} s left"
                )

        yield advance
        self._place.empty()

    def stage(self, name: str) -> None:
        pass  # its tasks say enough

    def note(self, text: str) -> None:
        self.notes.append(text)


def show(view: links.Results) -> None:
    """The form; after a study was made with it, what comes next."""
    made = st.session_state.get("made study")
    if made and made["stem"] == view.study:
        st.success(f"**The study {md(made['stem'])} is made.**", icon=":material/check_circle:")
        for note in made["notes"]:
            st.caption(md(note))
        how_to_run(made["stem"])
        st.divider()
    stores = shell.stores()
    st.subheader("A new study", anchor=False)
    if access.readonly():
        st.info(
            f"{access.READONLY} The command line makes studies: `python -m lexplain_core study new STORE --name NAME`.",
            icon=":material/lock:",
        )
        return
    if not stores:
        st.info(
            "There is no store to make a study from. `python -m lexplain_core demo` builds the demo store.",
            icon=":material/database:",
        )
        return
    _form(view, stores)


def _form(view: links.Results, stores: dict[str, StoreEntry]) -> None:
    usual = load_settings()
    with st.form("new study", border=True):
        name, store, difficulty = _what(view, stores, usual)
        overrides = {"stimuli.difficulty": difficulty} | _sizes(usual) | _details(usual)
        wanted = st.form_submit_button("Make the study", type="primary", icon=":material/add:")
        place = st.empty()
    st.markdown(
        "These are IMI’s settings unless you change them. All others (texts of the consent page, locks, thresholds of the checks …) are set in "
        "a file: `python -m lexplain_core study new STORE --name NAME --config FILE.toml`."
    )
    if wanted:
        _make(view, stores[store], name.strip(), overrides, place)


def _what(
    view: links.Results, stores: dict[str, StoreEntry], usual: StudySettings
) -> tuple[str, str, list[str]]:
    """The form's first row: the study's name, the id of its store, its difficulties."""
    columns = st.columns([1.2, 1.2, 1])
    name = columns[0].text_input(
        "Name",
        max_chars=80,
        placeholder="first-study",
        help="Letters, digits, - and _; it is part of the file’s name and of commands",
    )
    store = columns[1].selectbox(
        "Store", list(stores), format_func=lambda i: stores[i].name,
        index=list(stores).index(view.store) if view.store in stores else 0,
    )  # fmt: skip
    difficulty = columns[2].multiselect(
        "Difficulty", links.DIFFICULTIES, default=usual.stimuli.difficulty, help="Several are mixed evenly"
    )
    return name, store, list(difficulty)


def _sizes(usual: StudySettings) -> dict[str, int]:
    """The second row: how many units, tasks, people and trials, as settings by key."""
    columns = st.columns(4)
    return {
        "stimuli.units": columns[0].number_input(
            "Units",
            1,
            100_000,
            usual.stimuli.units,
            help="Drawn layer first, then unit within the layer; all where there are fewer",
        ),
        "course.tasks": columns[1].number_input(
            "Tasks", 1, 100_000, usual.course.tasks, help="Each is for another person"
        ),
        "course.people": columns[2].number_input("People per task", 1, 1000, usual.course.people),
        "course.trials": columns[3].number_input(
            "Trials per task",
            1,
            1000,
            usual.course.trials,
            help="Real ones; no unit comes twice, so not more than there are units",
        ),
    }


def _details(usual: StudySettings) -> dict[str, Any]:
    """The third row: catch trials, seed, images and feedback, as settings by key."""
    columns = st.columns(4, vertical_alignment="bottom")
    return {
        "course.catch": columns[0].number_input(
            "Catch trials per task", 0, 100, usual.course.catch, help="Very obvious ones, mixed in"
        ),
        "seed": columns[1].number_input(
            "Seed", 0, LARGEST_INTEGER, usual.seed, help="Draws units, images, places and orders"
        ),
        "stimuli.images": columns[2].selectbox(
            "Images",
            list(_IMAGES),
            format_func=_IMAGES.__getitem__,
            help="stored: where the probing set is not at hand",
        ),
        "course.feedback": columns[3].toggle(
            "Say after each trial whether it was right", usual.course.feedback
        ),
    }


def _make(
    view: links.Results, entry: StoreEntry, name: str, overrides: dict[str, Any], place: DeltaGenerator
) -> None:
    progress = _Bar(place)
    try:
        if not name:
            raise UserError("A study needs a name.")
        check_writing()
        path = study_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        settings = _settings(overrides)
        with st.spinner("Making the study …"):
            new_study(entry.path, name, settings, path.parent, progress)
    except UserError as error:
        place.empty()
        st.error(message(error), icon=":material/error:")
        return
    st.session_state["made study"] = {"stem": name, "notes": progress.notes}
    shell.show(links.Results(store=view.store, study=name, show="new"))
    st.rerun()


def _settings(overrides: dict[str, Any]) -> StudySettings:
    data: dict = {}
    for key, value in overrides.items():
        *sections, last = key.split(".")
        place = data
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return parse_settings(data, "of the form")


def how_to_run(stem: str) -> None:
    """The commands that put a study to people."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Walk through it yourself first**; nothing is recorded:")
        st.code(f"python -m lexplain_core serve --study {shlex.quote(stem)} --preview", language="bash")
        st.markdown("**Put it to people.** This serves the study and nothing else:")
        st.code(f"python -m lexplain_core serve --study {shlex.quote(stem)}", language="bash")
    with right:
        st.markdown(
            "**Hand each person a link of their own.** It names them, so that nobody takes part twice under the same name; this prints 20 of the form "
            "`http://localhost:8501/?pid=…`. Names that somebody makes up are let in, too, unless the study was made with `--set course.pid=invited`:"
        )
        st.code(f"python -m lexplain_core study invite {shlex.quote(stem)} 20", language="bash")
        st.markdown(
            "For people elsewhere, serve it with `--address 0.0.0.0`, in a network that you trust, and give `invite` the `--address` "
            f"by which they reach you. The answers as a file: {code(f'python -m lexplain_core study export {shlex.quote(stem)}')}."
        )
