"""Every reader of foreign text takes time in proportion to it, and refuses in a few sentences what is too long.

See `test_patterns` for why that is timed.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest

from lexplain_core.base.errors import UserError, did_you_mean
from lexplain_core.base.measures import DERIVED
from lexplain_core.base.memory import parse_size
from lexplain_core.concepts.sets import read_concepts
from lexplain_core.figures.print import read_choice
from lexplain_core.measures import measures
from lexplain_core.notes import Notes, check_name, unshared
from lexplain_core.notes.base import from_json
from lexplain_core.pipeline.explanation_files import read_explanations
from lexplain_core.store import UnitQuery, csv_bytes
from lexplain_core.store.search.query import columns
from lexplain_core.store.search.text import LONGEST_SEARCH, read_range, read_search
from lexplain_core.studies.imi.importing import _natural
from lexplain_core.studies.imi.names import task_name
from lexplain_core.studies.imi.rows import read_details
from lexplain_core.studies.names import is_placeholder, person_name
from lexplain_core.views.compare import Place
from lexplain_core.views.edited import read_terms
from lexplain_core.views.markdown import code, md
from lexplain_core.views.trial_screen import spans
from pages.participant.page import _last_part
from pages.ui import links
from pages.ui.text import message

from .patterns import sources
from .timing import growth, repeated, seconds

COLUMNS = columns({one.name: one for one in (*measures.values(), *DERIVED)})


def allowed(read: Callable[..., object]) -> Callable[[str], object]:
    """A reader whose refusals are no matter here."""

    def reading(text: str) -> object:
        try:
            return read(text)
        except UserError:
            return None

    return reading


def address(page: str, name: str) -> Callable[[str], object]:
    return lambda text: links.parse(page, {name: text})


def of_task(name: str) -> object:
    return task_name(
        pd.Series({"task": name, "difficulty": "easy", "mode": "natural", "model": "m", "task_id": 1})
    )


def list_file(text: str) -> object:
    rows = [{"layer": part, "unit": 1} for part in text.split(",")]
    return from_json(
        json.dumps({"kind": "lexplain list of units", "version": 1, "name": "a", "units": rows}).encode()
    )


DIGITS, SPACES, WORDS = repeated("9"), repeated(" ", "x"), repeated("a", "!")
PIECES = [
    repeated("a,"),
    repeated(" ,"),
    repeated("a:1,"),
    repeated("1:1,"),
    repeated("%41:1,"),
    repeated("9,"),
    repeated(":,"),
]
MARKS = repeated("\u0315\u0300", "", "a")  # composed and ordered, these take the square of their number
READERS: dict[str, tuple[Callable[[str], object], list[Callable[[int], str]]]] = {
    "search": (read_search, [DIGITS, SPACES, repeated("1", "x", "a>"), repeated("> "), repeated('"a" '), repeated('" '), MARKS]),
    "filters": (lambda text: UnitQuery.read({"q": text, "score": text, "status": text, "where": text}, COLUMNS), [DIGITS, SPACES, repeated("1..")]),
    "range": (read_range, [DIGITS, SPACES, repeated("1", "x"), repeated("."), repeated("1", "..1")]),
    "q=": (address("overview", "q"), [DIGITS, WORDS]),
    "unit=": (address("neuron", "unit"), [DIGITS, SPACES, WORDS]),
    "above=": (address("neuron", "above"), [DIGITS, repeated("9", "e999"), WORDS]),
    "units=": (unshared, [DIGITS, SPACES, *PIECES]),
    "terms=": (lambda text: read_terms(text, range(10)), [DIGITS, SPACES, *PIECES]),
    "a figure's units=": (lambda text: read_choice({"units": text}), [DIGITS, SPACES, *PIECES]),
    "a figure's pins=": (lambda text: read_choice({"pins": text}), [DIGITS, *PIECES, repeated("a:1:1:1,")]),
    "a figure's without=": (lambda text: read_choice({"without": text}), [DIGITS, *PIECES]),
    "a=": (Place.of, [DIGITS, *PIECES]),
    "a participant's path": (_last_part, [repeated("a", "!", "http://h/"), repeated("/", "!", "http://h/"), repeated("a/"), WORDS]),
    "a participant's name": (person_name, [DIGITS, MARKS, repeated("1", "x", "session ")]),
    "a placeholder": (is_placeholder, [DIGITS, SPACES, repeated("_"), repeated("a_"), repeated("'"), repeated("{")]),
    "a name": (allowed(lambda text: check_name(text, "a list")), [DIGITS, SPACES]),
    "a list's file": (allowed(list_file), [*PIECES]),
    "a cell of CSV": (lambda text: csv_bytes(pd.DataFrame({"a": ["+" + text, text]})), [repeated("1", "x"), repeated("1", "x", "1."), repeated("\t")]),
    "a question": (spans, [repeated(" _a"), repeated("*"), repeated("**a "), repeated("__ ")]),
    "Markdown": (lambda text: (md(text), code(text), message(text)), [repeated("`"), repeated(":a"), repeated("->"), SPACES]),
    "a size": (allowed(parse_size), [DIGITS, repeated(" ", "x", "1"), WORDS]),
    "IMI's task": (of_task, [DIGITS, repeated("1", "x"), repeated("_hard1")]),
    "IMI's layer": (_natural, [DIGITS, repeated("1a"), repeated("²")]),
    "IMI's details": (allowed(lambda text: read_details(Path("f"), 1, "row_variability_details", text)), [DIGITS, repeated("nan,"), repeated("-", "1")]),
    "a near miss": (lambda text: did_you_mean(text, [text + "b", text[1:], "dog"]), [WORDS, repeated("ab")]),
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_a_reader_is_linear(name):
    read, attacks = READERS[name]
    for attack in [*attacks, repeated("a"), repeated("("), repeated("a ")]:
        ratio = growth(read, attack, fine=0.05)  # which do more than one pattern with each letter
        assert ratio < 3, f"{name}: {ratio:.1f} times as long on twice {attack(40)!r}"


@pytest.mark.parametrize("column", ["text", "layer", "unit"])
def test_a_file_of_explanations_is_linear(tmp_path, column):
    def read(text: str) -> object:
        row = {"layer": "a", "unit": "1", "text": "dog"} | {column: text}
        (tmp_path / "e.csv").write_text("layer,unit,text\n" + ",".join(row.values()) + "\n", "utf-8")
        return read_explanations(tmp_path / "e.csv")

    for attack in (DIGITS, MARKS, repeated("_")):
        assert growth(allowed(read), attack) < 3


def test_a_file_of_concepts_is_linear(tmp_path):
    def read(text: str) -> object:
        (tmp_path / "c.txt").write_text(text, "utf-8")
        return read_concepts(tmp_path / "c.txt")

    for attack in (MARKS, repeated("\r"), repeated("#\n"), repeated("a\n")):
        assert growth(allowed(read), attack) < 3


def test_a_long_list_beside_a_long_address_is_linear(tmp_path):
    notes = Notes(tmp_path / "a.notes.sqlite")
    for name, count in (("half", 5000), ("whole", 10_000)):
        notes.star_all(name, [("layer", unit) for unit in range(count)])
    half, whole = (seconds(lambda name=name: notes.among(name)) for name in ("half", "whole"))
    assert whole < 0.05 or whole / half < 3


def test_a_search_at_its_cap_is_linear():
    for attack in (repeated("1", "x", "a>"), repeated("> "), repeated('" ')):
        assert growth(read_search, attack, LONGEST_SEARCH) < 3


# -- what is too long is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize("page", links.VIEWS)
def test_every_parameter_has_a_longest_length(page):
    for field in fields(links.VIEWS[page]):
        name, most = field.name, field.metadata.get("longest", links.LONGEST)
        view, problems = links.parse(page, {name: "9" * (most + 1)})
        assert view == links.VIEWS[page]()
        assert problems == [f"The address's {name}= is longer than {most:,} characters; it was ignored."]


def test_every_field_for_text_has_a_longest_length():
    for source in sources().values():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in (
                "text_input",
                "text_area",
                "chat_input",
            ):
                assert "max_chars" in {k.arg for k in node.keywords}, f"{source.name}:{node.lineno}"


def test_thousands_of_faults_are_told_in_a_few_sentences():
    for read in (
        unshared,
        lambda text: read_search(text[:LONGEST_SEARCH]),
        lambda text: read_terms(text, ()),
    ):
        assert len(read("> ," * 5000)[1]) <= 6
    for name in ("units", "pins", "without"):
        assert len(read_choice({name: "a," * 5000})[1]) <= 6


@pytest.mark.parametrize("text", ["9" * 5000, "9" * 400, "1" * 30 + ".5"])
def test_numbers_of_thousands_of_digits_end_in_a_sentence(text):
    assert links.parse("neuron", {"unit": text[:2000]})[1]
    assert read_terms(text, ())[1]
    assert unshared(f"a:{text}")[1]
    with pytest.raises(UserError, match="is not a size"):
        parse_size(text)
    assert _natural(f"block{text}²")  # digits of other alphabets are none of int()'s
    assert of_task(f"a_natural-{text}")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (None, None), ("http://host:8501", None), ("http://host/", None), ("http://host/pilot", "pilot"),
        ("http://host/a/b-1///", "b-1"), ("http://host/" + "a" * 101, None), ("http://[", None), ("http://host/a%20b", None),
    ],
)  # fmt: skip
def test_a_participants_address(url, name):
    assert _last_part(url or "") == name
