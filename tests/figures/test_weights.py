"""Bars show an explanation's weights with their signs, strongest first."""

from lexplain_core.figures import area_chart, explanation_styles, weights_bar
from lexplain_core.store import Buckets, Explanation, Term
from lexplain_core.store.buckets import composition

TERMS = (Term(0.5, 3, "snow", "class"), Term(-1.25, 7, "dog", "class"), Term(0.75, 1, "<i>", "colour"))
EXPLANATION = Explanation(0, "le-label", "label", TERMS, -0.2, 0.8, None, {})


def test_weights_signs_and_order():
    figure = weights_bar(EXPLANATION)
    (bar,) = figure.data
    assert list(bar.x) == [-1.25, 0.75, 0.5]
    assert list(bar.text) == ["−1.25", "+0.75", "+0.50"]
    assert [tick.strip() for tick in figure.layout.yaxis.ticktext] == ["dog", "&lt;i&gt;", "snow"]
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # the first is on top
    low, high = figure.layout.xaxis.range
    assert low < -1.25 and high > 0.75
    assert "bias −0.200" in figure.layout.xaxis.title.text


def test_a_negative_bar_is_told_by_more_than_colour():
    (bar,) = weights_bar(EXPLANATION).data
    assert list(bar.marker.pattern.shape) == ["\\", "", ""]
    assert bar.marker.line.width[0] > 0 == bar.marker.line.width[1]


def test_bars_and_areas_share_their_colours():
    import numpy as np

    activations = np.linspace(0.01, 1, 40)
    buckets = Buckets.of(activations)
    matches = np.random.default_rng(0).random((3, 40)) < 0.5
    frame = composition(buckets, activations, matches, [t.weight for t in TERMS],
                        [t.concept_id for t in TERMS], [t.name for t in TERMS])  # fmt: skip
    styles = explanation_styles(EXPLANATION)
    area = area_chart(frame, buckets, styles=styles)
    (bar,) = weights_bar(EXPLANATION, styles=styles).data
    in_area = {trace.meta["concept"]: trace.fillcolor for trace in area.data}
    assert [in_area[concept] for concept in (7, 1, 3)] == list(bar.marker.color)


def test_one_term_and_tiny_weights_are_readable():
    one = Explanation(0, "le-label", "label", (Term(0.00012, 3, "snow", "class"),), 0.0, 0.8, None, {})
    (bar,) = weights_bar(one).data
    assert bar.text[0] == "+0.000120"
