"""The demo's scenes, made once for the tests of this room."""

from __future__ import annotations

import pytest

from lexplain_core.demo.probing import IMAGES
from lexplain_core.demo.scene import DEMO_SEED, Scene, make_scene
from lexplain_core.demo.truth import Truth, truth_of


@pytest.fixture(scope="session")
def scenes() -> list[Scene]:
    return [make_scene(DEMO_SEED, i) for i in range(IMAGES)]


@pytest.fixture(scope="session")
def truth(scenes) -> Truth:
    return truth_of(scenes)
