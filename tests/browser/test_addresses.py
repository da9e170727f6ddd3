"""Addresses that lead nowhere, links that travel, and a picture that is none."""

from __future__ import annotations

import shutil

from playwright.sync_api import expect

from .conftest import serving
from .helpers import heading, settle


def test_a_page_that_there_is_not_says_so_and_keeps_its_address(visit, dashboard):
    settle(visit(f"{dashboard}/overview"))  # a server's very first visitor gets Streamlit's own words on top
    page = visit(f"{dashboard}/nosuchpage?x=y&store=abc")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    expect(page.get_by_text("/nosuchpage")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.url.endswith("/nosuchpage?x=y&store=abc")
    page.get_by_role("link", name="Importance").click()
    expect(page.get_by_role("heading", name="This link is to another store")).to_be_visible()


def test_a_broken_upload_leaves_nothing_of_what_was_there(visit, dashboard):
    page = visit(f"{dashboard}/picture?image=3")
    expect(page.get_by_text("The stored images most like it").first).to_be_visible()
    broken = {"name": "x.png", "mimeType": "image/png", "buffer": b"nonsense"}
    page.locator("input[type=file]").first.set_input_files(broken)
    expect(page.get_by_text("x.png holds text, not a picture")).to_be_visible()
    expect(page.get_by_text("The stored images most like it")).to_have_count(0)
    expect(page.get_by_text("No picture yet")).to_have_count(0)


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
