"""A small store written by hand, and the arrays that went into it."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from lexplain_core.measures import measures
from lexplain_core.store import Score, StoreWriter
from lexplain_core.store.rows import measure_rows, places, score_row

N = 60
CLASSES = ("boat", "crane", "dog")
CONCEPTS = (
    ("class:boat", "boat", "class"),
    ("class:crane_bird", "crane", "class"),  # three concepts share a name, two of them an origin too
    ("class:crane_machine", "crane", "class"),
    ("superclass:crane", "crane", "superclass"),
    ("colour:red", "red", "colour"),
)
SECOND = "a-second"  # an imported method, before the default one in the alphabet
ENCODERS = ("eye", "other eye")  # concept matrices; the first is the second method's, the second scores
EFFECT_REASON = "Its units are computed, so no network holds them."
NULL = ("null_units", "null_mean", "null_above", "null_reason")
UNITS = ("alive", "alive", "dead", "constant", "negative")


def jpeg(shade: int, side: int = 6) -> bytes:
    """A small grey picture, which the shade tells from the others."""
    out = io.BytesIO()
    Image.new("L", (side, side), shade).save(out, "JPEG")
    return out.getvalue()


@dataclass(frozen=True)
class Made:
    """What `write` put into a store: activations by layer, P by matrix, and the explanations.

    values: P of the label matrix. seen: P by encoder, all concepts but the last.
    """

    activations: dict[str, np.ndarray]
    values: np.ndarray
    splits: np.ndarray
    labels: np.ndarray
    terms: dict[tuple[str, int], list[tuple[int, float]]]
    bias: dict[tuple[str, int], float]
    seen: dict[str, np.ndarray]

    def p(self, matrix: str) -> np.ndarray:
        """P by the name of its matrix."""
        return self.values if matrix == "label" else self.seen[matrix]


def make(seed: int = 0) -> Made:
    rng = np.random.default_rng(seed)
    labels = np.arange(N) % len(CLASSES)
    values = (rng.random((len(CONCEPTS), N)) < [[0.3], [0.3], [0.3], [0.6], [0.4]]).astype(np.float32)
    values[4] *= rng.random(N).astype(np.float32)  # a soft concept, on both sides of 0.5
    values[4, :4] = [0.5, np.nextafter(np.float32(0.5), np.float32(0)), 0.0, 1.0]
    layer1 = np.stack(
        [
            rng.normal(0.3, 1, N),
            2 * values[0] + values[4] + 0.1 * rng.random(N),
            rng.random(N) * 0.009,
            np.full(N, 0.75),
            -1 - rng.random(N),
        ]
    ).astype(np.float32)
    planted = (values[:2] * 3 + 0.2).astype(np.float32)
    terms = {
        ("layer1", 0): [(3, 0.5), (1, -0.7), (4, 0.25)],
        ("layer1", 1): [(0, 2.0), (4, 1.0)],
        ("layer1", 4): [(2, 0.125)],
        ("planted", 0): [(0, 3.0)],
        ("planted", 1): [(1, 3.0), (2, 3.0)],  # a tie of weights, in this order
    }
    bias = {key: round(0.1 * (i + 1), 3) for i, key in enumerate(terms)}
    splits = np.array((["train"] * 7 + ["val"] + ["test"] * 2) * (N // 10), dtype=object)
    seen = {name: rng.random((len(CONCEPTS) - 1, N)).astype(np.float32) for name in ENCODERS}
    seen["other eye"][3] = 0  # no image has anything of this concept, but the matrix knows it
    return Made({"layer1": layer1, "planted": planted}, values, splits, labels, terms, bias, seen)


def write(path: Path, made: Made | None = None, **more) -> Made:
    """Write the small store to `path`, as `fill` does."""
    made = made or make()
    with StoreWriter(path) as store:
        fill(store, made, **more)
    return made


def fill(
    store: StoreWriter,
    made: Made,
    simulators: tuple[str, ...] = ("label",),
    main: str = "label",
    second: bool = False,
    ways: dict[str, str] | None = None,
    **meta,
) -> pd.DataFrame:
    """Fill a store; returns the rows of its explanations. simulators: those that scored. main: the
    headline's one. second: also explain by `SECOND`, with the weights' signs turned round. ways: how
    the units of layers are replaced. `meta` overrides facts."""
    facts = {
        "id": "abc123abc123", "name": "small", "created": "2024-05-06T07:08:09+00:00",
        "probing_set": {"name": "hand", "source": "made by hand"},
        "target": {"name": "none", "source": "no network", "accuracy": None, "accuracy_images": 0},
        "outputs": ["boat", "crane", "dog", "cat"], "build": {"seconds": {}}, "config": {"name": "small"},
        "versions": {"duckdb": "2"}, "rebuild": "python -m lexplain_core build small.toml",
    }  # fmt: skip
    store.meta(**facts | meta)
    store.rows("measures", measure_rows(measures.values()))
    store.rows(
        "classes",
        pd.DataFrame(
            {
                "class_id": range(3),
                "key": ["n1", "n2", "n3"],
                "name": CLASSES,
                "output_id": pd.array([0, 1, None], dtype="Int32"),
            }
        ),
    )
    store.rows(
        "superclasses", pd.DataFrame([(0, "crane", "crane")], columns=["superclass_id", "key", "name"])
    )
    store.rows("superclass_members", pd.DataFrame([(0, 1), (0, 2)], columns=["superclass_id", "class_id"]))
    images = pd.DataFrame(
        {
            "image_id": range(N),
            "key": [f"{CLASSES[c]}/{i}.png" for i, c in enumerate(made.labels)],
            "class_id": made.labels,
            "split": made.splits,
            "width": 40 + np.arange(N),
            "height": 30,
            "caption": [f"image {i}" if i % 2 else None for i in range(N)],
            "predicted": pd.array([i % 4 if i % 5 else None for i in range(N)], dtype="Int32"),
            "thumbnail": [jpeg(i) for i in range(N)],
            "descriptor": [bytes([i % 256]) * 192 for i in range(N)],
            "crop": [jpeg(i, 12) if i % 3 == 0 else None for i in range(N)],
        }
    )
    store.rows("images", images)
    store.rows(
        "skipped_images", pd.DataFrame([("dog/bad.jpg", "it is truncated")], columns=["key", "reason"])
    )
    for number, (name, q) in enumerate(made.activations.items()):
        computed = name == "planted"
        row = {
            "layer_id": number, "name": name, "source": "computed" if computed else "network",
            "kind": "computed" if computed else "map", "pooling": "none" if computed else "mean",
            "shape": [len(q)] if computed else [len(q), 4, 4], "units": len(q),
            "note": "It is computed." if computed else None, "intervention": (ways or {}).get(name),
            "effect_reason": EFFECT_REASON if computed and ways else None,
        }  # fmt: skip
        store.rows("layers", pd.DataFrame([row]))
        status = ["alive"] * len(q) if computed else list(UNITS)
        units = pd.DataFrame(
            {
                "layer_id": number, "unit": range(len(q)), "minimum": q.min(1), "maximum": q.max(1),
                "mean": q.mean(1), "std": q.std(1), "status": status,
                "reason": [None if s == "alive" else f"It is {s}." for s in status],
                "name": [f"p{u}" for u in range(len(q))] if computed else None,
                "truth": json.dumps({"terms": [[3.0, "boat"]], "bias": 0.2, "noise": 0.0}) if computed else None,
            }
        )  # fmt: skip
        store.rows("units", units)
        assert sum(store.activations(number, q)) == len(q)
    store.rows(
        "concepts",
        pd.DataFrame(
            [(i, *c) for i, c in enumerate(CONCEPTS)], columns=["concept_id", "key", "name", "origin"]
        ),
    )
    matrices = [
        ("label", "label", ["explainer", "simulator"], None, None, None, 4, 1, '{"class": [3, 0], "colour": [1, 1]}'),
        ("eye", "encoder", ["explainer"], 10.5, -0.25, 0.125, 3, 7, '{"class, noun": [3, 7]}'),
        ("other eye", "encoder", ["simulator"], 12.0, 0.5, None, None, None, None),
    ]  # fmt: skip
    columns = ["matrix", "kind", "roles", "a", "b", "loss", "kept", "dropped", "filter"]
    frame = pd.DataFrame(matrices, columns=columns).assign(config='{"calibration": {"source": "given"}}')
    store.rows("concept_matrices", frame.astype({"kept": "Int32", "dropped": "Int32"}))
    store.concept_values("label", range(len(CONCEPTS)), made.values)
    for name, values in made.seen.items():
        store.concept_values(name, range(len(values)), values)
    configs = [("c0ffee", "le-label", '{"l1": 0.05}', main, None)]
    if second:
        configs.append(("c0ffee2", SECOND, '{"l1": 0.5}', "other eye", "mine.csv, sha256 ab12"))
    columns = ["config_hash", "method", "config", "simulator", "source"]
    store.rows("method_configs", pd.DataFrame(configs, columns=columns))
    return _explanations(store, made, simulators, {row[0]: row[3] for row in configs})


def own_score(unit: int, simulator: int) -> float:
    """The score that the small store gives: of a unit by its n-th simulator."""
    return 0.5 + 0.1 * unit - 0.3 * simulator


def _explanations(
    store: StoreWriter, made: Made, simulators: tuple[str, ...], mains: dict[str, str]
) -> pd.DataFrame:
    """mains: main simulators by digest of the method's options."""
    explanations, terms, scores = [], [], []
    ways = [("le-label", "c0ffee", "label", 1.0)] + (
        [(SECOND, "c0ffee2", "eye", -1.0)] if "c0ffee2" in mains else []
    )
    everything = [
        (way, number, layer, unit)
        for number, layer in enumerate(made.activations)
        for unit in range(len(made.activations[layer]))
        for way in ways
    ]
    for (method, digest, matrix, sign), number, layer, unit in everything:
        identity = len(explanations)
        found = [(c, sign * w) for c, w in made.terms.get((layer, unit), [])]
        reason = None if found else f"It is {UNITS[unit]}."
        explanations.append(
            (identity, number, unit, method, digest, matrix, made.bias.get((layer, unit)), len(found),
             0.5 if found else None, 1e-9 if found else None, reason)
        )  # fmt: skip
        terms += [(identity, rank, concept, weight) for rank, (concept, weight) in enumerate(found)]
        own = []
        for i, simulator in enumerate(simulators):
            value = own_score(unit, i) if found else None
            ends = (value - 0.1, value + 0.1, None, 0.2 + 0.01 * i) if found else (None, None, "none", None)
            null = (11, 0.01 * i, 2, None) if found else (0, None, None, "none")
            details = dict(zip(NULL, null, strict=True))
            own.append(Score("correlation", simulator, "test", 12, value, *ends, details=details))
        scores += [
            score_row(score, number, unit, identity, place) for score, place in places(own, mains[digest])
        ]
    written = pd.DataFrame(explanations, columns=[
        "explanation_id", "layer_id", "unit", "method", "config_hash", "matrix", "bias", "length",
        "val_correlation", "kkt_violation", "reason"])  # fmt: skip
    store.rows("explanations", written)
    store.rows("terms", pd.DataFrame(terms, columns=["explanation_id", "rank", "concept_id", "weight"]))
    store.rows("scores", scores)
    return written
