"""The small network that the tests of this room share."""

from __future__ import annotations

import pytest

from .brute import World, make_world


@pytest.fixture(scope="session")
def world() -> World:
    return make_world()
