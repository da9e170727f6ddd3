"""Figures for print, from the page to the file."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from lexplain_core.figures import print as prints

from .helpers import parameters, settle, wait_for_parameters


@pytest.fixture(scope="module")
def units(store):
    table = store.unit_table()
    good = table[table["correlation"].notna()].sort_values("correlation", ascending=False)
    return [(r.layer, int(r.unit)) for r in good[good["layer"] != "planted"].head(2).itertuples()]


def taken(page, button: str) -> bytes:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button, exact=True).click()
    return waiting.value.path().read_bytes()


FOCUSED = """() => { let e = document.activeElement;
  while (e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
  const row = e.closest('section');
  return [Number(row.dataset.bucket), [...row.querySelectorAll('.pic')].indexOf(e)]; }"""  # row and place


def core(page, store, kind: str) -> bytes:
    """The file that the core makes of the page's address."""
    choice, problems = prints.read_choice(parameters(page))
    assert not problems
    return prints.make(prints.gather(store, choice), kind)


def test_area_charts_from_the_page_to_the_file(visit, dashboard, store, units):
    """What is chosen stands in the preview, in the address and, byte by byte, in the file."""
    said = prints.units_text(units)
    page = visit(f"{dashboard}/studio?store={store.id}&units={said}")
    paper = page.locator(".st-key-studio_paper img")
    expect(paper).to_be_visible()
    panels = prints.gather(store, prints.FigureChoice(units=tuple(units))).panels
    for panel in panels:  # for those who can't see it
        assert panel.explanation.text in paper.get_attribute("alt")
    svg = taken(page, "SVG")
    assert svg == core(page, store, "svg")
    letters = ["".join(e.itertext()) for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("}text")]
    for panel in panels:
        assert any(panel.title in text for text in letters)
        for term in panel.explanation.terms:
            assert any(text.endswith(f"·{term.name}") for text in letters)

    page.get_by_role("radio", name="Superclasses").click()
    wait_for_parameters(page, level="superclasses")
    page.get_by_role("radio", name=re.compile("Single")).click()
    wait_for_parameters(page, column="single")
    up = page.get_by_role("button", name=f"Move up: {units[1][0]} · unit {units[1][1]}")
    up.focus()
    page.keyboard.press("Enter")
    wait_for_parameters(page, units=prints.units_text(units[::-1]))
    settle(page)
    down = page.get_by_role("button", name=f"Move down: {units[1][0]} · unit {units[1][1]}")
    expect(down).to_be_focused()  # it is the first now, and can't go up
    assert taken(page, "PDF") == core(page, store, "pdf")
    command = page.get_by_text(re.compile(r"^python -m lexplain_core figure")).first
    expect(command).to_contain_text("--level superclasses --column single")
    for layer, unit in units[::-1]:
        page.get_by_role("button", name=f"Remove: {layer} · unit {unit}").press("Enter")
        expect(page.get_by_role("button", name=f"Remove: {layer} · unit {unit}")).to_have_count(0)
        if unit == units[1][1]:
            other = page.get_by_role("button", name=f"Remove: {units[0][0]} · unit {units[0][1]}")
            expect(other).to_be_focused()
    expect(page.get_by_text("A figure needs units")).to_be_visible()


def test_images_are_pinned_and_left_out(visit, dashboard, store, units):
    layer, number = units[0]
    choice = prints.FigureChoice("ranges", (units[0],), per=2)
    panel = prints.gather(store, choice, waiting=6).panels[0]
    bucket = max(range(8), key=lambda b: panel.counts[b])
    gone, wanted = panel.shots[bucket][0], panel.waiting[bucket][0]
    said = prints.units_text([units[0]])
    page = visit(f"{dashboard}/studio?store={store.id}&figure=ranges&per=2&units={said}")
    page.get_by_role("button", name=re.compile(f"^Leave out image {gone.image},")).press("Enter")
    wait_for_parameters(page, without=str(gone.image))
    rest = prints.gather(store, replace(choice, without=(gone.image,)), waiting=6).panels[0]
    first = rest.shots[bucket][0].image  # it took the place
    expect(page.get_by_role("button", name=re.compile(f"^Leave out image {first},"))).to_be_focused()
    page.keyboard.press("ArrowRight")  # a row is one stop of the Tab key, and arrows go along it
    second = rest.shots[bucket][1].image
    expect(page.get_by_role("button", name=re.compile(f"^Pin image {second},"))).to_be_focused()
    page.keyboard.press("ArrowRight")
    waiting = page.get_by_role("button", name=re.compile(f"^Pin image {rest.waiting[bucket][0].image},"))
    expect(waiting).to_be_focused()
    assert waiting.get_attribute("aria-label").endswith(", waiting")
    page.keyboard.press("Tab")  # to the next row
    assert page.evaluate(FOCUSED) == [
        next(b for b in (*range(bucket - 1, -1, -1), -1) if b < 0 or panel.counts[b]),
        0,
    ]
    expect(page.get_by_role("button", name=re.compile(f"^Bring back image {gone.image},"))).to_be_visible()
    pin = page.get_by_role("button", name=re.compile(f"^Pin image {wanted.image},"))
    pin.focus()
    page.keyboard.press("Enter")
    wait_for_parameters(page, pins=f"{layer}:{number}:{bucket}:{wanted.image}")
    unpin = page.get_by_role("button", name=re.compile(f"^Unpin image {wanted.image},"))
    expect(unpin).to_have_attribute("aria-pressed", "true")
    settle(page)
    rows = list(csv.DictReader(io.StringIO(taken(page, "Images as CSV").decode())))
    ids = [int(row["image"]) for row in rows if int(row["range"]) == bucket + 1]
    assert gone.image not in ids and wanted.image in ids and len(ids) == 2
    assert [row["image"] for row in rows if row["pinned"] == "True"] == [str(wanted.image)]
    assert taken(page, "PNG, 300 dpi") == core(page, store, "png")
    expect(page.get_by_text("1 image was chosen by hand.")).to_be_visible()
    page.get_by_role("button", name=re.compile(f"^Bring back image {gone.image},")).click()
    expect(page.get_by_role("button", name=re.compile("^Bring back"))).to_have_count(0)
    assert "without" not in parameters(page)
