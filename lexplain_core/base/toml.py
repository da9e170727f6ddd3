"""TOML that someone wrote, within bounds: whatever is wrong with it is one sentence."""

from __future__ import annotations

import tomllib
from pathlib import Path

from .errors import UserError
from .files import read_text

LARGEST = 1_000_000  # bytes
_MOST_COST = 25_000_000  # of dotted keys; about a second
DEEPEST = 32  # levels of lists and tables, parts of a table's name
_LARGEST_NUMBER = 2**63 - 1  # as TOML itself has it


def read_toml(path: Path, what: str) -> dict:
    """The tables of a file. `what` begins the sentence of a `UserError`: 'The config'."""
    text = read_text(path, what, LARGEST)
    try:
        return parse_toml(text)
    except ValueError as error:
        raise UserError(f"{what} {path} can't be read as TOML: {str(error).rstrip('.')}.") from None


def parse_toml(text: str) -> dict:
    """The tables of a TOML text; `ValueError` with a short reason for what is wrong, too deep or too large."""
    _check_keys(text)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise ValueError("its lists or tables are nested too deeply") from None
    except ValueError:
        raise ValueError("it holds a number of too many digits") from None
    check_values(data)
    return data


def _check_keys(text: str) -> None:
    """Refuse dotted keys over which tomllib would spend minutes: its time goes with the square of their parts, and
    each line below a table's head pays for the parts of the head."""
    cost = 0
    for number, line in enumerate(text.split("\n"), start=1):
        dots = line.count(".")
        cost += dots**2
        if cost > _MOST_COST or (dots > DEEPEST and line.lstrip().startswith("[")):
            raise ValueError(f"line {number} has a key of too many parts, or too many dots")


def check_values(data: object) -> None:
    """Raise `ValueError` for what no option can take: NUL characters, halves of characters, endless nesting or numbers."""
    level = [data]
    for _ in range(DEEPEST):
        for value in level:
            if isinstance(value, int) and abs(value) > _LARGEST_NUMBER:
                raise ValueError("it holds a number that doesn't fit in 64 bits")
            if isinstance(value, str) and ("\0" in value or any("\ud800" <= c <= "\udfff" for c in value)):
                raise ValueError("it holds characters that are not text")
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    raise ValueError("its lists or tables are nested too deeply")


def _inside(value: object) -> list:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    return value if isinstance(value, list) else []
