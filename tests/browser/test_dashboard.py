"""What a person does in the dashboard, in a real browser on the demo store."""

from __future__ import annotations

import csv
import io
import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import expect

from lexplain_core.store import UnitQuery

from .helpers import (
    charts,
    click_row,
    heading,
    parameters,
    pictures,
    settle,
    wait_for_parameters,
    whole_view,
)  # fmt: skip


@pytest.fixture(scope="session")
def units(store):
    return store.unit_table()


@pytest.fixture(scope="session")
def best(units):
    """The unit with the best score of a network's layer."""
    network = units[units["layer"] == units["layer"].iloc[0]]
    return network.loc[network["correlation"].idxmax()]


def neuron(dashboard, store, row, **more) -> str:
    extra = "".join(f"&{name}={value}" for name, value in more.items())
    return f"{dashboard}/neuron?store={store.id}&layer={row['layer']}&unit={row['unit']}{extra}"


def test_overview_filter_click_unit(visit, dashboard, store, units, best):
    page = visit(dashboard)
    page.wait_for_url(re.compile(rf"/overview\?store={store.id}$"))
    expect(page.get_by_role("heading", name=store.name)).to_be_visible()
    expect(page.get_by_text(f"All {len(units):,} units.")).to_be_visible()
    settle(page)
    (scores,) = charts(page)
    assert sum(sum(trace["y"]) for trace in scores["data"]) == units["correlation"].notna().sum()

    word = best["terms"][0]
    page.get_by_label("Search explanations", exact=True).fill(f'"{word}"')
    page.keyboard.press("Enter")
    wanted = UnitQuery(q=f'"{word}"')
    found = store.find(wanted)
    rows = found.rows
    expect(page.get_by_text(store.sentence(wanted, found))).to_be_visible()
    wait_for_parameters(page, q=f'"{word}"')
    settle(page)

    click_row(page, 0)
    first = rows.iloc[0]
    heading(page, first["layer"], first["unit"])
    assert urlsplit(page.url).path == "/neuron"
    unit = store.unit(first["layer"], int(first["unit"]))
    expect(page.locator(".lx-line")).to_have_text(unit.explanation().text)
    settle(page)
    area, weights = charts(page)
    assert [note for note in area["notes"] if "image" in note] == [
        f"<b>{count:,}</b><br>{'image' if count == 1 else 'images'}" for count in unit.buckets.counts
    ]
    assert len(weights["data"][0]["y"]) == unit.explanation().length
    shown = pictures(page)
    assert len(shown) == sum(min(8, int(n)) for n in [*unit.buckets.counts, unit.buckets.negative])

    page.go_back()
    expect(page.get_by_label("Search explanations", exact=True)).to_have_value(f'"{word}"')


def test_keys_go_from_unit_to_unit(visit, dashboard, store, best):
    layer, number, count = best["layer"], int(best["unit"]), store.unit(best["layer"], 0).units
    page = visit(neuron(dashboard, store, best))
    heading(page, layer, number)
    settle(page)
    page.keyboard.press("ArrowRight")
    heading(page, layer, (number + 1) % count)
    wait_for_parameters(page, unit=str((number + 1) % count))
    page.keyboard.press("ArrowLeft")
    heading(page, layer, number)
    page.keyboard.press("x")
    expect(page.get_by_role("heading", name=f"{layer} · unit {number}", exact=True)).to_be_hidden()
    assert parameters(page)["layer"] == layer and parameters(page)["unit"] != str(number)


def test_jump_by_number_and_layer_then_keys_work_again(visit, dashboard, store, best):
    layers = list(store.layers()["layer"])
    page = visit(neuron(dashboard, store, best))
    heading(page, best["layer"], best["unit"])
    page.get_by_role("combobox", name="Layer").click()
    page.get_by_role("option", name=layers[-1], exact=True).click()
    heading(page, layers[-1], 0)
    settle(page)
    page.keyboard.press("ArrowLeft")  # round in a circle
    last = store.unit(layers[-1], 0).units - 1
    heading(page, layers[-1], last)
    settle(page)  # a field that is filled while the page still runs is set back
    field = page.get_by_label(f"Unit, 0 to {last}")
    field.fill("1")
    field.press("Enter")
    heading(page, layers[-1], 1)
    settle(page)
    page.keyboard.press("ArrowRight")
    heading(page, layers[-1], 2)


