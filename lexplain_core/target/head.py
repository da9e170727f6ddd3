"""Losses with a unit replaced where only a linear head follows: all units and images by matrix products.

With softmax probabilities p of the untouched network at temperature T, and a unit whose weights onto
the logits are w, a shift of the unit by δ changes the loss of an image of class y by

    L(δ) − L(0) = log Σ_c p_c·exp(δ·w_c/T) − δ·w_y/T.

The sum is a smooth function of δ, so for all images at once it is a Chebyshev series in δ whose
coefficients are a product of p (images × classes) with a small matrix (classes × units).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp, factorial

import torch
from torch import Tensor

_PANEL = 1.5  # largest half-range of δ·w/T of one series; wider ranges take several
_MOST_PANELS = 4  # more, and classes are summed one by one
_SERIES = 1e-8
_AT_ONCE = 16_000_000  # entries of the largest array at a time


@dataclass(frozen=True)
class Head:
    """What a linear head makes of a batch of images.

    weight: (C, K), from the layer's units to the logits. logits: (n, C) of the untouched network.
    labels: int64 (n,). temperature: of the loss.
    """

    weight: Tensor
    logits: Tensor
    labels: Tensor
    temperature: float

    def change(self, units: Tensor, shift: Tensor) -> Tensor:
        """L(δ) − L(0) in nats, float32 (V, u, n), of units (u,) shifted by δ (V, u, n)."""
        out = torch.empty_like(shift)
        p = torch.softmax(self.logits / self.temperature, 1)
        scaled = (self.weight[:, units] / self.temperature).double()
        middle, half = (scaled.amax(0) + scaled.amin(0)) / 2, (scaled.amax(0) - scaled.amin(0)) / 2
        low, high = shift.amin((0, 2)).double(), shift.amax((0, 2)).double()
        panels = int(max(1, ceil(float(((high - low) / 2 * half).max()) / _PANEL)))
        widest = float((torch.maximum(low.abs(), high.abs()) * half).max())
        if panels > _MOST_PANELS or widest > 60:  # exp of more overflows in single precision
            self._one_by_one(scaled, shift, out)
        else:
            for start in range(0, len(p), step := max(1, _AT_ONCE // max(p.shape[1], 16 * len(units)))):
                part = slice(start, start + step)
                out[..., part] = _log_sum(p[part], scaled - middle, low, high, panels, shift[..., part])
            out -= shift * (scaled[self.labels].T - middle[:, None]).float()
        # Where the unit can't make a difference no rounding may say that it does.
        return torch.where((shift == 0) | (half == 0)[None, :, None], 0.0, out)

    def _one_by_one(self, scaled: Tensor, shift: Tensor, out: Tensor) -> None:
        log_p = torch.log_softmax(self.logits.double() / self.temperature, 1)
        for v in range(len(shift)):
            for i in range(scaled.shape[1]):
                for start in range(0, len(log_p), step := max(1, _AT_ONCE // log_p.shape[1])):
                    part = slice(start, start + step)
                    moved = shift[v, i, part].double()
                    total = torch.logsumexp(log_p[part] + moved[:, None] * scaled[:, i], 1)
                    out[v, i, part] = (total - moved * scaled[self.labels[part], i]).float()

    def right(self, units: Tensor, shift: Tensor) -> Tensor:
        """Whether the largest logit is the class's with units shifted, boolean (V, u, n).

        Only where a bound on what the shift can do doesn't settle it are all classes compared.
        """
        z, y, w = self.logits, self.labels, self.weight[:, units]
        top = z.argmax(1)
        correct = top == y
        own = z.gather(1, y[:, None])[:, 0]
        others = z.scatter(1, y[:, None], -torch.inf).amax(1)
        w_own, w_top = w[y].T, w[top].T  # (u, n)
        highest, lowest = w.amax(0)[:, None], w.amin(0)[:, None]
        out = correct.expand(shift.shape).clone()
        for v, moved in enumerate(shift):
            gain = torch.maximum(moved * (highest - w_own), moved * (lowest - w_own))
            slack = 1e-5 * (1 + own.abs())  # rounding must not settle what is near a tie
            may_fall = correct & (gain >= own - others - slack)
            may_rise = ~correct & (moved * (w_own - w_top) >= others - own - slack)
            unit, image = torch.nonzero((may_fall | may_rise) & (moved != 0), as_tuple=True)
            for start in range(0, len(unit), step := max(1, _AT_ONCE // z.shape[1])):
                k, x = unit[start : start + step], image[start : start + step]
                out[v, k, x] = (z[x] + moved[k, x][:, None] * w.T[k]).argmax(1) == y[x]
        return out


def _log_sum(p: Tensor, scaled: Tensor, low: Tensor, high: Tensor, panels: int, shift: Tensor) -> Tensor:
    """log Σ_c p_c·exp(δ·s_c) for p (n, C), s (C, u) and δ (V, u, n) within [low, high], each (u,)."""
    width = (high - low).clamp_min(1e-30) / panels
    out = torch.empty_like(shift)
    at = ((shift - low.float()[:, None]) / width.float()[:, None]).clamp(0, panels)
    panel = at.floor().clamp(max=panels - 1)
    terms = _terms(float((width / 2 * scaled.abs().amax(0)).max()))
    for number in range(panels):
        inside = panel == number
        if panels > 1 and not inside.any():
            continue
        centre = low + (number + 0.5) * width
        series = p @ _coefficients(scaled, centre, width / 2, terms).to(p.dtype)  # (n, terms·u)
        series = series.view(len(p), terms, -1).permute(1, 2, 0)  # (terms, u, n)
        t = 2 * (at - number) - 1
        total = _clenshaw(series, t.clamp(-1, 1) if panels > 1 else t)
        out = total if panels == 1 else torch.where(inside, total, out)
    return out.log()


def _terms(r: float) -> int:
    """How many terms give exp on [-r, r] to `_SERIES`, relative to its smallest value there."""
    return next(n for n in range(3, 40) if 2 * (r / 2) ** n / factorial(n) * exp(2 * r) < _SERIES)


def _coefficients(scaled: Tensor, centre: Tensor, half: Tensor, terms: int) -> Tensor:
    """Chebyshev coefficients of exp((centre + half·t)·s) in t, (C, terms·u), from s (C, u)."""
    angles = torch.pi * (torch.arange(terms, dtype=torch.float64, device=scaled.device) + 0.5) / terms
    nodes = centre + half * angles.cos()[:, None]  # (terms, u)
    values = torch.exp(nodes[:, None, :] * scaled)  # (terms, C, u)
    order = torch.arange(terms, dtype=torch.float64, device=scaled.device)
    transform = 2 / terms * torch.cos(order[:, None] * angles)
    transform[0] /= 2
    return torch.einsum("mj,jcu->cmu", transform, values).reshape(len(scaled), -1)


def _clenshaw(series: Tensor, t: Tensor) -> Tensor:
    """Σ_m series[m]·T_m(t) for series (terms, …) and t that broadcasts with its other axes."""
    after, later = series[-1].expand(t.shape), torch.zeros_like(t)
    for m in range(len(series) - 2, 0, -1):
        after, later = series[m] + 2 * t * after - later, after
    return series[0] + t * after - later
