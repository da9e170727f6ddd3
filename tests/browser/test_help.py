"""Where there is nothing to show, a page says what to do; never a traceback."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import expect

from .conftest import serving
from .helpers import heading, settle


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("empty")) as address:
        yield address


@pytest.mark.parametrize(
    "path", ["", "/overview", "/neuron", "/neuron?store=abc&layer=layer1&unit=3", "/importance"]
)
def test_no_store(visit, empty, path):
    page = visit(empty + path)
    expect(page.get_by_role("heading", name="There is no store to show yet")).to_be_visible()
    main = page.locator("[data-testid=stMain]")
    expect(main).to_contain_text("make demo")
    expect(main).to_contain_text("python -m lexplain_core build CONFIG.toml")


def test_files_that_are_no_stores(visit, tmp_path, store, demo_store):
    (tmp_path / "notes.duckdb").write_text("This is a text file.\n" * 100)
    (tmp_path / "empty.duckdb").touch()
    with serving(tmp_path) as address:
        page = visit(address)
        expect(page.get_by_role("heading", name="There is no store to show yet")).to_be_visible()
        for name in ("notes", "empty"):
            expect(page.get_by_role("alert").filter(has_text=f"{name}.duckdb")).to_be_visible()
        expect(page.locator("[data-testid=stMain]")).to_contain_text("make demo")
        shutil.copy(demo_store, tmp_path / "good.duckdb")  # one that comes later is found
        page.reload()
        expect(page.get_by_role("heading", name=store.name)).to_be_visible()
        page.get_by_text("2 that can’t be opened").click()
        expect(page.get_by_role("alert").filter(has_text="notes.duckdb")).to_be_visible()


def test_a_store_given_by_name(visit, tmp_path, store, demo_store):
    with serving(
        tmp_path, "--", "--store", str(demo_store), "--store", str(tmp_path / "gone.duckdb")
    ) as address:
        page = visit(address)
        expect(page.get_by_role("heading", name=store.name)).to_be_visible()
        page.get_by_text("Stores given on the command line: 1 store, and 1 that can’t be opened").click()
        expect(page.get_by_role("alert").filter(has_text="There is no store at")).to_be_visible()


def test_the_first_visitor_may_come_by_any_address(visit, tmp_path, store, demo_store):
    """A server that has just started knows nothing of st.navigation yet."""
    shutil.copy(demo_store, tmp_path / "demo.duckdb")
    layer = store.layers()["layer"].iloc[0]
    with serving(tmp_path) as address:
        page = visit(f"{address}/neuron?store={store.id}&layer={layer}&unit=0")
        heading(page, layer, 0)
        settle(page)
        assert page.locator(".lx-brand").count() == 1
        assert page.locator("[data-testid=stSidebar]").count() == 0


def test_links_to_what_is_not_there(visit, dashboard, store):
    page = visit(f"{dashboard}/neuron?store=0000&layer=layer1&unit=3")
    expect(page.get_by_role("heading", name="This link is to another store")).to_be_visible()
    page.get_by_role("link", name=store.name).click()
    expect(page.get_by_role("heading", name=store.name, exact=True)).to_be_visible()

    page = visit(f"{dashboard}/neuron?store={store.id}&layer=nowhere&unit=3")
    expect(page.get_by_role("alert")).to_contain_text("has no layer 'nowhere'")
    layer = store.layers()["layer"].iloc[0]
    page = visit(f"{dashboard}/neuron?store={store.id}&layer={layer}&unit=99999")
    expect(page.get_by_role("alert")).to_contain_text("has no unit 99999")
    page = visit(f"{dashboard}/neuron?store={store.id}&layer={layer}&unit=first")
    expect(page.get_by_role("alert")).to_contain_text("unit=first")
