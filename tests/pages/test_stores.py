"""Files that share an id: the newest is shown, and a sentence names the others."""

import pytest

from lexplain_core.store import Store
from pages.ui import links
from pages.ui.found import pages

from .helpers import opened


def test_the_browsers_tab_names_what_a_page_is_of():
    assert links.named(links.Neuron(layer="block7", unit=3)) == "block7 · unit 3"
    assert links.named(links.Importance(layer="block7")) == "block7"
    assert links.named(links.Compare(a="a%3Ab:1:le", c="b:2")) == "a:b:1, b:2"
    assert links.named(links.Overview()) == links.named(links.Results()) == ""


@pytest.mark.parametrize("page", pages())
def test_an_address_leads_to_its_page(page, demo_store, monkeypatch):
    monkeypatch.setenv("LEXPLAIN_STORES", str(demo_store.parent))
    app = opened(page)
    with Store.open(demo_store) as store:
        assert f"{page} of {store.id}" in app.session_state
