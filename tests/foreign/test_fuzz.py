"""Whatever foreign text holds, a reader gives an answer or one of the errors that it documents.

A row of `READERS` is a reader, a strategy of what it is given, and the errors that it may raise. Readers of files get
bytes, which `file` writes to a path for them. Add a row for each reader of foreign input.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lexplain_core.base.errors import UserError, did_you_mean
from lexplain_core.base.listening import this_machine_alone
from lexplain_core.base.measures import DERIVED
from lexplain_core.base.memory import parse_size
from lexplain_core.concepts.sets import read_concepts
from lexplain_core.figures.print import read_choice
from lexplain_core.measures import measures
from lexplain_core.notes import Notes, check_name, unshared
from lexplain_core.pipeline.explanation_files import read_explanations
from lexplain_core.store import UnitQuery, csv_bytes
from lexplain_core.store.search.query import columns
from lexplain_core.store.search.text import read_range, read_search
from lexplain_core.studies.file.study import StudyFile
from lexplain_core.studies.imi.names import task_name
from lexplain_core.studies.imi.rows import read_details
from lexplain_core.studies.names import is_placeholder, person_name
from lexplain_core.studies.plan.making import check_new_name
from lexplain_core.studies.session.course import NotAdmitted, admit, resume
from lexplain_core.views.compare import Place
from lexplain_core.views.edited import read_terms
from lexplain_core.views.markdown import code, md
from lexplain_core.views.trial_screen import spans
from pages.participant.page import _last_part
from pages.ui import links
from pages.ui.text import message
from tests.studies.conftest import make_plan

COLUMNS = columns({one.name: one for one in (*measures.values(), *DERIVED)})

BOUNDED = settings(  # 60 examples of each reader, the same in each run
    max_examples=60,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

# What the languages of these readers are made of, beside letters of all alphabets.
PIECES = [
    *'+-−"<>≤≥=.,:;%/\\_*`~()[]{}&?#|^$@!\'', " ", "\t", "\n", "\r", "\0", "\u200f", "\u0301", "\ufeff", "²", "٣", "½", "é", "ﬁ",
    "\ud800", "😀", "0", "1", "9" * 20, "9" * 400, "9" * 5000, "1e999", "-1e-999", "nan", "inf", "-0", "0x1f", "1_0", "..", "%41", "%ff",
    "a", "layer:1", "layer:1:2:3", "none", "dog", "http://h/", "true", "null",
]  # fmt: skip
texts = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)
raw = st.one_of(st.binary(max_size=80), texts.map(lambda text: text.encode("utf-8", "surrogatepass")))


def as_json(shape: st.SearchStrategy) -> st.SearchStrategy[bytes]:
    """Values as JSON, whole or with a piece cut out of it."""
    whole = shape.map(lambda value: json.dumps(value).encode())
    return st.one_of(
        whole,
        st.builds(lambda data, a, b: data[:a] + data[b:], whole, st.integers(0, 60), st.integers(0, 60)),
    )


def table(*columns: str) -> st.SearchStrategy[bytes]:
    """CSV with these columns in its header, and rows of anything."""
    rows = st.lists(st.lists(texts, min_size=1, max_size=5).map(",".join), max_size=4).map("\n".join)
    return rows.map(lambda text: f"{','.join(columns)}\n{text}".encode("utf-8", "surrogatepass"))


lists = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["lexplain list of units", "another"]),
        "version": st.one_of(st.just(1), values),
        "name": st.one_of(st.just("a list"), values),
        "units": st.one_of(
            values,
            st.lists(
                st.fixed_dictionaries({}, optional={"layer": values, "unit": values, "remark": values}),
                max_size=4,
            ),
        ),
    }
)
explained = st.lists(
    st.fixed_dictionaries(
        {}, optional={n: values for n in ("layer", "unit", "text", "terms", "bias", "other")}
    ),
    max_size=3,
)


@dataclass(frozen=True)
class Reader:
    """A reader, what it is given, and the errors that it documents. file: the name of the file that its bytes are put into."""

    read: Callable[[Any], object]
    given: st.SearchStrategy
    errors: tuple[type[Exception], ...] = ()
    file: str = ""


def task(name: str) -> str:
    return task_name(
        pd.Series({"task": name, "difficulty": "easy", "mode": "natural", "model": "m", "task_id": 1})
    )


def each_page(params: dict[str, str]) -> None:
    """What a page's address says survives its way back into an address."""
    for page in links.VIEWS:
        view, problems = links.parse(page, params)
        assert all(isinstance(problem, str) for problem in problems)
        assert links.parse(page, links.query(view)) == (view, [])


