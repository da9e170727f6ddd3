"""Names and superclasses from files."""

import json

import numpy as np
import pytest

from lexplain_core.base.errors import UserError
from lexplain_core.config import Probe
from lexplain_core.probe import ClassInfo, Superclass, load_probing_set
from lexplain_core.probe.names import apply_names, read_names
from lexplain_core.probe.superclasses import find_superclasses, read_superclasses
from lexplain_core.probe.wordnet import DATA

CLASSES = tuple(
    ClassInfo(k, n) for k, n in [("n1", "tabby"), ("n2", "crane"), ("n3", "crane"), ("n4", "lorry")]
)


def written(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def test_tabs_spaces_and_synonyms(tmp_path):
    text = "\ufeffn1\tgoldfish, Carassius auratus\n\nn2 red fox , fox\r\nbig cat\tlion\nn3  é\n"
    assert read_names(written(tmp_path / "w.txt", text)) == {
        "n1": "goldfish",
        "n2": "red fox",
        "big cat": "lion",
        "n3": "é",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n1\tcat\nn2\n", "no name at line 2: 'n2' should be"),
        ("n1\tcat\nn2\t, x\n", "no name at line 2"),
        ("n1 cat\nn2 dog\nn1 lion\n", "names 'n1' twice: 'cat', and at line 3 'lion'"),
    ],
)
def test_malformed_lines_are_named(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        read_names(written(tmp_path / "w.txt", text))


def test_names_file_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="can't be read: No such file"):
        read_names(tmp_path / "gone.txt")
    with pytest.raises(UserError, match="not UTF-8 text at line 2"):
        read_names(written(tmp_path / "w.txt", "n1 a\nn2 é\n", "latin-1"))


def test_unknown_ids_keep_their_name(tmp_path):
    found = apply_names(CLASSES, written(tmp_path / "w.txt", "n1\tcat\nn2\tcat\nn9\tdog\n"))
    assert [c.name for c in found] == ["cat", "cat", "crane", "lorry"]  # two classes may share a name
    assert [c.key for c in found] == ["n1", "n2", "n3", "n4"]


def test_names_of_another_set(tmp_path):
    with pytest.raises(
        UserError, match=r"none of the 4 classes, such as 'n1': its ids \(such as 'z1'\) must"
    ):
        apply_names(CLASSES, written(tmp_path / "w.txt", "z1\tcat\n"))


def test_json_by_name_or_folder(tmp_path):
    table = {"animal": ["tabby", "n2", "n2"], "all": ["n1", "n2", "n3", "lorry"], "one": ["n3"]}
    found = read_superclasses(written(tmp_path / "s.json", json.dumps(table)), CLASSES)
    assert found == (
        Superclass("animal", "animal", (0, 1)),
        Superclass("all", "all", (0, 1, 2, 3)),
        Superclass("one", "one", (2,)),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"animal": ["taby"]}', r"'animal': there is no class 'taby' among the 4.*Did you mean 'tabby'"),
        (
            '{"bird": ["crane"]}',
            r"'crane' is the name of several classes; write a folder instead: 'n2', 'n3'",
        ),
        ('{"a": "tabby"}', r"'a': there must be a list of class names"),
        ('{"a": []}', r"'a': there must be a list"),
        ('{"a": [1]}', r"'a': there must be a list"),
        ('["tabby"]', r"must be one JSON object, such as \{"),
        ("{}", r"must be one JSON object"),
        ('{"a": ["n1"], "a": ["n2"]}', r"key 'a' twice"),
        ('{"a": ["n1"], "a ": ["n2"]}', r"has 'a' twice: join"),
        ('{"a": ["n1"],\n}', r"can't be read as JSON: .*line 2"),
    ],
)
def test_wrong_json(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        read_superclasses(written(tmp_path / "s.json", text), CLASSES)


def test_missing_superclasses_file():
    with pytest.raises(UserError, match="no superclasses file wordnt.*Did you mean 'wordnet'"):
        find_superclasses("wordnt", CLASSES)
    with pytest.raises(UserError, match=r"can't be read"):
        find_superclasses(".", CLASSES)


def test_cifar100_superclasses_are_the_published_ones():
    """The coarse label of each fine class in alphabetical order, as the set's own files have them."""
    published = [
        *(4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7),
        *(6, 13, 15, 3, 15, 0, 11, 1, 10, 12, 14, 16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10),
        *(16, 4, 17, 4, 2, 0, 17, 4, 18, 17, 10, 3, 2, 12, 12, 16, 12, 1, 9, 19, 2, 10, 0, 1, 16),
        *(12, 9, 13, 15, 13, 16, 19, 2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14, 13),
    ]
    table = json.loads((DATA / "cifar100.json").read_text())
    fine = sorted(c for members in table.values() for c in members)
    assert len(table) == 20 and len(set(fine)) == 100
    coarse = {c: i for i, members in enumerate(sorted(table)) for c in table[sorted(table)[i]]}
    assert [coarse[c] for c in fine] == published


def test_tiny_imagenet(shared, capsys):
    root = shared / "data" / "tiny-imagenet"
    probe = Probe(root=root / "val", names=root / "words.txt", superclasses="wordnet", limit=400)
    found = load_probing_set(probe, seed=0)
    assert len(found.classes) == 200 and np.bincount(found.labels).tolist() == [2] * 200
    names = {c.key: c.name for c in found.classes}
    assert names["n01443537"] == "goldfish" and names["n02123045"] == "tabby"
    with capsys.disabled():
        print(f"\nTiny ImageNet: {len(found.superclasses)} WordNet superclasses of 200 classes")
    sizes = {s.key: len(s.classes) for s in found.superclasses}
    assert sizes["n02084071"] == 6 and sizes["n00015388"] == 59  # dogs and animals
