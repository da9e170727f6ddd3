"""A build's results into the store."""

from __future__ import annotations

import hashlib
import json
import platform
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd

from . import __version__
from .config import Build
from .explain import methods
from .probe import ProbingSet
from .probe.images import thumbnail_jpeg
from .store import StoreWriter
from .target import Recording, TargetModel
from .work import Work

CROP_SIDE = 288
TOP_IMAGES = 9  # per unit, whose crop is kept
_IMAGES_IN_ID = 32  # whose pixels go into the store's id
_PACKAGES = ("torch", "torchvision", "duckdb", "glm-saga", "numpy", "pillow", "timm", "open_clip_torch")


def write_store(work: Work) -> None:
    with StoreWriter(work.config.store) as store:
        _write_probing_set(work, store)
        _write_images(work, store)
        _write_layers(work, store)
        _write_explanations(work, store)
        _write_meta(work, store)


def _write_probing_set(work: Work, store: StoreWriter) -> None:
    probing = work.probing
    classes = pd.DataFrame(
        {
            "class_id": range(len(probing.classes)),
            "key": [c.key for c in probing.classes],
            "name": [c.name for c in probing.classes],
            "output_id": pd.array(work.class_outputs, dtype="Int32"),
        }
    )
    store.rows("classes", classes)
    groups = [(i, s.key, s.name) for i, s in enumerate(probing.superclasses)]
    members = [(i, int(c)) for i, s in enumerate(probing.superclasses) for c in s.classes]
    store.rows("superclasses", pd.DataFrame(groups, columns=["superclass_id", "key", "name"]))
    store.rows("superclass_members", pd.DataFrame(members, columns=["superclass_id", "class_id"]))
    store.rows(
        "skipped_images",
        pd.DataFrame([(s.key, s.reason) for s in probing.skipped], columns=["key", "reason"]),
    )


def _write_images(work: Work, store: StoreWriter) -> None:
    probing, side = work.probing, work.config.thumbnail
    examples = _example_images(work.layers)
    predicted = work.run.predicted

    def row(i: int) -> tuple:
        image = probing.load(i)
        crop = thumbnail_jpeg(work.model.crop(image), CROP_SIDE) if i in examples else None
        return (
            i, probing.keys[i], int(probing.labels[i]), str(work.splits[i]), image.width, image.height,
            probing.captions[i] if probing.captions else None,
            None if predicted is None else int(predicted[i]), thumbnail_jpeg(image, side), crop,
        )  # fmt: skip

    columns = [
        "image_id", "key", "class_id", "split", "width", "height", "caption", "predicted", "thumbnail", "crop",
    ]  # fmt: skip
    with ThreadPoolExecutor() as pool, work.progress.task("thumbnails", total=len(probing)) as advance:
        for start in range(0, len(probing), 1024):
            rows = list(pool.map(row, range(start, min(start + 1024, len(probing)))))
            frame = pd.DataFrame(rows, columns=columns)
            frame["predicted"] = frame["predicted"].astype("Int32")
            store.rows("images", frame)
            advance(len(rows))


def _example_images(layers: list[Recording]) -> set[int]:
    """Images that are among the strongest of any unit."""
    found: set[int] = set()
    for layer in layers:
        count = min(TOP_IMAGES, layer.values.shape[1])
        for unit in layer.values:
            found.update(np.argpartition(unit, -count)[-count:].tolist())
    return found


def _write_layers(work: Work, store: StoreWriter) -> None:
    computed = {layer.name: layer for layer in work.probing.computed_layers}
    for number, (layer, facts) in enumerate(zip(work.layers, work.units, strict=True)):
        info, source = layer.info, computed.get(layer.info.name)
        row = {
            "layer_id": number, "name": info.name, "source": "computed" if source else "network",
            "kind": info.kind, "pooling": layer.pooling, "shape": list(info.shape), "units": info.units,
            "note": source.note if source else None,
        }  # fmt: skip
        store.rows("layers", pd.DataFrame([row]))
        frame = facts.assign(layer_id=number, unit=range(info.units), name=None, truth=None)
        if source:
            frame["name"] = [unit.name for unit in source.units]
            frame["truth"] = [
                json.dumps({"terms": unit.terms, "bias": unit.bias, "noise": unit.noise})
                for unit in source.units
            ]
        store.rows("units", frame)
        with work.progress.task(f"store {info.name}", total=info.units) as advance:
            for written in store.activations(number, layer.values):
                advance(written)


