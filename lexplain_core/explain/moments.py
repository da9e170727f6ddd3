"""Means and covariances of P and q: all that the fits and the search need of the data.

The concepts' part is made once and serves every layer of a probing set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

# Values of P that are on the device at a time.
_PIECE = 64_000_000
# Up to this many multiplications the covariances are made in double precision.
_DOUBLE = 4e10
_BLOCK = 1024  # rows of a covariance at a time; above its diagonal nothing is multiplied


@dataclass(frozen=True)
class Basis:
    """P on the train and val splits, by its moments.

    mean, scale: of each concept on train, float64 (M,); `scale` is its standard deviation, 0 for a
    constant one. gram: XᵀX/n of the concepts standardised with them, (M, M); a constant concept's row
    and column are 0. val_gram: their covariances on val in the same units, (M, M). Both are float64,
    or float32 where M is large.
    """

    mean: Tensor
    scale: Tensor
    gram: Tensor
    val_gram: Tensor
    val_mean: Tensor

    @classmethod
    def of(
        cls,
        values: np.ndarray,
        train: np.ndarray,
        val: np.ndarray,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
    ) -> Basis:
        """Moments of P, (M, N), on the images that the boolean (N,) masks `train` and `val` say."""
        m, n = len(values), int(train.sum())
        if dtype is None:
            dtype = torch.float64 if m * m * n <= _DOUBLE else torch.float32
        mean, scale = _mean_and_scale(values, train, device)
        gram, _ = _covariance(values, train, mean, scale, device, dtype)
        val_gram, val_mean = _covariance(values, val, mean, scale, device, dtype)
        return cls(mean, scale, gram, val_gram, val_mean)

    @property
    def size(self) -> int:
        """How many concepts, M."""
        return len(self.mean)

    @property
    def tolerance(self) -> float:
        """Share of a concept's variance below which it counts as given by others, or as rounding."""
        return 1e-9 if self.gram.dtype == torch.float64 else 1e-5


@dataclass(frozen=True)
class Targets:
    """The units of a problem against a `Basis`.

    mean, scale: of each unit on train, float64 (K,); 1 for the scale of a constant one. cross: Xᵀy/n of both standardised, (K, M).
    val_cross: their covariances on val in the same units, (K, M). val_variance: (K,).
    """

    mean: Tensor
    scale: Tensor
    cross: Tensor
    val_cross: Tensor
    val_variance: Tensor

    @classmethod
    def of(
        cls, basis: Basis, values: np.ndarray, q: np.ndarray, train: np.ndarray, val: np.ndarray
    ) -> Targets:
        """Moments of the units q, (K, N), with P, (M, N)."""
        mean = torch.from_numpy(q[:, train].mean(axis=1, dtype=np.float64)).to(basis.gram.device)
        scale = torch.from_numpy(q[:, train].std(axis=1, dtype=np.float64)).to(mean)
        scale = torch.where(scale > 0, scale, 1.0)
        cross, _ = _cross(basis, values, q, train, mean, scale)
        val_cross, val_variance = _cross(basis, values, q, val, mean, scale)
        return cls(mean, scale, cross, val_cross, val_variance)


def _pieces(values: np.ndarray, mask: np.ndarray) -> Iterator[np.ndarray]:
    """Indices of the images of a split, as many at a time as fit."""
    index = np.flatnonzero(mask)
    step = max(256, _PIECE // max(len(values), 1))
    for start in range(0, len(index), step):
        yield index[start : start + step]


def _on(values: np.ndarray, index: np.ndarray, device, dtype: torch.dtype) -> Tensor:
    """P of some images on the device, (M, n)."""
    first, last = int(index[0]), int(index[-1]) + 1
    part = values[:, first:last] if last - first == len(index) else np.take(values, index, axis=1)
    return torch.from_numpy(np.ascontiguousarray(part)).to(device=device, dtype=dtype)


def _mean_and_scale(values: np.ndarray, mask: np.ndarray, device) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each concept, piece by piece (Chan, Golub & LeVeque 1983)."""
    count = 0
    mean = torch.zeros(len(values), dtype=torch.float64, device=device)
    squares = torch.zeros_like(mean)
    for index in _pieces(values, mask):
        # squared deviations in double precision, a block of concepts at a time: P is large
        part = torch.from_numpy(np.take(values, index, axis=1)).to(device)
        here, n = torch.empty_like(mean), len(index)
        for rows in torch.arange(len(values), device=device).split(_BLOCK):
            block = part[rows].double()
            here[rows] = block.mean(1)
            squares[rows] += block.sub_(here[rows, None]).square_().sum(1)
        squares += (here - mean) ** 2 * (count * n / (count + n))
        mean += (here - mean) * (n / (count + n))
        count += n
    scale = (squares / max(count, 1)).sqrt()
    # a constant's deviation is rounding
    constant = scale <= 1e-7 * mean.abs().clamp(min=1e-30)
    return mean, torch.where(constant, 0.0, scale)


def _inverse(scale: Tensor) -> Tensor:
    return torch.where(scale > 0, 1 / torch.where(scale > 0, scale, 1.0), 0.0)


def _covariance(values, mask, mean: Tensor, scale: Tensor, device, dtype) -> tuple[Tensor, Tensor]:
    """Covariances and means, on a split, of concepts standardised with `mean` and `scale`."""
    m, count = len(values), max(int(mask.sum()), 1)
    out = torch.zeros(m, m, dtype=dtype, device=device)
    sums = torch.zeros(m, dtype=torch.float64, device=device)
    inverse = _inverse(scale).to(dtype)[:, None]
    for index in _pieces(values, mask):
        x = _on(values, index, device, dtype).sub_(mean.to(dtype)[:, None]).mul_(inverse)
        sums += x.sum(1, dtype=torch.float64)
        for start in range(0, m, _BLOCK):
            rows = slice(start, min(start + _BLOCK, m))
            out[rows, : rows.stop].addmm_(x[rows], x[: rows.stop].T, alpha=1 / count)
    means = sums / count
    for start in range(0, m, _BLOCK):  # the half above the diagonal, from the half below
        rows = slice(start, min(start + _BLOCK, m))
        out[rows, : rows.stop].sub_(torch.outer(means[rows], means[: rows.stop]).to(dtype))
        out[: rows.start, rows] = out[rows, : rows.start].T
        square = out[rows, rows]
        square.copy_((square + square.T) / 2)
    return out, means


def _cross(basis: Basis, values, q, mask, mean: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Covariances (K, M) of units and concepts on a split, and the units' variances (K,)."""
    dtype, device = basis.gram.dtype, basis.gram.device
    count = max(int(mask.sum()), 1)
    y = torch.from_numpy(np.ascontiguousarray(q[:, mask])).to(device).double()
    y = y.sub_(mean[:, None]).div_(scale[:, None])
    means = y.mean(1)
    y.sub_(means[:, None])
    variance = y.square().mean(1)
    y = y.to(dtype)
    out = torch.zeros(len(q), basis.size, dtype=dtype, device=device)
    start = 0
    for index in _pieces(values, mask):
        # y has mean 0, so that P need be centred only against cancellation
        x = _on(values, index, device, dtype).sub_(basis.mean.to(dtype)[:, None])
        out.addmm_(y[:, start : start + len(index)], x.T, alpha=1 / count)
        start += len(index)
    return out.mul_(_inverse(basis.scale).to(dtype)), variance
