"""Names for people, in place of class folders such as `n01443537`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..base.errors import UserError, quote
from ..base.files import read_text
from ..base.text import Names, lines
from .base import ClassInfo


def read_names(path: str | Path) -> dict[str, str]:
    """Read a file like ImageNet's `words.txt`: a line each with an id, a tab or space, and names.

    Of `a, b, c` the first is taken. A line with a tab is cut at the tab, so that ids may hold spaces.
    Raises `UserError` with file and line for what can't be read.
    """
    path = Path(path)
    names: dict[str, str] = {}
    for number, line in enumerate(lines(read_text(path, "The names file")), start=1):
        if not line:
            continue
        key, *rest = line.split("\t", 1) if "\t" in line else line.split(None, 1)
        key, name = key.strip(), rest[0].split(",")[0].strip() if rest else ""
        if not key or not name:
            raise UserError(
                f"The names file {path} has no name at line {number}: "
                f"{quote(line, 60)} should be an id, a tab and a name."
            )
        if names.setdefault(key, name) != name:
            raise UserError(
                f"The names file {path} names {quote(key)} twice: {quote(names[key])}, "
                f"and at line {number} {quote(name)}; keep one."
            )
    return names


def apply_names(classes: tuple[ClassInfo, ...], path: str | Path) -> tuple[ClassInfo, ...]:
    """Give classes the names of a file; those that aren't in it keep theirs.

    Raises `UserError` if none is in it: then the file belongs to another set.
    """
    names = read_names(path)
    keys, given = Names(names), list(names.values())
    found = [keys.find(c.key) for c in classes]
    if not any(found):
        example = f" (such as {quote(next(iter(names)))})" if names else ""
        raise UserError(
            f"The names file {path} has none of the {len(classes)} classes, such as {quote(classes[0].key)}: "
            f"its ids{example} must be the names of the class folders."
        )
    return tuple(
        replace(c, name=given[places[0]]) if len(places) == 1 else c
        for c, places in zip(classes, found, strict=True)
    )
