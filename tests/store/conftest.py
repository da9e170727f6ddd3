"""The small hand-made store that this room's tests read."""

from __future__ import annotations

import pytest

from lexplain_core.store import Store

from .helpers import Made, make, write


@pytest.fixture(scope="session")
def made() -> Made:
    return make()


@pytest.fixture(scope="session")
def small_path(tmp_path_factory, made):
    path = tmp_path_factory.mktemp("small") / "small.duckdb"
    write(path, made)
    return path


@pytest.fixture
def small(small_path):
    with Store.open(small_path) as store:
        yield store
