"""Moments of P and q against numpy on the images, whatever the splits and the arrays are like."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from lexplain_core.explain import moments
from lexplain_core.explain.moments import Basis, Targets

from .helpers import awkward_problem


def plain_basis(P, train, val):
    """mean, scale, gram, val_gram, val_mean in float64, with a scale of 0 for a constant concept."""
    P = np.asarray(P, np.float64)
    mean = P[:, train].mean(1)
    constant = np.ptp(P[:, train], axis=1) == 0
    scale = np.where(constant, 0, P[:, train].std(1))
    X = (P - mean[:, None]) / np.where(constant, np.inf, scale)[:, None]

    def covariance(X):
        X = X - X.mean(1, keepdims=True)
        return X @ X.T / X.shape[1]

    return mean, scale, covariance(X[:, train]), covariance(X[:, val]), X[:, val].mean(1), X


def check(P, q, train, val, atol=1e-10, given=None, dtype=None):
    """given: P and q in the form that is handed over, where that is another one."""
    P_given, q_given = given or (P, q)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        basis = Basis.of(P_given, train, val, dtype=dtype)
        targets = Targets.of(basis, P_given, q_given, train, val)
    mean, scale, gram, val_gram, val_mean, X = plain_basis(P, train, val)
    loose = {"atol": atol, "rtol": 1e-7}
    np.testing.assert_allclose(basis.mean, mean, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(basis.scale, scale, rtol=1e-9, atol=1e-14)
    assert ((basis.scale == 0).numpy() == (scale == 0)).all()
    np.testing.assert_allclose(basis.gram, gram, **loose)
    np.testing.assert_allclose(basis.val_gram, val_gram, **loose)
    np.testing.assert_allclose(basis.val_mean, val_mean, **loose)
    q = np.asarray(q, np.float64)
    constant = np.ptp(q[:, train], axis=1) == 0
    spread = np.where(constant, 1, q[:, train].std(1))
    Y = (q - q[:, train].mean(1, keepdims=True)) / spread[:, None]
    np.testing.assert_allclose(targets.mean, q[:, train].mean(1), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(targets.scale, spread, rtol=1e-9)
    for split, cross in ((train, targets.cross), (val, targets.val_cross)):
        y = Y[:, split] - Y[:, split].mean(1, keepdims=True)
        x = X[:, split] - X[:, split].mean(1, keepdims=True)
        expected = y @ x.T / split.sum()
        np.testing.assert_allclose(cross, expected, atol=atol * max(1, np.abs(expected).max()), rtol=1e-7)
    np.testing.assert_allclose(targets.val_variance, Y[:, val].var(1), rtol=1e-9, atol=1e-12)
    return basis, targets


@pytest.mark.parametrize("seed", range(6))
def test_moments_are_numpys(seed):
    n, m, k = [(60, 12, 2), (400, 30, 5), (25, 40, 1), (90, 1, 3), (2000, 14, 2), (100, 25, 4)][seed]
    P, q, train, val = awkward_problem(seed, n, m, k)
    basis, targets = check(P, q, train, val)
    assert basis.size == m and basis.gram.dtype == targets.cross.dtype == torch.float64


def mask(n: int, *images: int) -> np.ndarray:
    out = np.zeros(n, bool)
    out[list(images)] = True
    return out


@pytest.mark.parametrize(
    ("train", "val"),
    [
        (mask(300, 7), mask(300, 8)),  # one image each
        (mask(300, 0, 299), mask(300, 1, 298, 150)),
        (mask(300, *range(250, 300)), mask(300, *range(20))),  # blocks
        (mask(300, *range(0, 300, 2)), mask(300, *range(1, 300, 2))),
        (mask(300, *range(300)), mask(300, *range(300))),  # the same images
        (mask(300, *range(5)), mask(300, *range(257, 300))),  # the first and the second piece alone
    ],
)
@pytest.mark.parametrize("piece", [1, 64_000_000])
def test_awkward_splits_and_pieces(monkeypatch, train, val, piece):
    P, q, *_ = awkward_problem(2, 300, 20, 3)
    monkeypatch.setattr(moments, "_PIECE", piece)  # 256 images at a time is the least
    monkeypatch.setattr(moments, "_BLOCK", 7 if piece == 1 else 1024)
    check(P, q, train, val)


def test_an_empty_validation_split_gives_zeros():
    P, q, train, _ = awkward_problem(0, 50, 12, 2)
    basis = Basis.of(P, train, np.zeros(50, bool))
    assert (basis.val_gram == 0).all() and (basis.val_mean == 0).all()


def _memmap(a: np.ndarray, path) -> np.ndarray:
    np.save(path, a)
    return np.load(path, mmap_mode="r")


def _read_only(a: np.ndarray, path) -> np.ndarray:
    a = a.copy()
    a.flags.writeable = False
    return a


LAYOUTS = {
    "memmap": _memmap,
    "read-only": _read_only,
    "fortran": lambda a, _: np.asfortranarray(a),
    "every second column": lambda a, _: np.repeat(a, 2, axis=1)[:, ::2],
    "every second row": lambda a, _: np.repeat(a, 2, axis=0)[::2],
    "backwards": lambda a, _: np.ascontiguousarray(a[:, ::-1])[:, ::-1],
    "float64": lambda a, _: a.astype(np.float64),
}


@pytest.mark.parametrize("train_first", [False, True])
@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_any_layout_gives_the_same_and_stays_as_it_was(tmp_path, layout, train_first):
    P, q, train, val = awkward_problem(3, 400, 15, 3)
    if train_first:  # a split that is all of a piece can be taken without a copy
        train, val = np.arange(400) >= 0, np.arange(400) >= 300
    make = LAYOUTS[layout]
    given = make(P, tmp_path / "P.npy"), make(q, tmp_path / "q.npy")
    check(P, q, train, val, given=given)
    np.testing.assert_array_equal(given[0], P)
    np.testing.assert_array_equal(given[1], q)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1.0, 1e-30, 12345.678])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("piece", [1, 64_000_000])
def test_what_is_constant_is_known_as_that(monkeypatch, value, dtype, piece):
    """Its deviation in floating point is often not 0."""
    monkeypatch.setattr(moments, "_PIECE", piece)
    P, q, train, val = awkward_problem(4, 3001, 14, 3)
    P[5], q[1] = value, value
    basis = Basis.of(P, train, val, dtype=dtype)
    targets = Targets.of(basis, P, q, train, val)
    assert basis.scale[5] == 0 and (basis.gram[5] == 0).all() and (basis.val_gram[:, 5] == 0).all()
    assert targets.scale[1] == 1 and targets.val_variance[1] == 0
    assert (targets.cross[1] == 0).all() and (targets.val_cross[1] == 0).all()
    assert (targets.cross[:, 5] == 0).all()


def test_a_small_spread_about_a_large_mean_is_not_lost():
    rng = np.random.default_rng(0)
    P, q, train, val = awkward_problem(5, 500, 13, 2)
    P[12] = np.float32(0.9) + 2e-5 * rng.random(500).astype(np.float32)
    q[0] = 1e4 + rng.random(500)
    check(P, q, train, val, atol=1e-9)
    check(P, q, train, val, atol=2e-2, dtype=torch.float32)  # 2e-5 is 300 steps of single precision


@pytest.mark.parametrize("soft", [0, 1])
def test_single_precision_is_within_its_rounding(soft):
    P, q, train, val = awkward_problem(6 + soft, 3000, 60, 4)
    P = P[12:]  # a concept that is constant on train is in other units on val: none here
    basis, targets = check(P, q, train, val, atol=1e-5, dtype=torch.float32)
    assert basis.gram.dtype == targets.cross.dtype == torch.float32
    assert basis.mean.dtype == basis.scale.dtype == targets.val_variance.dtype == torch.float64


def test_a_large_problem_is_in_single_precision_by_itself(monkeypatch):
    P, q, train, val = awkward_problem(8, 100, 20, 2)
    monkeypatch.setattr(moments, "_DOUBLE", 20 * 20 * int(train.sum()) - 1)
    assert Basis.of(P, train, val).gram.dtype == torch.float32
    monkeypatch.setattr(moments, "_DOUBLE", 20 * 20 * int(train.sum()))
    assert Basis.of(P, train, val).gram.dtype == torch.float64


def test_the_gram_matrix_is_symmetric_to_the_last_bit():
    P, q, train, val = awkward_problem(9, 333, 70, 1)
    for dtype in (torch.float64, torch.float32):
        basis = Basis.of(P, train, val, dtype=dtype)
        assert torch.equal(basis.gram, basis.gram.T) and torch.equal(basis.val_gram, basis.val_gram.T)
