"""The bars of a unit's effect show the shares of its ranges, under the areas or alone."""

import numpy as np
import pandas as pd
import pytest

from lexplain_core.figures import area_chart, impact_strip
from lexplain_core.store.buckets import Buckets, composition
from lexplain_core.views.effect import effect_shares


def made(sampled=False, seed=0):
    """Buckets and their shares of a random effect, with a band below 0."""
    rng = np.random.default_rng(seed)
    q = rng.gamma(1.0, 1.0, 500).astype(np.float32) - 0.2
    buckets, impact = Buckets.of(q), rng.gamma(0.5, 1.0, 500)
    where = buckets.assign(q)
    rows = [
        (b, int((where == b).sum()), impact[where == b].sum() / impact.sum(), 0.01 if sampled else 0.0)
        for b in range(-1, 8)
    ]
    return q, buckets, pd.DataFrame(rows, columns=["bucket", "images", "share", "error"])


def traces(figure):
    """The bars and the short lines of a figure."""
    bars = [trace for trace in figure.data if trace.type == "bar"]
    lines = [trace for trace in figure.data if trace.type == "scatter" and trace.mode == "markers"]
    return bars, lines


@pytest.mark.parametrize("seed", range(3))
def test_bars_are_shares_of_the_effect_and_lines_of_the_images(seed):
    q, buckets, shares = made(seed=seed)
    ((bar,), (line,)) = traces(impact_strip(shares, buckets.edges))
    inside = shares[shares["bucket"] >= 0]
    assert list(bar.y) == pytest.approx(inside["share"].tolist())
    assert list(line.y) == pytest.approx((inside["images"] / len(q)).tolist())
    assert list(bar.x) == pytest.approx(((buckets.edges[:-1] + buckets.edges[1:]) / 2).tolist())
    assert bar.error_y.array is None
    assert sum(bar.y) + shares.loc[shares["bucket"] == -1, "share"].item() == pytest.approx(1)


def test_a_sample_has_95_percent_bars_of_error():
    _, buckets, shares = made(sampled=True)
    ((bar,), _) = traces(impact_strip(shares, buckets.edges))
    assert list(bar.error_y.array) == pytest.approx([0.0196] * 8)
    assert all("±" in custom[0] for custom in bar.customdata)


def test_ranges_that_are_missing_hold_nothing():
    shares = pd.DataFrame(
        [(2, 10, 0.25, 0.0), (-1, 30, 0.75, 0.0)], columns=["bucket", "images", "share", "error"]
    )
    frame = effect_shares(shares)
    assert frame["share"].tolist() == [0, 0, 0.25, 0, 0, 0, 0, 0]
    assert frame["part"].tolist() == [0, 0, 0.25, 0, 0, 0, 0, 0]
    notes = [note.text for note in impact_strip(shares, np.arange(9.0)).layout.annotations]
    assert notes == ["–", "–", "25%", "–", "–", "–", "–", "–"]


def test_under_the_areas_the_bars_share_their_axis():
    q, buckets, shares = made()
    frame = composition(buckets, q, np.ones((1, 500), bool), [1.0], [3], ["dog"])
    alone, both = area_chart(frame, buckets), area_chart(frame, buckets, effect=shares)
    areas = [trace for trace in both.data if trace.type == "scatter" and trace.stackgroup]
    assert [list(a.y) for a in areas] == [list(a.y) for a in alone.data]
    ((bar,), (line,)) = traces(both)
    assert bar.yaxis == line.yaxis == "y2" and bar.xaxis is None
    assert both.layout.yaxis2.domain[1] < both.layout.yaxis.domain[0]
    assert both.layout.xaxis.anchor == "y2" and both.layout.yaxis2.anchor == "x"
    assert alone.layout.yaxis.domain == (0, 1)
