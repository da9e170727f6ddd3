"""What people answered: the values in the figures are those of the frames, beside chance."""

import numpy as np
import pandas as pd
import pytest

from lexplain_core.figures import (
    human_scatter,
    proportion_bars,
    queries_in_range,
    response_times,
    unit_dots,
)
from lexplain_core.figures.study import time_edges
from lexplain_core.views.results import interval_words

BARS = pd.DataFrame(
    {
        "group": ["net<1>", "net<1>", "other"], "series": ["natural", "synthetic", "natural"],
        "mean": [0.8, 0.7, 0.45], "low": [0.7, 0.65, np.nan], "high": [0.95, 0.72, np.nan], "n": [40, 1, 1200],
    }
)  # fmt: skip
UNITS = pd.DataFrame(
    {
        "layer": ["b", "a", "a", "b"], "unit": [7, 1, 2, 9], "label": ["b · 7", "a · 1", "a · 2 · <n>", "b · 9"],
        "mean": [0.1, 0.5, 0.9, 1.0], "low": [0.0, 0.3, 0.7, 0.8], "high": [0.3, 0.7, 1.0, 1.0], "n": [10, 10, 10, 1],
        "score": [0.3, np.nan, 0.5, -0.1],
    }
)  # fmt: skip


def at_chance(figure, along):
    lines = [s for s in figure.layout.shapes if getattr(s, f"{along}0") == getattr(s, f"{along}1") == 0.5]
    return len(lines) == 1 and any(note.text == "chance" for note in figure.layout.annotations)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_bars_hold_means_and_asymmetric_intervals(theme):
    figure = proportion_bars(BARS, theme=theme)
    natural, synthetic, whiskers = figure.data
    assert list(natural.x) == [0.8, 0.45] and list(natural.y) == pytest.approx([-0.19, 1])
    assert list(synthetic.x) == [0.7] and list(synthetic.y) == pytest.approx([0.19])  # side by side
    assert list(whiskers.x) == [0.8, 0.7] and list(whiskers.y) == pytest.approx([-0.19, 0.19])  # no third
    assert list(whiskers.error_x.array) == pytest.approx([0.15, 0.02])
    assert list(whiskers.error_x.arrayminus) == pytest.approx([0.1, 0.05])
    assert natural.text == ("<b>80%</b>", "<b>45%</b>")
    assert at_chance(figure, "x")
    assert "net&lt;1&gt;" in figure.layout.yaxis.ticktext[0]
    assert list(natural.customdata[0][2:]) == ["95% interval 70% to 95%", "40 answers"]
    assert natural.customdata[1][2] == "no interval" and synthetic.customdata[0][3] == "1 answer"


def test_series_are_told_apart_without_colour():
    natural, synthetic, _ = proportion_bars(BARS).data
    assert natural.marker.pattern.shape != synthetic.marker.pattern.shape
    assert proportion_bars(BARS).layout.showlegend and not proportion_bars(BARS.iloc[[0]]).layout.showlegend


def test_unit_dots_keep_the_order_and_open_units():
    figure = unit_dots(UNITS)
    shown = {c[1]: (x, y) for t in figure.data for c, x, y in zip(t.customdata, t.x, t.y, strict=True)}
    assert shown == {7: (0, 0.1), 1: (1, 0.5), 2: (2, 0.9), 9: (3, 1.0)}
    assert {tuple(c[:3]) for t in figure.data for c in t.customdata} == {
        ("b", 7, ""), ("a", 1, ""), ("a", 2, ""), ("b", 9, "")
    }  # fmt: skip
    a, b = figure.data
    assert (a.name, b.name) == ("a (2)", "b (2)") and a.marker.symbol != b.marker.symbol
    assert list(a.error_y.array) == pytest.approx([0.2, 0.1])
    assert list(a.error_y.arrayminus) == pytest.approx([0.2, 0.2])
    assert figure.layout.xaxis.ticktext == ("b · 7", "a · 1", "a · 2 · &lt;n&gt;", "b · 9")
    assert at_chance(figure, "y")
    # in another order a layer keeps its colour
    assert unit_dots(UNITS.iloc[::-1]).data[0].marker.color == a.marker.color


def test_many_units_have_no_names_and_many_layers_one_colour():
    many = pd.DataFrame(
        {"layer": [f"l{i // 10}" for i in range(100)], "unit": range(100), "label": "x", "mean": 0.5, "low": 0.4,
         "high": 0.6, "n": 9}
    )  # fmt: skip
    figure = unit_dots(many)
    assert len(figure.data) == 1 and len(figure.data[0].x) == 100
    assert figure.layout.xaxis.showticklabels is False and "100 units" in figure.layout.xaxis.title.text


def test_a_scatter_leaves_out_units_without_the_score():
    figure = human_scatter(UNITS, "score", "test correlation")
    (trace,) = figure.data
    assert [(x, y) for x, y in zip(trace.x, trace.y, strict=True)] == [(0.3, 0.1), (0.5, 0.9), (-0.1, 1.0)]
    assert trace.customdata[2][4] == "−0.10" and at_chance(figure, "y")
    assert len(human_scatter(UNITS, "score", "s", by="layer").data) == 2


def test_response_times_hold_every_answer_and_the_lock():
    rng = np.random.default_rng(0)
    seconds = np.concatenate([1.5 + rng.exponential(3, 500), [90.0, np.nan]])
    right = rng.random(502) < 0.7
    figure = response_times(seconds, right, locks=[1.5])
    good, bad = figure.data
    known = np.isfinite(seconds)
    assert sum(good.y) == right[known].sum() and sum(bad.y) == (~right[known]).sum()
    edges = time_edges(seconds[known])
    heights, _ = np.histogram(np.minimum(seconds[known & right], edges[-1]), bins=edges)
    assert list(good.y) == heights.tolist()
    assert good.customdata[-1].endswith("and more") and "slower" in figure.layout.xaxis.title.text
    assert [s.x0 for s in figure.layout.shapes] == [1.5]
    assert "locked until 1.5 s" in [note.text for note in figure.layout.annotations]
    assert good.marker.pattern.shape != bad.marker.pattern.shape
    assert not response_times(seconds, right).layout.shapes


def test_queries_lie_at_their_activations():
    values = np.linspace(0, 4, 200)
    figure = queries_in_range(values, [("upper image", 3.5), ("lower <image>", 0.25)], quantity="a<b>")
    assert sum(figure.data[0].y) == 200
    assert [s.x0 for s in figure.layout.shapes] == [3.5, 0.25]
    assert len({s.line.dash for s in figure.layout.shapes}) == 2
    words = {note.x: note.text for note in figure.layout.annotations}
    assert words == {3.5: "<b>upper image</b>", 0.25: "<b>lower &lt;image&gt;</b>"}
    assert figure.layout.xaxis.title.text == "a&lt;b&gt;"


def test_interval_words():
    row = next(BARS.itertuples())
    assert interval_words(row) == "95% interval 70% to 95%"
    assert interval_words(list(BARS.itertuples())[2]) == "no interval"
