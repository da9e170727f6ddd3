"""Numbers as text."""

import pytest

from lexplain_core.base.numbers import percent


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0%"), (0.00001, "<0.01%"), (0.00034, "0.03%"), (0.0142, "1.4%"), (0.0995, "10%"), (0.5, "50%"),
     (1, "100%"), (-0.02, "−2.0%"), (float("nan"), "–")],
)  # fmt: skip
def test_percent(share, words):
    assert percent(share) == words
