"""A store of ImageNet's size, made up: 50,000 images, 4 layers of 256 to 2,048 units, two methods, two encoders.

    python -m benchmarks.big_store STORE.duckdb
    python -m benchmarks.big_store STORE.duckdb --images 5000 --shrink 8

What pages read is there and as large as in a real one: activations with structure (a unit likes some groups of classes), JPEG
thumbnails and crops of their own for every image, explanations with scores, impacts, output_effects, maps, machine observers, embeddings of
all concepts. What it says of units is made up; only its size and its shape are to be measured.
"""

from __future__ import annotations

import argparse
import io
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from PIL import Image

from lexplain_core.measures import measures
from lexplain_core.store import Score, StoreWriter
from lexplain_core.store.buckets import N_BUCKETS, Buckets, example_images
from lexplain_core.store.rows import ExplanationRows, measure_rows, method_config

LAYERS = (("layer1", 256), ("layer2", 512), ("layer3", 1024), ("layer4", 2048))
CLASSES, COARSE, USED = 1000, 60, 400  # classes, superclasses, concepts whose P is kept for each encoder
NOUNS = 7_000  # concepts that no explanation uses
WIDTH = 512  # of embeddings
ENCODERS = {"made-up-explainer": ["explainer"], "made-up-simulator": ["simulator"]}
METHODS = {
    "le-label": ("label", "made-up-simulator"),
    "le-siglip": ("made-up-explainer", "made-up-simulator"),
}
BETAS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_AT_ONCE = 32  # units whose activations are made at a time


