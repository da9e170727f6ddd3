"""Numbers of a unit in plain words, and text of others made safe for Markdown."""

from __future__ import annotations

import re

import pandas as pd

from lexplain_core.base.numbers import rounded
from lexplain_core.store import Unit
from pages.ui import access

_POOLED = {
    ("map", "mean"): "activation (mean over the channel’s map)",
    ("map", "max"): "activation (maximum of the channel’s map)",
    ("map-last", "mean"): "activation (mean over the channel’s map)",
    ("map-last", "max"): "activation (maximum of the channel’s map)",
    ("tokens", "mean"): "activation (mean over tokens)",
    ("tokens", "max"): "activation (maximum over tokens)",
    ("tokens", "cls"): "activation (class token)",
}
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


def message(error: object) -> str:
    """The sentence of an error as Markdown; on a dashboard for strangers files stand without their folders."""
    return sentence(error, folders=not access.readonly())


def _one_line(text: object) -> str:
    return " ".join(str(text).split())


def _escaped(line: str) -> str:
    return _NOTHING.join(_PUNCTUATION.sub(r"\\\g<0>", piece) for piece in _JOINTS.split(line))


def quantity(unit: Unit) -> str:
    """What the unit's number is: 'activation (mean over the channel’s map)'."""
    return _POOLED.get((unit.kind, unit.pooling), "activation")


def interval_words(unit: Unit) -> str:
    """How many images each range holds, for those who can't see the chart."""
    if unit.buckets is None:
        return "No ranges."
    counts = ", ".join(f"{int(count):,}" for count in unit.buckets.counts)
    return f"Images per range from 0 to {rounded(unit.maximum)}: {counts}; {unit.buckets.negative:,} below 0."


def no_minus_zero(frame: pd.DataFrame, decimals: int, *columns: str) -> pd.DataFrame:
    """A table to show: 0 in place of what Streamlit would round to −0.00."""
    numbers = frame[list(columns)].astype(float)
    return frame.assign(**numbers.mask(numbers.abs() < 0.5 * 10.0**-decimals, 0.0))
