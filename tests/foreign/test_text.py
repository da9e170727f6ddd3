"""Text that others wrote: byte order marks, accents in two forms, ends of lines, and what is no text."""

from __future__ import annotations

import unicodedata

import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.concepts import normalised, read_concepts
from lexplain_core.config import load_config
from lexplain_core.model.outputs import chosen_outputs, map_classes_to_outputs
from lexplain_core.pipeline.explanation_files import read_explanations
from lexplain_core.probe.base import ClassInfo
from lexplain_core.probe.names import apply_names
from lexplain_core.probe.superclasses import read_superclasses

COMPOSED, DECOMPOSED = "café", unicodedata.normalize("NFD", "café")
BOM = "\ufeff"


def classes(*names: str) -> tuple[ClassInfo, ...]:
    return tuple(ClassInfo(name, name) for name in names)


def names(path):
    found = apply_names(classes("n1", "n2"), path)
    assert [c.name for c in found] == ["tench", "goldfish"]


def outputs(path):
    assert chosen_outputs(str(path), (None, None), None)[0] == ("tench", "goldfish")


def superclasses(path):
    assert read_superclasses(path, classes("a", "b"))[0].classes == (0, 1)


def concepts(path):
    assert read_concepts(path) == ["tench", "goldfish"]


def config(path):
    assert load_config(path).name == "mine"


def explanations(path):
    assert [(e.layer, e.unit) for e in read_explanations(path)] == [("a", 1), ("a", 2)]


def settings(path):
    from lexplain_core.config.study import load_settings

    assert load_settings(path).seed == 3


def people(path):
    from lexplain_core.cli.study import _names

    assert _names(path) == ["ann", "bob"]


READERS = [
    (names, "n1\ttench\nn2 goldfish\n", "x.txt"),
    (outputs, "tench\ngoldfish\n", "x.txt"),
    (superclasses, '{"fish":\n ["a", "b"]}\n', "x.json"),
    (concepts, "tench\n\ngoldfish\n", "x.txt"),
    (config, 'name = "mine"\nstore = "x.duckdb"\nlayers = ["a"]\n', "x.toml"),
    (explanations, "layer,unit,text\na,1,dog\na,2,cat\n", "x.csv"),
    (explanations, '[{"layer": "a", "unit": 1, "text": "x"},\n{"layer": "a", "unit": 2, "text": "x"}]', "x.json"),
    (settings, "seed = 3\n[course]\ntasks = 2\n", "x.toml"),
    (people, "ann\nbob\n", "x.txt"),
]  # fmt: skip
FORMS = {
    "bom": lambda text: text.encode("utf-8-sig"),
    "windows": lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"),
    "old-mac": lambda text: text.replace("\n", "\r").encode(),
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16-be": lambda text: (BOM + text).encode("utf-16-be"),
    "utf-32": lambda text: text.encode("utf-32"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("read", "text", "name"), READERS, ids=lambda x: getattr(x, "__name__", ""))
def test_every_reader_takes_marks_and_ends_of_lines_of_every_system(tmp_path, read, text, name, form):
    (tmp_path / name).write_bytes(FORMS[form](text))
    read(tmp_path / name)


WRONG = [
    (lambda text: text.encode() + b"caf\xe9", r"line \d+ \(byte \d+ of the file\); save it as UTF-8"),
    (lambda text: text.encode("utf-16-le"), "zero byte at line 1; save it as UTF-8"),
    (lambda text: text.encode("utf-16") + b"x", "begins as UTF-16 text but doesn't go on"),
    (lambda text: text.encode("utf-8-sig") + b"\0", "zero byte"),
]


@pytest.mark.parametrize(("spoil", "sentence"), WRONG)
@pytest.mark.parametrize(("read", "text", "name"), READERS, ids=lambda x: getattr(x, "__name__", ""))
def test_what_is_no_text_is_one_sentence_with_the_file(tmp_path, read, text, name, spoil, sentence):
    (tmp_path / name).write_bytes(spoil(text))
    with pytest.raises(UserError, match=sentence) as caught:
        read(tmp_path / name)
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_the_place_of_a_wrong_byte_counts_the_mark(tmp_path):
    (tmp_path / "x.txt").write_bytes(b"\xef\xbb\xbfa\r\nb\xff")
    with pytest.raises(UserError, match=r"at line 2 \(byte 8 of the file\)"):
        read_concepts(tmp_path / "x.txt")


def test_a_text_file_has_a_largest_size(tmp_path):
    from lexplain_core.base.files import read_text

    (tmp_path / "x.txt").write_bytes(b"a" * 101)
    assert len(read_text(tmp_path / "x.txt", "The file", 101)) == 101
    with pytest.raises(UserError, match="x.txt can't be read: it has more than"):
        read_text(tmp_path / "x.txt", "The file", 100)


# -- when two names are the same


PAIRS = [
    (COMPOSED, DECOMPOSED),
    ("straße", "STRASSE"),
    ("polar bear", "polar\u00a0bear"),
    ("polar bear", " polar  bear\u200b"),
    ("dog", "ｄｏｇ"),
    ("İzmir", unicodedata.normalize("NFD", "İzmir")),
    ("cat", "\ufeffcat"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_names_that_look_alike_match_everywhere(tmp_path, one, other):
    assert normalised(one) == normalised(other)
    assert map_classes_to_outputs(classes("x", one), ["a", "b", other]) == [None, 2]
    (tmp_path / "groups.json").write_text(f'{{"all": ["{other}"]}}', "utf-8")
    assert read_superclasses(tmp_path / "groups.json", classes("x", one))[0].classes == (1,)
    (tmp_path / "names.txt").write_text(f"{other}\tThe Name\n", "utf-8")
    assert apply_names(classes("x", one), tmp_path / "names.txt")[1].name == "The Name"


@pytest.mark.parametrize("kept", [COMPOSED, DECOMPOSED])
def test_what_was_given_is_shown(tmp_path, kept):
    (tmp_path / "names.txt").write_text(f"n1\t{kept}\n", "utf-8")
    assert apply_names(classes("n1"), tmp_path / "names.txt")[0].name == kept


def test_names_that_differ_in_case_alone_are_told_apart():
    assert map_classes_to_outputs(classes("Cat", "cat"), ["cat", "Cat"]) == [1, 0]
    assert map_classes_to_outputs(classes("Cat", "cat"), ["cat", "dog"]) == [None, None]
    assert map_classes_to_outputs(classes("Polar bear", "cat"), ["polar_bear", "cat"]) == [0, 1]


def test_a_superclass_may_mean_either_of_two_that_differ_in_case(tmp_path):
    (tmp_path / "g.json").write_text('{"a": ["cat"], "b": ["CAT"]}', "utf-8")
    with pytest.raises(UserError, match="'b'.*'CAT' is the name of several classes"):
        read_superclasses(tmp_path / "g.json", classes("Cat", "cat"))
    (tmp_path / "g.json").write_text(f'{{"{COMPOSED}": ["cat"], "{DECOMPOSED}": ["Cat"]}}', "utf-8")
    with pytest.raises(UserError, match="twice"):
        read_superclasses(tmp_path / "g.json", classes("Cat", "cat"))


def test_a_list_of_units_is_found_in_either_form(tmp_path):
    from lexplain_core.notes import Notes

    notes = Notes(tmp_path / "x.notes.sqlite")
    notes.star(DECOMPOSED, "a", 1)
    notes.star(COMPOSED, "a", 2)
    assert [one.count for one in notes.lists()] == [2]
    assert [u.unit for u in notes.units(DECOMPOSED)] == [u.unit for u in notes.units(COMPOSED)] == [1, 2]
