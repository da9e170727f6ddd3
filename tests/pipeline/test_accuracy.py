"""Top-5 accuracy beside top-1."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from lexplain_core.pipeline.persist_meta import _top5


def work(logits, labels, outputs):
    """A build whose network gave these logits, (N, C), to images of classes with these outputs."""
    logits = np.asarray(logits, np.float32)
    run = SimpleNamespace(outputs=logits.T, predicted=logits.argmax(1), n_outputs=logits.shape[1])
    probing = SimpleNamespace(labels=np.array(labels))
    return SimpleNamespace(run=run, probing=probing, outputs=SimpleNamespace(of_class=outputs))


def top5(work, accuracy):
    return _top5(work.probing, work.run, work.outputs, accuracy)


def test_it_is_what_sorting_the_outputs_gives():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 1, (5_000, 40)), rng.integers(0, 30, 5_000)
    top = np.argsort(-logits, axis=1)[:, :5]
    expected = (top == labels[:, None]).any(1).mean()
    assert top5(work(logits, labels, list(range(30))), 0.1) == (pytest.approx(expected), None)


def test_ties_do_not_make_a_blind_network_right():
    same = work(np.zeros((30, 30)), np.arange(30), list(range(30)))
    assert top5(same, 1 / 30) == (pytest.approx(5 / 30), None)
    nothing = work(np.full((30, 30), -np.inf), np.arange(30), list(range(30)))
    assert top5(nothing, 0.0) == (0, None)


def test_where_it_is_unknown_there_is_a_reason():
    few = work(np.eye(5), np.arange(5), list(range(5)))
    assert top5(few, 1.0)[0] is None and "no more than 5 outputs" in top5(few, 1.0)[1]
    unnamed = work(np.eye(9), np.arange(9), [None] * 9)
    assert top5(unnamed, None)[0] is None and "which class" in top5(unnamed, None)[1]
    assert top5(work(np.eye(9), np.arange(9), [0, None, 2] + [None] * 6), 1.0) == (1.0, None)
    without = work(np.eye(9), np.arange(9), list(range(9)))
    without.run.outputs = None
    assert "kept no outputs" in top5(without, 1.0)[1]
