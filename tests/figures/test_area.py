"""The stacked area chart shows the numbers of the composition, all of them, and no others."""

import numpy as np
import pytest

from lexplain_core.figures import LIGHT, area_chart, concept_styles
from lexplain_core.store.buckets import Buckets, composition

NAMES = ["dog", "snow", "a <b>odd</b> & long name of a concept"]


def made(activations, seed=0, terms=3):
    """Buckets and composition of random matches; activations (N,)."""
    rng = np.random.default_rng(seed)
    activations = np.asarray(activations, dtype=np.float32)
    buckets = Buckets.of(activations)
    matches = rng.random((terms, len(activations))) < 0.4
    names = [NAMES[i % 3] for i in range(terms)]
    return buckets, composition(buckets, activations, matches, [1.0 - 0.01 * i for i in range(terms)],
                                [10 + i for i in range(terms)], names)  # fmt: skip


def read(figure):
    """concept → {bucket: (share, count, of)} from the traces."""
    found = {}
    for trace in figure.data:
        concept = trace.meta["concept"]
        for bucket, y, custom in zip(trace.meta["buckets"], trace.y, trace.customdata, strict=True):
            place = found.setdefault(concept, {})
            assert place.setdefault(bucket, (y, custom[0], custom[1])) == (y, custom[0], custom[1])
    return found


@pytest.mark.parametrize("seed", range(4))
def test_traces_hold_the_composition(seed):
    rng = np.random.default_rng(seed)
    buckets, frame = made(rng.gamma(1.0, 1.0, 500) - 0.3, seed)
    shown = read(area_chart(frame, buckets))
    for row in frame.itertuples():
        if buckets.counts[row.bucket]:
            assert shown[row.concept][row.bucket] == (
                pytest.approx(row.share), row.count, buckets.counts[row.bucket]
            )  # fmt: skip
        else:
            assert row.bucket not in shown[row.concept]


def test_every_stack_is_the_whole_bucket():
    buckets, frame = made(np.random.default_rng(1).random(400))
    figure = area_chart(frame, buckets)
    total = np.sum([trace.y for trace in figure.data], axis=0)
    assert total == pytest.approx(np.ones(10))
    assert list(figure.layout.yaxis.range) == [0, 1]


def test_empty_buckets_stay_empty_and_are_counted():
    buckets, frame = made([0.1] * 30 + [0.5] * 4 + [0.8])  # 8 ranges of 0.1
    assert list(buckets.counts) == [30, 0, 0, 0, 4, 0, 0, 1]
    figure = area_chart(frame, buckets)
    for trace in figure.data:
        for low, high in [(0.1, 0.4), (0.5, 0.7)]:
            assert not any(low + 1e-6 < x < high - 1e-6 for x in trace.x)
    boxes = sorted((round(s.x0, 6), round(s.x1, 6)) for s in figure.layout.shapes)
    assert boxes == [(0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.5, 0.6), (0.6, 0.7)]
    words = {a.name: a.text for a in figure.layout.annotations if a.name}
    assert words["images in bucket 0"] == "<b>30</b><br>images"
    assert words["images in bucket 1"] == "<b>0</b><br>images"
    assert words["images in bucket 7"] == "<b>1</b><br>image"
    assert len(words) == 8


def test_the_axis_carries_edges_quantity_and_the_band_below_zero():
    buckets, frame = made([-1.0] * 7 + list(np.linspace(0, 8, 1593)))
    figure = area_chart(frame, buckets, quantity="activation (mean over tokens)")
    assert list(figure.layout.xaxis.tickvals) == pytest.approx(list(buckets.edges))
    assert list(figure.layout.xaxis.ticktext) == [f"{edge}.0" for edge in range(9)]
    title = figure.layout.xaxis.title.text
    assert "activation (mean over tokens)" in title and "7 images of 1,600 below 0" in title
    buckets, frame = made(np.linspace(0, 8, 50))
    assert "none is below 0" in area_chart(frame, buckets).layout.xaxis.title.text


def test_other_is_grey_and_on_top_and_order_follows_the_styles():
    buckets, frame = made(np.random.default_rng(2).random(200))
    figure = area_chart(frame, buckets, styles=concept_styles([12, 10, 11]))
    assert [trace.meta["concept"] for trace in figure.data] == [12, 10, 11, -1]
    assert figure.data[-1].fillcolor == LIGHT.other.color and figure.data[-1].name == "other"


def test_ten_concepts_all_look_different():
    buckets, frame = made(np.random.default_rng(3).random(300), terms=10)
    looks = {(trace.fillcolor, trace.fillpattern.shape) for trace in area_chart(frame, buckets).data}
    assert len(looks) == 11


def test_names_are_not_markup():
    buckets, frame = made(np.random.default_rng(4).random(100))
    names = [trace.name for trace in area_chart(frame, buckets).data]
    assert any("&lt;b&gt;odd" in name for name in names) and not any("<b>" in name for name in names)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_grounds_are_clear_and_text_follows_the_theme(theme):
    buckets, frame = made(np.random.default_rng(5).random(100))
    layout = area_chart(frame, buckets, theme=theme).layout
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert layout.font.color == {"light": "#1d2733", "dark": "#e6e9ee"}[theme]
