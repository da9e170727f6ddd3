"""What people note: stars, lists, remarks, hidden images, explanations made by hand; and the filter's units to take away."""

from __future__ import annotations

import io
import json
import re

import pandas as pd
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect

from lexplain_core import Store
from lexplain_core.notes import Notes
from lexplain_core.store import Score, UnitQuery, UserExplanation

from .conftest import lent
from .helpers import heading, pictures, settle, wait_for_parameters


@pytest.fixture(scope="module")
def own(dashboard, shelf):
    """A store of its own, since notes lie beside it: (address, store, notes)."""
    with lent(shelf, "noted") as path, Store.open(path) as store:
        yield dashboard, store, Notes.of(store)


@pytest.fixture(autouse=True)
def blank(own):
    yield
    own[2].path.unlink(missing_ok=True)
    for end in ("-wal", "-shm"):
        own[2].path.with_name(own[2].path.name + end).unlink(missing_ok=True)


def neuron(own, unit: int, **more) -> str:
    extra = "".join(f"&{name}={value}" for name, value in more.items())
    return f"{own[0]}/neuron?store={own[1].id}&layer=block7&unit={unit}{extra}"


def shown(page) -> list[str]:
    """What stands in the titles of the example images: their files among it."""
    return page.evaluate("() => [...document.querySelectorAll('.lx-shots figure')].map(f => f.title)")


def found(page, words: str):
    """Waits for the sentence above the table of units."""
    expect(page.get_by_text(words).first).to_be_visible()
    settle(page)


