"""Networks with random weights, made once for all tests of this room."""

from __future__ import annotations

from functools import cache

import pytest

from lexplain_core.config import Target
from lexplain_core.model import load_target


@pytest.fixture(scope="session")
def network():
    """network(name): a target model with random weights; tests leave it as it is."""
    return cache(lambda name: load_target(Target(model=name, weights="random")))
