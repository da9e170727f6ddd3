"""The sparse fit to its optimum, for all units of a layer at once, on the Gram matrix.

With G = XᵀX/n and c = Xᵀy/n the objective of `sparse.objective` is, up to a constant,
½wᵀGw − cᵀw + l1‖w‖₁ + ½ρ‖w‖₂², ρ = l1·(1 − α)/α: the images no longer matter.

Each unit works on a small set of concepts. There, accelerated proximal gradient (FISTA, Beck &
Teboulle 2009, with the restarts of O'Donoghue & Candès 2015) finds which concepts take part and
with which sign; given those the optimum is one linear system, whose solution is taken as far as no
sign changes (the feature-sign step of Lee et al. 2006). Then the optimality conditions are checked
for every concept, and those that violate them join the set.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..base.progress import Advance
from .moments import Basis, Targets

_TOLERANCE = 1e-7  # largest violation of the optimality conditions that counts as solved
_SINGLE = 2e-6  # the same where G is in single precision, whose rounding shows in the gradient
SHORT = 1e-5  # a larger violation is worth a word to whoever builds
_FIRST = 64  # concepts a unit's set starts with
_STEPS = 24  # of FISTA between two linear systems
_ROUNDS = 120  # of FISTA and linear systems, at most
_SIGNS = 4  # linear systems a round; each lets one more concept go
_SETS = 100  # working sets of a unit, at most; a few are the rule
_FLOATS = 8_000_000  # in the units' sub-matrices of G at a time


def kkt_violation(basis: Basis, targets: Targets, weights: Tensor, l1: float, ridge: float) -> Tensor:
    """By how much each unit's weights (K, M) miss the optimality conditions; float64 (K,).

    The largest, over concepts, distance of 0 from the objective's subdifferential: with the
    gradient g = Gw − c + ρw of the smooth part it is |g + l1·sign(w)| where w ≠ 0, else
    max(0, |g| − l1). It is 0 at the optimum, and only there.
    """
    return _distance(_gradient(basis, targets.cross, weights, ridge), weights, l1).amax(1)


def _gradient(basis: Basis, cross: Tensor, weights: Tensor, ridge: float) -> Tensor:
    """g = Gw − c + ρw in double precision, (K, M); takes the time of the weights that are not 0."""
    dtype = basis.gram.dtype
    if weights.count_nonzero() * 8 < weights.numel():
        product = torch.sparse.mm(weights.to(dtype).to_sparse(), basis.gram)
    else:
        product = weights.to(dtype) @ basis.gram
    return product.double() - cross + ridge * weights


def _distance(gradient: Tensor, weights: Tensor, l1: float) -> Tensor:
    return torch.where(
        weights != 0, (gradient + l1 * weights.sign()).abs(), (gradient.abs() - l1).clamp(min=0)
    )


def solve(
    basis: Basis, targets: Targets, l1: float, alpha: float, advance: Advance | None = None
) -> tuple[Tensor, Tensor]:
    """Weights of the standardised concepts (K, M) and each unit's violation (K,), both float64.

    advance: called with the number of units that were solved. A unit that is not within
    the tolerance after the last round keeps the weights it got to; its violation says how far it is.
    """
    ridge = l1 * (1 - alpha) / alpha
    units, size = targets.cross.shape
    weights = torch.zeros(units, size, dtype=torch.float64, device=basis.gram.device)
    reached = torch.zeros(units, dtype=torch.float64, device=basis.gram.device)
    step = max(1, min(_FLOATS // max(size, 1), _FLOATS // _FIRST**2))
    for start in range(0, units, step):
        part = slice(start, min(start + step, units))
        weights[part], reached[part] = _solve_units(basis, targets.cross[part], l1, ridge)
        if advance:
            advance(part.stop - part.start)
    return weights, reached


def _solve_units(basis: Basis, cross: Tensor, l1: float, ridge: float) -> tuple[Tensor, Tensor]:
    units, size = cross.shape
    weights = torch.zeros(units, size, dtype=torch.float64, device=cross.device)
    reached = torch.zeros(units, dtype=torch.float64, device=cross.device)
    left = torch.arange(units, device=cross.device)
    width = min(_FIRST, size)
    order = cross.abs()
    tolerance = _TOLERANCE if basis.gram.dtype == torch.float64 else _SINGLE
    for _ in range(_SETS):
        # the concepts that take part, then those that would most like to
        working = order[left].masked_fill_(weights[left] != 0, torch.inf).topk(width, dim=1).indices
        for piece in torch.arange(len(left), device=left.device).split(max(1, _FLOATS // width**2)):
            rows, columns = left[piece], working[piece]
            gram = basis.gram[columns[:, :, None], columns[:, None, :]].double()
            inside = _solve_dense(
                gram, cross[rows].gather(1, columns), weights[rows].gather(1, columns), l1, ridge
            )
            weights[rows] = torch.zeros_like(weights[rows]).scatter_(1, columns, inside)
        gradient = _gradient(basis, cross[left], weights[left], ridge)
        distance = _distance(gradient, weights[left], l1)
        reached[left] = distance.amax(1)
        if width == size:
            break
        outside = distance.scatter(1, working, 0).amax(1) > tolerance
        left = left[outside]
        if not len(left):
            break
        order[left] = distance[outside].to(order.dtype)
        most = int((weights[left] != 0).sum(1).max())
        # room for those in use and for newcomers
        width = min(size, max(width, -(-(most + _FIRST) // 32) * 32))
    return weights, reached


def _solve_dense(gram: Tensor, cross: Tensor, weights: Tensor, l1: float, ridge: float) -> Tensor:
    """The optimum on each unit's own set: gram (K, S, S), cross and weights (K, S); all float64."""
    cross = cross.double()
    out = weights.clone()
    left = torch.arange(len(gram), device=gram.device)
    # the largest row sum bounds the largest eigenvalue
    rate = 1 / (gram.abs().sum(2).amax(1).double() + ridge).clamp(min=1e-12)
    for _ in range(_ROUNDS):
        weights = _fista(gram, cross, weights, rate, l1, ridge)
        for _ in range(_SIGNS):
            weights = _feature_sign(gram, cross, weights, l1, ridge)
        gradient = _times(gram, weights) - cross + ridge * weights
        distance = _distance(gradient, weights, l1).amax(1)
        out[left] = weights
        going = distance > _TOLERANCE / 4
        if not going.any():
            break
        left, weights, cross, rate = left[going], weights[going], cross[going], rate[going]
        if not going.all():
            gram = gram[going]
    return out


