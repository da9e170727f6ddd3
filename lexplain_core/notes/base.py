"""The words of notes, and lists as they travel: as a file, as a part of an address."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from ..base.errors import UserError, few
from ..base.errors import quote as quoted
from ..base.files import parse_json
from ..base.text import composed, decode

LARGEST_FILE = 1_000_000  # bytes of a list's file
LARGEST_REMARK = 2000  # characters
LONGEST_NAME = 80
_LONGEST_LAYER = 300
_LARGEST_UNIT = 2**31 - 1  # the store's numbers are 32 bits wide
_KIND, _VERSION = "lexplain list of units", 1


@dataclass(frozen=True)
class UnitList:
    """A list of units: its name, how many there are, and when it was begun (ISO 8601, UTC)."""

    name: str
    count: int
    begun: str


@dataclass(frozen=True)
class Starred:
    """A unit on a list. added: ISO 8601, UTC."""

    layer: str
    unit: int
    remark: str
    added: str


@dataclass(frozen=True)
class Hidden:
    """An image that isn't shown, by its key (the path below the set's root). since: ISO 8601, UTC."""

    key: str
    since: str


@dataclass(frozen=True)
class Brought:
    """What came of a list's file: the list's name here, how many units it holds, a sentence per fault."""

    name: str
    count: int
    problems: tuple[str, ...]


def check_name(name: object, what: str) -> str:
    """The name without blanks around it, or a `UserError` where it can't be one. what: 'a list', …"""
    found = composed(" ".join(name.split())) if isinstance(name, str) else ""
    if not found or len(found) > LONGEST_NAME or not found.isprintable():
        raise UserError(
            f"{_short(name)} can't be the name of {what}: it must have 1 to {LONGEST_NAME} printable characters."
        )
    return found


def check_remark(text: object) -> str:
    """A remark without blanks around it, or a `UserError` where it is too long."""
    found = str(text).strip()
    if len(found) > LARGEST_REMARK:
        raise UserError(f"A remark can have {LARGEST_REMARK:,} characters; this one has {len(found):,}.")
    return "".join(c for c in found if c.isprintable() or c == "\n")


# -- as a file ------------------------------------------------------------------------------------


def to_json(name: str, units: Iterable[Starred], store: Mapping[str, str]) -> bytes:
    """A list as a file. store: id and name of the store that its units are of."""
    rows = [{"layer": u.layer, "unit": u.unit, "remark": u.remark} for u in units]
    facts = {"kind": _KIND, "version": _VERSION, "name": name, "store": dict(store), "units": rows}
    return (json.dumps(facts, ensure_ascii=False, indent=1) + "\n").encode()


def from_json(data: bytes) -> tuple[str, list[tuple[str, int, str]], list[str]]:
    """Name, (layer, unit, remark)s and faults of a list's file, which may be anyone's.

    Raises `UserError` where nothing in it can be used.
    """
    if len(data) > LARGEST_FILE:
        raise UserError(
            f"The file has {len(data) / 1e6:.1f} MB; a list's file has at most {LARGEST_FILE / 1e6:.0f} MB."
        )
    try:
        facts = parse_json(decode(data, "The file", LARGEST_FILE))
    except ValueError as error:
        raise UserError(f"The file is not a list of units: it isn't JSON ({str(error)[:300]}).") from None
    if not isinstance(facts, dict) or facts.get("kind") != _KIND:
        raise UserError(f"The file is not a list of units: it doesn't say `kind`: {_KIND!r}.")
    if facts.get("version") != _VERSION:
        raise UserError(
            f"The file is a list of version {_short(facts.get('version'))}; this lexplain reads version {_VERSION}."
        )
    name, rows = check_name(facts.get("name"), "a list"), facts.get("units")
    if not isinstance(rows, list):
        raise UserError("The file has no `units`, or they are not a list.")
    found: dict[tuple[str, int], str] = {}
    faults = []
    for number, row in enumerate(rows, start=1):
        fault = _fault(row)
        if fault is None and (row["layer"], row["unit"]) in found:
            fault = f"{row['layer']}, unit {row['unit']}, is there twice"
        if fault:
            faults.append(f"Entry {number} was left out: {fault}.")
        else:
            found[row["layer"], row["unit"]] = check_remark(row.get("remark", ""))
    return name, [(layer, unit, remark) for (layer, unit), remark in found.items()], few(faults)


def _fault(row: Any) -> str | None:
    """What is wrong with an entry of a file; None where nothing is."""
    if not isinstance(row, dict):
        return "it is not an object with `layer` and `unit`"
    layer, unit, remark = row.get("layer"), row.get("unit"), row.get("remark", "")
    if not isinstance(layer, str) or not 0 < len(layer) <= _LONGEST_LAYER or not layer.isprintable():
        return f"its layer {_short(layer)} is not a name"
    if not isinstance(unit, int) or isinstance(unit, bool) or not 0 <= unit <= _LARGEST_UNIT:
        return f"its unit {_short(unit)} is not a whole number from 0"
    if not isinstance(remark, str) or len(remark.strip()) > LARGEST_REMARK:
        return f"its remark is not a text of at most {LARGEST_REMARK:,} characters"
    return None


def _short(value: object) -> str:
    return quoted(value, 60)


# -- in an address --------------------------------------------------------------------------------


def shared(units: Iterable[tuple[str, int]]) -> str:
    """Units as part of an address: `layer:unit,…`, the layers percent-encoded."""
    return ",".join(f"{quote(layer, safe='')}:{unit}" for layer, unit in units)


def unshared(text: str) -> tuple[list[tuple[str, int]], list[str]]:
    """(layer, unit)s of `shared`'s text, each once, and a sentence for each part that can't be read."""
    found, problems = [], []
    for part in text.split(","):
        match = re.fullmatch(r"([^:]++):([0-9]{1,10})", part.strip())
        if match and int(match[2]) <= _LARGEST_UNIT:
            found.append((unquote(match[1]), int(match[2])))
        elif part.strip():
            problems.append(f"{_short(part.strip())} in the address is not a unit: `layer:number` is one.")
    return list(dict.fromkeys(found)), few(problems)
