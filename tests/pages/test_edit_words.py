"""Edited words to and from the address, what is said of their scores, and how they are kept."""

from hypothesis import strategies as st

from lexplain_core.live.editing import Edited
from lexplain_core.store import Explanation, Score, Term
from pages.ui import links
from pages.words import scores

from .helpers import inner, of_class, opened, params, text

KNOWN = range(100)
numbers = st.one_of(st.none(), st.floats(-1e6, 1e6).map(lambda x: float(f"{x:.6g}")))


def words(value=0.5, method="le-label", **more) -> Edited:
    def score(split, simulator, value):
        return Score(simulator, "correlation", split, 40, value, value - 0.1, value + 0.1, None)

    terms = (Term(-1.0, 3, "<b>", "noun"), Term(2.0, 7, "dog", "noun"))
    val = score("val", "eye", value), score("val", "label", value + 0.1)
    test = score("test", "eye", value - 0.3), score("test", "label", value - 0.2)
    facts = {"config": {}, "scores": test, "simulator": "eye"} | more
    return Edited(Explanation(-1, method, "label", terms, 0.25, 0.6, None, **facts), val, test)


def test_the_table_has_the_test_scores_only_when_they_are_asked_for(monkeypatch):
    drawn = []
    monkeypatch.setattr(scores.st, "html", drawn.append)
    scores.table(words(0.5), words(0.4, "<method>"), with_test=False)
    scores.table(words(0.5), words(0.4, "<method>"), with_test=True)
    assert "Test" not in drawn[0] and "<b>0.20</b>" not in drawn[0] and "<b>0.60</b>" in drawn[0]
    assert "Test correlation, your words" in drawn[1] and "<b>0.20</b>" in drawn[1]
    assert "&lt;method&gt;" in drawn[0] and "<method>" not in drawn[0]


def test_awkward_addresses_are_answered_in_words(demo):
    def page(**view):
        there = {"store": demo.id, "layer": demo.layers()["layer"].iloc[0], "unit": 0} | view
        return opened("words", **links.query(links.Words(**there)))

    def score(app) -> str:
        (line,) = of_class(app, "lx-score")
        return inner(line)

    assert "names no unit" in text(opened("words", store=demo.id))
    twice = text(opened("words", store=demo.id, layer=demo.layers()["layer"].iloc[0], unit="x"))
    assert "unit=x" in twice.replace("\\", "") and "names no" not in twice  # one sentence for one fault
    assert "There are no words yet" in text(page(terms="none"))
    app = page(terms="dog,0:1,999999")
    assert "“dog”" in text(app) and "no concept 999999" in text(app)
    assert params(app)["terms"] == "dog,0:1,999999"
    app = page(terms="0,1", matrix="no such eye")
    assert "no concept matrix “no such eye”" in text(app) and "Val correlation" in score(app)
    dead = demo.unit_table().query("status in ['dead', 'constant']").iloc[0]
    assert "al correlation" in score(page(layer=dead["layer"], unit=int(dead["unit"]), terms="0"))
