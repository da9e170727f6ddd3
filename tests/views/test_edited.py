"""An explanation that is being edited: its terms in an address, its sentence, what is kept of it."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexplain_core.base.errors import UserError
from lexplain_core.live.editing import MOST, Edited
from lexplain_core.store import Explanation, Score, Term
from lexplain_core.views.edited import (
    EMPTY,
    Draft,
    check_method_name,
    read_draft,
    read_terms,
    score_sentence,
    to_keep,
    write_terms,
)

KNOWN = range(100)
numbers = st.one_of(st.none(), st.floats(-1e6, 1e6).map(lambda x: float(f"{x:.6g}")))


@given(st.lists(st.tuples(st.integers(0, 99), numbers), max_size=MOST, unique_by=lambda term: term[0]))
def test_terms_survive_their_way_into_an_address_and_back(terms):
    text = write_terms([c for c, _ in terms], [w for _, w in terms])
    assert read_terms(text, KNOWN) == (terms, [])


@given(st.text(max_size=40))
def test_no_address_breaks_it_and_nothing_is_dropped_in_silence(text):
    terms, problems = read_terms(text, KNOWN)
    left_out = len(text.split(",")) - len(terms)
    assert text.strip() == EMPTY or len(problems) == min(left_out, 6)  # five, and how many more


@pytest.mark.parametrize(
    ("text", "kept", "said"),
    [
        ("3:1.5,dog", [(3, 1.5)], "“dog”"),
        ("3:", [], "“3:”"),
        ("3:nan,4:1e31", [], "“3:nan”"),
        ("3:1,100", [(3, 1.0)], "no concept 100"),
        ("3:1,3:2", [(3, 1.0)], "concept 3 twice"),
        (",".join(map(str, range(MOST + 1))), [(c, None) for c in range(MOST)], f"at most {MOST}"),
    ],
)
def test_what_an_address_cannot_mean_is_said(text, kept, said):
    terms, problems = read_terms(text, KNOWN)
    assert terms == kept and any(said in problem for problem in problems)


def words(value=0.5, method="le-label", **more) -> Edited:
    def score(split, simulator, value):
        return Score("correlation", simulator, split, 40, value, value - 0.1, value + 0.1, None)

    terms = (Term(-1.0, 3, "<b>", "noun"), Term(2.0, 7, "dog", "noun"))
    val = score("val", "eye", value), score("val", "label", value + 0.1)
    test = score("test", "eye", value - 0.3), score("test", "label", value - 0.2)
    facts = {"config": {}, "scores": test, "simulator": "eye"} | more
    return Edited(Explanation(-1, method, "label", terms, 0.25, 0.6, None, **facts), val, test)


def test_a_draft_starts_from_a_method_and_follows_the_address():
    start = words().explanation

    def draft(terms="", bias=None, way="refit", start=start):
        return read_draft(terms, bias, way, start, KNOWN)[0]

    assert draft() == Draft((7, 3), (None, None))
    kept = draft(way="keep", bias=1.0)
    assert kept == Draft((7, 3), (2.0, -1.0), 1.0)
    assert draft("5:2,7") == Draft((5, 7), (None,) * 2)
    assert draft("5:2,7", way="keep").weights == (2.0, None)
    assert draft("none") == Draft()
    assert draft(start=None) == Draft()


def test_the_sentence_has_the_val_score_its_interval_its_images_and_the_change():
    said = score_sentence(words(0.5), words(0.42))
    assert "Val correlation <b>0.50</b>, 95% interval 0.40 to 0.60, 40 images" in said
    assert "le-label: <b>0.42</b>, so a change of <b>+0.08</b>" in said and "eye" in said
    assert "no change" in score_sentence(words(0.5), words(0.503))
    assert "Test" not in said and "change" not in score_sentence(words(0.5), None)


STORE = SimpleNamespace(methods=lambda: ["le-label", "mine"], user_methods=frozenset({"mine"}))


def test_a_name_is_a_name_and_no_method_of_the_store():
    assert check_method_name("  by   hand ", STORE) == "by hand"
    assert check_method_name("mine", STORE) == "mine"  # it is replaced
    for name in ("le-label", " le-label ", "", "   ", "a\u0000b", "x" * 81):
        with pytest.raises(UserError):
            check_method_name(name, STORE)


def test_words_are_kept_by_the_keys_of_their_concepts_with_their_test_scores():
    edited, unit = words(), SimpleNamespace(layer="block7", unit=5)
    made = to_keep(unit, edited, "mine", {7: "noun:dog", 3: "noun:b"}, "keep", "le-label", 2)
    assert (made.layer, made.unit, made.method) == ("block7", 5, "mine")
    assert made.terms == ((-1.0, "noun:b"), (2.0, "noun:dog")) and made.bias == 0.25
    assert (made.matrix, made.simulator, made.val_correlation) == ("label", "eye", 0.6)
    assert made.scores == edited.test
    assert made.config == {"way": "keep", "from": "le-label", "test_scores_seen": 2}
    assert np.datetime64(made.made.removesuffix("+00:00"))
