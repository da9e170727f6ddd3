"""Stores written by hand, whose activations are given: no network, no explanations."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from lexplain_core.measures import measures
from lexplain_core.store import Score, StoreWriter
from lexplain_core.store.rows import measure_rows, score_row


def write_store(
    path: Path,
    layers: dict[str, np.ndarray],
    computed: Sequence[str] = (),
    observer: dict[str, np.ndarray] | None = None,
    keys: Sequence[str] | None = None,
    sizes: Sequence[tuple[int, int]] | None = None,
    thumbnails: Sequence[bytes] | None = None,
    probe: dict | None = None,
    correlation: dict[str, np.ndarray] | None = None,
    digests: Sequence[bytes] | None = None,
) -> Path:
    """layers: name -> activations (K, N). computed: which of them no network has. observer: a machine
    observer's scores of a layer's units, (K,). sizes: width and height of the images. correlation: test
    scores of a layer's units, (K,), which are explained by a bias alone then."""
    n = next(iter(layers.values())).shape[1]
    with StoreWriter(path) as store:
        store.meta(
            id="0123456789ab", name="by hand", target={"name": "NoNet"}, outputs=None,
            config={"name": "by hand", "layers": list(layers), "store": str(path), "probe": probe or {"set": "folder"}},
        )  # fmt: skip
        store.rows("measures", measure_rows(measures.values()))
        store.rows("classes", pd.DataFrame({"class_id": [0], "key": ["c"], "name": ["c"], "output_id": [0]}))
        images = {
            "image_id": range(n),
            "key": list(keys or (f"c/{i}.png" for i in range(n))),
            "class_id": 0,
            "split": "train",
            "width": [w for w, _ in sizes] if sizes else 8,
            "height": [h for _, h in sizes] if sizes else 8,
            "thumbnail": list(thumbnails or [b""] * n),
            "descriptor": [b"\0" * 192] * n,
            "digest": list(digests or [None] * n),
        }
        store.rows("images", pd.DataFrame(images))
        for number, (name, q) in enumerate(layers.items()):
            source = "computed" if name in computed else "network"
            row = {
                "layer_id": number, "name": name, "source": source, "kind": "map", "pooling": "mean",
                "shape": [len(q), 1, 1], "units": len(q),
            }  # fmt: skip
            store.rows("layers", pd.DataFrame([row]))
            units = {
                "layer_id": number, "unit": range(len(q)), "minimum": q.min(1), "maximum": q.max(1),
                "mean": q.mean(1), "std": q.std(1), "status": "alive",
            }  # fmt: skip
            store.rows("units", pd.DataFrame(units))
            assert sum(store.activations(number, q)) == len(q)
            if observer and name in observer:
                scores = {
                    "measure": "observer", "layer_id": number, "unit": range(len(q)), "by": "eye", "place": 0, "split": "all",
                    "n": 20, "value": observer[name], "sampled": False,
                }  # fmt: skip
                store.rows("scores", pd.DataFrame(scores))
            for u, value in enumerate((correlation or {}).get(name, ())):
                explain(store, number, u, float(value))
        if correlation:
            config = {"config_hash": "c0ffee", "method": "le-label", "config": "{}", "simulator": "label"}
            store.rows("method_configs", pd.DataFrame([config]))
    return path


def explain(store: StoreWriter, layer: int, unit: int, value: float) -> None:
    number = 1000 * layer + unit
    explanation = {
        "explanation_id": number, "layer_id": layer, "unit": unit, "method": "le-label", "config_hash": "c0ffee",
        "matrix": "label", "bias": 0.5, "length": 0,
    }  # fmt: skip
    store.rows("explanations", pd.DataFrame([explanation]))
    store.rows("scores", [score_row(Score("correlation", "label", "test", 20, value), layer, unit, number)])


def jpeg_of(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
