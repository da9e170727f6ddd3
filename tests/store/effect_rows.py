"""What units do to a network that was never there: numbers per image, and the rows that follow from them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lexplain_core.store import Buckets, Score, StoreWriter
from lexplain_core.store.rows import places, score_row

from .helpers import EFFECT_REASON, SECOND, Made, N

BETAS = (0.02, 0.1, 0.5, 1.0)
WAYS = {"layer1": "prefix", "layer2": "closed"}
NO_EFFECT = "Replacing the unit changes no loss."
IMPORTED = "Imported explanations get no ablation score."
KINDS = ("ablation", "ablation_optim")
EXACT = ("layer2", "zero")  # the only impacts that are no estimates
IDLE = 3  # the unit of each layer that has no effect


@dataclass(frozen=True)
class Effects:
    """Numbers that `write` puts into a store.

    impact: I(x) by (layer, to), (K, N). error: of a number that was estimated, by (layer, to, unit).
    ablation: the score by (layer, unit, method, simulator, measure), None of a unit without effect.
    maps: bytes by (layer, unit, image, kind), with low and high.
    """

    impact: dict[tuple[str, str], np.ndarray]
    error: dict[tuple[str, str, int], float]
    maps: dict[tuple[str, int, int, str], tuple[np.ndarray, float, float]]
    ablation: dict[tuple[str, int, str, str, str], float | None]


def with_layer2(made: Made) -> Made:
    """The small store's content with a second layer of a network, whose units are layer1's in other clothes."""
    q = made.activations
    layers = {"layer1": q["layer1"], "layer2": q["layer1"][:, ::-1] * 2, "planted": q["planted"]}
    more = {("layer2", unit): made.terms["layer1", unit] for unit in (0, 1)}
    return replace(
        made,
        activations=layers,
        terms=made.terms | more,
        bias=made.bias | {key: 0.25 for key in more},
    )


def invent(made: Made, seed: int = 1) -> Effects:
    """Random effects for the layers of the network."""
    rng = np.random.default_rng(seed)
    impact, error, maps = {}, {}, {}
    for layer in WAYS:
        units = len(made.activations[layer])
        for to in ("zero", "mean") if layer == "layer2" else ("zero",):
            impact[layer, to] = rng.normal(0, 1e-4, (units, N))
            impact[layer, to][IDLE] = 0
            for unit in range(units):
                error[layer, to, unit] = 0.0 if (layer, to) == EXACT else float(rng.random())
    for layer, unit, image, kind in (
        ("layer1", 0, 7, "activation"), ("layer1", 0, 3, "occlusion"), ("layer1", 0, 3, "activation"),
        ("layer1", 0, 9, "gradcam"), ("layer1", 1, 3, "activation"), ("layer2", 0, 3, "activation"),
    ):  # fmt: skip
        steps = rng.integers(0, 256, (3, 4), dtype=np.uint8)
        low, high = sorted(rng.normal(0, 3, 2).astype(np.float32).tolist())
        maps[layer, unit, image, kind] = steps, low, high
    ablation = {
        (layer, unit, method, simulator, kind): None if unit == 4 else float(rng.uniform(-0.2, 1))
        for layer, unit in made.terms
        for method in (SECOND, "le-label")
        for simulator in ("label", "other eye")
        for kind in KINDS
        if layer in WAYS and (layer, method) != ("layer2", SECOND)  # which has none, as if it was imported
    }
    return Effects(impact, error, maps, ablation)


def top_impact(q: np.ndarray, impact: np.ndarray, beta: float) -> float:
    """Eq. 4, in plain Python; ties in activation by image id."""
    order = sorted(range(len(q)), key=lambda i: (-q[i], i))
    total = sum(abs(v) for v in impact.tolist())
    return sum(abs(impact[i]) for i in order[: round(beta * len(q))]) / total


def output_effects(made: Made, layer: str) -> list[tuple]:
    """(unit, bucket, output, change, error, rank, images) of a layer, in no good order."""
    rows = []
    for unit in range(2):
        for bucket in (4, -1, 0):
            for rank, output in ((-2, 0), (2, 3), (-1, 1), (1, 2)):
                change = (0.5 - 0.125 * abs(rank) + 0.0625 * bucket) * np.sign(rank) + unit
                error = abs(change) / (8 if abs(rank) == 1 else 2)  # those of rank 2 are uncertain
                rows.append((unit, bucket, output, float(change), float(error), rank, 5 + bucket))
    return rows


def write(store: StoreWriter, made: Made, effects: Effects, explanations: pd.DataFrame) -> None:
    """Put the effects into a store whose explanations are there already."""
    numbers = {layer: number for number, layer in enumerate(made.activations)}
    totals, tops, buckets, scores = [], [], [], []
    for (layer, to), impact in effects.impact.items():
        for unit, (q, own) in enumerate(zip(made.activations[layer], impact, strict=True)):
            key, error = (numbers[layer], unit, to), effects.error[layer, to, unit]
            idle, exact, total = unit == IDLE, (layer, to) == EXACT, float(np.abs(own).sum())
            totals.append(
                (*key, total, error, 0.01 * unit, error / 2, -0.02 * unit, error / 3, None if idle else 5 * (unit + 1),
                 N if exact else 10, not exact, NO_EFFECT if idle else None)
            )  # fmt: skip
            half = None if not error else 1.96 * error
            low, high = (None, None) if half is None else (max(0.0, total - half), total + half)
            score = Score("impact", to, "all", N if exact else 10, total, low, high, sampled=not exact)
            scores.append(score_row(score, numbers[layer], unit, place=int(to == "mean")))
            for beta in BETAS[::-1]:
                tops.append(
                    (*key, beta, None if idle else top_impact(q, own, beta), None if idle else error / 2)
                )
            found = Buckets.of(q)
            where = found.assign(q) if found else np.full(N, -1)
            for bucket in reversed(range(-1, 8)):
                inside = where == bucket
                part = float(np.abs(own[inside]).sum())
                buckets.append(
                    (*key, bucket, int(inside.sum()), part, None if idle else part / total,
                     None if idle else error / 4)
                )  # fmt: skip
    key = ["layer_id", "unit", "to_value"]
    columns = [*key, "total", "total_error", "accuracy", "accuracy_error", "loss", "loss_error", "half", "images",
               "sampled", "reason"]  # fmt: skip
    store.rows("impacts", pd.DataFrame(totals, columns=columns))
    store.rows("scores", scores)
    store.rows("top_impacts", pd.DataFrame(tops, columns=[*key, "beta", "value", "error"]))
    columns = [*key, "bucket", "images", "impact", "share", "error"]
    store.rows("bucket_impacts", pd.DataFrame(buckets, columns=columns))
    columns = ["unit", "bucket", "output_id", "change", "error", "rank", "images"]
    for layer in WAYS:
        frame = pd.DataFrame(output_effects(made, layer), columns=columns)
        store.rows("output_effects", frame.assign(layer_id=numbers[layer]))
    kept = [
        (numbers[layer], unit, image, kind, *steps.shape, low, high, steps.tobytes())
        for (layer, unit, image, kind), (steps, low, high) in effects.maps.items()
    ]
    columns = ["layer_id", "unit", "image_id", "kind", "height", "width", "low", "high", "data"]
    store.maps(pd.DataFrame(kept, columns=columns))
    _ablations(store, made, effects, explanations)


def _ablations(store: StoreWriter, made: Made, effects: Effects, explanations: pd.DataFrame) -> None:
    layers, rows = list(made.activations), []
    for one in explanations.itertuples():
        for measure in KINDS:
            words = (
                EFFECT_REASON
                if layers[one.layer_id] not in WAYS
                else one.reason
                if isinstance(one.reason, str)
                else IMPORTED
            )
            scores = []
            for simulator in ("label", "other eye"):
                key = (layers[one.layer_id], one.unit, one.method, simulator, measure)
                if key not in effects.ablation:
                    continue
                value = effects.ablation[key]
                ends = (None, None, NO_EFFECT) if value is None else (value - 0.3, value + 0.1, None)
                scores.append(
                    Score(measure, simulator, "test", 9, value, *ends, sampled=key[0] == "layer1",
                          details={"c": 0.5, "d": -0.25})
                )  # fmt: skip
            scores = scores or [Score(measure, "", "test", 9, reason=words)]
            main = "other eye" if one.method == SECOND else "label"
            rows += [
                score_row(score, one.layer_id, one.unit, one.explanation_id, place)
                for score, place in places(scores, main)
            ]
    store.rows("scores", rows)
