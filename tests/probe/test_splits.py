"""The split and the balanced draw: exact, and the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexplain_core.probe.splits import draw, split


def counts(parts: np.ndarray) -> tuple[int, int, int]:
    return tuple(int((parts == p).sum()) for p in ("train", "val", "test"))


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (10_000, (7000, 1000, 2000)),
        (50, (35, 5, 10)),
        (51, (36, 5, 10)),
        (55, (39, 6, 10)),
        (57, (40, 6, 11)),
    ],
)
def test_sizes_are_exact(n, expected, labels):
    classes = np.random.default_rng(n).integers(0, 4, n) if labels else None
    assert counts(split(n, 0, classes)) == expected


def test_split_is_fixed_by_the_seed():
    assert np.array_equal(split(500, 7), split(500, 7))
    assert not np.array_equal(split(500, 7), split(500, 8))
    # Written down: stores of another version must not get another split.
    assert "".join(p[1] for p in split(20, 0)) == "rerrrrrrrerrrreeraar"


def test_split_is_the_documented_permutation():
    order = np.random.default_rng(3).permutation(60)
    parts = split(60, 3)
    assert set(parts[order[:42]]) == {"train"}
    assert set(parts[order[42:48]]) == {"val"}
    assert set(parts[order[48:]]) == {"test"}


@settings(max_examples=60)
@given(st.lists(st.integers(0, 5), min_size=50, max_size=300), st.integers(0, 99))
def test_stratified_split_gives_each_class_its_share(labels, seed):
    labels = np.array(labels)
    parts = split(len(labels), seed, labels)
    assert counts(parts) == counts(split(len(labels), seed))
    totals = counts(parts)
    for c in np.unique(labels):
        n = (labels == c).sum()
        for part, total in zip(counts(parts[labels == c]), totals, strict=True):
            assert abs(part - n * total / len(labels)) <= 2


def draw_slowly(labels, limit, seed, good):
    """Look at every image first; then hand them out one at a time, round after round."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    queues = [[i for i in order if labels[i] == c and good[i]] for c in np.unique(labels)]
    queues = [queues[c] for c in rng.permutation(len(queues))]
    taken = []
    while len(taken) < limit and any(queues):
        for queue in queues:
            if queue and len(taken) < limit:
                taken.append(queue.pop(0))
    return sorted(taken)


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=120),
    st.integers(1, 130),
    st.integers(0, 9),
)
def test_draw_equals_the_slow_one_and_looks_only_where_it_must(images, limit, seed):
    labels = np.array([c for c, _ in images])
    good = np.array([g for _, g in images])
    asked = []

    def check(indices):
        asked.extend(indices.tolist())
        return good[indices]

    found = draw(labels, limit, seed, check)
    assert found.tolist() == draw_slowly(labels, limit, seed, good)
    assert len(asked) == len(set(asked))
    if good.all():
        assert len(asked) == min(limit, len(labels))
    assert draw(labels, limit, seed).tolist() == draw_slowly(labels, limit, seed, np.ones_like(good))


def test_draw_is_balanced():
    labels = np.repeat([0, 1, 2], [500, 40, 300])
    kept = draw(labels, 201, 0)
    sizes = np.bincount(labels[kept]).tolist()
    assert sizes[1] == 40 and sorted(sizes) == [40, 80, 81]
    assert not np.array_equal(kept, draw(labels, 201, 1))


def test_draw_without_a_limit_takes_all_that_is_good():
    labels = np.zeros(10, dtype=int)
    assert draw(labels, None, 0).tolist() == list(range(10))
    assert draw(labels, None, 0, lambda i: i % 2 == 0).tolist() == [0, 2, 4, 6, 8]
