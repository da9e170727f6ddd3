"""Histograms count every unit once; scatters show true points, test ones first of all."""

import numpy as np
import pandas as pd
import pytest

from lexplain_core.figures import activation_histogram, score_histogram, simulated_scatter
from lexplain_core.store import Buckets


def table(**layers):
    return pd.DataFrame(
        [(name, s) for name, scores in layers.items() for s in scores], columns=["layer", "score"]
    )


def test_every_score_is_counted_once_in_its_bin():
    rng = np.random.default_rng(0)
    scores = {"a": np.r_[rng.uniform(-0.3, 1, 200), 1.0, -0.3], "b": rng.uniform(0, 1, 50)}
    figure = score_histogram(table(**scores))
    for bar, (name, values) in zip(figure.data, scores.items(), strict=True):
        assert bar.name == name and sum(bar.y) == len(values)
        for middle, count in zip(bar.x, bar.y, strict=True):
            inside = (values >= middle - 0.025 - 1e-9) & (values < middle + 0.025 - 1e-9)
            assert count == inside.sum() + (middle > 0.95) * (values >= 1.0 - 1e-9).sum()
    means = [shape.x0 for shape in figure.layout.shapes]
    assert means == pytest.approx([scores["a"].mean(), scores["b"].mean()])


def test_units_without_a_score_are_told():
    figure = score_histogram(table(a=[0.5, np.nan, np.nan], b=[np.nan]))
    words = [note.text for note in figure.layout.annotations]
    assert "mean 0.50, 1 unit" in words[0] and "2 without score" in words[0]
    assert "no unit has a score" in words[1]


def test_many_layers_get_a_row_each():
    figure = score_histogram(table(**{f"layer{i}": [i / 30] for i in range(25)}))
    domains = sorted(tuple(figure.layout[f"yaxis{'' if i == 0 else i + 1}"].domain) for i in range(25))
    assert len(figure.data) == 25
    assert all(below[1] < above[0] for below, above in zip(domains[:-1], domains[1:], strict=True))
    assert domains[0][0] == pytest.approx(0) and domains[-1][1] <= 1


def points(n, seed=0):
    rng = np.random.default_rng(seed)
    split = rng.permutation(np.array(["train", "train", "val", "test"], dtype=object)[np.arange(n) % 4])
    return rng.normal(size=n), rng.normal(size=n), split


def test_all_points_of_a_small_set_are_shown():
    actual, simulated, split = points(1000)
    rest, test, line = simulated_scatter(actual, simulated, split).data
    assert set(zip(test.x, test.y, strict=True)) == set(
        zip(simulated[split == "test"], actual[split == "test"], strict=True)
    )
    assert len(rest.x) == (split != "test").sum()
    assert test.name == "test (250 images)" and rest.name == "train and val (750 images)"
    assert list(line.x) == list(line.y)


def test_a_large_set_is_sampled_always_alike_and_says_so():
    actual, simulated, split = points(12_000)
    first, second = (simulated_scatter(actual, simulated, split) for _ in range(2))
    rest, test, _ = first.data
    assert (len(test.x), len(rest.x)) == (1500, 500)
    assert test.name == "test (1,500 of 3,000 images)" and rest.name == "train and val (500 of 9,000 images)"
    assert list(test.x) == list(second.data[1].x)
    true = set(zip(simulated[split == "test"], actual[split == "test"], strict=True))
    assert set(zip(test.x, test.y, strict=True)) <= true and len(set(test.x)) == 1500


def test_the_test_split_stands_out_by_shape_and_size():
    rest, test, _ = simulated_scatter(*points(100)).data
    assert test.marker.symbol != rest.marker.symbol and test.marker.size > rest.marker.size


def test_points_name_their_image():
    actual, simulated, split = points(8)
    figure = simulated_scatter(actual, simulated, split, keys=[f"<{i}>.png" for i in range(8)])
    named = {custom[0] for trace in figure.data[:2] for custom in trace.customdata}
    assert named == {f"&lt;{i}&gt;.png" for i in range(8)}


@pytest.mark.parametrize("shift", [0.0, 0.7, 50.0])
def test_activation_bins_count_every_image_and_hold_the_buckets(shift):
    values = np.random.default_rng(3).gamma(1.0, 1.0, 3000) - shift
    buckets = Buckets.of(values)
    figure = activation_histogram(values, buckets)
    (bars,) = figure.data
    assert sum(bars.y) == 3000
    if buckets is not None:
        positive = np.array(bars.y)[-40:].reshape(8, 5).sum(axis=1)
        # bins hold their lower edge and buckets their upper one; no value of these lies on an edge
        assert list(positive) == list(buckets.counts)
        assert [shape.x0 for shape in figure.layout.shapes] == pytest.approx(list(buckets.edges))
    assert ("hatched: below 0" in figure.layout.xaxis.title.text) == (shift > 0)


def test_a_constant_unit_has_a_histogram_too():
    (bars,) = activation_histogram(np.full(10, 2.5)).data
    assert sum(bars.y) == 10
