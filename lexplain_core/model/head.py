"""Losses with a unit replaced where only a linear head follows: all units and images by matrix products.

With softmax probabilities p of the untouched network at temperature T, and a unit whose weights onto
the logits are w, a shift of the unit by δ changes the loss of an image of class y by

    L(δ) − L(0) = log Σ_c p_c·exp(δ·w_c/T) − δ·w_y/T.

The sum is a smooth function of δ, so for all images at once it is a Chebyshev series in δ whose
coefficients are a product of p (images × classes) with a small matrix (classes × units).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, exp, factorial

import torch
from torch import Tensor

_PANEL = 1.5  # largest half-range of δ·w/T of one series; wider ranges take several
_MOST_PANELS = 4  # more, and classes are summed one by one
_SERIES = 1e-7
_AT_ONCE = 4_000_000  # entries of the largest array at a time
_TILE = 1_000_000  # entries of a series that are summed at a time: what a processor's cache holds


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
        scaled = (self.weight[:, units] / self.temperature).double()
        middle, half = (scaled.amax(0) + scaled.amin(0)) / 2, (scaled.amax(0) - scaled.amin(0)) / 2
        low, high = shift.amin((0, 2)).double(), shift.amax((0, 2)).double()
        panels = int(max(1, ceil(float(((high - low) / 2 * half).max()) / _PANEL)))
        widest = float((torch.maximum(low.abs(), high.abs()) * half).max())
        if panels > _MOST_PANELS or widest > 60:  # exp of more overflows in single precision
            self._one_by_one(scaled, shift, out)
        else:
            series = _Series(scaled - middle, low, high, panels)
            own = (scaled - middle).float()
            tile = _TILE if shift.device.type == "cpu" else _AT_ONCE
            for start in range(0, len(self.labels), step := max(64, tile // series.size)):
                part = slice(start, start + step)
                moved = shift[..., part]
                total = series.log_sum(self._p[part], moved)
                torch.addcmul(total, moved, own[self.labels[part]].T, value=-1, out=out[..., part])
        # Where the unit can't make a difference no rounding may say that it does.
        return out.masked_fill_((shift == 0) | (half == 0)[None, :, None], 0.0)

    @cached_property
    def _p(self) -> Tensor:
        return torch.softmax(self.logits / self.temperature, 1)

    def _one_by_one(self, scaled: Tensor, shift: Tensor, out: Tensor) -> None:
        log_p = torch.log_softmax(self.logits.double() / self.temperature, 1)
        for v in range(len(shift)):
            for i in range(scaled.shape[1]):
                for start in range(0, len(log_p), step := max(1, _AT_ONCE // log_p.shape[1])):
                    part = slice(start, start + step)
                    moved = shift[v, i, part].double()
                    total = torch.logsumexp(log_p[part] + moved[:, None] * scaled[:, i], 1)
                    out[v, i, part] = (total - moved * scaled[self.labels[part], i]).float()

    @cached_property
    def _ranks(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The top class, whether it is the label, the label's logit, and the largest other, each (n,)."""
        top = self.logits.argmax(1)
        own = self.logits.gather(1, self.labels[:, None])[:, 0]
        others = self.logits.scatter(1, self.labels[:, None], -torch.inf).amax(1)
        return top, top == self.labels, own, others

    def right(self, units: Tensor, shift: Tensor) -> Tensor:
        """Whether the largest logit is the class's with units shifted, boolean (V, u, n).

        Only where a bound on what the shift can do doesn't settle it are all classes compared.
        """
        z, y, w = self.logits, self.labels, self.weight[:, units]
        top, correct, own, others = self._ranks
        w_own, w_top = w[y].T, w[top].T  # (u, n)
        up, down = w.amax(0)[:, None] - w_own, w_own - w.amin(0)[:, None]
        gap = own - others
        slack = 1e-5 * (1 + own.abs())  # rounding must not settle what is near a tie
        out = correct.expand(shift.shape).clone()
        for v, moved in enumerate(shift):
            # how far the label can fall behind some class, and how far it gets ahead of the top one
            falls = torch.where(moved > 0, moved * up, -moved * down)
            rises = moved * (w_own - w_top)
            open_ = torch.where(correct, falls - gap, rises + gap) >= -slack
            unit, image = torch.nonzero(open_ & (moved != 0), as_tuple=True)
            for start in range(0, len(unit), step := max(1, _AT_ONCE // z.shape[1])):
                k, x = unit[start : start + step], image[start : start + step]
                out[v, k, x] = (z[x] + moved[k, x][:, None] * w.T[k]).argmax(1) == y[x]
        return out


class _Series:
    """log Σ_c p_c·exp(δ·s_c) for s (C, u) and δ within [low, high], each (u,), by Chebyshev series."""

    def __init__(self, scaled: Tensor, low: Tensor, high: Tensor, panels: int):
        self._low, self._width = low, (high - low).clamp_min(1e-30) / panels
        self._panels, self._units = panels, scaled.shape[1]
        self._terms = _terms(float((self._width / 2 * scaled.abs().amax(0)).max()))
        self._coefficients = []
        for number in range(panels):
            centre = low + (number + 0.5) * self._width
            found = _coefficients(scaled, centre, self._width / 2, self._terms)
            self._coefficients.append(found.float().T.contiguous())  # (terms·u, C)

    @property
    def size(self) -> int:
        """Entries of a series for one image."""
        return self._terms * self._units

    def log_sum(self, p: Tensor, shift: Tensor) -> Tensor:
        """For p (n, C) and shift (V, u, n); (V, u, n)."""
        at = (shift - self._low.float()[:, None]) / self._width.float()[:, None]
        if self._panels == 1:
            return self._sum(0, p, at).log_()
        out, panel = torch.ones_like(shift), at.floor().clamp(0, self._panels - 1)
        for number in range(self._panels):
            inside = panel == number
            if inside.any():
                out = torch.where(inside, self._sum(number, p, (at - number).clamp(0, 1)), out)
        return out.log_()

    def _sum(self, panel: int, p: Tensor, at: Tensor) -> Tensor:
        series = (self._coefficients[panel] @ p.T).view(self._terms, self._units, -1)
        t = 2 * at - 1
        twice, after, later = 2 * t, series[-1].expand(t.shape), None
        for m in range(len(series) - 2, -1, -1):
            now = torch.addcmul(series[m], twice if m else t, after)
            if later is not None:
                now -= later
            after, later = now, after
        return after


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
