"""The table of units: cells, orders, and whose words a search found."""

import pytest

from lexplain_core.store import Store, UnitQuery
from lexplain_core.views.overview import elsewhere, first_order, table_cell
from tests.store.helpers import SECOND, write


def test_large_numbers_come_first_and_short_words(tmp_path):
    write(tmp_path / "small.duckdb", second=True)
    with Store.open(tmp_path / "small.duckdb") as store:
        assert first_order(store, "correlation") == first_order(store, "gap") == "-"
        assert all(first_order(store, name) == "" for name in ("length", "unit", "status"))


def test_cells(tmp_path):
    write(tmp_path / "small.duckdb", second=True)
    with Store.open(tmp_path / "small.duckdb") as store:
        rows = store.find(UnitQuery()).rows.to_dict("records")
    alive, dead, negative = rows[1], rows[2], rows[4]
    cell = table_cell
    assert cell("correlation", alive) == {"text": "0.60", "share": pytest.approx(0.6), "below": "chance 0.20"}
    assert cell("correlation", dead) == {"text": "", "why": "none"}
    assert cell("length", alive) == {"text": "2"} and cell("length", dead)["text"] == ""
    assert cell("explanation", dead) == {"text": "", "why": "It is dead."}
    assert cell("status", negative) == {"text": "negative", "why": "It is negative."}
    assert cell("maximum", negative)["text"].startswith("−1")
    assert cell("ablation", alive)["text"] == ""


def test_who_else_has_the_words():
    assert elsewhere((SECOND,), "le-label") == f"found in the words of {SECOND}"
    assert elsewhere(("le-label", SECOND), "le-label") == ""
    assert elsewhere((), "le-label") == ""
