"""A study's settings have bounds, and its texts load nothing from elsewhere: a study's file may be anybody's."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from lexplain_core.base.errors import UserError
from lexplain_core.config.study import StudySettings, load_settings, parse_settings


def numbers(section, before: str = "") -> list[str]:
    """The settings that are numbers, by their keys."""
    found = []
    for name, field in section.model_fields.items():
        kind = field.annotation
        if hasattr(kind, "model_fields"):
            found += numbers(kind, f"{before}{name}.")
        elif kind in (int, float):
            found.append(before + name)
    return found


@pytest.mark.parametrize("key", numbers(StudySettings))
@pytest.mark.parametrize("value", ["9000000000000000000", "1e300", "inf", "nan", "-1"])
def test_every_number_has_bounds(key, value):
    if key == "seed" and value.isdecimal():
        return  # of 63 bits
    with pytest.raises(UserError, match=key) as caught:
        load_settings(None, [f"{key}={value}"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        ["checks.total_seconds=[0, inf]"],
        ["course.tasks=100000", "course.trials=10000"],
        ["texts.thanks='" + "a" * 30_000 + "'"],
        ["texts.instructions=[" + "'a', " * 200 + "]"],
    ],
)
def test_so_have_the_others(options):
    with pytest.raises(UserError):
        load_settings(None, options)


NASTY = [
    "![a](https://elsewhere.example/p.png)",
    "![a][b] ![b]\n\n[b]: https://elsewhere.example/p.png",
    "[![a](https://elsewhere.example/p.png)](https://elsewhere.example)",
    r"\![a](https://elsewhere.example/p.png) !\[a](https://elsewhere.example)",
    "[here](https://elsewhere.example) [here](//elsewhere.example) [here](<https://elsewhere.example>)",
    "[here][b] [b]\n\n[b]: https://elsewhere.example",
]


@pytest.mark.parametrize("text", NASTY)
def test_no_text_loads_a_picture_or_hides_an_address(text):
    texts = parse_settings(
        {"texts": {"consent": text, "instructions": [text], "labels": {"start": text}}}, "of the test"
    ).texts
    for found in (texts.consent, texts.instructions[0], texts.labels.start):
        html = MarkdownIt().render(found)
        assert "<img" not in html and ">here</a>" not in html and "elsewhere.example" in html


def test_an_address_to_write_to_stays_a_link():
    texts = parse_settings({"texts": {"consent": "**Ask** [us](mailto:a@b.example)."}}, "of the test").texts
    assert MarkdownIt().render(texts.consent) == (
        '<p><strong>Ask</strong> <a href="mailto:a@b.example">us</a>.</p>\n'
    )
