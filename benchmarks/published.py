"""The published way to explain, step by step as its description says; what ours is compared with.

SAGA by the package `glm-saga` on all units together, then one Adam fit of 100 full-batch steps at
rate 0.3 for every candidate of the greedy search (Oikarinen & Weng, ICML 2024, and its code).
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from glm_saga.elasticnet import glm_saga

from lexplain_core.explain.sparse import Standardised, objective

L1, ALPHA, STEP, EPOCHS, BATCH = 0.05, 0.99, 5e-4, 500, 512
EPSILON, CANDIDATES, TERMS = 0.02, 10, 10
_LOOKBEHIND, _TOLERANCE = 5, 1e-5


class _Loader:
    def __init__(self, x: torch.Tensor, y: torch.Tensor):
        self.x, self.y, self.generator = x, y, torch.Generator().manual_seed(0)

    def __iter__(self):
        for index in torch.randperm(len(self.x), generator=self.generator).split(BATCH):
            yield self.x[index], self.y[index], index


def saga(data: Standardised, epochs: int = EPOCHS) -> tuple[np.ndarray, int]:
    """Weights (K, M) and the epochs run: until 5 of them have not improved the summed objective by 1e-5.

    Each call of the package runs 5 epochs with its state carried over; its own stop rule mixes a
    mean over units with a sum and would stop it at once.
    """
    x, y = torch.from_numpy(data.concepts).contiguous(), torch.from_numpy(data.units).contiguous()
    (n, m), k = x.shape, y.shape[1]
    linear, loader, state, best = torch.nn.Linear(m, k), _Loader(x, y), None, np.inf
    linear.weight.data.zero_(), linear.bias.data.zero_()
    done = 0
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        while done < epochs:
            here = min(_LOOKBEHIND, epochs - done)
            state = glm_saga(
                linear, loader, STEP, here, ALPHA, state=state, k=1, epsilon=1, lookbehind=EPOCHS,
                metadata={"max_reg": {"nongrouped": L1}}, family="gaussian", do_zero=False,
                n_ex=n, n_classes=k,
            )["state"]  # fmt: skip
            done += here
            reached = objective(data, linear.weight.detach().numpy(), L1, ALPHA).sum()
            if reached + _TOLERANCE >= best:
                break
            best = min(best, reached)
    return linear.weight.detach().numpy(), done


def mended_saga(data: Standardised, epochs: int = EPOCHS) -> np.ndarray:
    """The same steps with the batch × units × concepts products as matrix products; (K, M)."""
    x, y = torch.from_numpy(data.concepts).contiguous(), torch.from_numpy(data.units).contiguous()
    (n, m), k = x.shape, y.shape[1]
    lam = L1 / ALPHA
    weight, bias = torch.zeros(k, m), torch.zeros(k)
    table, average, b_average = torch.zeros(n, k), torch.zeros(k, m), torch.zeros(k)
    for _ in range(epochs):
        for X, target, index in _Loader(x, y):
            a = torch.addmm(bias, X, weight.T) - target
            change = a - table[index]
            gradient, b_gradient = change.T @ X / len(X), change.mean(0)
            moved = weight - STEP * (gradient + average)
            moved = torch.nn.functional.softshrink(moved, STEP * lam * ALPHA)
            weight, bias = moved / (1 + STEP * lam * (1 - ALPHA)), bias - STEP * (b_gradient + b_average)
            table[index] = a
            average += gradient * (len(X) / n)
            b_average += b_gradient * (len(X) / n)
    return weight.numpy()


@dataclass
class Explained:
    concepts: list[int]
    weights: np.ndarray
    bias: float


def search(P, q, train, val, sparse: np.ndarray) -> Explained:
    """Algorithm 1 for one unit with an Adam fit for each candidate; sparse: its weights (M,)."""
    P_train, P_val = torch.from_numpy(P[:, train]), torch.from_numpy(P[:, val])
    q_train, q_val = torch.from_numpy(q[train]), torch.from_numpy(q[val])
    waiting = list(np.argsort(-sparse, kind="stable"))
    chosen: list[int] = []
    reached, kept = -np.inf, None
    while waiting and len(chosen) < TERMS:
        tried = []
        for concept in waiting[:CANDIDATES]:
            weights, bias = adam(P_train[[*chosen, concept]], q_train)
            tried.append(
                (_correlation(weights @ P_val[[*chosen, concept]] + bias, q_val), concept, weights, bias)
            )
        if chosen:
            good = [t for t in tried if t[0] - reached >= EPSILON]
            rejected = {t[1] for t in tried if t[0] - reached < EPSILON}
        else:
            good, rejected = [t for t in tried if t[0] > 0], set()
        if not good:
            break
        reached, concept, *kept = max(good, key=lambda t: t[0])
        chosen.append(int(concept))
        waiting = [c for c in waiting if c != concept and c not in rejected]
    return Explained(chosen, kept[0].numpy(), float(kept[1])) if kept else Explained([], np.zeros(0), 0.0)


def adam(P: torch.Tensor, q: torch.Tensor, steps: int = 100) -> tuple[torch.Tensor, torch.Tensor]:
    """Least squares by Adam, full batch; q is standardised for it, as its scale is any."""
    mean, scale = q.mean(), q.std().clamp(min=1e-12)
    target = (q - mean) / scale
    weights = torch.zeros(len(P), requires_grad=True)
    bias = torch.zeros((), requires_grad=True)
    optimiser = torch.optim.Adam([weights, bias], lr=0.3)
    for _ in range(steps):
        loss = (weights @ P + bias - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return weights.detach() * scale, bias.detach() * scale + mean


def _correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    a, b = a - a.mean(), b - b.mean()
    spread = a.norm() * b.norm()
    return float(a @ b / spread) if spread > 0 else -np.inf
