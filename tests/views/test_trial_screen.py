"""What a trial shows, and what the browser may answer."""

from __future__ import annotations

from lexplain_core.views.trial_screen import Answer, read_answer, spans


def test_what_the_browser_says_is_checked():
    good = {"nonce": "n", "button": 4, "rt": 1700.5, "load": 80, "hidden": False}
    answer = read_answer(good)
    assert answer == Answer("n", 4, 1700.5, 80.0, False)
    assert (answer.upper, answer.confidence) == (False, 2)
    assert Answer("n", 2, 1.0, None, True).upper and Answer("n", 2, 1.0, None, True).confidence == 3
    for load in (None, 10**400, float("inf"), -1, True, "80"):
        assert read_answer(good | {"load": load}).load_ms is None
    for wrong in (
        None, 3, "x", {}, good | {"nonce": 1}, good | {"button": 6}, good | {"button": -1}, good | {"button": True},
        good | {"button": 1.0}, good | {"rt": float("nan")}, good | {"rt": -1}, good | {"rt": "9"},
        good | {"rt": 10**400}, good | {"rt": -(10**400)}, good | {"rt": True}, good | {"rt": [1]}, good | {"button": 10**400},
    ):  # fmt: skip
        assert read_answer(wrong) is None


def test_the_question_may_stress_words():
    assert spans("Which matches the **right** examples *better*?") == [
        ["span", "Which matches the "], ["strong", "right"], ["span", " examples "], ["em", "better"], ["span", "?"],
    ]  # fmt: skip
    assert spans("snake_case_name & <b> 2 * 3") == [["span", "snake_case_name & <b> 2 * 3"]]