def jpeg(rng: np.random.Generator, side: int, quality: int) -> bytes:
    """Blobs with some grain: about as many bytes as a photograph of that size."""
    small = rng.integers(0, 255, (9, 12, 3), dtype=np.uint8)
    blobs = np.asarray(
        Image.fromarray(small).resize((side, side * 3 // 4), Image.Resampling.BICUBIC), np.int16
    )
    grain = rng.integers(-9, 10, (side * 3 // 4, side, 1), dtype=np.int16)
    out = io.BytesIO()
    Image.fromarray((blobs + grain).clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=quality)
    return out.getvalue()


def write(path: Path, images: int = 50_000, shrink: int = 1, seed: int = 0) -> Path:
    """Write the store. shrink: a layer has that many times fewer units."""
    rng = np.random.default_rng(seed)
    layers = [(name, max(8, units // shrink)) for name, units in LAYERS]
    groups = rng.random((COARSE, CLASSES)) < 0.05  # the classes of each superclass
    groups[:, :2] |= True
    labels = rng.permutation(images) % CLASSES
    splits = np.array(["train", "val", "test"])[np.searchsorted([0.7, 0.8], rng.random(images), side="right")]
    with StoreWriter(path) as store:
        _probing_set(store, rng, labels, splits, groups)
        _concepts(store, rng, labels, groups)
        first = 0
        for number, (name, units) in enumerate(layers):
            _layer(store, rng, number, name, units, labels, groups)
            first = _words(store, rng, number, units, first, int((splits == "test").sum()))
            _effects(store, rng, number, units, images)
        store.rows("measures", measure_rows(measures.values()))
        store.meta(
            id=f"madeup{images:06d}"[:12],
            name=f"Made up, {images:,} images",
            created="2026-11-21T00:00:00+00:00",
            probing_set={"name": "made-up images", "source": "benchmarks/big_store.py"},
            target={"name": "a made-up network", "source": "none", "outputs": CLASSES, "accuracy": 0.7, "accuracy_images": images},
            outputs=[f"class {c}" for c in range(CLASSES)],
            build={"seconds": {}, "device": "cpu", "images_per_second": 0.0, "python": ""},
            same_encoder=False,
            temperature=1.0,
            rebuild="python -m benchmarks.big_store",
            config={},
            thumbnail=160,
            versions={},
        )  # fmt: skip
    return path


def _probing_set(store: StoreWriter, rng, labels: np.ndarray, splits: np.ndarray, groups: np.ndarray) -> None:
    names = [f"class {c}" for c in range(CLASSES)]
    store.rows("classes", pd.DataFrame({"class_id": range(CLASSES), "key": [f"n{c:08d}" for c in range(CLASSES)], "name": names, "output_id": range(CLASSES)}))  # fmt: skip
    store.rows("superclasses", pd.DataFrame({"superclass_id": range(COARSE), "key": [f"s{s}" for s in range(COARSE)], "name": [f"group {s}" for s in range(COARSE)]}))  # fmt: skip
    group, member = np.nonzero(groups)
    store.rows("superclass_members", pd.DataFrame({"superclass_id": group, "class_id": member}))
    seeds = rng.integers(0, 2**31, len(labels))

    def row(i: int) -> tuple:
        own = np.random.default_rng(seeds[i])
        return jpeg(own, 160, 80), jpeg(own, 288, 88), own.bytes(192)

    with ThreadPoolExecutor() as pool:
        for start in range(0, len(labels), 4096):
            at = range(start, min(start + 4096, len(labels)))
            thumbnails, crops, descriptors = zip(*pool.map(row, at), strict=True)
            frame = {
                "image_id": list(at), "key": [f"n{labels[i]:08d}/{i:08d}.JPEG" for i in at],
                "class_id": labels[start : at.stop], "split": splits[start : at.stop], "width": 500, "height": 375,
                "caption": None, "predicted": pd.array(labels[start : at.stop], dtype="Int32"),
                "thumbnail": thumbnails, "crop": crops, "descriptor": descriptors,
            }  # fmt: skip
            store.rows("images", pd.DataFrame(frame))


def _concepts(store: StoreWriter, rng, labels: np.ndarray, groups: np.ndarray) -> None:
    """Classes, superclasses and nouns; P of the labels, and of some concepts by each encoder."""
    names = [f"class {c}" for c in range(CLASSES)] + [f"group {s}" for s in range(COARSE)]
    names += [f"noun {n}" for n in range(NOUNS)]
    origins = ["class"] * CLASSES + ["superclass"] * COARSE + ["noun"] * NOUNS
    keys = [f"{origin}:{name}" for origin, name in zip(origins, names, strict=True)]
    store.rows("concepts", pd.DataFrame({"concept_id": range(len(names)), "key": keys, "name": names, "origin": origins}))  # fmt: skip
    known = CLASSES + COARSE
    common = {"loss": 0.05, "kept": known, "dropped": 0, "filter": None, "config": "{}"}
    store.rows("concept_matrices", pd.DataFrame([{"matrix": "label", "kind": "label", "roles": ["explainer"], "a": None, "b": None, **common, "loss": None}]))  # fmt: skip
    for group, member in enumerate([*np.eye(CLASSES, dtype=bool), *groups]):
        if group % 100 == 0:
            piece = []
        piece.append(member[labels])
        if len(piece) == 100 or group == known - 1:
            first = group - len(piece) + 1
            store.concept_values("label", range(first, group + 1), np.stack(piece).astype(np.float32))
    used = [*range(0, CLASSES, CLASSES // (USED - COARSE) + 1)][: USED - COARSE] + [*range(CLASSES, known)]
    for name, roles in ENCODERS.items():
        row = {"matrix": name, "kind": "encoder", "roles": roles, "a": 50.0, "b": -0.1, **common}
        store.rows("concept_matrices", pd.DataFrame([row]))
        for start in range(0, len(used), 20):
            some = used[start : start + 20]
            truth = np.stack([labels == c if c < CLASSES else groups[c - CLASSES][labels] for c in some])
            p = np.where(truth, 0.75, 0.03) + rng.normal(0, 0.08, truth.shape)
            store.concept_values(name, some, p.clip(1e-4, 1).astype(np.float32))
        for kind, count in (("image", len(labels)), ("concept", len(names))):
            for start in range(0, count, 1000):
                ids = np.arange(start, min(start + 1000, count), dtype=np.int32)
                vectors = rng.normal(size=(len(ids), WIDTH)).astype(np.float32)
                vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
                row = {"matrix": name, "kind": kind, "ids": ids, "width": WIDTH, "data": vectors.astype(np.float16).tobytes()}  # fmt: skip
                store.rows("embeddings", pd.DataFrame([row]))


def _layer(store: StoreWriter, rng, number: int, name: str, units: int, labels: np.ndarray, groups: np.ndarray) -> None:  # fmt: skip
    """A layer with its units, activations and maps of its example images."""
    row = {"layer_id": number, "name": name, "source": "network", "kind": "map", "pooling": "mean", "shape": [units, 7, 7],
           "units": units, "note": None, "intervention": "prefix", "effect_reason": None}  # fmt: skip
    store.rows("layers", pd.DataFrame([row]))
    facts, maps = [], []
    for start in range(0, units, _AT_ONCE):
        some = range(start, min(start + _AT_ONCE, units))
        likes = rng.integers(0, COARSE, (len(some), 2))
        values = rng.normal(-0.2, 0.35, (len(some), len(labels))).astype(np.float32)
        for i, (one, other) in enumerate(likes):
            values[i] += groups[one][labels] * np.float32(0.9) + groups[other][labels] * np.float32(0.4)
        np.maximum(values, 0, out=values)
        for _ in store.activations(number, values, start):
            pass
        for i, unit in enumerate(some):
            q = values[i]
            facts.append((number, unit, q.min(), q.max(), q.mean(), q.std(), "alive", None, None, None))
            buckets = Buckets.of(q)
            for bucket in range(N_BUCKETS):
                for image in example_images(q, number, unit, bucket) if buckets else ():
                    maps.append((number, unit, int(image), "activation", 7, 7, 0.0, 1.0, rng.bytes(49)))
    columns = ["layer_id", "unit", "minimum", "maximum", "mean", "std", "status", "reason", "name", "truth"]
    store.rows("units", pd.DataFrame(facts, columns=columns))
    columns = ["layer_id", "unit", "image_id", "kind", "height", "width", "low", "high", "data"]
    store.maps(pd.DataFrame(maps, columns=columns))


def _words(store: StoreWriter, rng, number: int, units: int, first: int, test: int) -> int:
    """Explanations by both methods, with terms and scores; the next free id."""
    rows = ExplanationRows(range(first, first + units * len(METHODS)))
    for method, (matrix, simulator) in METHODS.items():
        if number == 0:
            store.rows("method_configs", [method_config(method, {"made": "up"}, simulator, name=method)])
        for unit in range(units):
            length = int(rng.integers(2, 6))
            concepts = CLASSES + rng.choice(COARSE, length, replace=False)
            weights = rng.choice([1, 1, 1, -1], length) * rng.uniform(0.1, 1, length)
            scores = [Score("range_shift", "", "all", test, rng.random())]
            for name in ("label", *ENCODERS):
                value = rng.beta(4, 3)
                null = {"null_units": 200, "null_mean": 0.0, "null_above": int(rng.integers(0, 5))}
                ends = value, value - 0.02, value + 0.02
                scores.append(Score("correlation", name, "test", test, *ends, chance=0.2, details=null))
                if name == simulator:
                    scores.append(Score("ablation", name, "test", test, *ends, details={"c": 1.0, "d": 0.0}))
            rows.add(
                zip(weights, concepts, strict=True), scores, simulator, layer_id=number, unit=unit, method=method,
                config_hash=method, matrix=matrix, bias=0.1, val_correlation=0.5, kkt_violation=1e-9,
            )  # fmt: skip
    store.explanations(rows)
    return first + units * len(METHODS)


def _effects(store: StoreWriter, rng, number: int, units: int, images: int) -> None:
    """Impacts, output_effects, machine observers and similar units."""
    unit = np.arange(units)
    for to in ("zero", "mean"):
        where = {"layer_id": number, "to_value": to}
        store.rows("impacts", pd.DataFrame({"unit": unit, **where, "total": rng.uniform(1, 99, units), "total_error": 0.0, "accuracy": 0.01,
                   "loss": 0.01, "images": images, "sampled": False, "reason": None}))  # fmt: skip
        store.rows("scores", pd.DataFrame({"measure": "impact", "layer_id": number, "unit": unit, "by": to, "place": int(to == "mean"),
                   "split": "all", "n": images, "value": rng.uniform(1, 99, units), "sampled": False}))  # fmt: skip
        rows = {"unit": np.repeat(unit, len(BETAS)), **where, "beta": np.tile(BETAS, units), "error": 0.0}
        store.rows("top_impacts", pd.DataFrame(rows).assign(value=np.sqrt(np.tile(BETAS, units))))
        bucket = np.tile(np.arange(-1, N_BUCKETS), units)
        rows = {"unit": np.repeat(unit, N_BUCKETS + 1), **where, "bucket": bucket, "images": images // 9, "impact": 1.0, "share": 1 / 9, "error": 0.0}  # fmt: skip
        store.rows("bucket_impacts", pd.DataFrame(rows))
    ranks = [*range(1, 6), *range(-5, 0)]
    per = N_BUCKETS * len(ranks)
    store.rows("output_effects", pd.DataFrame({
        "layer_id": number, "unit": np.repeat(unit, per), "bucket": np.tile(np.repeat(range(N_BUCKETS), len(ranks)), units),
        "output_id": rng.integers(0, CLASSES, units * per), "change": rng.normal(size=units * per),
        "rank": np.tile(ranks, units * N_BUCKETS), "images": 100,
    }))  # fmt: skip
    for place, name in enumerate(("made-up-simulator", "target")):
        for measure, value in (
            ("margin", rng.normal(size=units)),
            ("observer", rng.integers(8, 21, units) / 20),
        ):
            store.rows("scores", pd.DataFrame({"measure": measure, "layer_id": number, "unit": unit, "by": name, "place": place,
                       "split": "all", "n": 20, "value": value, "sampled": False}))  # fmt: skip
    ranks = [*range(1, 11), -3, -2, -1]
    others = np.stack([(unit + 1 + step) % units for step in range(len(ranks))], axis=1)
    # a layer may have fewer other units than places
    places = min(len(ranks), units - 1)
    store.rows("similar_units", pa.table({
        "layer_id": np.full(units * places, number, np.int32), "unit": np.repeat(unit, places).astype(np.int32),
        "other": others[:, :places].ravel().astype(np.int32), "rank": np.tile(ranks[:places], units).astype(np.int32),
        "correlation": rng.uniform(0.2, 0.8, units * places).astype(np.float32),
    }))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--shrink", type=int, default=1)
    options = parser.parse_args()
    start = time.perf_counter()
    path = write(options.store, options.images, options.shrink)
    print(f"{path}: {path.stat().st_size / 2**30:.2f} GiB in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
