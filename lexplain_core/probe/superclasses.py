"""Superclasses from a JSON file, and the choice between that file and WordNet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..base.errors import UserError, did_you_mean, quote, repeated
from ..base.files import read_json
from ..base.text import Names, composed, trimmed
from .base import ClassInfo, Superclass
from .wordnet import wordnet_superclasses


def find_superclasses(spec: str, classes: Sequence[ClassInfo]) -> tuple[Superclass, ...]:
    """`wordnet`, or the path of a JSON file (config option `probe.superclasses`)."""
    if spec == "wordnet":
        return wordnet_superclasses(classes)
    path = Path(spec).expanduser()
    if not path.exists():
        raise UserError(
            f"There is no superclasses file {spec}: give a JSON file or 'wordnet'."
            + did_you_mean(spec, ["wordnet"])
        )
    return read_superclasses(path, classes)


def read_superclasses(path: str | Path, classes: Sequence[ClassInfo]) -> tuple[Superclass, ...]:
    """Read superclasses from JSON: an object of superclass → list of class names or folders.

    A folder's name (the class key) goes before a class name. Raises `UserError` naming file,
    superclass and entry for anything that doesn't fit the classes.
    """
    table = _read_table(Path(path))
    by_key, by_name = Names(c.key for c in classes), Names(c.name for c in classes)
    found = []
    for name, entries in table.items():
        where = f"The superclasses file {path}, {quote(name)}:"
        if not isinstance(entries, list) or not entries or not all(isinstance(e, str) for e in entries):
            raise UserError(f'{where} there must be a list of class names, such as ["cat", "dog"].')
        members: set[int] = set()
        for entry in entries:
            indices = by_key.find(entry) or by_name.find(entry)
            if not indices:
                known = [c.key for c in classes] + [c.name for c in classes]
                raise UserError(
                    f"{where} there is no class {quote(entry)} among the {len(classes)} of the probing set."
                    + did_you_mean(entry, list(dict.fromkeys(known)))
                )
            if len(indices) > 1:
                keys = ", ".join(repr(classes[i].key) for i in indices)
                raise UserError(
                    f"{where} {quote(entry)} is the name of several classes; write a folder instead: {keys}."
                )
            members.update(indices)
        found.append(Superclass(key=name, name=name, classes=tuple(sorted(members))))
    return tuple(found)


def _read_table(path: Path) -> dict:
    table = read_json(path, "The superclasses file")
    if not isinstance(table, dict) or not table:
        raise UserError(
            f'The superclasses file {path} must be one JSON object, such as {{"animal": ["cat", "dog"]}}.'
        )
    if (twice := repeated(composed(trimmed(key)) for key in table)) is not None:
        raise UserError(f"The superclasses file {path} has {quote(twice)} twice: join the two lists.")
    return table
