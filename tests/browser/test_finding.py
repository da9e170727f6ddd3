"""Finding units: the search box, ranges, orders, starting points, any unit; by mouse and by keys."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from lexplain_core.store import UnitQuery

from .helpers import heading, parameters, settle, table_of_units, wait_for_parameters


def titles(found) -> list[str]:
    return [f"{layer} · {unit}" for layer, unit in zip(found.rows["layer"], found.rows["unit"], strict=True)]


@pytest.fixture(scope="session")
def word(store):
    """A concept that some units have with a negative weight, in the words of the default method."""
    rows = store.unit_table()
    return next(
        name for terms in rows["terms"] for name in terms if store.find(UnitQuery(q=f'-"{name}"')).total
    )


def test_searches_narrow_the_table_to_the_right_units(visit, dashboard, store, word):
    page = visit(f"{dashboard}/overview?store={store.id}")
    settle(page)
    box = page.get_by_label("Search explanations", exact=True)
    for q in (f'-"{word}"', f'"{word}">0 block', f'"{word}"'):
        box.fill(q)
        box.press("Enter")
        wait_for_parameters(page, q=q)
        wanted = UnitQuery(q=q)
        found = store.find(wanted)
        expect(page.get_by_text(store.sentence(wanted, found))).to_be_visible()
        settle(page)
        assert table_of_units(page) == titles(found)
    # a range, from the box of ranges, on top
    page.get_by_role("button", name="Ranges").click()
    page.get_by_label("Test correlation from").fill("0.6")
    page.get_by_label("Test correlation from").press("Enter")
    wait_for_parameters(page, where="correlation:0.6..", q=f'"{word}"')
    wanted = UnitQuery(q=f'"{word}"', ranges={"correlation": (0.6, None)})
    expect(page.get_by_text(store.sentence(wanted, store.find(wanted)))).to_be_visible()
    page.keyboard.press("Escape")
    settle(page)
    # heads sort all units, not only the page
    page.locator(".st-key-units").get_by_role("button", name="Length").click()
    wait_for_parameters(page, sort="length")
    page.locator(".st-key-units").get_by_role("button", name="Length").click()
    wait_for_parameters(page, sort="-length")
    wanted = UnitQuery(q=f'"{word}"', ranges={"correlation": (0.6, None)}, sort="-length")
    expect(page.get_by_text(store.sentence(wanted, store.find(wanted)))).to_be_visible()
    settle(page)
    assert table_of_units(page) == titles(store.find(wanted))
    expect(page.locator(".st-key-units th[aria-sort=descending]")).to_have_text("Length ↓")
    # nothing is lost silently
    box.fill('zebra "oops')
    box.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="a quotation mark has no partner")).to_be_visible()
    expect(page.get_by_text("No unit passes these filters.")).to_contain_text("“zebra”")
    page.get_by_role("button", name="Remove the filters").click()
    expect(page.get_by_text(f"All {store.find(UnitQuery()).of:,} units.")).to_be_visible()
    page.wait_for_function("() => !/[?&](q|low)=/.test(location.search)")


def test_the_table_by_keys_at_1280(visit, dashboard, store):
    page = visit(f"{dashboard}/overview?store={store.id}&sort=-score")
    settle(page)
    table = page.locator(".st-key-units")
    # every column is there without scrolling sideways
    assert table.locator(".box").evaluate("box => box.scrollWidth <= box.clientWidth")
    for title in ("Unit", "Explanation", "Test corr.", "Length", "Max", "Status"):
        expect(table.get_by_role("button", name=re.compile(f"^{re.escape(title)}"))).to_be_in_viewport(
            ratio=0
        )
    rows = titles(store.find(UnitQuery(sort="-correlation")))
    # focus goes into the table and on, and opens nothing
    table.get_by_role("button", name="Status").focus()
    page.keyboard.press("Tab")
    expect(table.get_by_role("link", name=rows[0], exact=True)).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(table.get_by_role("link", name=rows[2], exact=True)).to_be_focused()
    page.wait_for_timeout(600)
    assert "/overview" in page.url
    # the second page of the table
    assert store.find(UnitQuery()).of > 100
    page.get_by_role("button", name="Page 2").click()
    wait_for_parameters(page, shown="2")
    settle(page)
    assert table_of_units(page) == titles(store.find(UnitQuery(sort="-correlation"), 100, 100))
    page.go_back()
    expect(page.get_by_text("Units 1 to 100 of them are shown.")).to_be_visible()
    settle(page)
    assert table_of_units(page) == rows
    third = table.get_by_role("link", name=rows[2], exact=True)
    third.focus()
    page.keyboard.press("Enter")
    layer, unit = rows[2].split(" · ")
    heading(page, layer, int(unit))


def test_starting_points_and_any_unit(visit, dashboard, store):
    page = visit(f"{dashboard}/overview?store={store.id}")
    settle(page)
    starts = {start.name: start for start in store.starting_points()}
    expect(page.get_by_text("People have judged fewer than two units")).to_be_visible()
    best = starts["best"].units[0]
    expect(page.get_by_role("link", name=f"{best[0]} · {best[1]} {best[2]:.2f}")).to_be_visible()
    page.get_by_role("button", name="Largest range shift").click()
    wait_for_parameters(page, sort="-range_shift")
    settle(page)
    assert table_of_units(page) == titles(store.find(starts["range-shift"].query))
    # any living unit of those that are found
    layer = store.layers()["layer"].iloc[-1]
    page.goto(f"{dashboard}/overview?store={store.id}&layer={layer}")
    settle(page)
    page.keyboard.press("x")
    expect(page).to_have_url(re.compile("/neuron"))
    found = parameters(page)
    assert found["layer"] == layer and store.unit(layer, int(found["unit"])).status == "alive"
