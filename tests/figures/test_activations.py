"""The histogram counts every image once, and a click on it hits the range that is under it."""

import numpy as np
import pytest

from lexplain_core.figures import activation_histogram, area_chart
from lexplain_core.store.buckets import Buckets, composition


def unit(low=-0.4, n=900, seed=0):
    values = np.random.default_rng(seed).gamma(1.0, 1.0, n).astype(np.float32) + np.float32(low)
    return values, Buckets.of(values)


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("low", [-0.4, 0.0])
def test_every_image_is_counted_in_its_own_range(low, log):
    values, buckets = unit(low)
    figure = activation_histogram(values, buckets, log=log)
    (bars,) = figure.data
    where, heights = np.array(bars.x), np.array(bars.y)
    assert heights.sum() == len(values)
    assert figure.layout.yaxis.type == ("log" if log else None)
    edges = buckets.edges
    for bucket in range(8):
        inside = (where > edges[bucket]) & (where < edges[bucket + 1])
        assert inside.sum() == 5
        # a bin holds its lower edge and a range its upper one: they may differ by what lies on edges
        assert abs(heights[inside].sum() - buckets.counts[bucket]) <= np.isin(values, edges).sum()
    assert heights[where < 0].sum() == buckets.negative
    told = {note.name: note.text for note in figure.layout.annotations}
    assert told == {f"images in bucket {b}": f"{n:,}" for b, n in enumerate(buckets.counts)}


def clickable(chart):
    values, buckets = unit()
    if chart == "histogram":
        return buckets, activation_histogram(values, buckets, clickable=True)
    matches = np.random.default_rng(1).random((2, len(values))) < 0.4
    frame = composition(buckets, values, matches, [2.0, 1.0], [0, 1], ["a", "b"])
    return buckets, area_chart(frame, buckets, clickable=True)


@pytest.mark.parametrize("chart", ["histogram", "area"])
def test_every_range_can_be_clicked_wherever_it_is_hit(chart):
    buckets, figure = clickable(chart)
    points = figure.data[0]  # plotly hands the first of those that are equally near to the click
    assert points.mode == "markers" and points.marker.opacity == 0
    assert points.hoverinfo == "none"  # with "skip" there would be no click
    assert figure.layout.hovermode.startswith("x")
    found = buckets.assign(np.array(points.x))
    assert sorted(set(found.tolist())) == list(range(8))
    # the nearest point to anywhere in a range is one of that range
    anywhere = np.linspace(0, buckets.edges[-1], 4001)[1:-1]
    nearest = np.array(points.x)[np.abs(np.array(points.x)[None] - anywhere[:, None]).argmin(axis=1)]
    off = np.min(np.abs(anywhere[:, None] - buckets.edges[None]), axis=1) > 1e-9
    assert (buckets.assign(nearest)[off] == buckets.assign(anywhere)[off]).all()


@pytest.mark.parametrize("chart", ["histogram", "area"])
def test_charts_that_are_not_clickable_hold_what_they_show_alone(chart):
    values, buckets = unit()
    matches = np.zeros((1, len(values)), bool)
    frame = composition(buckets, values, matches, [1.0], [0], ["a"])
    figure = activation_histogram(values, buckets) if chart == "histogram" else area_chart(frame, buckets)
    assert all(trace.hoverinfo != "none" for trace in figure.data)


@pytest.mark.parametrize("bucket", [0, 3, 7, -1])
def test_the_chosen_range_is_framed(bucket):
    values, buckets = unit()
    figure = activation_histogram(values, buckets, chosen=bucket)
    (frame,) = [shape for shape in figure.layout.shapes if shape.name == "chosen"]
    low, high = buckets.span(bucket) if bucket >= 0 else (float(values.min()), 0.0)
    width = (
        buckets.edges[1] / 5 if bucket < 0 else 0
    )  # whole bins below 0, the lowest begins below the least value
    assert low - width <= frame.x0 <= low and frame.x1 == high
    veils = [s for s in figure.layout.shapes if s.opacity == 0.5]
    covered = sum(s.x1 - s.x0 for s in veils) + frame.x1 - frame.x0
    left, right = figure.layout.xaxis.range
    assert covered == pytest.approx(right - left)


def test_nothing_is_framed_that_is_not_there():
    values, buckets = unit(low=0.0)
    for chosen in (None, -1):
        shapes = activation_histogram(values, buckets, chosen=chosen).layout.shapes
        assert all(shape.name != "chosen" for shape in shapes)
    whole = activation_histogram(values - 100, None, chosen=3)
    assert not whole.layout.shapes and not whole.layout.annotations


def test_a_span_is_marked():
    values, buckets = unit()
    figure = activation_histogram(values, buckets, between=(0.5, 1.25))
    (mark,) = [shape for shape in figure.layout.shapes if shape.name == "between"]
    assert (mark.x0, mark.x1) == (0.5, 1.25)