def test_stars_lists_and_remarks(visit, own, tmp_path):
    address, store, notes = own
    page = visit(neuron(own, 3))
    heading(page, "block7", 3)
    settle(page)
    page.keyboard.press("s")
    expect(page.get_by_role("button", name=re.compile("^★ Starred"))).to_be_visible()
    assert [(u.layer, u.unit) for u in notes.units("Starred")] == [("block7", 3)]
    page.get_by_role("button", name="Lists and remark").click()
    page.get_by_label("Remark on this unit", exact=True).fill("fur, <b>not</b> eyes")
    page.keyboard.press("Tab")
    expect(page.locator(".lx-remark")).to_have_text("Starred: fur, <b>not</b> eyes")
    page.keyboard.press("Escape")
    page.get_by_role("button", name=re.compile("^Next")).click()
    heading(page, "block7", 4)
    settle(page)
    expect(page.locator(".lx-remark")).to_have_count(0)
    page.get_by_role("button", name=re.compile("^☆ Star")).click()
    expect(page.get_by_role("button", name=re.compile("^★ Starred"))).to_be_visible()
    assert [(u.unit, u.remark) for u in notes.units("Starred")] == [(3, "fur, <b>not</b> eyes"), (4, "")]

    # the table of the list alone, and what the list's name can become
    page.goto(f"{address}/overview?store={store.id}&starred=Starred")
    total = store.info()["units"]
    found(page, f"2 of {total} units: on the list “Starred”")
    page.get_by_text("1 remark").click()
    expect(page.get_by_text("fur, <b>not</b> eyes")).to_be_visible()
    page.get_by_role("button", name="Lists", exact=True).click()
    page.get_by_label("Name of the list").fill("My animals")
    page.keyboard.press("Enter")
    wait_for_parameters(page, starred="My animals")
    found(page, f"2 of {total} units: on the list “My animals”")

    # as an address, in another browser: it holds the units themselves
    with page.expect_download() as download:  # the menu is still open
        page.get_by_role("button", name="List as a file").click()
    file = tmp_path / "list.json"
    download.value.save_as(file)
    page.locator(".st-key-copy-list").get_by_role("button", name=re.compile("Copy link|Link copied")).click()
    expect(page.locator(".st-key-copy-list").get_by_text("Link copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    notes.delete("My animals")
    other = visit(link)
    found(other, f"2 of {total} units: on the list that the address holds")
    expect(other.get_by_text("The address holds a list of 2 units.")).to_be_visible()
    other.get_by_role("button", name="Keep it").click()
    other.get_by_label("Keep it as the list").fill("From a friend")
    other.get_by_label("Keep it as the list").press("Enter")
    other.get_by_role("button", name="Keep", exact=True).click()
    wait_for_parameters(other, starred="From a friend")
    assert [u.unit for u in notes.units("From a friend")] == [3, 4]

    # as a file: what isn't one is refused in a sentence
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    for path in (bad, file):
        other.get_by_role("button", name="Lists", exact=True).click()
        expect(other.locator("input[type=file]")).to_have_count(1)  # the last file's is gone
        other.locator("input[type=file]").set_input_files(path)
        other.get_by_role("button", name="Take it in").click()
        if path is bad:
            expect(other.get_by_text("The file is not a list of units")).to_be_visible()
            other.keyboard.press("Escape")
    wait_for_parameters(other, starred="My animals")
    found(other, f"2 of {total} units: on the list “My animals”")
    assert notes.units("My animals")[0].remark == "fur, <b>not</b> eyes"
    other.get_by_role("button", name="Delete the list").click()
    expect(other.get_by_text("“My animals”, its 2 units and 1 remark will be gone for good.")).to_be_visible()
    assert "My animals" in [x.name for x in notes.lists()]
    other.get_by_role("button", name="Delete it").click()
    found(other, f"All {total} units")
    assert [x.name for x in notes.lists()] == ["From a friend"]


def test_an_image_is_hidden_and_brought_back(visit, own):
    address, store, notes = own
    page = visit(neuron(own, 3, pick="top"))
    settle(page)
    top = store.unit("block7", 3).top(1).iloc[0]
    before, titles = pictures(page), shown(page)
    assert any(top["key"] in title for title in titles)
    page.get_by_role("button", name="Hide an image").click()
    page.get_by_label("Which of the images on this page").click()
    page.get_by_role("option", name=str(top["key"])).click()
    page.get_by_role("button", name="Hide it", exact=True).click()
    expect(page.get_by_text("1 image of this store is hidden").first).to_be_visible()
    settle(page)
    assert not any(top["key"] in title for title in shown(page))
    assert before[0][1] not in {source for _, source in pictures(page)}
    assert [h.key for h in notes.hidden()] == [top["key"]]
    # not by an address either
    page.goto(neuron(own, 3, image=int(top["image"])))
    expect(page.get_by_text("That image is hidden from this store’s examples.")).to_be_visible()
    # the Overview says it, and brings it back
    page.goto(f"{address}/overview?store={store.id}")
    page.get_by_role("button", name=re.compile("1 image of this store is hidden")).click()
    expect(page.get_by_text(str(top["key"])).first).to_be_visible()
    page.get_by_role("button", name="Bring back").click()
    expect(page.get_by_text("1 image of this store is hidden")).to_have_count(0)
    assert notes.hidden() == []
    page.goto(neuron(own, 3, pick="top"))
    settle(page)
    assert pictures(page) == before


def test_a_kept_explanation_counts_as_a_method_and_goes_into_the_export(visit, own):
    address, store, notes = own
    total = store.info()["units"]
    score = Score("correlation", "label", "test", 400, 0.125, 0.1, 0.2)
    terms = ((2.5, "class:dog"), (-1.5, "class:cat"))
    page = visit(neuron(own, 3))
    settle(page)
    assert page.get_by_role("radio", name="by me").count() == 0
    notes.keep(UserExplanation("block7", 3, "by me", terms, 0.25, "label", "label", 0.3, (score,)))
    page.goto(neuron(own, 3, method="by me"))
    settle(page)
    expect(page.locator(".lx-line")).to_have_text("2.5·dog − 1.5·cat + 0.25")
    expect(page.locator(".lx-score")).to_contain_text("0.12")
    page.goto(f"{address}/overview?store={store.id}&q=%2Bdog%20-cat&by=by%20me&method=by%20me")
    found(page, f"1 of {total} units")
    with page.expect_download() as download:
        page.locator(".st-key-export-csv").get_by_role("button").click()
    table = pd.read_csv(download.value.path())
    assert table["method"].tolist() == ["le-label", "le-siglip", "by me"] and set(table["unit"]) == {3}
    last = table.iloc[-1]
    assert (last["origin"], last["correlation"]) == ("hand", 0.125)
    assert [t["key"] for t in json.loads(last["terms"])] == ["class:dog", "class:cat"]
    # the whole filter, not the page of the table, and put on a list
    page.goto(f"{address}/overview?store={store.id}&layer=block7")
    found(page, f"80 of {total} units: in “block7”")
    with page.expect_download() as download:
        page.locator(".st-key-export-parquet").get_by_role("button").click()
    frame = pq.read_table(io.BytesIO(download.value.path().read_bytes())).to_pandas()
    ours = store.export(UnitQuery(layer="block7"))
    made = frame["method"] == "by me"
    assert made.sum() == 1 and frame[~made]["explanation"].tolist() == ours["explanation"].tolist()
    page.get_by_role("button", name="Onto a list").click()
    page.get_by_label("Put them on the list").fill("Block 7")
    page.get_by_label("Put them on the list").press("Enter")
    page.get_by_role("button", name="Put", exact=True).click()
    expect(page.get_by_text("80 units put on the list “Block 7”.")).to_be_visible()
    assert len(notes.units("Block 7")) == 80
