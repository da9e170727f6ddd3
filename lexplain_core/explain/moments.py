"""Means and covariances of P and q: all that the fits and the search need of the data.

The concepts' part is made once and serves every layer of a probing set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..base.memory import large

# Values of P that are on the device at a time.
_PIECE = 16_000_000
# Up to this many multiplications the covariances are made in double precision.
_DOUBLE = 4e10
_BLOCK = 1024  # rows at a time, where a whole copy in double precision would be much
_SIDE = 2048  # of the blocks that a large matrix of covariances is made in


Values = np.ndarray | Tensor  # P, in the host's memory or on an accelerator


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
        values: Values,
        train: np.ndarray,
        val: np.ndarray,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
    ) -> Basis:
        """Moments of P, (M, N), on the images that the boolean (N,) masks `train` and `val` say.

        values: an array, or what `resident` makes of it.
        """
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

    mean, scale: of each unit on train, float64 (K,); 1 for the scale of a constant one. cross:
    Xᵀy/n of both standardised, (K, M). val_cross: their covariances on val in the same units,
    (K, M). val_variance: (K,).
    """

    mean: Tensor
    scale: Tensor
    cross: Tensor
    val_cross: Tensor
    val_variance: Tensor

    @classmethod
    def of(cls, basis: Basis, values: Values, q: np.ndarray, train: np.ndarray, val: np.ndarray) -> Targets:
        """Moments of the units q, (K, N), with P, (M, N)."""
        mean = torch.from_numpy(q[:, train].mean(axis=1, dtype=np.float64)).to(basis.gram.device)
        scale = torch.from_numpy(q[:, train].std(axis=1, dtype=np.float64)).to(mean)
        scale = torch.where(scale > 0, scale, 1.0)
        cross, _ = _cross(basis, values, q, train, mean, scale)
        val_cross, val_variance = _cross(basis, values, q, val, mean, scale)
        return cls(mean, scale, cross, val_cross, val_variance)


def resident(values: np.ndarray, device: torch.device | str) -> Values:
    """P on an accelerator, where it takes no more than a third of what is free there; else P itself."""
    device = torch.device(device)
    if device.type != "cuda" or 3 * values.nbytes > torch.cuda.mem_get_info(device)[0]:
        return values
    return torch.from_numpy(np.ascontiguousarray(values)).to(device)


def _pieces(values: Values, mask: np.ndarray, device: torch.device | str) -> Iterator[Tensor]:
    """P of the images of a split on the device, (M, n), as many at a time as fit."""
    step = max(256, _PIECE // max(len(values), 1))
    on_cpu = torch.device(device).type == "cpu"
    for start in range(0, values.shape[1], step):
        part = slice(start, start + step)
        if not mask[part].any():
            continue
        if on_cpu:
            yield torch.from_numpy(values[:, part][:, mask[part]])
            continue
        # Picking images is slow on one core of the host, and nothing on the accelerator.
        slab = values[:, part]
        if isinstance(slab, np.ndarray):
            slab = torch.from_numpy(np.ascontiguousarray(slab)).to(device)
        yield slab[:, torch.from_numpy(mask[part]).to(device)]


def _product(a: Tensor, b: Tensor) -> Tensor:
    """a·bᵀ. NumPy's BLAS is the faster one on a CPU: of a·aᵀ it makes only half."""
    if a.device.type != "cpu":
        return a @ b.T
    return torch.from_numpy(a.numpy() @ b.numpy().T)


def _mean_and_scale(values: Values, mask: np.ndarray, device: torch.device | str) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each concept, piece by piece (Chan, Golub & LeVeque 1983)."""
    count = 0
    mean = torch.zeros(len(values), dtype=torch.float64, device=device)
    squares = torch.zeros_like(mean)
    for part in _pieces(values, mask, device):
        here, n = torch.empty_like(mean), part.shape[1]
        if part.device.type == "cpu":
            here = torch.from_numpy(part.numpy().mean(axis=1, dtype=np.float64))
            squares += torch.from_numpy(part.numpy().var(axis=1, dtype=np.float64)) * n
        else:
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


def _covariance(
    values: Values,
    mask: np.ndarray,
    mean: Tensor,
    scale: Tensor,
    device: torch.device | str,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor]:
    """Covariances and means, on a split, of concepts standardised with `mean` and `scale`."""
    m, count = len(values), max(int(mask.sum()), 1)
    out = _zeros(m, dtype, device)
    sums = torch.zeros(m, dtype=torch.float64, device=device)
    inverse = _inverse(scale).to(dtype)[:, None]
    for part in _pieces(values, mask, device):
        x = part.to(dtype).sub_(mean.to(dtype)[:, None]).mul_(inverse)
        sums += x.sum(1, dtype=torch.float64)
        for rows, columns in _lower(m):
            out[rows, columns] += _product(x[rows], x[columns])
    for rows, columns in _lower(m):
        if rows != columns:
            out[columns, rows] = out[rows, columns].T
    means = sums / count
    out /= count
    for rows in torch.arange(m, device=device).split(_BLOCK):
        out[rows] -= torch.outer(means[rows], means).to(dtype)
    return out, means


def _zeros(m: int, dtype: torch.dtype, device: torch.device | str) -> Tensor:
    if torch.device(device).type != "cpu":
        return torch.zeros(m, m, dtype=dtype, device=device)
    return torch.from_numpy(large((m, m), np.float64 if dtype == torch.float64 else np.float32)).zero_()


def _lower(m: int) -> Iterator[tuple[slice, slice]]:
    """The blocks of a matrix (m, m) on and below its diagonal."""
    parts = [slice(start, min(start + _SIDE, m)) for start in range(0, m, _SIDE)]
    return ((rows, columns) for i, rows in enumerate(parts) for columns in parts[: i + 1])


def _cross(
    basis: Basis, values: Values, q: np.ndarray, mask: np.ndarray, mean: Tensor, scale: Tensor
) -> tuple[Tensor, Tensor]:
    """Covariances (K, M) of units and concepts on a split, and the units' variances (K,)."""
    dtype, device = basis.gram.dtype, basis.gram.device
    count = max(int(mask.sum()), 1)
    y = torch.from_numpy(np.ascontiguousarray(q[:, mask])).to(device).double()
    y = y.sub_(mean[:, None]).div_(scale[:, None])
    means = y.mean(1)
    y.sub_(means[:, None])
    variance = y.square().mean(1)
    y = y.to(dtype)
    out = torch.zeros(basis.size, len(q), dtype=dtype, device=device)
    start = 0
    for part in _pieces(values, mask, device):
        # y has mean 0, so that P need be centred only against cancellation
        x = part.to(dtype).sub_(basis.mean.to(dtype)[:, None])
        out += _product(x, y[:, start : start + x.shape[1]])
        start += x.shape[1]
    out *= (_inverse(basis.scale) / count).to(dtype)[:, None]
    return out.T.contiguous(), variance
