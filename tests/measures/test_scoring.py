"""Scores of a whole layer and their nulls, against a plain version that takes one pair at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from lexplain_core.base.correlation import correlation, simulate
from lexplain_core.concepts import Concept, ConceptMatrix
from lexplain_core.concepts.simulators import EncoderSimulator, LabelSimulator, Unsupported
from lexplain_core.measures import Words
from lexplain_core.measures import correlation as scoring
from lexplain_core.measures.correlation import score_layer


@dataclass
class View:
    """An encoder that knows its texts; P is drawn from a text's characters."""

    n: int
    name: str = "eye"

    def values(self, texts):
        rows = [np.random.default_rng([ord(c) for c in text]).random(self.n) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(texts), self.n) ** 8


def concept(name: str) -> Concept:
    return Concept(f"x:{name}", name, "x")


def make(seed: int):
    """A random layer with every awkward kind of unit, explained by random words."""
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(30, 200)), int(rng.integers(1, 12))
    test = rng.random(n) < 0.4
    view = View(n)
    names = [f"w{i}" for i in range(8)]
    p = view.values(names)
    q = (rng.normal(0, 1, (k, 8)) @ p + 0.2 * rng.normal(0, 1, (k, n))).astype(np.float32)
    q[rng.random(k) < 0.5] += 1e4
    alive = rng.random(k) < 0.9
    if k > 3:
        q[1] = 0.25  # constant
        q[2, test] = 5  # constant on the test split
        q[3] = q[0]  # the same unit twice
    found = {}
    for unit in range(k):
        if rng.random() < 0.8:
            terms = rng.choice(8, int(rng.integers(1, 5)), replace=False)
            found[unit] = Words(tuple((float(rng.normal()), concept(names[t])) for t in terms), 0.5)
    if k > 4:
        found[4] = Words(((0.0, concept("w0")),), 1.0)  # predicts the same for all images
    return found, view, q, alive, test


def one_pair_at_a_time(found, view, q, alive, test):
    """The obvious version: every simulation against every unit by numpy's own correlation."""
    out = {}
    for unit, words in found.items():
        p = view.values([c.name for _, c in words.terms])[:, test]
        simulated = simulate(np.array([w for w, _ in words.terms]), words.bias, p)
        own = correlation(q[unit, test], simulated, interval="wider")
        others = []
        for other in range(len(q)):
            actual = q[other, test].astype(np.float64)
            if other != unit and alive[other] and np.ptp(actual) > 1e-9 and own.value is not None:
                others.append(np.corrcoef(actual, simulated)[0, 1])
        out[unit] = own, others
    return out


@pytest.mark.parametrize("at_once", [64_000_000, 1, 700])
@pytest.mark.parametrize("seed", range(25))
def test_a_layer_is_scored_as_one_pair_at_a_time(seed, at_once, monkeypatch):
    monkeypatch.setattr(scoring, "_AT_ONCE", at_once)
    found, view, q, alive, test = make(seed)
    scored = score_layer(found, EncoderSimulator(view), q, alive, test)
    expected = one_pair_at_a_time(found, view, q, alive, test)
    assert list(scored) == list(found)
    for unit, (own, others) in expected.items():
        got = scored[unit]
        assert got.correlation.n == test.sum() == own.n
        if own.value is None:
            assert got.correlation == own and got.null.reason == own.reason
            assert (got.null.mean, got.null.high, got.null.above) == (None, None, None)
            continue
        assert got.correlation.value == pytest.approx(own.value, abs=1e-12)
        assert (got.correlation.low, got.correlation.high) == pytest.approx((own.low, own.high), abs=1e-9)
        assert got.null.units == len(others)
        if len(others) < 2:
            assert got.null.mean is None and "2 are the least" in got.null.reason
            continue
        assert got.null.reason is None
        assert got.null.mean == pytest.approx(np.mean(others), abs=2e-6)
        assert got.null.high == pytest.approx(np.percentile(others, 95), abs=2e-6)
        assert got.null.above == sum(r >= own.value - 1e-5 for r in others)


def test_the_awkward_cases_occur():
    """The random layers above hold what they are meant to test."""
    reasons, above, few = set(), 0, 0
    for seed in range(25):
        found, view, q, alive, test = make(seed)
        for scored in score_layer(found, EncoderSimulator(view), q, alive, test).values():
            reasons.add(scored.correlation.reason)
            above += bool(scored.null.above)
            few += bool(scored.null.reason and "2 are the least" in scored.null.reason)
    assert len(reasons) == 3 and above > 5 and few > 2