def _write_explanations(work: Work, store: StoreWriter) -> None:
    ids = _write_concepts(work, store)
    explanations, terms, scores, identity = [], [], [], 0
    for (number, name), found in work.explanations.items():
        digest, matrix = config_hash(methods[name].config(work.config.explain)), methods[name].matrix
        for unit, result in found.items():
            explanations.append(
                (identity, number, unit, name, digest, matrix, result.bias, len(result.concepts),
                 result.val_correlation, result.reason)
            )  # fmt: skip
            for rank, (concept, weight) in enumerate(zip(result.concepts, result.weights, strict=True)):
                terms.append((identity, rank, ids[matrix][concept], weight))
            score = work.scores[number, name].get(unit)
            n = int((work.splits == "test").sum())
            if score:
                facts = (score.n, score.value, score.low, score.high, score.reason)
            else:
                facts = (n, None, None, None, f"There is no explanation to score: {result.reason}")
            scores.append((identity, matrix, "correlation", "test", *facts))
            identity += 1
    for name in work.config.explain.methods:
        config = methods[name].config(work.config.explain)
        row = {"config_hash": config_hash(config), "method": name, "config": json.dumps(config)}
        store.rows("method_configs", pd.DataFrame([row]))
    store.rows("explanations", pd.DataFrame(explanations, columns=[
        "explanation_id", "layer_id", "unit", "method", "config_hash", "matrix", "bias", "length",
        "val_correlation", "reason"]))  # fmt: skip
    store.rows("terms", pd.DataFrame(terms, columns=["explanation_id", "rank", "concept_id", "weight"]))
    store.rows("scores", pd.DataFrame(scores, columns=[
        "explanation_id", "simulator", "kind", "split", "n", "value", "low", "high", "reason"]))  # fmt: skip


def _write_concepts(work: Work, store: StoreWriter) -> dict[str, list[int]]:
    """Write concepts and matrices; returns, by matrix, the store's id of each of its concepts."""
    known, ids = {}, {}
    for name, matrix in work.matrices.items():
        ids[name] = [known.setdefault(concept.key, (len(known), concept))[0] for concept in matrix.concepts]
        store.rows("concept_matrices", pd.DataFrame([{"matrix": name, "config": json.dumps(matrix.config)}]))
        store.concept_values(name, ids[name], matrix.values)
    rows = [(i, c.key, c.name, c.origin) for i, c in known.values()]
    store.rows("concepts", pd.DataFrame(rows, columns=["concept_id", "key", "name", "origin"]))
    return ids


def _write_meta(work: Work, store: StoreWriter) -> None:
    config, probing, model = work.config, work.probing, work.model
    accuracy, counted = _accuracy(work)
    store.meta(
        id=store_id(config, probing, model),
        name=config.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        probing_set={"name": probing.name, "source": probing.source},
        target={
            "name": model.name, "source": model.source, "outputs": work.run.n_outputs,
            "accuracy": accuracy, "accuracy_images": counted,
        },
        outputs=list(model.outputs) if model.outputs else None,
        build={
            "seconds": work.seconds, "device": work.run.device,
            "images_per_second": round(work.run.images_per_second, 1), "python": platform.python_version(),
        },
        rebuild=work.rebuild,
        config=json.loads(config.model_dump_json()),
        versions={"lexplain": __version__} | {name: metadata.version(name) for name in _PACKAGES},
    )  # fmt: skip


def _accuracy(work: Work) -> tuple[float | None, int]:
    """Share of images whose largest output is their class's, over images whose class has one."""
    if work.run.predicted is None:
        return None, 0
    outputs = np.array([-1 if output is None else output for output in work.class_outputs])[
        work.probing.labels
    ]
    known = outputs >= 0
    if not known.any():
        return None, 0
    return float((work.run.predicted[known] == outputs[known]).mean()), int(known.sum())


def config_hash(config: dict) -> str:
    """12 hexadecimal digits that name a method's configuration."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:12]


def store_id(config: Build, probing: ProbingSet, model: TargetModel) -> str:
    """The same for the same images, labels, network and options wherever they lie.

    No path goes into it, but what the paths lead to does: labels and names, the network's
    weights, and the pixels of images spread over the set.
    """
    placeless = {
        "store": True,
        "record": True,
        "probe": {"root", "names", "superclasses"},
        "target": {"weights"},
    }
    options = json.loads(config.model_dump_json(exclude=placeless))
    if ".py:" in options["target"]["model"]:  # timm/NAME is no path
        options["target"]["model"] = Path(options["target"]["model"]).name
    options["target"]["outputs"] = model.outputs
    labels = [probing.keys, probing.labels.tolist(), [(c.key, c.name) for c in probing.classes]]
    groups = [(g.key, g.name, [int(c) for c in g.classes]) for g in probing.superclasses]
    facts = [options, labels, groups, model.fingerprint()]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for i in np.linspace(0, len(probing) - 1, _IMAGES_IN_ID).astype(int):
        image = probing.load(int(i))
        digest.update(repr(image.size).encode() + image.tobytes())
    return digest.hexdigest()[:12]
