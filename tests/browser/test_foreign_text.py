"""Text from an address or a store is shown as it is: no image, formula, icon or link comes of it."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from lexplain_core import Store

from .. import variants
from ..variants import NASTY, SECOND
from .conftest import serving
from .helpers import settle, wait_for_parameters

IMAGE, METHOD = NASTY.split()[0], SECOND


@pytest.fixture(scope="module")
def altered(demo_store, tmp_path_factory):
    path = tmp_path_factory.mktemp("foreign") / "demo.duckdb"
    variants.foreign(demo_store, path)
    return path


@pytest.fixture(scope="module")
def site(altered):
    with serving(altered.parent) as address, Store.open(altered) as store:
        yield address, store


def nothing_comes_of_it(page, asked: list[str], site: str) -> None:
    settle(page)
    main = page.locator("[data-testid=stMain]")
    for what in (
        ".stMarkdown img",
        "[data-testid=stMarkdownContainer] :is(img, .katex, del, a[href*=elsewhere])",
    ):
        assert main.locator(what).count() == 0, what
    assert not [url for url in asked if not url.startswith((site, "data:", "blob:"))]
    assert "\\" not in main.inner_text()


def test_text_of_the_address(visit, dashboard, store):
    page = visit(dashboard)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    text = quote(NASTY)
    page.goto(f"{dashboard}/overview?store={store.id}&q={text}")
    expect(page.get_by_text("“->” was left out of the search")).to_be_visible()
    expect(
        page.get_by_text(f"0 of {store.info()['units']:,} units: with “{NASTY.split()[0]}” and")
    ).to_be_visible()
    nothing_comes_of_it(page, asked, dashboard)
    page.goto(f"{dashboard}/overview?store={store.id}&layer={text}&method={text}&where={text}")
    expect(page.get_by_role("alert")).to_contain_text(
        [f"This store has no layer “{NASTY}”; all layers are shown.",
         f"This store has no explanations by “{NASTY}”.",
         f"“{NASTY.partition(':')[0]}” is no number of this store’s units"]
    )  # fmt: skip
    nothing_comes_of_it(page, asked, dashboard)
    layer = quote(store.layers()["layer"].iloc[0])
    page.goto(f"{dashboard}/neuron?store={store.id}&layer={layer}&unit=0&method={text}&draw={text}")
    expect(page.get_by_role("alert").filter(has_text=f"no explanation by “{NASTY}”")).to_be_visible()
    nothing_comes_of_it(page, asked, dashboard)
    page.goto(f"{dashboard}/neuron?store={store.id}&layer={quote(IMAGE)}&unit=0")
    expect(page.get_by_role("alert")).to_contain_text(f"has no layer '{IMAGE}'")
    nothing_comes_of_it(page, asked, dashboard)
    page.goto(f"{dashboard}/overview?store={text}")
    expect(page.get_by_text(f"It asks for the store with the id {NASTY}, which")).to_be_visible()
    nothing_comes_of_it(page, asked, dashboard)


def test_text_of_the_store(visit, site):
    address, store = site
    page = visit(address)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    expect(page.get_by_role("heading", name=NASTY)).to_be_visible()
    expect(page.get_by_text(f"of {NASTY} (")).to_contain_text(f"were shown to {NASTY};")
    page.get_by_text("Stores in").click()
    expect(page.get_by_role("link", name=f"{NASTY}, demo.duckdb (shown here)")).to_be_visible()
    nothing_comes_of_it(page, asked, address)
    for tab in ("examples", "simulated", "effect", "about"):
        for method in (store.default_method, NASTY):
            place = f"layer={quote(NASTY)}&unit=0&tab={tab}&method={quote(method)}"
            page.goto(f"{address}/neuron?store={store.id}&{place}")
            expect(page.get_by_role("heading", name=f"{NASTY} · unit 0 · {NASTY}")).to_be_visible()
            nothing_comes_of_it(page, asked, address)
    expect(page.get_by_role("radiogroup", name="Explained by")).to_contain_text(NASTY)
    expect(page.get_by_role("radiogroup", name="Concepts seen by")).to_contain_text(NASTY)
    expect(page.locator(".lx-compare .now")).to_contain_text(NASTY)


def test_text_of_the_store_on_the_pages_made_of_choices(visit, site):
    address, store = site
    page = visit(address)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    main, layer, encoded = page.locator("[data-testid=stMain]"), quote(NASTY), quote(quote(NASTY, safe=""))
    unit = f"layer={layer}&unit=0"
    for place, shown in (
        (f"compare?a={encoded}:0&b={encoded}:1", NASTY),
        (f"words?{unit}&method={quote(NASTY)}", f"Your words for {NASTY} · unit 0 · {NASTY}"),
        (f"picture?layer={layer}&image=0", NASTY),
        (f"neuron?{unit}&tab=values", f"{NASTY} · unit 0"),
        (f"neuron?{unit}&tab=similar", f"{NASTY} · unit 0"),
        (f"studio?units={encoded}:0", NASTY),
        (f"studio?units={encoded}:0&figure=ranges&method={quote(NASTY)}", NASTY),
    ):
        name, _, rest = place.partition("?")
        page.goto(f"{address}/{name}?store={store.id}&{rest}")
        expect(main).to_contain_text(shown)
        nothing_comes_of_it(page, asked, address)


def test_reasons_of_the_store(visit, site):
    address, store = site
    page = visit(address)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/neuron?store={store.id}&layer={quote(NASTY)}&unit=1&tab=effect")
    expect(page.locator(".lx-ablation")).to_contain_text(NASTY)
    expect(page.locator("[data-testid=stMain]")).to_contain_text(f"Effect on the network: none. {NASTY}")
    nothing_comes_of_it(page, asked, address)
    page.goto(f"{address}/neuron?store={store.id}&layer=planted&unit=1&tab=effect")
    expect(page.locator("[data-testid=stMain]")).to_contain_text(f"Effect on the network: unknown. {NASTY}")
    nothing_comes_of_it(page, asked, address)
    for part in ("top", "together"):
        page.goto(
            f"{address}/importance?store={store.id}&part={part}&layer={quote(IMAGE)}&method={quote(IMAGE)}"
        )
        expect(page.get_by_role("alert")).to_contain_text(
            [f"This store has no layer “{IMAGE}”; all layers are shown.", f"no explanations by “{IMAGE}”."]
        )
        expect(page.get_by_text(NASTY).first).to_be_visible()
        nothing_comes_of_it(page, asked, address)


def test_a_filter_leaves_the_method_as_it_is(visit, site):
    address, store = site
    assert set(store.methods()) == {METHOD, store.default_method, NASTY}
    page = visit(f"{address}/overview?store={store.id}")
    expect(page.get_by_label("Method", exact=True)).to_have_value(store.default_method)
    settle(page)
    page.get_by_label("Search explanations", exact=True).fill("dog")
    page.keyboard.press("Enter")
    wait_for_parameters(page, q="dog")
    assert "method=" not in page.url
    page.get_by_label("Method", exact=True).click()
    page.get_by_role("option", name=METHOD, exact=True).click()
    wait_for_parameters(page, q="dog", method=METHOD)
    expect(page.get_by_label("Method", exact=True)).to_have_value(METHOD)


def test_a_status_that_no_unit_has_is_in_its_widget(visit, site):
    address, store = site
    page = visit(f"{address}/overview?store={store.id}&status=constant")
    expect(page.get_by_text(f"0 of {store.info()['units']:,} units: constant.")).to_be_visible()
    expect(page.get_by_label("Status", exact=True)).to_have_value("constant")
    page.get_by_role("button", name="Remove the filters").click()
    expect(page.get_by_label("Status", exact=True)).to_have_value("any status")
