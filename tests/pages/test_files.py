"""Files that pages offer to take away: each has a name of its own."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from lexplain_core.views.tables import file_name

PAGES = Path(__file__).resolve().parents[2] / "pages"


def names() -> list[str]:
    """The names in the source: what follows the table in `tables.csv`, and `file_name=` of a download."""
    found = []
    for path in sorted(PAGES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called == "csv":
                found.append(", ".join(map(ast.unparse, node.args[2:])))
            found += [
                ast.unparse(k.value)
                for k in node.keywords
                if k.arg == "file_name" and called == "download_button"
            ]
    return [name for name in found if name != "file_name(*name)"]  # that of `tables.csv`


def test_no_two_files_share_a_name():
    found = names()
    assert len(found) > 25
    assert [name for name, count in Counter(found).items() if count > 1] == []


def test_names_say_what_they_are_of():
    whole = ("store.name", "of_unit(unit)", "study.stem", "shown", "linear-explanations.bib", "name,")
    assert [name for name in names() if not any(part in name for part in whole)] == []


def test_names_are_names_everywhere():
    assert (
        file_name("Demo", "features.3", "unit 7", "", "scores") == "Demo - features.3 - unit 7 - scores.csv"
    )
    assert "/" not in file_name("a/b\\c:d", "x", ending="json") and file_name("a\nb").count("\n") == 0
