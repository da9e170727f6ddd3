"""Plain, slow versions of the sparse fit and the greedy search, and problems to compare on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Plain:
    """What Algorithm 1 gives: concepts in order of selection, weights, bias, validation correlation.

    `margin` is the smallest distance of any decision from turning out otherwise: where it is of the
    order of rounding, two right programs may differ.
    """

    concepts: list[int]
    weights: list[float]
    bias: float | None
    correlation: float | None
    margin: float


def correlate(a: np.ndarray, b: np.ndarray) -> float:
    """np.corrcoef, with -inf where it is undefined."""
    if np.ptp(a) <= 1e-9 * max(1, abs(a).max()) or np.ptp(b) == 0:
        return -np.inf
    return float(np.corrcoef(a, b)[0, 1])


def fit(P: np.ndarray, q: np.ndarray, concepts: list[int]) -> np.ndarray:
    """Least squares with intercept on raw P and q; the intercept comes last."""
    X = np.column_stack([*(P[c] for c in concepts), np.ones(P.shape[1])])
    return np.linalg.lstsq(X, q, rcond=None)[0]


def plain_ranking(weights, P_train, q_train) -> list[int]:
    """By signed sparse weight, descending; zeros among themselves by |train correlation|, then id."""

    def key(c: int):
        r = correlate(P_train[c], q_train)
        return (-weights[c], -abs(r) if np.isfinite(r) else 0.0, c)

    return sorted(range(len(weights)), key=key)


def plain_greedy(order, P, q, train, val, candidates=10, epsilon=0.02, max_terms=10) -> Plain:
    """Algorithm 1 as the method's description words it, one candidate at a time."""
    P, q = np.asarray(P, np.float64), np.asarray(q, np.float64)
    chosen: list[int] = []
    rejected: set[int] = set()
    reached, margin = None, np.inf
    while len(chosen) < max_terms:
        tried = [c for c in order if c not in chosen and c not in rejected][:candidates]
        correlations = []
        for c in tried:
            w = fit(P[:, train], q[train], [*chosen, c])
            simulated = w[:-1] @ P[[*chosen, c]][:, val] + w[-1]
            correlations.append(correlate(simulated, q[val]))
        if chosen:
            margin = min([margin, *(abs(r - reached - epsilon) for r in correlations)])
            rejected |= {c for c, r in zip(tried, correlations, strict=True) if r - reached < epsilon}
            good = [(r, c) for c, r in zip(tried, correlations, strict=True) if c not in rejected]
        else:
            margin = min([margin, *(abs(r) for r in correlations)])
            good = [(r, c) for c, r in zip(tried, correlations, strict=True) if r > 0]
        if not good:
            break
        best = max(good, key=lambda item: item[0])  # the first of equals: the higher ranked
        others = [r for r, c in good if not np.array_equal(P[c], P[best[1]])]
        margin = min([margin, *(best[0] - r for r in others)])
        chosen.append(best[1])
        reached = best[0]
    if not chosen:
        return Plain([], [], None, None, margin)
    w = fit(P[:, train], q[train], chosen)
    return Plain(chosen, w[:-1].tolist(), float(w[-1]), reached, margin)


def plain_elastic_net(X, y, l1, alpha, sweeps=20_000):
    """Cyclic coordinate descent on ½·mean((y − Xw)²) + λ(α‖w‖₁ + (1−α)/2‖w‖₂²), λ = l1/α; float64."""
    X, y = np.asarray(X, np.float64), np.asarray(y, np.float64)
    n, m = X.shape
    ridge = l1 / alpha * (1 - alpha)
    w, residual = np.zeros(m), y.copy()
    for _ in range(sweeps):
        moved = 0.0
        for j in range(m):
            norm = X[:, j] @ X[:, j] / n
            rho = X[:, j] @ residual / n + norm * w[j]
            new = np.sign(rho) * max(abs(rho) - l1, 0) / (norm + ridge) if norm + ridge > 0 else 0.0
            residual += X[:, j] * (w[j] - new)
            moved, w[j] = max(moved, abs(new - w[j])), new
        if moved < 1e-10:
            break
    return w


def plain_objective(X, y, w, l1, alpha) -> float:
    X, y, w = np.asarray(X, np.float64), np.asarray(y, np.float64), np.asarray(w, np.float64)
    lam = l1 / alpha
    return float(
        0.5 * np.mean((y - X @ w) ** 2)
        + lam * (alpha * np.abs(w).sum() + (1 - alpha) / 2 * (w**2).sum())
    )  # fmt: skip


def plain_standardise(rows: np.ndarray, train: np.ndarray) -> np.ndarray:
    """The train split's columns, each row with mean 0 and standard deviation 1, or 0; float64 (n, rows)."""
    rows = np.asarray(rows, np.float64)[:, train]
    spread = np.where(np.ptp(rows, axis=1) > 0, rows.std(axis=1), np.inf)
    return ((rows - rows.mean(axis=1, keepdims=True)) / spread[:, None]).T


def plain_violation(X, y, w, l1, alpha) -> float:
    """Largest distance of 0 from the subdifferential of `plain_objective`, from the images."""
    gradient = X.T @ (X @ w - y) / len(y) + l1 / alpha * (1 - alpha) * w
    return float(np.where(w != 0, abs(gradient + l1 * np.sign(w)), np.maximum(abs(gradient) - l1, 0)).max())


def awkward_problem(seed: int, n: int, m: int, k: int):
    """P (M, N), q (K, N) and the splits, with all that a concept matrix can have against it.

    With 12 concepts or more: a duplicate, one constant everywhere, one on train, one on val; a one-hot
    set of classes, which sum to the intercept, and two superclasses of them. The second unit, if there
    is one, is constant; odd seeds have soft values.
    """
    rng = np.random.default_rng(seed)
    P = (rng.random((m, n)) < rng.uniform(0.1, 0.6, (m, 1))).astype(np.float32)
    if seed % 2:
        P = np.clip(0.7 * P + 0.3 * rng.random((m, n)), 0, 1).astype(np.float32)
    train, val = splits(n, rng)
    if m >= 12:
        P[1], P[2] = P[0], 0.3
        P[3, train], P[4, val] = 0.7, 0.1
        classes = rng.integers(0, 5, n)
        P[5:10] = classes == np.arange(5)[:, None]
        P[10], P[11] = P[5] + P[6], P[5] + P[6] + P[7]
    truth = np.where(rng.random((k, m)) < min(0.3, 6 / m), rng.normal(0, 1, (k, m)), 0)
    q = truth @ P + rng.choice([0.1, 1]) * rng.normal(0, 1, (k, n)) + rng.choice([0, -5, 100])
    if k > 1:
        q[1] = 3.3
    return P, q.astype(np.float32), train, val


def splits(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Boolean train and val of n images, about 70/10, at least 6 for val."""
    order = rng.permutation(n)
    train, val = np.zeros(n, bool), np.zeros(n, bool)
    n_val = max(6, n // 10)
    train[order[: n - 2 * n_val]] = True
    val[order[n - 2 * n_val : n - n_val]] = True
    return train, val
