"""Explanations that someone else's method made, from a CSV or JSON file."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.errors import UserError, did_you_mean, quote
from ..base.files import parse_json, read_text
from ..base.text import folded, trimmed
from ..concepts import normalised

LONGEST_TEXT = 1000
LARGEST_NUMBER = 1e30  # of weights and biases, so that sums over them stay finite
_TEXT_COLUMNS = ("layer", "unit", "text")
_TERM_COLUMNS = ("layer", "unit", "concept", "weight")


@dataclass(frozen=True)
class ImportedExplanation:
    """An explanation of a unit as a file gives it: (weight, text) terms and a bias.

    `where` names its first row or entry, for messages.
    """

    layer: str
    unit: int
    terms: tuple[tuple[float, str], ...]
    bias: float
    where: str


def read_explanations(path: str | Path) -> list[ImportedExplanation]:
    """Read a `.csv` or `.json` file of explanations (docs/how-to/importing.md), in the file's order.

    A text alone is one term of weight 1 and no bias. Raises `UserError` naming file and row.
    """
    path = Path(path)
    readers = {".csv": _from_csv, ".json": _from_json}
    if path.suffix.lower() not in readers:
        raise UserError(f"The explanations {path} must be a .csv or .json file (docs/how-to/importing.md).")
    text = read_text(path, "The file of explanations")
    try:
        found = readers[path.suffix.lower()](text)
    except _Wrong as error:
        raise UserError(f"The explanations {path} can't be used: {error}") from None
    if not found:
        raise UserError(f"The explanations {path} are empty: there is nothing to import.")
    return found


class _Wrong(Exception):
    """What is wrong with a file, in words that follow the file's name."""


# -- CSV -------------------------------------------------------------------------------------


def _from_csv(text: str) -> list[ImportedExplanation]:
    rows = _csv_rows(text)
    header = next(rows, None)
    if header is None:
        return []
    columns = [folded(name) for name in header[1]]
    terms = _check_columns(columns)
    units: dict[tuple[str, int], _Gathered] = {}
    for number, cells in rows:
        where = f"row {number}"
        if len(cells) != len(columns):
            raise _Wrong(
                f"{where} has {len(cells)} cells where the header has {len(columns)}; "
                "put texts that hold a comma in double quotes."
            )
        row = dict(zip(columns, cells, strict=True))
        layer, unit = _layer(row["layer"], where), _unit(trimmed(row["unit"]), where)
        known = units.get((layer, unit))
        if known and not terms:
            raise _Wrong(
                f"{where} explains unit {unit} of {quote(layer)} a second time, after {known.where}; keep one."
            )
        known = units.setdefault((layer, unit), _Gathered(where))
        name = _text(row["concept" if terms else "text"], where, "concept" if terms else "text")
        known.add(_number(trimmed(row["weight"]), where, "weight") if terms else 1.0, name, where)
        if row.get("bias", "").strip():
            known.set_bias(_number(trimmed(row["bias"]), where, "bias"), where)
    return [found.foreign(layer, unit) for (layer, unit), found in units.items()]


