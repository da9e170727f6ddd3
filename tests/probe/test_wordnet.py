"""WordNet superclasses against a slow closure, known facts, and the script that makes the table."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexplain_core.base.errors import UserError
from lexplain_core.probe import ClassInfo
from lexplain_core.probe.wordnet import TABLE, Synset, read_table, wordnet_superclasses
from scripts.make_wordnet_table import imagenet_ids, make_table, parse_nouns

NOUNS = Path("/usr/share/wordnet/data.noun")


def classes_of(keys):
    return tuple(ClassInfo(k, k) for k in keys)


def table_of(parents: dict[str, str], names: dict[str, str] | None = None) -> dict[str, Synset]:
    """{'dog': 'canine pet'} -> a table in which dog has these two hypernyms."""
    keys = {*parents, *(p for ups in parents.values() for p in ups.split())}
    return {k: Synset(k, (names or {}).get(k, k), tuple(parents.get(k, "").split())) for k in sorted(keys)}


def slowly(keys, table) -> dict[tuple[int, ...], set[str]]:
    """Walk every path from every class; class set -> the synsets that no other of that set is below."""
    walked: dict[str, set[int]] = {}
    for i, key in enumerate(keys):
        paths = [[key]]
        while paths:
            path = paths.pop()
            walked.setdefault(path[-1], set()).add(i)
            paths += [[*path, up] for up in table[path[-1]].hypernyms]

    def is_above(high, low):
        return high in table[low].hypernyms or any(is_above(high, up) for up in table[low].hypernyms)

    result: dict[tuple[int, ...], set[str]] = {}
    for synset, members in walked.items():
        same = [s for s, m in walked.items() if m == members and s != synset]
        if len(members) >= 2 and not any(is_above(synset, s) for s in same):
            result.setdefault(tuple(sorted(members)), set()).add(synset)
    return result


def check(keys, table) -> None:
    found = wordnet_superclasses(classes_of(keys), table)
    expected = slowly(keys, table)
    assert {s.classes for s in found} == set(expected)
    assert len(found) == len(expected)  # one for each class set
    for s in found:
        assert s.key in expected[s.classes] and s.name == table[s.key].name
    assert [s.key for s in found] == sorted(s.key for s in found)


@pytest.mark.parametrize("part", [slice(0, 120), slice(None, None, 6), slice(None, None, 333)])
def test_shipped_table_against_the_slow_closure(part):
    check(imagenet_ids()[part], read_table())


@settings(max_examples=200)
@given(st.lists(st.sets(st.integers(0, 30), max_size=3), min_size=3, max_size=12), st.data())
def test_any_inheritance_against_the_slow_closure(ups, data):
    parents = {
        f"s{i:02d}": " ".join(f"s{u % i:02d}" for u in sorted({u % i for u in up})) if i else ""
        for i, up in enumerate(ups)
    }
    table = table_of(parents)
    keys = data.draw(st.lists(st.sampled_from(sorted(table)), min_size=1, max_size=8, unique=True))
    check(keys, table)


def test_diamond():
    table = table_of(
        {
            "dog": "canine pet",
            "cat": "feline pet",
            "wolf": "canine",
            "lion": "feline",
            "canine": "carnivore",
            "feline": "carnivore",
            "carnivore": "animal",
            "pet": "animal",
        }
    )
    found = wordnet_superclasses(classes_of(["dog", "cat", "wolf", "lion"]), table)
    assert {s.name: s.classes for s in found} == {
        "canine": (0, 2),
        "feline": (1, 3),
        "pet": (0, 1),
        "carnivore": (0, 1, 2, 3),  # animal covers the same, and is less specific
    }


def test_ties_go_to_the_deeper_then_the_smaller_id():
    table = table_of({"x": "b deep", "y": "b deep", "b": "top", "deep": "mid", "mid": "top"})
    assert [s.key for s in wordnet_superclasses(classes_of("xy"), table)] == ["deep"]
    table = table_of({"x": "b a", "y": "a b", "b": "top", "a": "top"})
    assert [s.key for s in wordnet_superclasses(classes_of("xy"), table)] == ["a"]


def test_same_name_twice_and_a_class_above_another():
    table = table_of(
        {"c1": "crane.bird", "c2": "crane.bird", "c3": "crane.machine", "c4": "crane.machine c1"},
        {"crane.bird": "crane", "crane.machine": "crane"},
    )
    found = wordnet_superclasses(classes_of(["c1", "c2", "c3", "c4"]), table)
    assert [(s.key, s.name, s.classes) for s in found] == [
        ("c1", "c1", (0, 3)),
        ("crane.bird", "crane", (0, 1, 3)),
        ("crane.machine", "crane", (2, 3)),
    ]


def test_facts_of_imagenet():
    found = wordnet_superclasses(classes_of(imagenet_ids()))
    sizes = {s.key: len(s.classes) for s in found}
    names = {s.key: s.name for s in found}
    assert {
        names[k]: sizes[k] for k in ("n02084071", "n01503061", "n01726692", "n02159955", "n04524313")
    } == {
        "dog": 118,
        "bird": 59,
        "snake": 17,
        "insect": 27,
        "vehicle": 67,
    }
    assert len({s.classes for s in found}) == len(found)
    assert all(len(s.classes) >= 2 for s in found)
    shared_names = len(found) - len(set(names.values()))
    assert shared_names > 0 and len(sizes) == len(found)  # names may be shared, keys are not


def test_ids_that_are_not_in_the_table():
    with pytest.raises(UserError, match=r"WordNet ids such as 'n02123045', not 'cat', 'dog': rename them"):
        wordnet_superclasses(classes_of(["n01443537", "cat", "dog"]))
    with pytest.raises(
        UserError, match=r"1 of the 2 classes are not in the table.*\('n00000001'\).*--ids FILE"
    ):
        wordnet_superclasses(classes_of(["n01443537", "n00000001"]))


def test_table_holds_imagenet_and_is_closed():
    table = read_table()
    assert set(imagenet_ids()) <= set(table)
    assert all(up in table for s in table.values() for up in s.hypernyms)
    assert [s.key for s in table.values() if not s.hypernyms] == ["n00001740"]  # entity is the only root
    assert sum(len(s.hypernyms) > 1 for s in table.values()) >= 38


LINES = """\
  1 A licence to be kept.
  2
