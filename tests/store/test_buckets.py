"""Buckets and what is in them, against the definition written out in plain Python."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lexplain_core.store import N_BUCKETS, OTHER, Buckets
from lexplain_core.store.buckets import composition, winners

FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
TINY = float(np.finfo(np.float32).smallest_subnormal)
HUGE = float(np.finfo(np.float32).max)


def plain_bucket(value: float, top: float) -> int:
    """8 equal ranges from 0 to the maximum; the first holds 0, each its upper edge; -1 below 0. Exact."""
    value, top = Fraction(float(value)), Fraction(float(top))
    if value < 0:
        return -1
    for bucket in range(8):
        if value <= top * (bucket + 1) / 8:
            return bucket
    raise AssertionError("above the maximum")


@settings(max_examples=300)
@given(
    hnp.arrays(
        np.float32,
        st.integers(1, 40),
        elements=FLOAT32 | st.sampled_from([0.0, -0.0, TINY, -TINY, HUGE, -HUGE, 1.0]),
    )
)
def test_every_image_is_in_its_bucket_or_negative(q):
    buckets = Buckets.of(q)
    if not (q > 0).any():
        assert buckets is None
        return
    where = buckets.assign(q)
    assert where.tolist() == [plain_bucket(v, q.max()) for v in q]
    assert buckets.edges.shape == (9,) and buckets.edges[0] == 0 and buckets.edges[-1] == float(q.max())
    assert (np.diff(buckets.edges) > 0).all()
    assert buckets.counts.shape == (8,) and buckets.counts.sum() + buckets.negative == len(q)
    assert buckets.counts.tolist() == [(where == b).sum() for b in range(8)]
    assert buckets.negative == (q < 0).sum()


@settings(max_examples=200)
@given(st.floats(width=32, min_value=TINY, max_value=HUGE, allow_nan=False))
def test_each_upper_edge_is_held_and_0_is_in_the_first(top):
    buckets = Buckets.of(np.array([top], dtype=np.float32))
    assert buckets.assign(buckets.edges[1:]).tolist() == list(range(8))
    above = np.nextafter(buckets.edges[1:-1], np.inf)
    assert buckets.assign(above).tolist() == list(range(1, 8))
    assert buckets.assign(np.array([0.0, -0.0, -TINY])).tolist() == [0, 0, -1]
    assert buckets.span(7)[1] == top and buckets.span(0)[0] == 0


@pytest.mark.parametrize("q", [[0.0, 0.0], [-1.0, -2.0], [-1.0, 0.0]])
def test_without_a_positive_activation_there_are_no_buckets(q):
    assert Buckets.of(np.array(q, dtype=np.float32)) is None


def plain_winner(matched: list[bool], frequency: list[int], weights: list[float]) -> int:
    """DESIGN: among its matches it counts for the one the fewest images match; ties: larger |weight|."""
    best = -1
    for t, hit in enumerate(matched):
        if not hit:
            continue
        if best < 0 or frequency[t] < frequency[best]:
            best = t
        elif frequency[t] == frequency[best] and abs(weights[t]) > abs(weights[best]):
            best = t
    return best


@st.composite
def shown(draw):
    terms, n = draw(st.integers(0, 6)), draw(st.integers(1, 30))
    matches = draw(hnp.arrays(bool, (terms, n)))
    weights = draw(st.lists(st.sampled_from([-2.0, -1.0, 0.5, 1.0, 2.0]), min_size=terms, max_size=terms))
    q = draw(hnp.arrays(np.float32, n, elements=st.sampled_from([-1.0, 0.0, 0.5, 1.0, 1.25, 2.0, 4.0])))
    q[0] = 4.0
    return matches, weights, q


@settings(max_examples=300)
@given(shown())
def test_winners_and_composition_are_the_definition(case):
    matches, weights, q = case
    terms, n = matches.shape
    frequency = [int(row.sum()) for row in matches]
    expected = [plain_winner(matches[:, i].tolist(), frequency, weights) for i in range(n)]
    assert winners(matches, weights).tolist() == expected

    ids, names = [10 + t for t in range(terms)], [f"c{t}" for t in range(terms)]
    frame = composition(Buckets.of(q), q, matches, weights, ids, names)
    assert list(frame.columns) == ["bucket", "concept", "name", "count", "share"]
    assert frame["bucket"].tolist() == [b for b in range(N_BUCKETS) for _ in range(terms + 1)]
    assert frame["concept"].tolist() == [*ids, OTHER] * N_BUCKETS
    assert frame["name"].tolist() == [*names, "other"] * N_BUCKETS
    for bucket, part in frame.groupby("bucket"):
        inside = [i for i in range(n) if plain_bucket(q[i], q.max()) == bucket]
        counts = [sum(expected[i] == t for i in inside) for t in [*range(terms), -1]]
        assert part["count"].tolist() == counts  # every image once: a stack is never above 100 %
        if inside:
            assert part["share"].sum() == pytest.approx(1, abs=1e-12)
            np.testing.assert_allclose(part["share"], np.array(counts) / len(inside))
        else:
            assert part["share"].isna().all()


def test_ties_of_frequency_go_to_the_larger_absolute_weight():
    matches = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 1, 1, 1]], dtype=bool)
    assert winners(matches, [1.0, -2.0, 9.0]).tolist() == [1, 0, 1, 2]
    assert winners(matches, [2.0, -2.0, 9.0]).tolist() == [0, 0, 1, 2]  # and then to the earlier term
