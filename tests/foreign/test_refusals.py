"""Readers of foreign files say what they refuse in one short, printable sentence, however long, deep or odd it is."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from lexplain_core.base.errors import UserError, quote
from lexplain_core.cli.study import _names
from lexplain_core.concepts.sets import read_concepts
from lexplain_core.concepts.sources import _read_json
from lexplain_core.config.study import load_settings
from lexplain_core.model.outputs import chosen_outputs
from lexplain_core.notes import Notes
from lexplain_core.pipeline.explanation_files import read_explanations
from lexplain_core.probe.base import ClassInfo
from lexplain_core.probe.names import apply_names, read_names
from lexplain_core.probe.superclasses import read_superclasses

LONG, DEEP = "y" * 300_000, "[" * 100_000
CLASSES = (ClassInfo("cat", "cat"), ClassInfo("dog", "dog"))
ODD = "\x1b[2J\u202e\x07"  # what a terminal would obey


def superclasses(path: Path):
    return read_superclasses(path, CLASSES)


def names(path: Path):
    return apply_names(CLASSES, path)


def notes(path: Path):
    return Notes(path.with_name("s.notes.sqlite")).from_json(path.read_bytes())


@pytest.mark.parametrize(
    ("read", "file", "content"),
    [
        (superclasses, "s.json", DEEP), (superclasses, "s.json", '{"a": ' * 50_000),
        (superclasses, "s.json", f'{{"{LONG}": 1}}'), (superclasses, "s.json", f'{{"a": ["{LONG}"]}}'),
        (superclasses, "s.json", '{"a": ' + "1" * 100_000 + "}"),
        (superclasses, "s.json", f'{{"{LONG}": ["cat"], "{LONG}": ["cat"]}}'),
        (superclasses, "s.json", "{" + ",".join(f'"k{i}": ["cat"]' for i in range(60_000)) + ', "k59999": ["cat"]}'),
        (superclasses, "s.json", f'{{"a": ["{ODD}"]}}'.replace("\x1b", "\\u001b").replace("\x07", "\\u0007")),
        (names, "n.txt", LONG), (names, "n.txt", f"{LONG}\tname"), (names, "n.txt", f"a\t{LONG}\na\tother"),
        (read_names, "n.txt", f"{ODD}x"), (read_concepts, "c.txt", LONG), (read_concepts, "c.txt", f"a{ODD}"),
        (_names, "p.txt", f"{LONG}\n{LONG}"), (_names, "p.txt", "\n".join(map(str, [*range(60_000), 59_999]))),
        (read_explanations, "e.json", DEEP), (read_explanations, "e.json", f'[{{"{LONG}": 1}}]'),
        (read_explanations, "e.json", f'[{{"layer": "{LONG}", "unit": -1, "text": "a"}}]'),
        (read_explanations, "e.json", '[{"layer": "a", "unit": ' + "1" * 5000 + ', "text": "a"}]'),
        (read_explanations, "e.csv", f"{LONG[:9999]},unit\n1,2\n"), (read_explanations, "e.csv", f"layer,unit,text\na,{LONG[:9999]},b"),
        (read_explanations, "e.csv", f'layer,unit,text\n{LONG[:9999]},1,b\n{LONG[:9999]},1,b'),
        (_read_json, "m.json", DEEP), (load_settings, "s.toml", "x = " + DEEP), (load_settings, "s.toml", f"{LONG} = 1"),
        (load_settings, "s.toml", f"course = '{LONG}'"), (notes, "l.json", DEEP), (notes, "l.json", f'{{"kind": "{LONG}"}}'),
    ],
    ids=itertools.count(),
)  # fmt: skip
def test_what_is_refused_is_quoted_within_bounds(tmp_path, read, file, content):
    (tmp_path / file).write_text(content)
    with pytest.raises(UserError) as caught:
        read(tmp_path / file)
    assert len(str(caught.value)) < 1000 and str(caught.value).isprintable()


@pytest.mark.parametrize(
    "read", [superclasses, names, read_concepts, _names, read_explanations, load_settings]
)
@pytest.mark.parametrize("how", ["a folder", "not UTF-8", "endless", "not there"])
def test_what_can_t_be_read_is_a_sentence(tmp_path, read, how):
    file = tmp_path / ("file.csv" if read is read_explanations else "file.txt")
    if how == "a folder":
        file.mkdir()
    elif how == "not UTF-8":
        file.write_bytes(b"one\ntwo\xff\n")
    elif how == "endless":
        file.symlink_to("/dev/zero")
    with pytest.raises(UserError, match=r"can't be read|There is no settings file") as caught:
        read(file)
    assert str(file) in str(caught.value)


def test_output_names_likewise(tmp_path):
    file = tmp_path / "outputs.txt"
    file.write_bytes(b"\xff")
    for given in (str(file), LONG):
        with pytest.raises(UserError) as caught:
            chosen_outputs(given, (None, None), None)
        assert len(str(caught.value)) < 1000


def test_a_quotation_is_short_and_printable():
    for value in (LONG, b"x" * 9999, 10**5000, [LONG] * 9, {"a": [[[]]] * 999}, ODD):
        assert len(quote(value)) <= 200 and quote(value).isprintable()
    assert quote("it's") == '"it\'s"' and quote(3) == "3" and quote(None) == "None"
