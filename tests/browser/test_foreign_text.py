"""Text from an address or a store is shown as it is: no image, formula, icon or link comes of it."""

from __future__ import annotations

import json
import os
import shutil
from urllib.parse import quote

import duckdb
import pytest
from playwright.sync_api import expect

from lexplain_core import Store

from .conftest import serving
from .helpers import settle, wait_for_parameters

IMAGE = "![x](https://elsewhere.example/p.png)"
NASTY = f"{IMAGE} $a$ $b$ :material/home: :dog: :red[r] **b** `c` www.elsewhere.example a -> b"
METHOD = "a second"  # before the default one in the alphabet


@pytest.fixture(scope="module")
def altered(demo_store, tmp_path_factory):
    """A store with such text wherever a page shows some, a second method and no constant unit."""
    path = tmp_path_factory.mktemp("foreign") / "demo.duckdb"
    shutil.copy(demo_store, path)
    with duckdb.connect(str(path)) as con:
        meta = {
            key: json.loads(value) for key, value in con.execute("SELECT key, value FROM meta").fetchall()
        }
        meta |= {"name": NASTY, "probing_set": meta["probing_set"] | {"name": NASTY},
                 "target": meta["target"] | {"name": NASTY}, "outputs": [NASTY] * len(meta["outputs"])}  # fmt: skip
        for key in ("name", "probing_set", "target", "outputs"):
            con.execute("UPDATE meta SET value = ? WHERE key = ?", [json.dumps(meta[key]), key])
        con.execute("UPDATE layers SET name = ? WHERE layer_id = 0", [NASTY])
        con.execute("UPDATE layers SET effect_reason = ? WHERE source = 'computed'", [NASTY])
        con.execute("UPDATE impacts SET total = 0, reason = ? WHERE layer_id = 0 AND unit = 1", [NASTY])
        con.execute("UPDATE scores SET value = NULL, reason = ? WHERE kind LIKE 'ablation%'"
                    " AND explanation_id IN (SELECT explanation_id FROM explanations WHERE layer_id = 0 AND unit = 1)",
                    [NASTY])  # fmt: skip
        con.execute("UPDATE units SET name = ?, status = if(status = 'constant', 'dead', status)", [NASTY])
        more = con.execute("SELECT max(explanation_id) + 1 FROM explanations").fetchone()[0]
        con.execute(
            "CREATE TEMP TABLE own AS SELECT explanation_id FROM explanations WHERE method = 'le-label'"
        )
        for table in ("terms", "scores", "explanations"):
            replaced = {"explanations": ", ? AS method"}.get(table, "")
            con.execute(
                f"INSERT INTO {table} SELECT * REPLACE (explanation_id + ? AS explanation_id{replaced}) "
                f"FROM {table} WHERE explanation_id IN (FROM own)",
                [more, METHOD] if replaced else [more],
            )
        # Another method, and the encoder that it was found with, by such a name.
        con.execute("UPDATE explanations SET method = ? WHERE method = 'le-siglip'", [NASTY])
        query = "SELECT matrix FROM concept_matrices WHERE kind = 'encoder' AND 'explainer' IN roles"
        (matrix,) = con.execute(query).fetchone()
        for table in ("explanations", "concept_matrices", "concept_values"):
            con.execute(f"UPDATE {table} SET matrix = ? WHERE matrix = ?", [NASTY, matrix])
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
    page.goto(f"{dashboard}/overview?store={store.id}&layer={text}&method={text}&low={text}")
    expect(page.get_by_role("alert")).to_contain_text(
        [f"The address says low={NASTY[:60]}…, which is not a number from -1 to 1; it was ignored.",
         f"This store has no layer “{NASTY}”; all layers are shown.",
         f"This store has no explanations by “{NASTY}”."]
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


def test_two_files_of_one_store(visit, demo_store, store, tmp_path):
    for name, time in (("copy", 1), ("original", 2)):
        shutil.copy(demo_store, tmp_path / f"{name}.duckdb")
        os.utime(tmp_path / f"{name}.duckdb", (time, time))
    words = "“copy.duckdb” has the same id as “original.duckdb”; the newer one is shown."
    with serving(tmp_path) as address:
        page = visit(address)
        expect(page.get_by_role("alert")).to_contain_text(words)
        page.get_by_text(f"Stores in {tmp_path}: 1 store").click()
        expect(page.get_by_role("link", name=f"{store.name}, original.duckdb (shown here)")).to_be_visible()
        expect(page.get_by_role("alert").filter(has_text=words)).to_have_count(2)


@pytest.mark.parametrize("draw", ["-1", "2147483648", "9" * 100])
def test_a_draw_that_is_none_is_ignored(visit, dashboard, store, draw):
    layer = store.layers()["layer"].iloc[0]
    page = visit(f"{dashboard}/neuron?store={store.id}&layer={layer}&unit=0&draw={draw}")
    expect(page.get_by_role("alert")).to_contain_text(
        f"draw={draw if len(draw) <= 60 else draw[:60] + '…'}, which is not a whole number"
    )
    expect(page.get_by_text("Draw 0:")).to_be_visible()
