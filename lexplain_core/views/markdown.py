"""Text of others as Markdown that shows it as it is."""

from __future__ import annotations

import re

_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")  # all of ASCII: Markdown lets each be escaped
# Places where Streamlit finds a meaning after it has read the Markdown, escapes or not: `:dog:`,
# `:material_home:`, addresses without brackets, arrows.
_JOINTS = re.compile(r"(?<=[:@])|(?<=www)(?=\.)|(?<=[-<>~])(?=[-=>])", re.I)
_FOLDERS = re.compile(r"(?<![\w:/.])/(?:[^/\s]++/)++")  # before a file's name
_NOTHING = ":small[]"  # an empty piece of small text: parts what stands before it and after it


def md(text: object) -> str:
    """Text from an address or a store as Markdown that shows it as it is, on one line.

    No image, link, formula, icon or emphasis comes of it. Not for `st.badge`, which is itself a
    piece of Markdown in brackets.
    """
    return _escaped(_one_line(text))


def code(text: object) -> str:
    """A path, or text from a store, as Markdown's code, whatever backticks it holds.

    Streamlit shows `:material/` as `:material_` even there, so text from an address is better off in `md`.
    """
    line = _one_line(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}"


def sentence(error: object, folders: bool = True) -> str:
    """The sentence of an error as Markdown: `commands` in backticks are code, the rest is as it is.

    folders: whether files stand with their folders.
    """
    line = _one_line(error)
    pieces = re.split(r"(`[^`]+`)", line if folders else _FOLDERS.sub("", line))
    return "".join(piece if number % 2 else _escaped(piece) for number, piece in enumerate(pieces))


def _one_line(text: object) -> str:
    return " ".join(str(text).split())


def _escaped(line: str) -> str:
    return _NOTHING.join(_PUNCTUATION.sub(r"\\\g<0>", piece) for piece in _JOINTS.split(line))