def test_the_null_of_unrelated_units_is_about_zero_and_the_planted_unit_stands_out():
    rng = np.random.default_rng(0)
    n, k = 2000, 300
    view = View(n)
    q = rng.normal(0, 1, (k, n)).astype(np.float32)
    q[7] += 5 * view.values(["dog"])[0]
    test = np.arange(n) % 5 == 0
    scored = score_layer(
        {7: Words(((5.0, concept("dog")),), 0.0), 8: Words(((5.0, concept("dog")),), 0.0)},
        EncoderSimulator(view), q, np.ones(k, dtype=bool), test,
    )  # fmt: skip
    assert scored[7].correlation.value > 0.6 and scored[7].null.above == 0
    assert abs(scored[7].null.mean) < 0.01
    assert scored[7].null.high == pytest.approx(1.645 / np.sqrt(400), rel=0.2)  # r's own spread at n = 400
    assert scored[8].null.above >= 1  # unit 7 fits these words better than unit 8


@pytest.mark.parametrize("count", [0, 3])
def test_too_few_test_images_are_said(count):
    view = View(20)
    q = np.random.default_rng(0).random((4, 20)).astype(np.float32)
    scored = score_layer(
        {0: Words(((1.0, concept("a")),))}, EncoderSimulator(view), q, np.ones(4, bool), np.arange(20) < count
    )
    assert scored[0].correlation.value is None
    assert scored[0].correlation.reason.startswith(f"Only {count} images")


def test_nothing_to_score_is_nothing():
    q = np.zeros((4, 20), np.float32)
    assert score_layer({}, EncoderSimulator(View(20)), q, np.ones(4, bool), np.arange(20) < 9) == {}


@pytest.fixture
def labels() -> LabelSimulator:
    """Four labels, two of which share a name, on ten images."""
    names = [("class:n1", "crane"), ("class:n2", "crane"), ("class:n3", "red_panda"), ("colour:red", "Red")]
    values = np.zeros((4, 10), np.float32)
    values[0, :3], values[1, 2:5], values[2, 5:], values[3, ::2] = 1, 1, 1, 1
    concepts = tuple(Concept(key, name, key.split(":")[0]) for key, name in names)
    return LabelSimulator(ConceptMatrix("label", concepts, values, {}))


def test_labels_are_found_by_key_else_by_text(labels):
    asked = [
        Concept("class:n2", "crane", "class"),
        Concept("noun:crane", "crane", "noun"),
        Concept("imported:Red  Panda", "Red  Panda", "imported"),
        Concept("mine:RED", "RED", "mine"),
    ]
    got = labels.values(asked)
    assert got.dtype == np.float32
    assert got[0].tolist() == [0, 0, 1, 1, 1, 0, 0, 0, 0, 0]
    assert got[1].tolist() == [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]  # either crane
    assert got[2].tolist() == [0] * 5 + [1] * 5
    assert got[3].tolist() == [1, 0] * 5
    assert labels.values([]).shape == (0, 10)


def test_what_is_no_label_has_no_score_but_a_reason(labels):
    with pytest.raises(Unsupported, match="“sky” is not a label"):
        labels.values([Concept("class:n1", "crane", "class"), concept("sky"), concept("sea")])
    q = np.random.default_rng(0).random((3, 10)).astype(np.float32)
    found = {
        0: Words(((1.0, concept("crane")), (2.0, concept("sky")))),
        1: Words(((1.0, concept("red")),)),
        2: Words(()),
    }
    scored = score_layer(found, labels, q, np.ones(3, bool), np.ones(10, bool))
    assert scored[0].correlation.value is None and scored[0].null.mean is None
    assert scored[0].correlation.reason == scored[0].null.reason == "“sky” is not a label of the probing set."
    assert scored[1].correlation.value is not None
    assert scored[2].correlation.reason == "The explanation has no concepts."


def test_a_large_layer_stays_within_memory():
    """1,024 units and 1,000 test images: a few arrays of units × images, none of units × units × images."""
    import tracemalloc

    rng = np.random.default_rng(0)
    n, k = 2000, 1024
    q = rng.normal(0, 1, (k, n)).astype(np.float32)
    view = View(n)
    found = {u: Words(((1.0, concept(f"w{u % 50}")),)) for u in range(k)}
    tracemalloc.start()
    scored = score_layer(found, EncoderSimulator(view), q, np.ones(k, bool), np.arange(n) % 2 == 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(scored) == k and peak < 100e6
