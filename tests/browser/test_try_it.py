"""Try it: a whole round by keys and by mouse, explained after each answer, and nothing is written."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from lexplain_core.base.intervals import wilson
from lexplain_core.base.numbers import percent
from lexplain_core.views.opened import Opened
from pages.try_it import tried
from pages.ui import links

from .helpers import heading, parameters, settle, wait_for_parameters


@pytest.fixture(scope="module")
def view(store):
    layer = store.layers().query("source == 'network'")["layer"].iloc[-1]
    return links.TryIt(store=store.id, layer=layer, seed=5, count=3)


@pytest.fixture(scope="module")
def asked(store, view):
    """The trials that the page asks, as its address says them."""
    return tried._draw.__wrapped__(Opened(store, ()), view).trials


def question(page, number: int, of: int) -> None:
    expect(page.get_by_text(f"{number} of {of}", exact=True)).to_be_visible()
    settle(page)


def test_a_round_by_keys(visit, dashboard, store, view, asked):
    page = visit(f"{dashboard}/{links.link(view)}")
    main = page.locator("[data-testid=stMain]")
    rights = 0
    for number, trial in enumerate(asked, 1):
        question(page, number, 3)
        assert f"unit {trial.unit}" not in main.inner_text()  # whose they are comes after the answer
        right = number != 2  # the second one is answered wrong
        page.wait_for_timeout(900)  # answers are locked at first
        page.keyboard.press("2" if (trial.upper == "max") == right else "5")
        expect(main).to_contain_text(f"{'✓ Right' if right else '✗ Not right'}: you chose the")
        expect(main).to_contain_text(f"{trial.layer} · unit {trial.unit}")
        expect(main).to_contain_text(store.unit(trial.layer, trial.unit).explanation().text)
        expect(main).to_contain_text(re.compile("they alone would have answered|can’t tell"))
        settle(page)
        rights += right
        page.wait_for_timeout(700)
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"{rights} of 3 right")).to_be_visible()
    low, high = wilson(rights, 3)
    expect(main).to_contain_text(
        f"the 95% interval goes from {percent(float(low))} to {percent(float(high))}"
    )
    page.get_by_role("button", name="The same ones again").click()
    question(page, 1, 3)
    page.wait_for_timeout(900)
    page.keyboard.press("1" if asked[0].upper == "max" else "4")
    expect(main).to_contain_text("✓ Right")  # the same trial indeed
    page.get_by_role("link", name=f"Open {asked[0].layer} · unit {asked[0].unit}").click()
    heading(page, asked[0].layer, asked[0].unit)


def test_by_mouse_one_unit_that_the_neuron_page_hands_over(visit, dashboard, store, view):
    page = visit(f"{dashboard}/neuron?store={store.id}&layer={view.layer}&unit=3")
    heading(page, view.layer, 3)
    settle(page)
    page.get_by_role("link", name="Try it").click()
    wait_for_parameters(page, layer=view.layer, unit="3")
    expect(page.get_by_text("make this easier than it is for people in a study")).to_be_visible()
    question(page, 1, 5)
    page.get_by_role("button", name=re.compile("^upper image, confidence 2 of 3", re.I)).click()
    expect(page.locator("[data-testid=stMain]")).to_contain_text(re.compile("you chose the upper image"))
    page.get_by_role("button", name="Continue").click()
    question(page, 2, 5)
    before = parameters(page)
    page.get_by_role("button", name="New trials").click()
    page.wait_for_function(
        "seed => new URL(location.href).searchParams.get('seed') !== seed", arg=before.get("seed")
    )
    question(page, 1, 5)


def test_what_can_not_be_asked_says_why(visit, dashboard, store):
    table = store.unit_table()
    row = table[table["status"] == "constant"].iloc[0]
    page = visit(f"{dashboard}/try_it?store={store.id}&layer={row['layer']}&unit={row['unit']}")
    expect(page.get_by_text("There are no such trials.")).to_be_visible()
    page.get_by_role("button", name="Try any unit of the layer").click()
    question(page, 1, 5)
    page.goto(
        f"{dashboard}/try_it?store={store.id}&layer=![x](http://e.example/p.png)&difficulty=absurd&count=99"
    )
    expect(
        page.get_by_role("alert").filter(has_text="has no layer “![x](http://e.example/p.png)”")
    ).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="difficulty=absurd")).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="a whole number from 1 to 20")).to_be_visible()
    question(page, 1, 5)
    assert page.locator("[data-testid=stMain] .stMarkdown img").count() == 0