NAMES = sorted({name for view in links.VIEWS.values() for name in view.__dataclass_fields__})
READERS = {
    # addresses and the search box
    "links.parse": Reader(each_page, st.dictionaries(st.sampled_from(NAMES), texts, max_size=6)),
    "read_search": Reader(read_search, texts),
    "read_range": Reader(read_range, texts),
    "UnitQuery.read": Reader(lambda texts: UnitQuery.read(texts, COLUMNS), st.dictionaries(st.sampled_from(["q", "where", "score", "low", "high", "status", "sort", "length"]), texts, max_size=5)),
    "unshared": Reader(unshared, texts),
    "edit_terms.read": Reader(lambda text: read_terms(text, range(5)), texts),
    "read_choice": Reader(read_choice, st.dictionaries(st.sampled_from(["figure", "units", "pins", "without", "per", "size", "draw", "words", "level"]), texts, max_size=5)),
    "Place.of": Reader(Place.of, texts),
    "participant: path": Reader(_last_part, texts),
    "participant: name": Reader(lambda name: (person_name(name), is_placeholder(name)), values),
    "server.address": Reader(this_machine_alone, texts),
    # what is shown of foreign text
    "md, code, message": Reader(lambda text: (md(text), code(text), message(text)), texts),
    "_spans": Reader(spans, texts),
    "csv_bytes": Reader(lambda text: csv_bytes(pd.DataFrame({"a": [text, 1, None]})), texts.filter(lambda text: "\ud800" not in text)),
    "did_you_mean": Reader(lambda text: did_you_mean(text, [text * 2, "dog"]), texts),
    # names and sizes
    "check_name": Reader(lambda name: check_name(name, "a list"), values, (UserError,)),
    "check_new_name": Reader(check_new_name, texts, (UserError,)),
    "parse_size": Reader(parse_size, texts, (UserError,)),
    # files
    "a list's file": Reader(lambda path: Notes(path.with_name("a.notes.sqlite")).from_json(path.read_bytes()), st.one_of(raw, as_json(lists)), (UserError,), "list.json"),
    "concepts": Reader(read_concepts, raw, (UserError,), "concepts.txt"),
    "explanations.csv": Reader(read_explanations, st.one_of(raw, table("layer", "unit", "text"), table("layer", "unit", "concept", "weight", "bias")), (UserError,), "e.csv"),
    "explanations.json": Reader(read_explanations, st.one_of(raw, as_json(explained)), (UserError,), "e.json"),
    "IMI's task": Reader(task, texts),
    "IMI's details": Reader(lambda text: read_details(Path("f.csv"), 1, "catch_trials_details", text), st.one_of(texts, values.map(repr)), (UserError,)),
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_a_reader_raises_what_it_documents_and_nothing_else(name, tmp_path):
    reader = READERS[name]

    @BOUNDED
    @given(reader.given)
    def run(given) -> None:
        if reader.file:
            path = tmp_path / reader.file
            path.write_bytes(given)
            given = path
        try:
            reader.read(given)
        except reader.errors as error:
            text = str(error)
            assert text and "\n" not in text and text.endswith((".", "?"))

    run()


def test_whatever_a_participants_address_says_they_are_let_in_or_told_why_not(tmp_path):
    with StudyFile.create(tmp_path / "small.sqlite", make_plan(tasks=1)) as study:

        @BOUNDED
        @given(st.one_of(st.none(), texts), st.one_of(st.none(), texts), texts)
        def run(pid, key, token) -> None:
            for admitted in (lambda: admit(study, pid, key), lambda: resume(study, token)):
                try:
                    admitted()
                except NotAdmitted as refusal:
                    assert refusal.text

        run()
