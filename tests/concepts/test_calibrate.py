"""Calibration: the least cross-entropy, wherever one starts, and what it does where there is none."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch

from lexplain_core.base.errors import UserError
from lexplain_core.concepts import calibrate, calibration_labels, cross_entropy
from lexplain_core.concepts.calibrate import LARGEST_A

from .encoders import pictures, probing_set


def problem(a=58.0, b=-0.13, rows=30, images=800, seed=0) -> tuple[np.ndarray, np.ndarray]:
    """Cosines as SigLIP's are, and labels drawn with the probabilities that a and b give them."""
    rng = np.random.default_rng(seed)
    cosine = (0.05 + 0.04 * rng.standard_normal((rows, images))).astype(np.float32)
    return cosine, rng.random(cosine.shape) < 1 / (1 + np.exp(-a * (cosine.astype(float) + b)))


def by_descent(cosine, labels) -> tuple[float, float]:
    """The plain way: torch's LBFGS on the loss as the paper has it."""
    x = torch.from_numpy(cosine).double()
    y = torch.from_numpy(labels).double()
    free = torch.tensor([10.0, -1.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [free], lr=1, max_iter=500, tolerance_grad=1e-13, line_search_fn="strong_wolfe"
    )

    def closure():
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(free[0] * x + free[1], y)
        loss.backward()
        return loss

    optimiser.step(closure)
    a, c = free.tolist()
    return a, c / a


def test_agrees_with_a_plain_descent():
    cosine, labels = problem()
    found = calibrate(cosine, labels)
    a, b = by_descent(cosine, labels)
    assert found.a == pytest.approx(a, rel=1e-4) and found.b == pytest.approx(b, rel=1e-4)
    assert found.loss <= cross_entropy(cosine, labels, a, b) + 1e-12
    assert found.converged and found.reason is None
    assert (found.n_labels, found.n_images) == (30, 800)


def test_finds_what_the_labels_were_drawn_with():
    cosine, labels = problem(rows=100, images=5000)
    found = calibrate(cosine, labels)
    assert found.a == pytest.approx(58, rel=0.02) and found.b == pytest.approx(-0.13, abs=0.002)


@pytest.mark.parametrize("start", [(1.0, 0.0), (-40.0, 0.3), (500.0, -0.5), (1e5, 1.0), (0.0, 0.0)])
def test_the_start_makes_no_difference(start):
    cosine, labels = problem(seed=3)
    one, other = calibrate(cosine, labels), calibrate(cosine, labels, start)
    assert other.converged
    assert (other.a, other.b) == (pytest.approx(one.a, rel=1e-6), pytest.approx(one.b, rel=1e-6))


def test_no_neighbour_is_better():
    cosine, labels = problem(seed=5)
    found = calibrate(cosine, labels)
    assert found.loss == pytest.approx(cross_entropy(cosine, labels, found.a, found.b))
    for da, db in ((0.3, 0), (-0.3, 0), (0, 0.001), (0, -0.001)):
        assert cross_entropy(cosine, labels, found.a + da, found.b + db) > found.loss


def test_cross_entropy_is_that_of_the_paper():
    cosine, labels = problem(rows=3, images=50)
    p = 1 / (1 + np.exp(-40 * (cosine.astype(float) - 0.1)))
    plain = -np.mean(np.where(labels, np.log(p), np.log(1 - p)))
    assert cross_entropy(cosine, labels, 40, -0.1) == pytest.approx(plain, rel=1e-12)


def test_blocks_change_nothing(monkeypatch):
    cosine, labels = problem()
    whole = calibrate(cosine, labels)
    monkeypatch.setattr(import_module("lexplain_core.concepts.calibrate"), "_AT_ONCE", 900)
    assert calibrate(cosine, labels).a == pytest.approx(whole.a, rel=1e-9)


def test_labels_told_apart_without_a_mistake_hold_a():
    labels = np.zeros((4, 50), bool)
    labels[:, :9] = True
    cosine = np.where(labels, 0.31, 0.09).astype(np.float32)
    found = calibrate(cosine, labels)
    assert found.a == pytest.approx(LARGEST_A) and not found.converged and "without a mistake" in found.reason
    assert 0.09 < -found.b < 0.31 and found.loss < 1e-6


def test_almost_told_apart_holds_a_too():
    rng = np.random.default_rng(0)
    labels = rng.random((20, 500)) < 0.3
    cosine = (0.1 + labels * 0.02 + rng.random(labels.shape) * 1e-4).astype(np.float64)
    flip = np.argwhere(labels)[0]
    cosine[tuple(flip)] = 0.10005
    cosine[~labels] = np.minimum(cosine[~labels], 0.10006)
    found = calibrate(cosine * 0.02, labels)
    assert found.a == pytest.approx(LARGEST_A) and found.reason.startswith("a was held")
    for b in (found.b - 1e-4, found.b + 1e-4):
        assert cross_entropy(cosine * 0.02, labels, found.a, b) > found.loss


@pytest.mark.parametrize(
    "cosine, labels, words",
    [
        (np.zeros((0, 9), np.float32), np.zeros((0, 9), bool), "no labels"),
        (np.random.default_rng(0).random((2, 9)), np.zeros((2, 9), bool), "on all images, or on none"),
        (np.random.default_rng(0).random((2, 9)), np.ones((2, 9), bool), "on all images, or on none"),
        (np.full((2, 9), 0.2), np.arange(18).reshape(2, 9) % 2 == 0, "all images alike"),
    ],
)
def test_nothing_to_fit_is_said(cosine, labels, words):
    with pytest.raises(UserError, match=words):
        calibrate(cosine, labels)


def test_an_encoder_that_knows_the_opposite_is_refused():
    cosine, labels = problem()
    with pytest.raises(UserError, match="no higher for images with a label"):
        calibrate(-cosine, labels)


def test_superclasses_over_most_classes_are_left_out():
    texts, labels = calibration_labels(probing_set(pictures(12)))
    assert texts == ["red", "green", "blue"]  # each superclass has at least a third of the classes
    assert labels.shape == (3, 12) and (labels.sum(axis=0) == 1).all()
