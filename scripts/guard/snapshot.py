"""Makes a page's tree of accessibility shorter: what a line says again of a line around it is left out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

_MOST_ROWS = 8  # of a table; of those below them there is a digest
_LONG = 60  # letters of a line


def shortened(tree: str) -> str:
    """The tree as a text whose differences are readable; every change of the tree that isn't one of repeated text
    changes it."""
    kept: list[str] = []
    around: list[str] = []
    for line in tree.splitlines():
        while around and _indent(around[-1]) >= _indent(line):
            around.pop()
        said = _said(line)
        if not said or "[" in line or not any(said in outer for outer in around):
            kept.append(line)
        around.append(line)
    return "\n".join(_without_long_tables(_with_addresses(_without_empty(kept))))


def once(text: str, seen: set[str]) -> str:
    """A text in which long lines that an earlier one has had end in a digest; `seen` takes in the others."""
    lines = []
    for line in text.splitlines():
        if len(line) > _LONG and line.strip() in seen:
            line = f"{line[: _LONG // 2]}… {digest(line)}"
        seen.add(line.strip())
        lines.append(line)
    return "\n".join(lines)


def digest(text: str) -> str:
    """A short one."""
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _said(line: str) -> str:
    """What a line says, without its role and quotes; '' for an address and for what has no text."""
    role, _, rest = line.strip().removeprefix("- ").strip("'").partition(" ")
    return "" if role.startswith("/") else rest.removesuffix(":").strip("\"' ")


def _without_empty(lines: list[str]) -> list[str]:
    """Without what has neither a name nor anything in it."""
    kept: list[str] = []
    for line in reversed(lines):
        filled = bool(kept) and _indent(kept[-1]) > _indent(line)
        if filled or not re.fullmatch(r" *- [\w-]+:?", line):
            kept.append(line if filled else line.removesuffix(":"))
    return kept[::-1]


def _with_addresses(lines: list[str]) -> Iterator[str]:
    """A link and its address in one line."""
    before = None
    for line in lines:
        if before is not None and (match := re.fullmatch(r" *- /url: (.*)", line)):
            line = f"{before.removesuffix(':')} → {match[1]}"
        elif before is not None:
            yield before
        before = line
    if before is not None:
        yield before


def _without_long_tables(lines: Iterator[str]) -> Iterator[str]:
    rows, at, rest = 0, 0, []
    for line in [*lines, ""]:
        if re.match(r" *- '?row\b", line):
            rows, at = rows + 1, _indent(line)
        elif _indent(line) <= at:  # not of a row
            rows = 0
        if rows > _MOST_ROWS:
            rest.append(line)
            continue
        if rest:
            yield f"{' ' * at}- {len(rest)} more lines, {digest(repr(rest))}"
            rest = []
        if line:
            yield line
