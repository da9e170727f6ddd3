"""Reading explanations from CSV and JSON files, and what is said of wrong ones."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexplain_core.base.errors import UserError
from lexplain_core.pipeline.explanation_files import ImportedExplanation, read_explanations


@pytest.fixture
def read(tmp_path):
    def call(content: str | bytes | list, name: str = "file.csv"):
        if isinstance(content, list):
            content, name = json.dumps(content), "file.json"
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return read_explanations(path)

    return call


def test_a_text_is_one_term_of_weight_1(read):
    found = read('layer,unit,text\nlayer4,3,red  fox\n"layer4",12," a dog, on grass "\n\nconv#2,0,Füchse\n')
    assert found == [
        ImportedExplanation("layer4", 3, ((1.0, "red fox"),), 0.0, "row 2"),
        ImportedExplanation("layer4", 12, ((1.0, "a dog, on grass"),), 0.0, "row 3"),
        ImportedExplanation("conv#2", 0, ((1.0, "Füchse"),), 0.0, "row 5"),
    ]


def test_weighted_concepts_are_gathered_by_unit(read):
    found = read(
        "unit, Layer ,weight,concept,bias\n3,a,2.5,dog,\n7,a,1e-3,cat,\n3,a,-1,snow,0.25\n3,b,1,dog,0\n3,a,+.5,sky,0.25\n"
    )
    assert [(f.layer, f.unit, f.terms, f.bias) for f in found] == [
        ("a", 3, ((2.5, "dog"), (-1.0, "snow"), (0.5, "sky")), 0.25),
        ("a", 7, ((0.001, "cat"),), 0.0),
        ("b", 3, ((1.0, "dog"),), 0.0),
    ]


def test_json_says_the_same(read):
    found = read(
        [
            {"layer": "a", "unit": 3, "terms": [[2.5, "dog"], [-1, "snow"]], "bias": 0.25},
            {"layer": "a", "unit": 4, "terms": [{"concept": "dog", "weight": 2}]},
            {"layer": "b", "unit": 3, "text": "a  dog", "bias": None},
        ]
    )
    assert found == [
        ImportedExplanation("a", 3, ((2.5, "dog"), (-1.0, "snow")), 0.25, "entry 1"),
        ImportedExplanation("a", 4, ((2.0, "dog"),), 0.0, "entry 2"),
        ImportedExplanation("b", 3, ((1.0, "a dog"),), 0.0, "entry 3"),
    ]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(read):
    assert read(b"\xef\xbb\xbflayer,unit,text\r\na,1,dog\r\n")[0].terms == ((1.0, "dog"),)
    assert read(b'\xef\xbb\xbf[{"layer": "a", "unit": 1, "text": "dog"}]', "f.JSON")[0].unit == 1
    quoted = read('layer,unit,text\na,1,"a dog\nin two lines"\na,2,cat\n')
    assert [f.terms[0][1] for f in quoted] == ["a dog in two lines", "cat"]
    assert quoted[1].where == "row 3"  # as a spreadsheet counts
    assert read("layer,unit,text\na,1,dog\u2028here\na,2,cat\n")[0].terms == ((1.0, "dog here"),)


def test_blanks_after_commas_do_no_harm(read):
    found = read('layer, unit, "text"\na, 1, "a dog, asleep"\n"a",  2 , cat\n')
    assert [(f.unit, f.terms[0][1]) for f in found] == [(1, "a dog, asleep"), (2, "cat")]


T, W = "layer,unit,text\n", "layer,unit,concept,weight\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["empty"]),
        ("\n\n", ["empty"]),
        (T, ["empty"]),
        ("layer,unit\na,1\n", ["no column 'concept'", "layer,unit,text"]),
        ("layer,unit,concept\na,1,x\n", ["no column 'weight'"]),
        ("unit,text\n1,x\n", ["no column 'layer'"]),
        ("layer,unit,txt\na,1,x\n", ["column 'txt'", "Did you mean 'text'"]),
        ("layer;unit;text\na;1;x\n", ["column 'layer;unit;text'"]),
        ("layer,unit,text,text\na,1,x,y\n", ["'text' twice"]),
        ("layer,unit,text,weight\na,1,x,1\n", ["both 'text' and 'weight'"]),
        (T + "a,1\n", ["row 2", "2 cells", "header has 3"]),
        (T + "a,1,a dog, a cat\n", ["row 2", "4 cells", "double quotes"]),
        (T + 'a,1,"dog" x\n', ["row 2", "not CSV"]),
        (T + 'a,1,"dog\n', ["row 2", "not CSV"]),
        (T + 'a,1,\t"dog"\n', ["row 2", "white space other than blanks before a double quote"]),
        (T + 'a,1,\u00a0"dog"\n', ["row 2", "before a double quote"]),
        (T + "a,1,dog\n\n,2,cat\n", ["row 4", "names no layer"]),
        (T + "a,one,dog\n", ["row 2", "unit 'one'", "whole number"]),
        (T + "a,-1,dog\n", ["row 2", "unit '-1'"]),
        (T + "a,1.0,dog\n", ["row 2", "unit '1.0'"]),
        (T + "a,\u0663,dog\n", ["row 2", "whole number"]),
        (T + "a,,dog\n", ["row 2", "unit ''"]),
        (T + "a,1,\n", ["row 2", "has no text"]),
        (T + "a,1, _ \n", ["row 2", "has no text"]),
        (T + "a,1,dog\na,1,cat\n", ["row 3", "unit 1 of 'a' a second time", "row 2"]),
        (T + "a,1," + 1001 * "x" + "\n", ["row 2", "1,001 characters", "1,000"]),
        (T + "a,1,do\x00g\n", ["zero byte at line 2"]),
        (T + "a,1,do\x07g\n", ["row 2", "not text"]),
        (W + "a,1,dog,much\n", ["row 2", "weight 'much'", "finite number"]),
        (W + "a,1,dog,nan\n", ["row 2", "weight 'nan'"]),
        (W + "a,1,dog,1e999\n", ["row 2", "weight '1e999'"]),
        (W + "a,1,dog,1e308\n", ["row 2", "weight '1e308'", "too large", "1e+30 at most"]),
        (W + "a,1,dog,-1.1e30\n", ["row 2", "weight '-1.1e30'", "too large"]),
        (W.replace("\n", ",bias\n") + "a,1,x,2,1e31\n", ["row 2", "bias '1e31'", "too large"]),
        (W + "a,1,dog,1_0\n", ["row 2", "weight '1_0'"]),
        (W + 'a,1,dog,"1,5"\n', ["row 2", "weight '1,5'"]),
        (W + "a,1,dog,\n", ["row 2", "weight ''"]),
        (W + "a,1,,2\n", ["row 2", "has no concept"]),
        (W + "a,1,red fox,2\na,1,Red_Fox,3\n", ["row 3", "'Red_Fox' a second time"]),
        (W.replace("\n", ",bias\n") + "a,1,x,2,1\na,1,y,2,2\n", ["row 3", "bias 2", "has 1"]),
        (W.replace("\n", ",bias\n") + "a,1,x,2,inf\n", ["row 2", "bias 'inf'"]),
        (b"layer,unit,text\na,1,f\xfcchse\n", ["not UTF-8"]),
        ("layer,unit,text\na,1,dog\n".encode("utf-16-le"), ["zero byte", "UTF-8"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_csv_file_is_one_sentence(read, content, words):
    says(read, content, "file.csv", words)


A = '"layer": "a", "unit": 1'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["not JSON"]),
        ("[", ["not JSON"]),
        ("[" * 100_000, ["nested"]),
        ("{}", ["must be a list"]),
        ("[]", ["empty"]),
        ("[3]", ["entry 1 is not an object"]),
        ('[{"layer": "a", "text": "x"}]', ["entry 1 has no `unit`"]),
        ('[{"unit": 1, "text": "x"}]', ["entry 1 has no `layer`"]),
        (f"[{{{A}}}]", ["entry 1 needs `text` or `terms`"]),
        (f'[{{{A}, "text": "x", "terms": [[1, "x"]]}}]', ["one of them"]),
        (f'[{{{A}, "txt": "x"}}]', ["unknown key 'txt'", "'text'"]),
        (f'[{{{A}, "text": "x", "text": "y"}}]', ["key 'text' twice; keep one"]),
        (f'[{{{A}, "terms": [{{"concept": "x", "weight": 1, "weight": 2}}]}}]', ["key 'weight' twice"]),
        (f'[{{{A}, "text": 3}}]', ["has no text"]),
        (f'[{{{A}, "text": "\\ud800x"}}]', ["not text; remove"]),
        ('[{"layer": "a", "unit": true, "text": "x"}]', ["unit True"]),
        ('[{"layer": "a", "unit": 1.5, "text": "x"}]', ["unit 1.5"]),
        ('[{"layer": ["a"], "unit": 1, "text": "x"}]', ["names no layer"]),
        (f'[{{{A}, "text": "x"}}, {{{A}, "text": "y"}}]', ["entry 2", "second time", "entry 1"]),
        (f'[{{{A}, "terms": []}}]', ["list of [weight, concept]"]),
        (f'[{{{A}, "terms": "dog"}}]', ["list of [weight, concept]"]),
        (f'[{{{A}, "terms": [["dog"]]}}]', ["neither [weight, concept] nor"]),
        (f'[{{{A}, "terms": [["dog", 1]]}}]', ["weight 'dog'"]),
        (f'[{{{A}, "terms": [[NaN, "dog"]]}}]', ["weight nan"]),
        (f'[{{{A}, "terms": [[{"9" * 400}, "dog"]]}}]', ["weight 999"]),
        (f'[{{{A}, "terms": [[1e99, "dog"]]}}]', ["weight 1e+99", "too large"]),
        (f'[{{{A}, "terms": [[true, "dog"]]}}]', ["weight True"]),
        (f'[{{{A}, "terms": [[1, "dog"], [2, "Dog"]]}}]', ["'Dog' a second time"]),
        (f'[{{{A}, "terms": [[1, "dog"]], "bias": Infinity}}]', ["bias inf"]),
    ],
)
def test_what_is_wrong_with_a_json_file_is_one_sentence(read, content, words):
    says(read, content, "file.json", words)


def says(read, content, name, words):
    with pytest.raises(UserError) as caught:
        read(content, name)
    message = str(caught.value)
    assert name in message and "\n" not in message and len(message) < 500 and message[-1] in ".?"
    for word in words:
        assert word in message


def test_files_that_are_not_there_or_of_another_kind(tmp_path):
    for name, word in (
        ("none.csv", "No such file"),
        ("file.txt", ".csv or .json"),
        ("folder.csv", "directory"),
    ):
        (tmp_path / "folder.csv").mkdir(exist_ok=True)
        with pytest.raises(UserError, match=word):
            read_explanations(tmp_path / name)


@settings(max_examples=300)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.text(max_size=60).map(lambda t: (T + "a,1," + t).encode("utf-8", "replace")),
    )
)
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp()
    for name in ("any.csv", "any.json"):
        (folder / name).write_bytes(content)
        try:
            found = read_explanations(folder / name)
        except UserError as error:
            assert name in str(error)
        else:
            assert found and all(f.terms and f.unit >= 0 and f.layer for f in found)