def _csv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """(number, cells) of the rows that aren't blank; the first row of the file is row 1."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _Wrong(f"row {number} is not CSV: {error}.") from None
        if any(cell[:1].isspace() and cell.lstrip().startswith('"') for cell in cells):
            raise _Wrong(f"row {number} has white space other than blanks before a double quote: remove it.")
        if any(cell.strip() for cell in cells):
            yield number, cells


def _check_columns(columns: list[str]) -> bool:
    """Whether the rows are weighted concepts (else texts)."""
    known = {*_TEXT_COLUMNS, *_TERM_COLUMNS, "bias"}
    formats = f"`{','.join(_TEXT_COLUMNS)}` or `{','.join(_TERM_COLUMNS)}`, and `bias` where there is one"
    for name in columns:
        if name not in known:
            raise _Wrong(
                f"its header has a column {quote(name)}; the columns are {formats}."
                + did_you_mean(name, sorted(known))
            )
        if columns.count(name) > 1:
            raise _Wrong(f"its header has the column {quote(name)} twice; keep one.")
    terms = "text" not in columns
    expected = _TERM_COLUMNS if terms else _TEXT_COLUMNS
    missing = [name for name in expected if name not in columns]
    if missing:
        raise _Wrong(f"its header has no column {quote(missing[0])}; the columns are {formats}.")
    if not terms and (extra := {"concept", "weight"} & set(columns)):
        raise _Wrong(f"its header has both 'text' and {quote(min(extra))}; the columns are {formats}.")
    return terms


# -- JSON ------------------------------------------------------------------------------------


def _from_json(text: str) -> list[ImportedExplanation]:
    try:
        data = parse_json(text)
    except ValueError as error:
        raise _Wrong(f"they are not JSON: {error}.") from None
    if not isinstance(data, list):
        raise _Wrong("the JSON must be a list of objects with `layer`, `unit`, and `text` or `terms`.")
    units: dict[tuple[str, int], _Gathered] = {}
    for number, entry in enumerate(data, 1):
        where = f"entry {number}"
        layer, unit = _entry_key(entry, where)
        if (layer, unit) in units:
            raise _Wrong(
                f"{where} explains unit {unit} of {quote(layer)} a second time, "
                f"after {units[layer, unit].where}; keep one."
            )
        units[layer, unit] = found = _Gathered(where)
        for weight, concept in _entry_terms(entry, where):
            found.add(weight, concept, where)
        if entry.get("bias") is not None:
            found.set_bias(_number(entry["bias"], where, "bias"), where)
    return [found.foreign(layer, unit) for (layer, unit), found in units.items()]


def _entry_key(entry: Any, where: str) -> tuple[str, int]:
    if not isinstance(entry, dict):
        raise _Wrong(f"{where} is not an object with `layer`, `unit`, and `text` or `terms`.")
    known = ["layer", "unit", "text", "terms", "bias"]
    for name in entry:
        if name not in known:
            raise _Wrong(f"{where} has an unknown key {quote(name)}.{did_you_mean(name, known)}")
    for name in ("layer", "unit"):
        if name not in entry:
            raise _Wrong(f"{where} has no `{name}`.")
    if ("text" in entry) == ("terms" in entry):
        raise _Wrong(f"{where} needs `text` or `terms`, one of them.")
    return _layer(entry["layer"], where), _unit(entry["unit"], where)


def _entry_terms(entry: dict, where: str) -> Iterator[tuple[float, str]]:
    if "text" in entry:
        yield 1.0, _text(entry["text"], where, "text")
        return
    terms = entry["terms"]
    if not isinstance(terms, list) or not terms:
        raise _Wrong(f"{where} needs a list of [weight, concept] pairs as `terms`.")
    for term in terms:
        if isinstance(term, dict) and set(term) == {"concept", "weight"}:
            weight, concept = term["weight"], term["concept"]
        elif isinstance(term, list) and len(term) == 2:
            weight, concept = term
        else:
            raise _Wrong(f"{where} has a term that is neither [weight, concept] nor {{concept, weight}}.")
        yield _number(weight, where, "weight"), _text(concept, where, "concept")


# -- both ------------------------------------------------------------------------------------


class _Gathered:
    """The terms and the bias of one unit while its rows are read."""

    def __init__(self, where: str):
        self.where = where
        self._terms: dict[str, tuple[float, str]] = {}
        self._bias: float | None = None

    def add(self, weight: float, text: str, where: str) -> None:
        if normalised(text) in self._terms:
            raise _Wrong(f"{where} has the concept {_quoted(text)} a second time for this unit; add them up.")
        self._terms[normalised(text)] = weight, text

    def set_bias(self, bias: float, where: str) -> None:
        if self._bias not in (None, bias):
            raise _Wrong(
                f"{where} has bias {bias:g} where an earlier row of the unit has {self._bias:g}; keep one."
            )
        self._bias = bias

    def foreign(self, layer: str, unit: int) -> ImportedExplanation:
        return ImportedExplanation(layer, unit, tuple(self._terms.values()), self._bias or 0.0, self.where)


def _layer(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Wrong(f"{where} names no layer.")
    return trimmed(value)


def _unit(value: Any, where: str) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise _Wrong(f"{where} has the unit {_quoted(value)}; a unit is a whole number from 0.")


def _number(value: Any, where: str, what: str) -> float:
    number = math.nan
    if not isinstance(value, bool) and isinstance(value, int | float | str):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            pass
    if isinstance(value, str) and "_" in value or not math.isfinite(number):
        raise _Wrong(f"{where} has the {what} {_quoted(value)}; it must be a finite number, such as 1.5.")
    if abs(number) > LARGEST_NUMBER:
        raise _Wrong(
            f"{where} has the {what} {_quoted(value)}, which is too large to compute with; "
            f"scale the unit's weights and bias down to {LARGEST_NUMBER:g} at most."
        )
    return number


def _text(value: Any, where: str, what: str) -> str:
    """The text with single spaces; not empty, not longer than LONGEST_TEXT characters."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if len(text) > LONGEST_TEXT:  # asked first: normalising takes the square of the length
        raise _Wrong(
            f"{where} has a {what} of {len(text):,} characters; {LONGEST_TEXT:,} are the most: shorten it."
        )
    if not normalised(text):
        raise _Wrong(f"{where} has no {what}; give it a few words or leave the unit out.")
    if any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF for c in text):
        raise _Wrong(f"{where} has a {what} with characters that are not text; remove them.")
    return text


def _quoted(value: Any) -> str:
    return quote(value, 60)
