"""Files that share an id: the newest is shown, and a sentence names the others."""

from pathlib import Path

import pytest

from lexplain_core.store import Store, StoreEntry
from lexplain_core.views.markdown import md
from lexplain_core.views.opened import distinct, same_id
from pages.ui import links, shell

from .helpers import opened


def entry(path: str, identity: str | None, modified: float) -> StoreEntry:
    return StoreEntry(Path(path), identity, "A name", None if identity else "No store.", modified)


def test_the_newest_file_of_each_id_is_shown():
    old, other, broken, new, oldest = found = [
        entry("old.duckdb", "a", 2), entry("other.duckdb", "b", 1), entry("broken.duckdb", None, 9),
        entry("new.duckdb", "a", 3), entry("oldest.duckdb", "a", 1),
    ]  # fmt: skip
    assert distinct(found) == ([other, new], [(old, new), (oldest, new)])
    assert distinct([old, other, broken]) == ([old, other], [])
    assert distinct([]) == ([], [])


def test_of_equally_old_files_the_first_is_shown():
    first, second = entry("first.duckdb", "a", 1), entry("second.duckdb", "a", 1)
    assert distinct([first, second]) == ([first], [(second, first)])
    assert same_id(second, first) == md(
        "“second.duckdb” has the same id as “first.duckdb”; the latter is shown."
    )


def test_the_sentence_names_both_files():
    old, new = entry("here/a.duckdb", "a", 1), entry("here/b.duckdb", "a", 2)
    assert same_id(old, new) == md("“a.duckdb” has the same id as “b.duckdb”; the newer one is shown.")
    there = entry("there/a.duckdb", "a", 2)  # named on the command line, both with one name
    assert same_id(old, there) == md(
        f"“{old.path}” has the same id as “{there.path}”; the newer one is shown."
    )


def test_the_browsers_tab_names_what_a_page_is_of():
    assert links.named(links.Neuron(layer="block7", unit=3)) == "block7 · unit 3"
    assert links.named(links.Importance(layer="block7")) == "block7"
    assert links.named(links.Compare(a="a%3Ab:1:le", c="b:2")) == "a:b:1, b:2"
    assert links.named(links.Overview()) == links.named(links.Results()) == ""


@pytest.mark.parametrize("page", shell.PAGES)
def test_an_address_leads_to_its_page(page, demo_store, monkeypatch):
    monkeypatch.setenv("LEXPLAIN_STORES", str(demo_store.parent))
    app = opened(page)
    with Store.open(demo_store) as store:
        assert f"{page} of {store.id}" in app.session_state
