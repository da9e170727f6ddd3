"""Facts about explanations in words."""

import pytest

from lexplain_core.views.facts import by_hand, calibration


@pytest.mark.parametrize(
    ("b", "text"), [(-0.31, "sigmoid(10.2·(cos − 0.31))"), (0.5, "sigmoid(10.2·(cos + 0.5))")]
)
def test_calibration_in_words(b, text):
    how = {"source": "calibrated", "labels": 32, "images": 2940}
    row = {"kind": "encoder", "a": 10.2, "b": b, "loss": 0.0412, "config": {"calibration": how}}
    assert calibration(row) == {
        "P(concept)": text, "a and b": "calibrated", "their loss": "0.0412: cross-entropy per label and image",
        "measured on": "32 labels, 2,940 images of the train split",
    }  # fmt: skip
    assert list(calibration({"kind": "label"})) == ["P(concept)"]


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (0, "no test score was looked at before they were kept"),
        (1, "the test scores of 1 version of the words were looked at before these were kept"),
        (3, "the test scores of 3 versions of the words were looked at before these were kept"),
    ],
)
def test_words_by_hand_say_whether_their_test_scores_were_seen(seen, words):
    config = {"by": "hand", "made": "2026-11-20T10:00:00+00:00", "way": "refit", "from": "le-label"}
    assert by_hand(config | {"test_scores_seen": seen}) == (
        f"2026-11-20T10:00:00+00:00; weights by least squares; begun from le-label; {words}"
    )
    assert by_hand({"by": "hand", "way": [], "test_scores_seen": "?"}) == ""
