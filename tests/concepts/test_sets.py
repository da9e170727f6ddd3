"""Concept sets: what is in them, in which order, from where, and which files are refused in which words."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lexplain_core.base.errors import UserError
from lexplain_core.concepts import Concept, concept_matrices, concept_set, normalised, split_filter_counts
from lexplain_core.concepts.sets import LONGEST, NOUNS, read_concepts
from lexplain_core.probe import Attribute, ClassInfo, ProbingSet, Superclass


@pytest.fixture
def probing() -> ProbingSet:
    return ProbingSet(
        name="set",
        source="here",
        keys=tuple("abcd"),
        labels=np.array([0, 1, 2, 3]),
        classes=(
            ClassInfo("n1", "crane"),
            ClassInfo("n2", "Crane"),
            ClassInfo("n3", "traffic_light"),
            ClassInfo("n4", "dog"),
        ),
        load=lambda i: Image.new("RGB", (4, 4)),
        superclasses=(Superclass("n9", "animal", (0, 3)), Superclass("n8", "dog", (1, 3))),
        attributes=(Attribute("red", "red", "colour", np.array([True, False, False, True])),),
    )


def refusal(path, data: bytes | None) -> str:
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UserError) as caught:
        read_concepts(path)
    text = str(caught.value)
    assert str(path) in text and "\n" not in text and text.endswith(".")
    return text


def test_labels_are_those_of_the_label_matrix(probing):
    matrix = concept_matrices["label"](probing)
    assert [c.key for c in matrix.concepts] == [
        "class:n1", "class:n2", "class:n3", "class:n4", "superclass:n9", "superclass:n8", "colour:red",
    ]  # fmt: skip
    assert matrix.values.tolist()[4:] == [[1, 0, 0, 1], [0, 1, 0, 1], [1, 0, 0, 1]]
    got = concept_set(probing, ["labels"])
    # Texts that two labels share are one concept; the first one's key and name stay.
    assert got == (
        Concept("class:n1", "crane", "class"),
        Concept("class:n3", "traffic_light", "class"),
        Concept("class:n4", "dog", "class, superclass"),
        Concept("superclass:n9", "animal", "superclass"),
        Concept("colour:red", "red", "colour"),
    )


def test_sets_are_joined_in_order_and_say_all_they_come_from(probing, tmp_path):
    mine = tmp_path / "my words.txt"
    mine.write_text("Dog\nice  cream\nTRAFFIC light\nice cream\nzebra crossing\n", "utf-8")
    got = {c.name: c for c in concept_set(probing, ["labels", str(mine), "nouns"])}
    assert got["dog"] == Concept("class:n4", "dog", "class, superclass, my words, noun")
    assert got["traffic_light"].origin == "class, my words, noun"
    assert got["ice cream"] == Concept("my words:ice cream", "ice cream", "my words, noun")
    assert got["zebra crossing"] == Concept("my words:zebra crossing", "zebra crossing", "my words")
    assert got["cat"] == Concept("noun:cat", "cat", "noun")
    assert list(got)[:7] == ["crane", "traffic_light", "dog", "animal", "red", "ice cream", "zebra crossing"]
    assert len({c.key for c in got.values()}) == len(got)
    assert len({normalised(name) for name in got}) == len(got)
    # The other way round the file's keys and names stay.
    other = concept_set(probing, [str(mine), "labels"])
    assert other[0] == Concept("my words:Dog", "Dog", "my words, class, superclass")
    assert concept_set(probing, ["nouns", "nouns"]) == concept_set(probing, ["nouns"])


def test_keys_stay_unique_and_no_file_passes_for_labels(probing, tmp_path):
    (tmp_path / "sub").mkdir()
    files = [tmp_path / "class.txt", tmp_path / "colour.txt", tmp_path / "a,b.txt", tmp_path / "sub/a b.txt"]
    for path, text in zip(files, ["n1\n", "blue\n", "x\ny\n", "x\nz\n"], strict=True):
        path.write_text(text, "utf-8")
    got = concept_set(probing, [*map(str, files), "labels"])
    keys = [c.key for c in got]
    assert len(set(keys)) == len(keys)
    assert keys[:5] == ["file class:n1", "file colour:blue", "a b:x", "a b:y", "a b:z"]
    assert "class:n1" in keys[5:]
    assert [c.origin for c in got[:3]] == ["file class", "file colour", "a b"]
    # Different texts under one key can't be: the second gets a number.
    one, two = tmp_path / "w.txt", tmp_path / "sub/w.txt"
    one.write_text("a:b", "utf-8")
    two.write_text("a:b\na c", "utf-8")
    assert [c.key for c in concept_set(probing, [str(one), str(two)])] == ["w:a:b", "w:a c"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"cat\ndog\n", ["cat", "dog"]),
        (b"\xef\xbb\xbfcat\r\ndog", ["cat", "dog"]),
        (b"\n# a comment\n  cat \t\n\n   # another\ndog # not one\n", ["cat", "dog # not one"]),
        (b"cat\rdog\r", ["cat", "dog"]),
        ("crème brûlée\n猫\n👩‍🍳\na\tb".encode(), ["crème brûlée", "猫", "👩‍🍳", "a b"]),
        (b"x" * LONGEST, ["x" * LONGEST]),
    ],
)
def test_files_that_are_read(tmp_path, data, expected):
    path = tmp_path / "words.txt"
    path.write_bytes(data)
    assert read_concepts(path) == expected


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (None, ["can't be read", "No such file"]),
        (b"", ["no concept"]),
        (b"# only\n\n  \n", ["no concept"]),
        (b"cat\ncr\xe8me\n", ["line 2", "UTF-8"]),
        ("cat\n".encode("utf-16-le"), ["line 1", "zero byte", "UTF-8"]),
        (b"a\n\n" + b"x" * (LONGEST + 1), ["line 3", "301 characters", "'xxx"]),
        (b"cat\nd\x00g\n", ["line 2", "zero byte"]),
        (b"cat\nd\x1b[31mg\n", ["line 2", "control character", "'\\x1b'"]),
        (b"cat\n# fine\nd\x0bg\n", ["line 3", "control character"]),
    ],
)
def test_files_that_are_refused(tmp_path, data, parts):
    said = refusal(tmp_path / "words.txt", data)
    for part in parts:
        assert part in said


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("label", ["no such file", "`labels` and `nouns`", "Did you mean 'labels'?"]),
        ("noun", ["Did you mean 'nouns'?"]),
        ("word.txt", ["Did you mean 'words.txt'?"]),
        ("qqq", ["no such file"]),
        ("", ["is a folder"]),
    ],
)
def test_unknown_sets_are_refused_with_what_is_near(probing, tmp_path, name, parts):
    (tmp_path / "words.txt").write_text("cat", "utf-8")
    with pytest.raises(UserError) as caught:
        concept_set(probing, [str(tmp_path / name)])
    for part in ["concepts.sets", str(tmp_path), *parts]:
        assert part in str(caught.value)


def test_no_sets_are_refused(probing):
    with pytest.raises(UserError, match="names no set"):
        concept_set(probing, [])


def test_the_filter_counts_each_origin():
    concepts = [
        Concept("1", "a", "class"),
        Concept("2", "b", "class, noun"),
        Concept("3", "c", "noun"),
        Concept("4", "d", "superclass, noun"),
    ]
    kept = np.array([True, True, False, False])
    assert split_filter_counts(concepts, kept) == {"class": (2, 0), "noun": (1, 2), "superclass": (0, 1)}
    assert split_filter_counts([], np.zeros(0, bool)) == {}
    with pytest.raises(ValueError):
        split_filter_counts(concepts, kept[:3])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Traffic_Light", " traffic  light", True),
        ("STRASSE", "straße", True),
        ("cafe\u0301", "café", True),
        ("ice-cream", "ice cream", False),
        ("cat", "cats", False),
    ],
)
def test_which_texts_are_the_same(one, other, same):
    assert (normalised(one) == normalised(other)) is same


def test_the_nouns_are_read(probing):
    got = concept_set(probing, ["nouns"])
    assert len(got) == len(read_concepts(NOUNS)) and {c.origin for c in got} == {"noun"}
    assert all(c.key == f"noun:{c.name}" for c in got)
