"""The demo store for pages in Streamlit's own test harness."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lexplain_core import Store

from .. import variants


@pytest.fixture(scope="session")
def shelf(demo_store, tmp_path_factory) -> Path:
    """A folder with the demo store and, older, what it would be under other circumstances."""
    folder = tmp_path_factory.mktemp("shelf")
    for name, make in (
        ("elsewhere", variants.elsewhere),
        ("without", variants.without_effects),
        ("same", variants.same_encoder),
        ("unseen", variants.unseen),
        ("labels", variants.labels_alone),
    ):
        make(demo_store, folder / f"{name}.duckdb")
    shutil.copy(demo_store, folder / "demo.duckdb")
    return folder


@pytest.fixture
def demo(shelf, monkeypatch):
    """The demo store, which pages show unless their address names another one of the shelf."""
    monkeypatch.setenv("LEXPLAIN_STORES", str(shelf))
    monkeypatch.setenv("LEXPLAIN_STUDIES", str(shelf / "studies"))
    with Store.open(shelf / "demo.duckdb") as store:
        yield store


@pytest.fixture(scope="session")
def measured(demo_store) -> tuple[str, int]:
    """The unit of the network whose impact is exact and largest."""
    with Store.open(demo_store) as store:
        frame = store.impacts()
    exact = frame[~frame["sampled"] & frame["reason"].isna()]
    row = exact.loc[exact["total"].idxmax()]
    return row["layer"], int(row["unit"])
