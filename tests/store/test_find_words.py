"""The language of the search box and of ranges."""

import pytest

from lexplain_core.store.search.text import (
    OPEN,
    TERMS,
    Term,
    range_words,
    read_range,
    read_search,
    write_range,
)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("  dog   snow ", [Term("dog"), Term("snow")]),
        ("dog dog", [Term("dog")]),
        ('"polar  bear" dog', [Term("polar bear"), Term("dog")]),
        ("+snow -dog −cat", [Term("snow", "+"), Term("dog", "-"), Term("cat", "-")]),
        ('-"polar bear"', [Term("polar bear", "-")]),
        ("snow>0.5", [Term("snow", "", ">", 0.5)]),
        ("snow > .5 dog<-1e1", [Term("snow", "", ">", 0.5), Term("dog", "", "<", -10)]),
        ("snow>=2 dog≤−1.", [Term("snow", "", ">=", 2), Term("dog", "", "<=", -1)]),
        ('+"polar bear"<3', [Term("polar bear", "+", "<", 3)]),
        ("t-shirt layer1.0:12 crane(bird)", [Term("t-shirt"), Term("layer1.0:12"), Term("crane(bird)")]),
        ('"a > b"', [Term("a > b")]),
        ("-5", [Term("5", "-")]),
    ],
)
def test_terms(text, terms):
    assert read_search(text) == (terms, [])


@pytest.mark.parametrize(
    ("text", "terms", "piece"),
    [
        ("dog + snow", [Term("dog"), Term("snow")], "“+”"),
        ("snow> dog", [Term("dog")], "“snow>”"),
        ("snow>a lot", [Term("lot")], "“snow>a”"),
        (">0.5", [], "“>0.5”"),
        ("snow>1e999 dog", [Term("dog")], "“snow>1e999”"),
        ('""', [], '“""”'),
        ('""dog cat', [Term("cat")], '“""dog”'),
        ('dog "polar bear', [Term("dog")], '“"polar bear”'),
        ('"  "', [], '“"”'),
        ("--snow dog", [Term("dog")], "“--snow”"),
        ("+-snow", [], "“+-snow”"),
    ],
)
def test_what_cant_be_read_is_said_and_the_rest_is_kept(text, terms, piece):
    found, problems = read_search(text)
    assert found == terms
    assert problems and piece in problems[0]


def test_a_search_is_bounded():
    found, problems = read_search(" ".join(f"w{i}" for i in range(TERMS + 5)))
    assert len(found) == TERMS and len(problems) == 1 and f"w{TERMS} " in problems[0]


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("0.2..0.7", (0.2, 0.7)),
        ("..4", (None, 4)),
        ("2..", (2, None)),
        ("−1 .. 1e3", (-1, 1000)),
        ("5", (5, 5)),
    ],
)
def test_ranges(text, ends):
    assert read_range(text) == ends
    assert read_range(write_range(ends)) == ends


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        "a..b",
        "0.7..0.2",
        "nan..1",
        "..inf",
        "1...2",
        "1..2..3",
        "1_0..",
        "infinity",
        "1e999..",
        "0x1",
    ],
)
def test_what_is_no_range(text):
    assert read_range(text) is None


def test_ranges_in_words():
    assert range_words("length", (2, 4)) == "length from 2 to 4"
    assert range_words("impact", (-0.5, None)) == "impact at least −0.5"
    assert range_words("impact", (None, 1e-7)) == "impact at most 1e−07"
    assert range_words("length", (3, 3)) == "length 3"
    assert write_range(OPEN) == ""