00000001 03 n 01 entity 0 001 ~ 00000002 n 0000 | that which is
00000002 03 n 02 living_thing 0 animate_thing 0 002 @ 00000001 n 0000 ~ 00000003 n 0000 | alive
00000003 03 n 0b a 0 b 0 c 0 d 0 e 0 f 0 g 0 h 0 i 0 j 0 k 0 003 @ 00000002 n 0000 @i 00000005 n 0000 + 00000009 v 0101 | x | y
00000004 03 n 01 alone 0 001 @ 00000001 n 0000 | not asked for
00000005 03 n 01 hero 0 001 @ 00000001 n 0000 | instance
"""


def test_parsing_nouns():
    assert list(parse_nouns(LINES.splitlines())) == [
        ("n00000001", "entity", ()),
        ("n00000002", "living thing", ("n00000001",)),
        ("n00000003", "a", ("n00000002", "n00000005")),  # eleven words, written 0b; an instance hypernym
        ("n00000004", "alone", ("n00000001",)),
        ("n00000005", "hero", ("n00000001",)),
    ]


def test_table_of_a_few_ids(tmp_path):
    nouns = tmp_path / "data.noun"
    nouns.write_text(LINES)
    text = make_table(nouns, ["n00000003"])
    assert "# A licence to be kept.\n" in text
    made = tmp_path / "table.tsv"
    made.write_text(text)
    assert set(read_table(made)) == {"n00000001", "n00000002", "n00000003", "n00000005"}
    assert read_table(made)["n00000003"].hypernyms == ("n00000002", "n00000005")
    with pytest.raises(UserError, match="no noun n00000007"):
        make_table(nouns, ["n00000007"])


def test_shipped_table_is_what_the_script_makes():
    if not NOUNS.exists():
        pytest.skip(f"no {NOUNS} (Debian's wordnet-base)")
    assert make_table(NOUNS, imagenet_ids()) == TABLE.read_text("utf-8")


def test_licence_is_in_the_table():
    head = TABLE.read_text("utf-8")
    for phrase in ("WordNet 3.0 Copyright 2006 by Princeton University", "appear on ALL copies", '"AS IS"'):
        assert phrase in head
