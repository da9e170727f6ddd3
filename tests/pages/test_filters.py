"""The filters above the table of units, and the table's cells."""

import pytest

from lexplain_core.store import Store, UnitQuery
from lexplain_core.store.search.query import STATUS_WORDS
from lexplain_core.views.opened import Opened
from lexplain_core.views.overview import titles
from pages.overview import filters, starting
from pages.ui.links import STATUSES, Overview, query
from tests.store.helpers import SECOND, write


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    path = tmp_path_factory.mktemp("filters") / "small.duckdb"
    write(path, second=True)
    with Store.open(path) as store:
        yield Opened(store, (str(path),))


def test_the_address_has_every_order_and_status(opened):
    assert set(STATUS_WORDS) == set(STATUSES)
    store = opened.store
    assert set(titles(store)) < set(store.columns)
    for name in store.columns:
        for sort in (name, f"-{name}"):
            assert filters.wanted(Overview(sort=sort), opened) == (UnitQuery(sort=sort), [])


def test_a_view_is_what_is_wanted(opened):
    view = Overview(
        layer="layer1", q="+boat", by=SECOND, where="correlation:-0.25..0.75,length:..3", status="alive", sort="-gap", method=SECOND,
        units="layer1:1,planted:0",
    )  # fmt: skip
    wanted, problems = filters.wanted(view, opened)
    assert not problems
    assert (wanted.layer, wanted.q, wanted.by, wanted.status, wanted.sort, wanted.method) == (
        "layer1", "+boat", SECOND, "alive", "-gap", SECOND,
    )  # fmt: skip
    assert wanted.ranges == {"correlation": (-0.25, 0.75), "length": (None, 3)}
    assert set(wanted.among) == {("layer1", 1), ("planted", 0)} and wanted.listed
    assert filters.wanted(Overview(), opened) == (UnitQuery(), [])


def test_what_an_address_has_wrong_is_said(opened):
    wanted, problems = filters.wanted(
        Overview(q='boat "dog', where="impact:much,correlation:0.5..0.1"), opened
    )
    assert wanted.q == 'boat "dog' and not wanted.ranges
    assert len(problems) == 3
    assert any("much" in problem for problem in problems)
    assert opened.store.find(wanted).total == opened.store.find(UnitQuery(q="boat")).total > 0


def test_layers_and_methods_that_are_not_there_are_left_out(opened):
    view, problems = filters.usable(Overview(layer="nowhere", method="nobody", by="no one", q="boat"), opened)
    assert view == Overview(q="boat") and len(problems) == 3
    kept = Overview(layer="layer1", method=SECOND, by=SECOND)
    assert filters.usable(kept, opened) == (kept, [])


def test_starting_points_lead_to_the_table_that_shows_them(opened):
    view = Overview(store="abc", method="le-label", q="boat", shown=3)
    for start in opened.store.starting_points(None, "le-label"):
        there = starting.overview(view, start)
        assert (there.store, there.q, there.shown) == ("abc", "", 1)
        wanted, problems = filters.wanted(there, opened)
        assert not problems and wanted == start.query
        assert query(there)["sort"] == start.query.sort
