"""The page of all measures, from their descriptions: `python -m lexplain_core.measures.reference > docs/reference/measures.md`."""

from __future__ import annotations

from ..base.measures import DERIVED, Description
from . import measures

_HEAD = """# Measures

What the scores of units and explanations are called and how they are read. A store has descriptions of its own measures;
a plugin may [add some](../how-to/measures.md). The name is that of the column in tables, [exports](exported-columns.md)
and addresses (`sort=-correlation`, `where=correlation:0.5..,length:..4`). *Judges* stand at the head of a unit's page.

| name | title | of | range | best | chance | judge | how it is read |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""


def render() -> str:
    """The page, as Markdown."""
    return _HEAD + "".join(_row(one) for one in (*measures.values(), *DERIVED))


def _row(one: Description) -> str:
    low, high = ("" if end is None else f"{end:g}" for end in (one.low, one.high))
    cells = (
        f"`{one.name}`", one.title, one.of, f"{low} … {high}".strip(), one.best or "–",
        "–" if one.chance is None else f"{one.chance:g}", "yes" if one.judge else "", one.help,
    )  # fmt: skip
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


if __name__ == "__main__":
    print(render(), end="")
