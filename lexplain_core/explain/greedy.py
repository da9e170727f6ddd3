"""The greedy search for short explanations (paper, section 3.2.2, Algorithm 1), all units side by side.

A least-squares fit with intercept and its correlation on another split need no images, only sums
over them: blocks of the covariance matrices of `moments`. Each unit keeps a Cholesky factor of its
chosen concepts' block and grows it by a row a round; every candidate's fit is that factor and one
row more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..base.progress import Advance
from .base import Explanation
from .moments import Basis, Targets

NO_CANDIDATE = (
    "No concept among the first candidates correlates positively with the unit on the validation split."
)
_FLOATS = 8_000_000  # in one round's blocks at a time


def ranking(basis: Basis, targets: Targets, weights: Tensor, signed: bool, count: int) -> Tensor:
    """The first `count` concepts in the order in which the search takes them; int64 (K, count).

    By sparse weight (K, M), descending, or with `signed` by its size; equal ones (the zeros) by
    |train correlation|, then id, constant concepts last among them.
    """
    # Correlations lie in [0, 1]: positive weights above them, negative ones below, in one number.
    correlation = targets.cross.double().abs().clamp(max=1)
    correlation[:, basis.scale == 0] = -1e-9
    size = weights.abs() if signed else weights
    key = torch.where(size > 0, 2 + size, torch.where(size < 0, size - 1, correlation))
    if key.shape[1] > 4 * count:
        # far fewer are needed than there are; ties at the edge must fall to the lower ids
        edge = key.topk(count, dim=1).values[:, -1:]
        most = int((key >= edge).sum(1).max())
        if most <= 4 * count:
            chosen = torch.where(key >= edge, key, -torch.inf).topk(most, dim=1).indices.sort(dim=1).values
            order = key.gather(1, chosen).sort(dim=1, descending=True, stable=True).indices[:, :count]
            return chosen.gather(1, order)
    return key.sort(dim=1, descending=True, stable=True).indices[:, :count]


def greedy(
    basis: Basis,
    targets: Targets,
    weights: Tensor,
    candidates: int | Literal["all"] = 10,
    epsilon: float = 0.02,
    max_terms: int = 10,
    signed: bool = False,
    advance: Advance | None = None,
) -> list[Explanation]:
    """Grow each unit's explanation concept by concept while its validation correlation gains.

    weights: sparse weights (K, M), which rank the concepts. Each round fits the `candidates`
    highest-ranked concepts that are neither chosen nor rejected, each together with those chosen,
    by least squares with intercept on P and q of the train split. A candidate that gains less than
    `epsilon` is rejected for good, one that the chosen ones already span too; of the others the
    best is added. In the first round ε does not apply: the best with a positive correlation is
    taken. Returns the concepts that were selected, with the weights of their joint fit.
    """
    size = basis.size
    tried = size if candidates == "all" else min(candidates, size)
    # No more than these can be chosen or rejected before the last round has its candidates.
    ranks = size if candidates == "all" else min(size, tried * (max_terms + 1))
    step = max(1, min(_FLOATS // max(size, 1), _FLOATS // (tried * min(max_terms, size) + ranks)))
    found: list[Explanation] = []
    for start in range(0, len(weights), step):
        part = slice(start, start + step)
        units = Targets(*(getattr(targets, name)[part] for name in Targets.__dataclass_fields__))
        order = ranking(basis, units, weights[part].double(), signed, ranks)
        found += _search(basis, units, order, tried, epsilon, min(max_terms, size))
        if advance:
            advance(len(units.mean))
    return found


@dataclass
class _State:
    """The units still growing; t concepts chosen each.

    unit: (k,) rows of the problem. order, gone: (k, L). chosen: (k, t). factor: lower triangular L of
    the chosen block of G, (k, t, t). y: L⁻¹c, (k, t). reached: validation correlation, (k,).
    """

    unit: Tensor
    order: Tensor
    gone: Tensor
    chosen: Tensor
    factor: Tensor
    y: Tensor
    reached: Tensor

    def only(self, rows: Tensor) -> _State:
        return _State(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def _search(
    basis: Basis, targets: Targets, order: Tensor, tried: int, epsilon: float, max_terms: int
) -> list[Explanation]:
    k, device = len(order), order.device
    none = torch.zeros(k, 0, dtype=torch.float64, device=device)
    state = _State(
        torch.arange(k, device=device),
        order,
        torch.zeros_like(order, dtype=torch.bool),
        torch.zeros(k, 0, dtype=torch.int64, device=device),
        none.new_zeros(k, 0, 0),
        none,
        none.new_full((k,), -torch.inf),
    )
    found: dict[int, Explanation] = {}
    for t in range(max_terms):
        place = _window(state.gone, tried)
        concepts = state.order.gather(1, place)
        waiting = ~state.gone.gather(1, place)
        v, variance, slope, correlation = _fits(basis, targets, state, concepts)
        correlation = torch.where(waiting, correlation, -torch.inf)
        # of equal ones the first, whatever rounding says: a concept and its copy
        equal = correlation >= correlation.amax(1, keepdim=True) - basis.tolerance / 100
        best = equal.to(torch.int8).argmax(1, keepdim=True)
        top = correlation.gather(1, best)[:, 0]
        if t == 0:
            grows = top > 0
            rejected = torch.zeros_like(waiting)
        else:
            grows = top - state.reached >= epsilon
            rejected = waiting & (correlation - state.reached[:, None] < epsilon)
        _keep(found, basis, targets, state.only(~grows))
        state.gone.scatter_(1, place, state.gone.gather(1, place) | rejected)
        state.gone.scatter_(1, place.gather(1, best), True)
        pivot = variance.gather(1, best).sqrt()
        row = v.gather(2, best[:, None, :].expand(-1, t, 1))[:, :, 0]
        factor = torch.nn.functional.pad(state.factor, (0, 1, 0, 1))
        factor[:, t, :t], factor[:, t, t] = row, pivot[:, 0]
        state = _State(
            state.unit,
            state.order,
            state.gone,
            torch.cat([state.chosen, concepts.gather(1, best)], 1),
            factor,
            torch.cat([state.y, slope.gather(1, best) * pivot], 1),
            top,
        ).only(grows)
        if not len(state.unit):
            break
    _keep(found, basis, targets, state)
    return [found[unit] for unit in range(k)]


def _window(gone: Tensor, tried: int) -> Tensor:
    """Places of the first `tried` ranks that are not gone, (k, tried); where fewer are left, gone ones."""
    places = torch.arange(gone.shape[1], device=gone.device)
    key = places + gone * gone.shape[1]
    return key.topk(tried, dim=1, largest=False, sorted=True).indices


def _fits(basis: Basis, targets: Targets, state: _State, concepts: Tensor) -> tuple[Tensor, ...]:
    """Each candidate, (k, C), fitted together with the chosen ones.

    Returns L⁻¹ of its column of G, (k, t, C); its variance that the chosen ones leave, its weight
    and the fit's correlation with the unit on val, each (k, C). Weights are of standardised
    concepts. The correlation is −inf where a candidate adds nothing or the fit is constant.
    """
    chosen, unit = state.chosen, state.unit
    t = chosen.shape[1]
    cross = targets.cross[unit[:, None], concepts].double()
    column = basis.gram[chosen[:, :, None], concepts[:, None, :]].double()
    v = torch.linalg.solve_triangular(state.factor, column, upper=False) if t else column
    variance = (basis.gram.diagonal()[concepts].double() - v.square().sum(1)).clamp(min=0)
    sound = variance > basis.tolerance
    slope = torch.where(
        sound, (cross - (v * state.y[:, :, None]).sum(1)) / torch.where(sound, variance, 1.0), 0.0
    )
    diagonal = basis.val_gram.diagonal()
    shared = slope * targets.val_cross[unit[:, None], concepts].double()
    own = slope**2 * diagonal[concepts].double()
    spread, total = own, slope**2
    if t:
        # weights of the chosen ones: L⁻ᵀ(y − v·slope)
        rest = state.y[:, :, None] - v * slope[:, None, :]
        weights = torch.linalg.solve_triangular(state.factor.mT, rest, upper=True)
        among = basis.val_gram[chosen[:, :, None], chosen[:, None, :]].double()
        across = basis.val_gram[chosen[:, :, None], concepts[:, None, :]].double()
        shared = shared + (weights * targets.val_cross[unit[:, None], chosen].double()[:, :, None]).sum(1)
        spread = own + (weights * (among @ weights)).sum(1) + 2 * slope * (weights * across).sum(1)
        total = slope**2 + (weights**2).sum(1)
    # on val the fit may be constant; its variance is rounding then, against 1 for a concept on train
    defined = sound & (spread > basis.tolerance**1.5 * total) & (targets.val_variance[unit, None] > 0)
    scale = (spread * targets.val_variance[unit, None]).clamp(min=0).sqrt()
    correlation = torch.where(defined, shared / torch.where(defined, scale, 1.0), -torch.inf)
    return v, variance, slope, correlation


def _keep(found: dict[int, Explanation], basis: Basis, targets: Targets, state: _State) -> None:
    """Write down what units that are done have chosen, with weights for P and q as they are."""
    if not len(state.unit):
        return
    if state.chosen.shape[1] == 0:
        for unit in state.unit.tolist():
            found[unit] = Explanation(reason=NO_CANDIDATE)
        return
    standard = torch.linalg.solve_triangular(state.factor.mT, state.y[:, :, None], upper=True)[:, :, 0]
    weights = standard * targets.scale[state.unit, None] / basis.scale[state.chosen]
    bias = targets.mean[state.unit] - (weights * basis.mean[state.chosen]).sum(1)
    reached = state.reached.clamp(max=1)  # rounding may put it a little above
    rows = (x.tolist() for x in (state.unit, state.chosen, weights, bias, reached))
    for unit, chosen, w, b, correlation in zip(*rows, strict=True):
        found[unit] = Explanation(tuple(chosen), tuple(w), b, correlation)
