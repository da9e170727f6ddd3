"""Top Impact, units as points to click, and correlation against ablation with its quadratic fit."""

import numpy as np
import pandas as pd
import pytest

from lexplain_core.figures import (
    LIGHT,
    impact_scatter,
    output_effects_bar,
    scores_together,
    top_impact_curves,
)
from lexplain_core.views.importance import quadratic

CURVES = {
    "a": pd.DataFrame({"beta": [0.002, 0.02, 1.0], "value": [0.01, 0.2, 1.0], "error": [0.001, 0.01, 0.0]}),
    "<b>": pd.DataFrame({"beta": [0.0003, 1.0], "value": [0.0, 1.0], "spread": [0.1, 0.0]}),
}


def pairs(n=60, seed=0):
    rng = np.random.default_rng(seed)
    r = rng.uniform(-0.1, 0.9, n)
    return pd.DataFrame(
        {
            "layer": rng.choice(["one", "t<wo>"], n), "unit": rng.integers(0, 99, n),
            "method": rng.choice(["le-label", "le-siglip", "other"], n), "correlation": r,
            "ablation": 0.8 * r**2 - 0.1 * r + 0.02, "explanation": "1·dog + 0.2",
        }
    )  # fmt: skip


def test_curves_hold_the_values_and_the_diagonal():
    figure = top_impact_curves(CURVES, first="<b>")
    by_name = {trace.name: trace for trace in figure.data}
    assert list(by_name["a"].y) == [0.01, 0.2, 1.0]
    assert list(by_name["a"].error_y.array) == pytest.approx([0.00196, 0.0196, 0])
    assert list(by_name["&lt;b&gt;"].x) == [1.0]  # 0 has no place on a logarithmic axis
    diagonal = by_name["every image the same"]
    assert list(diagonal.x) == list(diagonal.y)
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    assert by_name["&lt;b&gt;"].line.color == LIGHT.accent != by_name["a"].line.color


def test_curves_are_told_by_more_than_colour():
    a, b = top_impact_curves(CURVES).data[:2]
    assert a.line.dash != b.line.dash and a.marker.symbol != b.marker.symbol


def test_every_unit_with_an_effect_is_a_point_that_names_itself():
    frame = pd.DataFrame(
        {
            "layer": ["x", "x", "y", "y"], "unit": [4, 5, 0, 1], "total": [0.1, 0.0, 0.3, 0.2],
            "value": [0.05, np.nan, 0.3, 0.04], "sampled": [False, False, True, True],
        }
    )  # fmt: skip
    figure = impact_scatter(frame)
    shown = {
        (c[0], c[1]): (x, y) for t in figure.data for c, x, y in zip(t.customdata, t.x, t.y, strict=True)
    }
    assert shown == {("x", 4): (0.1, 0.05), ("y", 0): (0.3, 0.3), ("y", 1): (0.2, 0.04)}
    assert {t.marker.symbol for t in figure.data} == {"circle", "square"}
    assert {c[2] for t in figure.data for c in t.customdata} == {""}  # of no method
    estimates = [c[6] for t in figure.data for c in t.customdata]
    assert estimates == ["", " (an estimate)", " (an estimate)"]


def test_the_quadratic_is_found_with_its_share_of_the_variance():
    frame = pairs()
    found, r2 = quadratic(frame["correlation"], frame["ablation"])
    assert found == pytest.approx([0.8, -0.1, 0.02]) and r2 == pytest.approx(1)
    noise = np.random.default_rng(1).normal(0, 0.1, len(frame))
    y = frame["ablation"] + noise
    found, r2 = quadratic(frame["correlation"], y)
    design = np.stack([frame["correlation"] ** 2, frame["correlation"], np.ones(len(frame))], axis=1)
    wanted = np.linalg.lstsq(design, y, rcond=None)[0]
    assert found == pytest.approx(wanted, abs=1e-8)
    assert r2 == pytest.approx(np.corrcoef(design @ wanted, y)[0, 1] ** 2)
    assert quadratic([0.1, 0.2, 0.3], [1, 2, 3]) is None and quadratic(range(9), [0.5] * 9) is None


def test_scores_together_has_every_explanation_and_the_fit():
    frame = pairs()
    figure = scores_together(frame, fit="optim")
    points = [t for t in figure.data if t.mode == "markers"]
    shown = sorted((*c[:3], x, y) for t in points for c, x, y in zip(t.customdata, t.x, t.y, strict=True))
    rows = frame[["layer", "unit", "method", "correlation", "ablation"]]
    assert shown == sorted(rows.itertuples(index=False, name=None))
    assert (
        len({(t.marker.symbol, t.marker.color) for t in points})
        == len({t.marker.symbol for t in points})
        == 3
    )
    (line,) = [t for t in figure.data if t.name == "quadratic fit"]
    x = np.asarray(line.x)
    assert np.asarray(line.y) == pytest.approx(0.8 * x**2 - 0.1 * x + 0.02)
    assert "(optim)" in figure.layout.yaxis.title.text
    assert "t&lt;wo&gt;" in {c[3] for t in points for c in t.customdata}


def test_many_points_are_drawn_by_the_graphics_card():
    assert {t.type for t in scores_together(pairs(60)).data if t.mode == "markers"} == {"scatter"}
    many = pairs(5000).assign(method="m")
    assert [t.type for t in scores_together(many).data if t.mode == "markers"] == ["scattergl"]


def test_pushes_are_sorted_signed_and_hatched_below_zero():
    frame = pd.DataFrame(
        {
            "output": ["cat", "<dog>", "owl"],
            "change": [0.5, -1.25, 2.0],
            "rank": [2, -1, 1],
            "images": [9] * 3,
        }
    )
    (bar,) = output_effects_bar(frame).data
    assert list(bar.x) == [2.0, 0.5, -1.25]
    assert list(bar.text) == ["+2.00", "+0.50", "−1.25"]
    assert list(bar.marker.pattern.shape) == ["", "", "\\"]
    assert [tick.strip() for tick in output_effects_bar(frame).layout.yaxis.ticktext] == [
        "owl",
        "cat",
        "&lt;dog&gt;",
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_follows_the_theme(theme):
    for figure in (top_impact_curves(CURVES, theme=theme), scores_together(pairs(), theme=theme)):
        assert figure.layout.font.color == {"light": "#1d2733", "dark": "#e6e9ee"}[theme]
