"""What is explained in the benchmarks: layers of real builds, and random P of realistic sparsity."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Layer:
    """P float32 (M, N), q float32 (K, N), and the boolean splits (N,)."""

    name: str
    P: np.ndarray
    q: np.ndarray
    train: np.ndarray
    val: np.ndarray
    test: np.ndarray

    def units(self, count: int) -> Layer:
        return Layer(self.name, self.P, self.q[:count], self.train, self.val, self.test)

    def problem(self, device: str = "cpu"):
        from lexplain_core.concepts import Concept, ConceptMatrix
        from lexplain_core.explain import Problem

        concepts = tuple(Concept(str(i), str(i), "") for i in range(len(self.P)))
        return Problem(self.q, ConceptMatrix("label", concepts, self.P, {}), self.train, self.val, 0, device)

    def save(self, path: Path) -> Path:
        np.savez(path, P=self.P, q=self.q, train=self.train, val=self.val, test=self.test, name=self.name)
        return path

    @classmethod
    def load(cls, path: str) -> Layer:
        with np.load(path, allow_pickle=False) as file:
            parts = {key: file[key] for key in ("P", "q", "train", "val", "test")}
            return cls(str(file["name"]), **parts)


def splits(n: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Boolean train, val, test of n images, 70/10/20."""
    order = rng.permutation(n)
    masks = []
    for low, high in ((0, 0.7), (0.7, 0.8), (0.8, 1)):
        mask = np.zeros(n, bool)
        mask[order[int(low * n) : int(high * n)]] = True
        masks.append(mask)
    return masks


def random_layer(n: int, m: int, k: int, seed: int = 0) -> Layer:
    """P as an encoder gives it: near 0 for most images, high on a few, related concepts together.

    Each concept is on 0.2 to 5 % of the images, half of them also where a parent concept is; each
    unit is made of 1 to 8 concepts and noise of the size of its signal.
    """
    rng = np.random.default_rng(seed)
    P = np.empty((m, n), np.float32)
    parents = max(1, m // 20)
    for j in range(m):
        P[j] = 0.03 * rng.random(n, dtype=np.float32) ** 2
        share = rng.uniform(0.002, 0.05)
        on = rng.random(n, dtype=np.float32) < share
        if j >= parents and j % 2:
            on |= (P[rng.integers(parents)] > 0.5) & (rng.random(n, dtype=np.float32) < 0.4)
        P[j, on] = 0.4 + 0.6 * rng.random(int(on.sum()), dtype=np.float32)
    q = rng.standard_normal((k, n), dtype=np.float32)
    for unit in range(k):
        terms = rng.choice(m, rng.integers(1, 9), replace=False)
        signal = rng.uniform(0.3, 1, len(terms)).astype(np.float32) @ P[terms]
        q[unit] = signal + q[unit] * signal.std()
    return Layer(f"random, N={n:,} M={m:,} K={k:,}", P, q, *splits(n, rng))


def built_layer(config, layer: str) -> Layer:
    """A layer of a real build: its recorded activations and the concepts that pass the filter."""
    from lexplain_core.base.progress import Terminal
    from lexplain_core.concepts import usable
    from lexplain_core.pipeline.build import make

    splits, labels, recorded = make(config, "splits", "matrix:label", "recorded", progress=Terminal())
    train, val, test = (splits == part for part in ("train", "val", "test"))
    P = labels.values
    P = P[usable(P, train, config.explain.min_top5_mean, config.explain.min_std)]
    found = next(one for one in recorded if one.name == layer)
    q = np.array(found.values[found.explainable])
    return Layer(f"{config.name}, {layer}, N={P.shape[1]:,} M={len(P)} K={len(q)}", P, q, train, val, test)