def test_a_copied_link_shows_the_same_view_in_a_new_browser(visit, dashboard, store, best):
    page = visit(neuron(dashboard, store, best))
    heading(page, best["layer"], best["unit"])
    page.get_by_role("button", name="Draw again").click()
    wait_for_parameters(page, draw="1")
    settle(page)
    before = whole_view(page)
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Link copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert dict(parse_qsl(urlsplit(link).query, keep_blank_values=True)) == {
        "store": store.id, "layer": best["layer"], "unit": str(best["unit"]), "method": store.default_method,
        "matrix": "label", "tab": "examples", "pick": "draw", "draw": "1", "map": "0", "image": "",
        "kind": "activation", "bucket": "",
        "level": "concepts", "only": "", "above": "", "below": "", "log": "1",
    }  # fmt: skip
    other = visit(link)
    heading(other, best["layer"], best["unit"])
    assert whole_view(other) == before


def test_filters_are_in_the_copied_link(visit, dashboard, store, units):
    layer = units["layer"].iloc[0]
    page = visit(
        f"{dashboard}/overview?store={store.id}&layer={layer}&low=0.3&length=2..4&sort=-score&status=alive"
    )
    wanted = UnitQuery(
        layer=layer,
        ranges={"correlation": (0.3, None), "length": (2, 4)},
        sort="-correlation",
        status="alive",
    )
    words = store.sentence(wanted, store.find(wanted))
    expect(page.get_by_text(words)).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Link copied")).to_be_visible()
    other = visit(page.evaluate("navigator.clipboard.readText()"))
    expect(other.get_by_text(words)).to_be_visible()
    expect(other.get_by_label("Sort by")).to_have_value("test correlation")
    expect(other.get_by_label("Order")).to_have_value("best first")


def test_redraw_changes_the_images_and_the_top_ones_stay(visit, dashboard, store, best):
    unit = store.unit(best["layer"], int(best["unit"]))
    page = visit(neuron(dashboard, store, best))
    heading(page, best["layer"], best["unit"])
    settle(page)
    first = pictures(page)
    page.get_by_role("button", name="Draw again").click()
    expect(page.get_by_text("Draw 1:")).to_be_visible()
    settle(page)
    second = pictures(page)
    assert len(second) == len(first) and second != first
    page.go_back()
    expect(page.get_by_text("Draw 0:")).to_be_visible()
    settle(page)
    assert pictures(page) == first
    page.get_by_text("The strongest", exact=True).click()
    wait_for_parameters(page, pick="top")
    expect(page.get_by_text("strongest images of each range")).to_be_visible()
    settle(page)
    highest = unit.top(1).iloc[0]
    assert pictures(page)[0][0].startswith(f"{highest['label']}, activation")


def test_csv_holds_the_filtered_table(visit, dashboard, store, units):
    layer = units["layer"].iloc[0]
    page = visit(f"{dashboard}/overview?store={store.id}&layer={layer}&sort=-score")
    settle(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Table as CSV").click()
    rows = list(csv.DictReader(io.StringIO(waiting.value.path().read_text("utf-8"))))
    expected = store.find(UnitQuery(layer=layer, sort="-correlation"), None).rows
    assert [int(row["unit"]) for row in rows] == list(expected["unit"])
    assert [row["explanation"] for row in rows] == list(expected["explanation"])


@pytest.mark.parametrize(("scheme", "text"), [("light", "#1d2733"), ("dark", "#e6e9ee")])
def test_charts_follow_the_theme(visit, dashboard, store, best, scheme, text):
    page = visit(neuron(dashboard, store, best), color_scheme=scheme)
    heading(page, best["layer"], best["unit"])
    settle(page)
    assert {chart["color"] for chart in charts(page)} == {text}


def test_nothing_is_fetched_from_elsewhere(visit, dashboard, store, best):
    page = visit(neuron(dashboard, store, best))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    heading(page, best["layer"], best["unit"])
    settle(page)
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", name=store.name)).to_be_visible()
    settle(page)
    assert asked
    elsewhere = [url for url in asked if not url.startswith((dashboard, "data:", "blob:"))]
    assert not elsewhere
