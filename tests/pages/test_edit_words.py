"""The page of edited words: the table of their scores, and what it says to awkward addresses."""

from pages.ui import links
from pages.words import scores
from tests.views.test_edited import words

from .helpers import inner, of_class, opened, params, text


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
