"""Editing a unit's words, in a real browser on the demo store: what is seen is what the core computes."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from lexplain_core.base.numbers import two
from lexplain_core.live import editing
from lexplain_core.notes import Notes
from lexplain_core.store import Store
from lexplain_core.views.explanations import by_weight

from .conftest import lent
from .helpers import charts, parameters, settle, wait_for_parameters


@pytest.fixture(scope="module")
def own(dashboard, shelf):
    """A store of its own, since words are kept beside it: the dashboard's address and the store's path."""
    with lent(shelf, "own") as path:
        yield dashboard, path


def score(page: Page):
    return page.locator(".lx-score")


def cells(page: Page) -> list[list[str]]:
    """The rows of the table of scores, as text."""
    rows = page.locator(".lx-edited tbody tr").all()
    return [[cell.inner_text() for cell in row.locator("th, td").all()] for row in rows]


def add(page: Page, name: str) -> None:
    """Add a concept by a part of its name, with the keyboard alone."""
    box = page.get_by_role("combobox", name=re.compile("Add a concept"))
    box.scroll_into_view_if_needed()
    box.focus()
    page.keyboard.type(name)
    expect(page.get_by_role("option", name=name, exact=True)).to_be_visible()
    page.keyboard.press("Enter")


def test_words_are_edited_scored_kept_and_deleted(visit, own, store):
    address, path = own
    table = store.unit_table(method="le-label")
    rows = table[
        (table["length"] >= 2) & (table["status"] == "alive") & table["layer"].str.startswith("block")
    ]
    row = rows.loc[rows["correlation"].idxmax()]
    unit = store.unit(row["layer"], int(row["unit"]))
    words = unit.explanation("le-label")
    ids = [term.concept_id for term in by_weight(words)]
    page = visit(f"{address}/neuron?store=own&layer={unit.layer}&unit={unit.unit}&method=le-label")
    page.get_by_role("link", name="Edit these words").click()
    expect(
        page.get_by_role("heading", name=f"Your words for {unit.layer} · unit {unit.unit}")
    ).to_be_visible()
    settle(page)

    # as it starts: the method's own fit, on the val split, with the test score out of sight
    started = editing.fit(unit, ids, matrix="label", simulator=words.simulator)
    expect(page.locator(".lx-line").first).to_have_text(started.explanation.text)
    judged = started.score("val")
    expect(score(page)).to_contain_text(f"Val correlation {two(judged.value)}")
    expect(score(page)).to_contain_text(f"{two(judged.low)} to {two(judged.high)}, {judged.n:,} images")
    assert "Test" not in page.locator(".lx-edited").inner_text()
    areas = [chart for chart in charts(page) if any(trace["stacked"] for trace in chart["data"])]
    assert len(areas) == 2 and areas[0]["data"][0]["y"] == areas[1]["data"][0]["y"]

    # a concept more: weights and scores follow, and so does the address
    known = store.sayable("label")
    new = next(row for row in known.itertuples() if row.concept not in ids)
    add(page, new.name)
    wait_for_parameters(page, terms=",".join(map(str, [*ids, new.concept])))
    longer = editing.fit(unit, [*ids, new.concept], matrix="label", simulator=words.simulator)
    expect(page.locator(".lx-line").first).to_have_text(longer.explanation.text)
    expect(score(page)).to_contain_text(f"Val correlation {two(longer.score('val').value)}")

    # a weight by hand: the others stay as they are
    settle(page)
    field = page.get_by_label(f"Weight of {longer.explanation.terms[0].name}", exact=True)
    field.fill("0")
    field.press("Enter")
    expect(page.get_by_role("radio", name="as they are")).to_have_attribute("aria-checked", "true")
    wait_for_parameters(page, way="keep")
    weights = [0.0, *(term.weight for term in longer.explanation.terms[1:])]
    kept = editing.fit(unit, [*ids, new.concept], weights, None, "label", words.simulator)
    expect(page.locator(".lx-line").first).to_have_text(kept.explanation.text)
    expect(score(page)).to_contain_text(f"Val correlation {two(kept.score('val').value)}")

    # the address holds it all, in a fresh browser; the test score is asked for, and goes with the next change
    again = visit(page.url)
    expect(again.locator(".lx-line").first).to_have_text(kept.explanation.text)
    settle(page)
    page.locator("label", has_text="Show the test scores").click()
    expect(page.locator(".lx-edited")).to_contain_text("Test correlation, your words")
    shown = {line[0].split("\n")[0]: line for line in cells(page)}
    for one in kept.test:
        assert two(one.value) in shown["labels" if one.by == "label" else one.by][3]
    settle(page)
    page.locator(f".st-key-remove-{new.concept}").get_by_role("button").click()
    wait_for_parameters(page, terms=re.sub(r",[^,]*$", "", parameters(page)["terms"]))
    expect(page.locator(".lx-edited")).not_to_contain_text("Test correlation")
    expect(page.locator(f".st-key-remove-{new.concept}")).to_have_count(0)

    # kept under a name, but not a method's
    settle(page)
    page.get_by_label("Name", exact=True).fill("le-label")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_text("is the name of a method of this store")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("by hand")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_text("Kept as “by hand”")).to_be_visible()
    with Store.open(path) as served:
        (made,) = Notes.of(served).explanations()
    last = editing.fit(unit, ids, weights[:-1], None, "label", words.simulator)
    assert (made.layer, made.unit, made.method) == (unit.layer, unit.unit, "by hand")
    assert [s.value for s in made.scores] == pytest.approx([s.value for s in last.test], abs=1e-4)
    page.get_by_role("link", name="Show", exact=True).click()
    wait_for_parameters(page, method="by hand")
    expect(page.locator(".lx-line").first).to_have_text(last.explanation.text)
    expect(page.locator(".lx-compare").first).to_contain_text("by hand")
    page.get_by_role("link", name="Edit these words").click()
    expect(page.get_by_role("heading", name=re.compile("Your words"))).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_text("is deleted")).to_be_visible()
    with Store.open(path) as served:
        assert Notes.of(served).explanations() == []
