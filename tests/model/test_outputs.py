"""Names of outputs, and which probing class each stands for."""

from __future__ import annotations

import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.model.outputs import chosen_outputs, imagenet, map_classes_to_outputs
from lexplain_core.probe.base import ClassInfo

NONE = (None, None)


def classes(*pairs: str) -> list[ClassInfo]:
    return [ClassInfo(*pair.split("|")) if "|" in pair else ClassInfo(pair, pair) for pair in pairs]


def test_imagenet():
    names, keys = imagenet()
    assert len(names) == len(keys) == len(set(keys)) == 1000
    assert keys == tuple(sorted(keys))
    pairs = dict(zip(keys, names, strict=True))
    assert (pairs["n01440764"], pairs["n02123045"], pairs["n15075141"]) == ("tench", "tabby", "toilet tissue")


def test_chosen_outputs(tmp_path):
    assert chosen_outputs(["a", "b"], NONE, None) == (("a", "b"), None)
    assert chosen_outputs(["a", "b"], (("a", "b"), ("n1", "n2")), None) == (("a", "b"), ("n1", "n2"))
    assert chosen_outputs("classes", NONE, ["x", "y"]) == (("x", "y"), None)
    assert chosen_outputs("classes", NONE, None) == NONE
    assert chosen_outputs("imagenet", NONE, None) == imagenet()
    (tmp_path / "names.txt").write_text("tabby cat\n dog \n\n", "utf-8")
    assert chosen_outputs(str(tmp_path / "names.txt"), NONE, None) == (("tabby cat", "dog"), None)


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ("names.csv", "target.outputs is 'names.csv'"),
        ("absent.txt", r"absent.txt can't be read: No such file"),
        (["a", ""], "must name every output"),
        ([], "must name every output"),
    ],
)
def test_wrong_outputs(chosen, sentence):
    with pytest.raises(UserError, match=sentence):
        chosen_outputs(chosen, NONE, None)


def test_keys_come_before_names():
    probing = classes("n2|crane", "n1|crane", "n9|dog", "n8|unicorn")
    assert map_classes_to_outputs(probing, ["crane", "crane", "Dog"], ["n1", "n2", "n3"]) == [1, 0, 2, None]


def test_names_ignore_case_spaces_underscores_and_hyphens():
    probing = classes("a|Tabby_Cat", "b|t-shirt", "Ice cream|x")
    assert map_classes_to_outputs(probing, ["T shirt", "icecream", "tabby cat"]) == [2, 0, 1]


def test_one_to_one():
    assert map_classes_to_outputs(classes("a|dog", "b|Dog"), ["dog", "cat"]) == [None, None]
    assert map_classes_to_outputs(classes("a|dog", "b|cat"), ["dog", "dog", "cat"]) == [None, 2]
    assert map_classes_to_outputs(classes("a|crane", "b|crane"), ["crane", "crane"]) == [
        0,
        1,
    ]  # the very same list


def test_unknown_outputs():
    assert map_classes_to_outputs(classes("a", "b"), None) == [None, None]
