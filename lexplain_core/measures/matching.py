"""Put simulations on a unit's scale, c·s + d, before they replace it (paper, eq. 13–20)."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi

import numpy as np
import torch
from torch import Tensor

from ..model.effects import Curves, Effects

_STEPS = 60
_RATE = 0.05  # of Adam at the start, in standard deviations of the unit; it falls to 0
_MARGIN = 0.25  # of a unit's range, by which replaced values may leave it on each side
_FAR = 2.0  # ranges beyond which the published starting point is not looked at
NODES = 9  # values at which a unit's losses are taken where each costs a run of the network


@dataclass(frozen=True)
class Scale:
    """c and d of u simulations, each float64 (u,)."""

    c: np.ndarray
    d: np.ndarray

    def apply(self, simulated: np.ndarray) -> np.ndarray:
        """c·s + d of simulations (u, n)."""
        return self.c[:, None] * simulated + self.d[:, None]


def normalise(q: np.ndarray, simulated: np.ndarray) -> Scale:
    """c = ρ·σ_q/σ_s and d = μ_q − c·μ_s from q and s on the validation split, both float64 (u, n).

    The least squares fit of q by s (paper, eq. 16–20); 0 and the mean where s is constant.
    """
    mean_q, mean_s = q.mean(axis=1), simulated.mean(axis=1)
    centred = simulated - mean_s[:, None]
    scale = np.abs(centred).max(axis=1)
    scale = np.where(scale > 0, scale, 1)[:, None]
    centred = centred / scale  # squares of very large or small numbers would overflow
    squares = (centred**2).sum(axis=1)
    c = (centred * (q - mean_q[:, None])).sum(axis=1) / np.where(squares > 0, squares, np.inf) / scale[:, 0]
    return Scale(c, mean_q - c * mean_s)


def optimise(
    effects: Effects,
    units: np.ndarray,
    images: np.ndarray,
    weights: np.ndarray,
    simulated: list[np.ndarray],
    norms: list[Scale],
    means: np.ndarray,
) -> list[Scale]:
    """c and d that minimise Σ|L(c·s + d) − L| over validation images (eq. 13–15), by gradient descent.

    units: (u,). images, weights: (n,), what each image counts for. simulated: by simulator, float64 (u, n). norms: where the descent
    starts, by simulator. means: of the units on val, (u,). Adam (Kingma & Ba, 2015) in standardised
    coordinates, v = μ_q + σ_q·(c'·(s − μ_s)/σ_s + d'), on the units' loss curves. Of its iterates,
    the start, the mean (c = 0) and the published starting point (c = 1, d = 0) the best is returned,
    so on these images none of them is better.
    """
    q = np.asarray(effects.q[units][:, images], dtype=np.float64)
    values = [scale.apply(s) for scale, s in zip(norms, simulated, strict=True)]
    low, high = q.min(axis=1), q.max(axis=1)
    for some in (*values, means[:, None]):
        low, high = np.minimum(low, some.min(axis=1)), np.maximum(high, some.max(axis=1))
    margin = _MARGIN * np.maximum(high - low, 1e-12)
    low, high = low - margin, high + margin
    for s in simulated:
        near = (s.min(axis=1) > low - _FAR * (high - low)) & (s.max(axis=1) < high + _FAR * (high - low))
        low = np.where(near, np.minimum(low, s.min(axis=1)), low)
        high = np.where(near, np.maximum(high, s.max(axis=1)), high)
    closed = effects.intervention == "closed"
    curves = effects.curves(units, images, low, high, None if closed else NODES)
    mean_only = Scale(np.zeros(len(units)), means)
    raw = Scale(np.ones(len(units)), np.zeros(len(units)))
    out = []
    for s, norm in zip(simulated, norms, strict=True):
        tried = [norm, mean_only, raw, _descend(curves, weights, s, norm, means, q.std(axis=1), low, high)]
        errors = (
            _exact_errors(effects, units, images, weights, s, tried)
            if closed
            else _errors(curves, weights, s, tried, low, high)
        )
        best = np.argmin(errors, axis=0), np.arange(len(units))
        out.append(Scale(np.stack([t.c for t in tried])[best], np.stack([t.d for t in tried])[best]))
    return out


def _descend(
    curves: Curves,
    weights: np.ndarray,
    simulated: np.ndarray,
    start: Scale,
    means: np.ndarray,
    spread: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> Scale:
    """The best of Adam's iterates for each unit, among those that stay within [low, high]."""
    mean_s, spread_s = simulated.mean(axis=1), simulated.std(axis=1)
    spread_s = np.where(spread_s > 0, spread_s, 1)
    z = torch.from_numpy((simulated - mean_s[:, None]) / spread_s[:, None])
    mu, sigma = torch.from_numpy(means)[:, None], torch.from_numpy(spread)[:, None]
    bottom, top = torch.from_numpy(low), torch.from_numpy(high)
    first = np.stack([start.c * spread_s, start.d + start.c * mean_s - means]) / np.where(
        spread > 0, spread, 1
    )
    at = torch.from_numpy(first)[..., None].requires_grad_()  # c' and d', (2, u, 1)
    with torch.no_grad():
        share = torch.from_numpy(weights / weights.sum())
        scale = ((curves.loss(mu.expand(z.shape)) - curves.base).abs() @ share).clamp_min(1e-12)
    adam = torch.optim.Adam([at], lr=_RATE)
    best, least = at.detach().clone(), torch.full((len(z),), torch.inf, dtype=torch.float64)
    for step in range(_STEPS + 1):
        values = mu + sigma * (at[0] * z + at[1])
        errors = (curves.loss(values) - curves.base).abs() @ share / scale
        inside = (values.detach().amin(1) >= bottom) & (values.detach().amax(1) <= top)
        better = inside & (errors.detach() < least)
        least = torch.where(better, errors.detach(), least)
        best[:, better] = at.detach()[:, better]
        adam.param_groups[0]["lr"] = _RATE * (1 + cos(pi * step / _STEPS)) / 2
        adam.zero_grad()
        errors.sum().backward()
        adam.step()
    c_unit, d_unit = best[..., 0].numpy()
    c = c_unit * spread / spread_s
    return Scale(c, means + d_unit * spread - c * mean_s)


def _exact_errors(
    effects: Effects,
    units: np.ndarray,
    images: np.ndarray,
    weights: np.ndarray,
    simulated: np.ndarray,
    tried: list[Scale],
) -> np.ndarray:
    """Σ|L(c·s + d) − L| of the scales that were tried, (V, u)."""
    measured = effects.block(units, images, np.stack([scale.apply(simulated) for scale in tried]))
    return _finite(np.abs(measured.loss - effects.loss[images]) @ weights)


@torch.no_grad()
def _errors(
    curves: Curves,
    weights: np.ndarray,
    simulated: np.ndarray,
    tried: list[Scale],
    low: np.ndarray,
    high: np.ndarray,
) -> np.ndarray:
    """The same by the curves, infinite for scales that leave their range; (V, u)."""
    out = []
    for scale in tried:
        values = scale.apply(simulated)
        slack = 1e-9 * (high - low)
        inside = (values.min(axis=1) >= low - slack) & (values.max(axis=1) <= high + slack)
        errors: Tensor = (curves.loss(torch.from_numpy(values)) - curves.base).abs() @ torch.from_numpy(
            weights
        )
        out.append(np.where(inside, errors.numpy(), np.inf))
    return _finite(np.stack(out))


def _finite(errors: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(errors), errors, np.inf)