def _times(gram: Tensor, weights: Tensor) -> Tensor:
    return torch.bmm(gram, weights[:, :, None])[:, :, 0]


def _fista(gram: Tensor, cross: Tensor, weights: Tensor, rate: Tensor, l1: float, ridge: float) -> Tensor:
    rate = rate[:, None]
    now = ahead = weights
    momentum = torch.ones_like(rate)
    for _ in range(_STEPS):
        gradient = _times(gram, ahead) - cross + ridge * ahead
        after = _shrink(ahead - rate * gradient, l1 * rate)
        # restart where the momentum points uphill
        uphill = ((ahead - after) * (after - now)).sum(1, keepdim=True) > 0
        momentum = torch.where(uphill, 1.0, momentum)
        following = (1 + (1 + 4 * momentum**2).sqrt()) / 2
        ahead = after + torch.where(uphill, 0.0, (momentum - 1) / following) * (after - now)
        now, momentum = after, following
    return now


def _shrink(values: Tensor, by: Tensor) -> Tensor:
    return values - torch.minimum(torch.maximum(values, -by), by)


def _feature_sign(gram: Tensor, cross: Tensor, weights: Tensor, l1: float, ridge: float) -> Tensor:
    """Move each unit towards the optimum of its signs, up to where the first one changes."""
    most = int((weights != 0).sum(1).max())
    if most == 0:
        return weights
    columns = (weights != 0).to(torch.int8).topk(most, dim=1).indices
    now = weights.gather(1, columns)
    used, sign = now != 0, now.sign()
    rows = torch.arange(len(gram), device=gram.device)[:, None, None]
    system = gram[rows, columns[:, :, None], columns[:, None, :]]
    system *= used[:, :, None] & used[:, None, :]
    # unused rows become the identity's; the jitter matters only where α = 1 leaves collinear concepts
    system.diagonal(dim1=1, dim2=2).add_(torch.where(used, ridge + 1e-12, 1.0))
    target = torch.where(used, cross.gather(1, columns) - l1 * sign, 0.0)
    factor, failed = torch.linalg.cholesky_ex(system)
    goal = torch.cholesky_solve(target[:, :, None], factor)[:, :, 0]
    sound = (failed == 0) & goal.isfinite().all(1)
    goal = torch.where(sound[:, None], goal, now)
    crossing = used & (goal * sign < 0)
    share = torch.where(crossing, now / torch.where(crossing, now - goal, 1.0), torch.inf)
    first = share.amin(1, keepdim=True).clamp(max=1)
    moved = now + first * (goal - now)
    moved = torch.where(crossing & (share <= first), 0.0, moved)
    return weights.scatter(1, columns, moved)
