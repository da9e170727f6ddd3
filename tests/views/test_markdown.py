"""Text of others stays text: md, code and sentence (tests/browser/test_foreign_text.py has the browser's word)."""

import re
from string import punctuation

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexplain_core.views.markdown import code, md, sentence

NOTHING = ":small[]"


@given(st.text(st.one_of(st.sampled_from(punctuation + "aw1 \n"), st.characters(codec="utf-8"))))
def test_every_mark_is_escaped_and_nothing_else_changes(text):
    """Of pieces with `:small[]` between them, each is the text with a backslash before every mark."""
    shown = md(text)
    pieces = re.split(rf"(?<!\\){re.escape(NOTHING)}", shown)
    for piece in pieces:
        assert re.fullmatch(rf"(?:\\[{re.escape(punctuation)}]|[^{re.escape(punctuation)}])*", piece, re.S)
    plain = "".join(re.sub(r"\\(.)", r"\1", piece) for piece in pieces)
    assert plain == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("layer1.0.conv_2", r"layer1\.0\.conv\_2"),
        ("![x](//a/p.png)", r"\!\[x\]\(\/\/a\/p\.png\)"),
        ("$a$", r"\$a\$"),
        ("one\n\n# two", r"one \# two"),
        (":dog:", rf"\:{NOTHING}dog\:{NOTHING}"),
        ("https://a", rf"https\:{NOTHING}\/\/a"),
        ("WWW.a", rf"WWW{NOTHING}\.a"),
        ("a -> b", rf"a \-{NOTHING}\> b"),
        (3, "3"),
    ],
)
def test_md(text, marked):
    assert md(text) == marked


@pytest.mark.parametrize(
    ("text", "marked"), [("a*b*", "` a*b* `"), ("a`b``c", "``` a`b``c ```"), ("a\n\nb", "` a b `")]
)
def test_code(text, marked):
    assert code(text) == marked


def test_commands_in_a_message_are_code():
    assert (
        sentence("No store at a_b; `make demo` makes one.") == r"No store at a\_b\; `make demo` makes one\."
    )
    assert sentence("`![x](//a)") == r"\`\!\[x\]\(\/\/a\)"
    assert sentence("``![x](//a)`") == r"\``![x](//a)`"
