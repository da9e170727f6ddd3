"""The greedy search for a short explanation (paper, section 3.2.2, Algorithm 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .base import Found

# Directions of the candidates' covariance below this share of the largest count as none.
_RANK = 1e-10
NO_CANDIDATE = (
    "No concept among the first candidates correlates positively with the unit on the validation split."
)


@dataclass(frozen=True)
class Moments:
    """Means and covariances of P and q on one split; all that least squares and correlation need.

    mean_p (M,), mean_q (K,), cov (M, M), cross (M, K), var_q (K,); float64.
    """

    mean_p: np.ndarray
    mean_q: np.ndarray
    cov: np.ndarray
    cross: np.ndarray
    var_q: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, q: np.ndarray) -> Moments:
        """Moments of P (M, n) and q (K, n)."""
        p, q = values.astype(np.float64), q.astype(np.float64)
        mean_p, mean_q = p.mean(axis=1), q.mean(axis=1)
        p -= mean_p[:, None]
        q = q - mean_q[:, None]
        n = p.shape[1]
        return cls(mean_p, mean_q, p @ p.T / n, p @ q.T / n, (q**2).mean(axis=1))


def ranking(weights: np.ndarray, train: Moments, unit: int) -> np.ndarray:
    """Concepts in the order in which the search takes them; int64 (M,).

    By signed sparse weight (M,), descending; equal ones (the zeros) by |train correlation|, then id.
    """
    spread = np.sqrt(np.diag(train.cov) * train.var_q[unit])
    correlation = np.abs(train.cross[:, unit]) / np.where(spread > 0, spread, np.inf)
    return np.lexsort((np.arange(len(weights)), -correlation, -weights))


def greedy(
    order: np.ndarray,
    train: Moments,
    val: Moments,
    unit: int,
    candidates: int,
    epsilon: float,
    max_terms: int,
) -> Found:
    """Grow an explanation concept by concept while validation correlation gains.

    Each round fits the `candidates` highest-ranked concepts that are neither chosen nor rejected,
    each together with those chosen, by least squares with intercept on raw P and q of the train
    split. A candidate that gains less than `epsilon` is rejected for good; of the others the best
    is added. In the first round ε does not apply: the best with a positive correlation is taken.
    Returns the concepts that were selected, with the weights of their joint fit.
    """
    chosen: list[int] = []
    weights = np.zeros(0)
    reached = 0.0
    waiting = [int(c) for c in order]
    while waiting and len(chosen) < max_terms:
        tried = waiting[:candidates]
        fits = _fit(np.array([[*chosen, c] for c in tried]), train, unit)
        correlations = _correlate(np.array([[*chosen, c] for c in tried]), fits, val, unit)
        best = int(np.argmax(correlations))
        if chosen:
            rejected = {c for c, r in zip(tried, correlations, strict=True) if r - reached < epsilon}
        else:
            rejected = set() if correlations[best] > 0 else set(tried)
        if len(rejected) == len(tried):
            break
        chosen.append(tried[best])
        weights, reached = fits[best], float(correlations[best])
        waiting = [c for c in waiting if c != tried[best] and c not in rejected]
    if not chosen:
        return Found(reason=NO_CANDIDATE)
    bias = float(train.mean_q[unit] - weights @ train.mean_p[chosen])
    return Found(tuple(chosen), tuple(float(w) for w in weights), bias, reached)


def _fit(sets: np.ndarray, moments: Moments, unit: int) -> np.ndarray:
    """Least-squares weights of each set of concepts (S, t) -> (S, t); collinear ones share theirs."""
    cov = moments.cov[sets[:, :, None], sets[:, None, :]]
    inverse = np.linalg.pinv(cov, rcond=_RANK, hermitian=True)
    return np.einsum("sij,sj->si", inverse, moments.cross[sets, unit])


def _correlate(sets: np.ndarray, weights: np.ndarray, moments: Moments, unit: int) -> np.ndarray:
    """Correlation of each fit with the unit on a split; -inf where either is constant."""
    cov = moments.cov[sets[:, :, None], sets[:, None, :]]
    variance = np.einsum("si,sij,sj->s", weights, cov, weights)
    shared = np.einsum("si,si->s", weights, moments.cross[sets, unit])
    spread = np.sqrt(np.maximum(variance, 0) * moments.var_q[unit])
    defined = (spread > 0) & (variance > 1e-14 * np.einsum("si,sii,si->s", weights, cov, weights))
    return np.where(defined, shared / np.where(spread > 0, spread, 1), -np.inf)
