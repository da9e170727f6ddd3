"""A stranger's store on every page: nothing that it names is run, and the page goes on without."""

from __future__ import annotations

import pytest

from lexplain_core.model import load_target
from lexplain_core.store import Store
from lexplain_core.trust import noting
from pages.ui.found import pages

from ..strangers import code, stranger
from .helpers import opened


@pytest.fixture(scope="module")
def theirs(demo_store, tmp_path_factory):
    """A store that names code of its own, and the file that appears when any of it is run."""
    folder = tmp_path_factory.mktemp("stranger")
    file, mark = code(folder / "code")
    stranger(demo_store, folder / "theirs.duckdb", target={"model": f"{file}:make"})
    return folder, mark


@pytest.mark.parametrize("page", pages())
def test_no_page_runs_what_a_store_names(theirs, monkeypatch, page):
    folder, mark = theirs
    mark.unlink(missing_ok=True)
    monkeypatch.setenv("LEXPLAIN_STORES", str(folder))
    monkeypatch.setenv("LEXPLAIN_TRUST", str(folder / "trust.json"))
    with Store.open(folder / "theirs.duckdb") as store:
        query = {
            "store": store.id,
            "layer": "block7",
            "unit": 3,
            "image": 5,
            "a": "block7:3",
            "b": "block7:4",
        }
    app = opened(page, **query)
    assert not mark.exists()
    if page in ("neuron", "picture"):
        (said,) = [info.value for info in app.info if "can’t be run here" in info.value]
        assert "which this machine has not been told to trust" in said
        assert "python \\-m lexplain\\_core trust" in said or "`python -m lexplain_core trust" in said
        assert app.expander[-1].label == "What am I looking at?"  # the page goes on to its end


def test_what_is_trusted_is_run(theirs, monkeypatch, tmp_path):
    from lexplain_core.base.progress import Silent
    from lexplain_core.config import Target

    folder, mark = theirs
    monkeypatch.setenv("LEXPLAIN_STORES", str(folder))
    monkeypatch.setenv("LEXPLAIN_TRUST", str(tmp_path / "trust.json"))
    with noting() as noted:
        load_target(Target(model=f"{folder / 'code' / 'evil.py'}:make"))
    noted.keep(Silent())
    mark.unlink()
    opened("neuron", layer="block7", unit=3, image=5)
    assert mark.exists()
    mark.unlink()
