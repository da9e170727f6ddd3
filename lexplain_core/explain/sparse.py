"""The sparse fit of all units of a layer (paper, section 3.2.1), and its solvers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from glm_saga.elasticnet import glm_saga
from torch import Tensor

from ..base.memory import blocks, large
from ..base.progress import Progress
from ..base.registry import Registry
from ..config import Linear
from .base import Problem
from .exact import solve

# The largest batch × units × concepts product that one SAGA step may make (floats): it stays in cache.
_SAGA_PRODUCT = 2_000_000
# SAGA stops after this many epochs without progress, as in the published code.
_LOOKBEHIND = 5
_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Standardised:
    """P and q of the train split, each row with mean 0 and standard deviation 1; float32.

    concepts: (N, M). units: (N, K). Images come first, as solvers take them in batches.
    """

    concepts: np.ndarray
    units: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, q: np.ndarray, train: np.ndarray) -> Standardised:
        return cls(_standardise(values, train), _standardise(q, train))


def _standardise(values: np.ndarray, images: np.ndarray) -> np.ndarray:
    out = large((int(images.sum()), len(values)))
    for part in blocks(*values.shape):
        rows = values[part][:, images].astype(np.float64)
        spread = rows.std(axis=1, keepdims=True)
        out[:, part] = ((rows - rows.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1)).T
    return out


def objective(data: Standardised, weights: np.ndarray, l1: float, alpha: float) -> np.ndarray:
    """½·mean(err²) + λ·(α‖w‖₁ + (1−α)/2·‖w‖₂²) of each unit, λ = l1/α; float64 (K,).

    weights: (K, M). Both sides have mean 0, so the optimal intercept is 0.
    """
    weights = weights.astype(np.float64)
    error = np.empty(data.units.shape)
    for part in blocks(*data.concepts.shape):
        error[part] = data.concepts[part].astype(np.float64) @ weights.T - data.units[part]
    ridge = l1 / alpha * (1 - alpha) / 2
    return 0.5 * (error**2).mean(axis=0) + l1 * np.abs(weights).sum(axis=1) + ridge * (weights**2).sum(axis=1)


# name -> function(Problem, Linear, Progress) -> weights of standardised P and q, (K, M)
solvers: Registry[Callable[[Problem, Linear, Progress], Tensor]] = Registry("solver")


@solvers.register("exact")
def exact(problem: Problem, explain: Linear, progress: Progress) -> Tensor:
    """Solve for all units at once, to the optimum, on the Gram matrix (`exact`); float64 (K, M)."""
    with progress.task("sparse fit", total=len(problem.q)) as advance:
        return solve(problem.basis, problem.targets, explain.l1, explain.alpha, advance)[0]


class _Batches:
    """Shuffled batches (X, y, index) straight from tensors, a new order each epoch."""

    def __init__(self, x: torch.Tensor, y: torch.Tensor, size: int, seed: int):
        self.x, self.y, self.size = x, y, size
        self.generator = torch.Generator().manual_seed(seed)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
        for index in torch.randperm(len(self.x), generator=self.generator).split(self.size):
            yield self.x[index], self.y[index], index


@solvers.register("glm-saga")
def published(problem: Problem, explain: Linear, progress: Progress) -> Tensor:
    """Solve as the published code does (`saga`); float32 (K, M)."""
    data = Standardised.of(problem.matrix.values, problem.q, problem.train)
    weights = saga(data, explain, problem.seed, progress)
    return torch.from_numpy(weights).to(problem.device)


def saga(data: Standardised, explain: Linear, seed: int, progress: Progress) -> np.ndarray:
    """Solve with the `glm-saga` package, as the published code configures it.

    λ is passed as its `max_reg` with a path of one point. The package's own stop rule compares a
    loss averaged over units with a penalty summed over them, so for more than one unit it stops
    within a few epochs; here it is run 5 epochs at a time, its state carried over, and a unit leaves
    when its own stated objective has not improved by 1e-5 in them, so that what a unit gets doesn't
    depend on the others. Units are solved in pieces, since a step of the package builds a
    batch × units × concepts array.
    Returns weights, float32 (K, M), for standardised P and q.
    """
    x = torch.from_numpy(np.ascontiguousarray(data.concepts))
    k = data.units.shape[1]
    workers = os.cpu_count() or 1
    piece = max(1, min(_SAGA_PRODUCT // (explain.batch * x.shape[1]), -(-k // workers)))
    pieces = [slice(start, start + piece) for start in range(0, k, piece)]
    weights = np.zeros((k, x.shape[1]), dtype=np.float32)

    def solve(part: slice) -> int:
        y = torch.from_numpy(np.ascontiguousarray(data.units[:, part]))
        weights[part] = _saga_piece(x, y, explain, seed)
        return y.shape[1]

    with (
        progress.task("sparse fit (glm-saga)", total=k) as advance,
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),  # the package prints a line a call
        _one_thread_each(),
        ThreadPoolExecutor(workers) as pool,
    ):
        for solved in pool.map(solve, pieces):
            advance(solved)
    return weights


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Torch on one thread: a step's arrays are small, and side by side the pieces fill the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _saga_piece(x: torch.Tensor, y: torch.Tensor, explain: Linear, seed: int) -> np.ndarray:
    (n, m), k = x.shape, y.shape[1]
    weights = np.zeros((k, m), dtype=np.float32)
    running, best = np.arange(k), np.full(k, np.inf)
    linear, batches, state = _linear(m, k), _Batches(x, y, explain.batch, seed), None
    for epoch in range(0, explain.epochs, _LOOKBEHIND):
        epochs = min(_LOOKBEHIND, explain.epochs - epoch)
        with torch.no_grad():
            state = glm_saga(
                linear, batches, explain.step, epochs, explain.alpha, state=state, k=1, epsilon=1,
                metadata={"max_reg": {"nongrouped": explain.l1}}, family="gaussian", do_zero=False,
                lookbehind=explain.epochs, n_ex=n, n_classes=len(running),
            )["state"]  # fmt: skip
        weights[running] = linear.weight.detach().numpy()
        data = Standardised(x.numpy(), batches.y.numpy())
        reached = objective(data, weights[running], explain.l1, explain.alpha)
        going = reached + _TOLERANCE < best
        if not going.any():
            break
        if not going.all():  # go on with the others alone: a step treats each unit by itself
            running, reached = running[going], reached[going]
            keep = torch.from_numpy(going)
            batches.y = batches.y[:, keep].contiguous()
            linear = _linear(m, len(running), linear.weight.detach()[keep], linear.bias.detach()[keep])
            state = {
                "a_table": state["a_table"][:, keep],
                "w_grad_avg": state["w_grad_avg"][keep],
                "b_grad_avg": state["b_grad_avg"][keep],
            }
        best = reached
    return weights


def _linear(
    m: int, k: int, weight: torch.Tensor | float = 0, bias: torch.Tensor | float = 0
) -> torch.nn.Linear:
    linear = torch.nn.utils.skip_init(torch.nn.Linear, m, k)  # leaves the random state alone
    with torch.no_grad():
        linear.weight[:], linear.bias[:] = weight, bias
    return linear
