"""What the tests of notes share."""

import pytest

from lexplain_core.notes import Notes


@pytest.fixture
def notes(tmp_path) -> Notes:
    return Notes(tmp_path / "a.notes.sqlite", ("1234", "a"))
