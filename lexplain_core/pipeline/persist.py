"""A build's results into the store."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from itertools import count
from pathlib import Path

import numpy as np

from .. import __version__
from ..concepts import Concept, ConceptMatrix, EncoderView, split_filter_counts
from ..concepts.simulators import LabelSimulator, Unsupported
from ..config import Build
from ..explain import Found, methods
from ..model import Recording, TargetModel
from ..probe import ProbingSet
from ..probe.digest import image_digest
from ..probe.images import thumbnail_jpeg
from ..store import Score, StoreWriter
from ..store.descriptors import describe
from ..store.rows import ExplanationRows, config_hash, method_config
from .persist_effects import ablation_scores, write_effects
from .persist_relations import all_concepts, write_embeddings, write_similar
from .stages.judging import labels_of
from .stages.mapping import Whole, mapped_images
from .work import Work

CROP_SIDE = 288
_CONCEPTS_AT_ONCE = 1024  # rows of a dense P that are held at a time
TOP_IMAGES = 9  # per unit, whose crop is kept
TOP = 5  # outputs, of the accuracy beside that of the largest one
_LOGITS_AT_ONCE = 4096  # images
_IMAGES_IN_ID = 32  # whose pixels go into the store's id
_PACKAGES = (
    "torch", "torchvision", "duckdb", "glm-saga", "numpy", "pillow", "timm", "open_clip_torch", "transformers",
    "sentencepiece", "safetensors",
)  # fmt: skip


def write_store(work: Work) -> None:
    with StoreWriter(work.config.store) as store:
        _write_probing_set(work, store)
        _write_images(work, store)
        _write_layers(work, store)
        _write_explanations(work, store)
        write_effects(work, store)
        write_similar(work, store)
        _write_meta(work, store)


def _write_probing_set(work: Work, store: StoreWriter) -> None:
    probing = work.probing
    classes = zip(probing.classes, work.class_outputs, strict=True)
    store.rows("classes", [(i, c.key, c.name, output) for i, (c, output) in enumerate(classes)])
    store.rows("superclasses", [(i, s.key, s.name) for i, s in enumerate(probing.superclasses)])
    members = [(i, int(c)) for i, s in enumerate(probing.superclasses) for c in s.classes]
    store.rows("superclass_members", members)
    store.rows("skipped_images", [(s.key, s.reason) for s in probing.skipped])


def _write_images(work: Work, store: StoreWriter) -> None:
    probing, side = work.probing, work.config.thumbnail
    examples, mapped, whole = _example_images(work.layers), mapped_images(work), Whole(work.model)
    predicted = work.run.predicted

    def row(i: int) -> tuple:
        image = probing.load(i)
        crop = None
        if i in examples or (i in mapped and not whole(image.size)):
            crop = thumbnail_jpeg(
                work.model.crop(image), CROP_SIDE if i in examples else side, fine=i in examples
            )
        return (
            i, probing.keys[i], int(probing.labels[i]), str(work.splits[i]), image.width, image.height,
            probing.captions[i] if probing.captions else None,
            None if predicted is None or predicted[i] < 0 else int(predicted[i]), thumbnail_jpeg(image, side), describe(image),
            crop, image_digest(probing.load, i),
        )  # fmt: skip

    with ThreadPoolExecutor() as pool, work.progress.task("thumbnails", total=len(probing)) as advance:
        for start in range(0, len(probing), 1024):
            rows = list(pool.map(row, range(start, min(start + 1024, len(probing)))))
            store.rows("images", rows)
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
            "way": work.ways.get(number, (None, None))[0],
            "effect_reason": work.ways.get(number, (None, None))[1],
            "push_reason": work.push_reasons.get(number),
            "map_reason": work.map_reasons.get(info.name),
        }  # fmt: skip
        store.rows("layers", [row])
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
    rows = ExplanationRows(count())
    for (number, name), found in work.explanations.items():
        matrix = work.matrices[work.matrices_of[name]]
        digest = config_hash(_method_config(work, name))
        for unit, result in found.items():
            two_faced, why = work.two_faced.get((number, name, unit), (None, None))
            concepts = [ids[matrix.concepts[concept].key] for concept in result.concepts]
            rows.add(
                zip(result.weights, concepts, strict=True), _scores(work, number, name, unit, result),
                layer_id=number, unit=unit, method=name, config_hash=digest, matrix=matrix.name, bias=result.bias,
                val_correlation=result.val_correlation, violation=result.violation, reason=result.reason,
                two_faced=two_faced, two_faced_reason=why,
            )  # fmt: skip
        store.explanations(rows)
    names = work.config.explain.methods
    configs = [method_config(name, _method_config(work, name), main_simulator(work, name)) for name in names]
    store.rows("method_configs", configs)


def _scores(work: Work, number: int, name: str, unit: int, result: Found) -> Iterator[Score]:
    """The scores of an explanation by every simulator that was run."""
    n = int((work.splits == "test").sum())
    for simulator, scored in work.scores.get((number, name), {}).items():
        if unit in scored:
            yield scored[unit].score(simulator)
        elif result.reason is not None:
            why = f"There is no explanation to score: {result.reason}"
            yield Score(simulator, "correlation", "test", n, None, None, None, why)
        yield from ablation_scores(work, number, name, unit, simulator, n, result.reason)


def _method_config(work: Work, name: str) -> dict:
    """What a method's explanations depend on: its options, its concept matrix, the encoder and its a and b."""
    config = methods[name].config(work.config.explain) | {"matrix": work.matrices_of[name]}
    if config.get("solver") == "glm-saga":
        config["seed"] = work.config.seed  # of its batches
    for view in work.views.values():
        if view.name == config["matrix"]:
            texts = work.matrices[view.name].config["texts"]
            config |= {"encoder": view.fingerprint, "a": view.a, "b": view.b, "texts": texts}
    return config


def main_simulator(work: Work, method: str) -> str:
    """The simulator whose score is a method's headline: labels for what was found on labels, else the
    simulator's encoder; the other one where the first was not run."""
    encoder = work.views.get("simulator")
    order = ["label", *([encoder.name] if encoder else [])]
    if work.matrices_of[method] != "label":
        order.reverse()
    ran = {name for (_, by), scored in work.scores.items() if by == method for name in scored}
    return next((name for name in order if name in ran), order[0])


def _write_concepts(work: Work, store: StoreWriter) -> dict[str, int]:
    """Write concepts and their matrices; returns the store's id of each concept by its key.

    All concepts of the build's set are listed where the embeddings are kept, else those of an encoder's that
    passed the filter or are used. Its P is dense, so values are kept only for the
    concepts that some explanation uses, whichever method made it.
    """
    used: dict[str, Concept] = {}
    for (_, name), found in work.explanations.items():
        concepts = work.matrices[work.matrices_of[name]].concepts
        used |= {concepts[c].key: concepts[c] for result in found.values() for c in result.concepts}
    known: dict[str, Concept] = {}
    for name in sorted(work.matrices, key=lambda name: name != "label"):
        matrix, kept = work.matrices[name], _kept(work, name)
        for i, concept in enumerate(matrix.concepts):
            listed = kept is None or kept[i] or i in work.same.get(name, {})
            if name == "label" or listed or concept.key in used:
                first = known.setdefault(concept.key, concept)
                if concept.origin.startswith(f"{first.origin}, "):  # it came from other sets, too
                    known[concept.key] = replace(first, origin=concept.origin)
    known = all_concepts(work, known)
    ids = {key: number for number, key in enumerate(known)}
    store.rows("concepts", [(ids[key], key, c.name, c.origin) for key, c in known.items()])
    same = [
        (name, *(ids[work.matrices[name].concepts[c].key] for c in pair))
        for name, found in work.same.items()
        for pair in found.items()
    ]
    store.rows("same_concepts", same)

    views = {view.name: view for view in work.views.values()}
    for name in sorted({*work.matrices, *views}, key=lambda name: (name != "label", name)):
        store.rows("concept_matrices", [_matrix_facts(work, name, views.get(name))])
        in_order = sorted(used.values(), key=lambda concept: ids[concept.key])
        if name == "label":
            store.concept_values(name, range(len(work.matrices[name].concepts)), work.matrices[name].values)
            _write_labels_of(work.matrices[name], in_order, ids, store)
            continue
        for start in range(0, len(in_order), _CONCEPTS_AT_ONCE):
            some = in_order[start : start + _CONCEPTS_AT_ONCE]
            values = _values(some, views.get(name), work.matrices.get(name))
            store.concept_values(name, [ids[concept.key] for concept in some], values)
    if work.config.concepts.embeddings:
        write_embeddings(work, list(known.values()), store)
    return ids


def _values(concepts: list[Concept], view: EncoderView | None, matrix: ConceptMatrix | None) -> np.ndarray:
    """P of some concepts, (M, N): the very rows that explanations were found on, where there are such."""
    rows = {concept.key: row for row, concept in enumerate(matrix.concepts)} if matrix else {}
    missing = [concept for concept in concepts if concept.key not in rows]
    fresh = iter(view.values([concept.name for concept in missing]) if missing else ())
    return np.stack([matrix.values[rows[c.key]] if c.key in rows else next(fresh) for c in concepts])


def _write_labels_of(
    labels: ConceptMatrix, used: list[Concept], ids: dict[str, int], store: StoreWriter
) -> None:
    """Values of the concepts that are labels by another key, such as the noun 'dog' and the class 'dog'."""
    own = {concept.key for concept in labels.concepts}
    others = [concept for concept in used if concept.key not in own]
    simulator = LabelSimulator(labels)
    for start in range(0, len(others), _CONCEPTS_AT_ONCE):
        found, rows = [], []
        for concept in others[start : start + _CONCEPTS_AT_ONCE]:
            try:
                rows.append(simulator.values([concept]))
            except Unsupported:
                continue
            found.append(ids[concept.key])
        if rows:
            store.concept_values("label", found, np.concatenate(rows))


def _kept(work: Work, matrix: str) -> np.ndarray | None:
    """Which concepts of a matrix passed the concept filter; None where no method reads the matrix."""
    found = [work.kept[method] for method, name in work.matrices_of.items() if name == matrix]
    return np.any(found, axis=0) if found else None


def _matrix_facts(work: Work, name: str, view: EncoderView | None) -> dict:
    """A row of `concept_matrices`."""
    matrix, kept = work.matrices.get(name), _kept(work, name)
    simulators = {simulator for scored in work.scores.values() for simulator in scored}
    roles = {role for role, one in work.views.items() if one.name == name}
    roles |= {"explainer"} if kept is not None else set()
    roles |= {"simulator"} if name in simulators else set()
    config = matrix.config if matrix else view.config
    if kept is not None:  # what stands under another's name is neither kept nor dropped
        rest = [i for i in range(len(kept)) if i not in work.same.get(name, {})]
        concepts, kept = [matrix.concepts[i] for i in rest], kept[rest]
    counts = {} if kept is None else split_filter_counts(concepts, kept)
    return {
        "matrix": name, "kind": "encoder" if view else "label", "roles": sorted(roles),
        "a": view.a if view else None, "b": view.b if view else None,
        "loss": view.config.get("calibration", {}).get("loss") if view else None,
        "kept": None if kept is None else int(kept.sum()),
        "dropped": None if kept is None else int((~kept).sum()),
        "filter": None if kept is None else json.dumps(
            {origin: [int(a), int(b)] for origin, (a, b) in counts.items()}, ensure_ascii=False
        ),
        "config": json.dumps(config, ensure_ascii=False, default=str),
    }  # fmt: skip


def _write_meta(work: Work, store: StoreWriter) -> None:
    config, probing, model = work.config, work.probing, work.model
    accuracy, counted, unknown = _accuracy(work)
    top5, no_top5 = _top5(work, accuracy)
    if accuracy is not None:
        among = "" if top5 is None else f", top-5 {top5:.1%}"
        work.progress.note(f"the network names {accuracy:.1%} of {counted:,} images right{among}")
    store.meta(
        id=store_id(config, probing, model, _encoder_facts(work)),
        name=config.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        probing_set={"name": probing.name, "source": probing.source},
        target={
            "name": model.name, "source": model.source, "outputs": work.run.n_outputs,
            "accuracy": accuracy, "accuracy_images": counted, "accuracy_reason": unknown,
            "notes": list(work.run.notes),
            "top5": top5, "top5_reason": no_top5,
        },
        outputs=list(model.outputs) if model.outputs else None,
        build={
            "seconds": work.seconds, "device": work.run.device,
            "images_per_second": round(work.run.images_per_second, 1), "python": platform.python_version(),
        },
        same_encoder=work.same_encoder,
        unsteady=work.run.unsteady,
        temperature=work.temperature,
        rebuild=work.rebuild,
        config=json.loads(config.model_dump_json()),
        versions={"lexplain": __version__} | {name: metadata.version(name) for name in _PACKAGES},
    )  # fmt: skip


def _accuracy(work: Work) -> tuple[float | None, int, str | None]:
    """Share of images whose largest output is their class's, over images whose class has one, how many these
    are, and why there is none."""
    predicted = work.run.predicted
    if predicted is None:
        return None, 0, work.run.reason
    if (predicted < 0).any():
        where = work.probing.keys[int(np.argmin(predicted))]
        count = f"{(predicted < 0).sum():,} of {len(predicted):,} images"
        return (
            None,
            0,
            f"The network's outputs are NaN on {count}, such as {where}, so its answers are not counted.",
        )
    outputs = np.array([-1 if output is None else output for output in work.class_outputs])[
        work.probing.labels
    ]
    known = outputs >= 0
    if not known.any():
        return None, 0, labels_of(work)[1]
    return float((predicted[known] == outputs[known]).mean()), int(known.sum()), None


def _top5(work: Work, accuracy: float | None) -> tuple[float | None, str | None]:
    """Share of images whose class is among the 5 largest outputs, over those of `_accuracy`; or why there is none."""
    if accuracy is None:
        return None, "It is not known which output is which class."
    if work.run.n_outputs <= TOP:
        return None, f"The network has no more than {TOP} outputs."
    if work.run.outputs is None:
        return None, "This build kept no outputs of the network: importance.run and ablation.run are off."
    outputs = np.array([-1 if output is None else output for output in work.class_outputs])[
        work.probing.labels
    ]
    known = np.flatnonzero(outputs >= 0)
    return float(np.mean(_among_top(work.run.outputs, known, outputs[known]))), None


def _among_top(logits: np.ndarray, images: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Whether an image's answer is among its 5 largest outputs; of equal ones the first counts as the larger.

    logits: (C, N). images: (n,), and the output of each one's class, (n,).
    """
    inside = []
    for start in range(0, len(images), _LOGITS_AT_ONCE):
        part = slice(start, start + _LOGITS_AT_ONCE)
        values, answer = logits[:, images[part]], answers[part]
        own = values[answer, np.arange(len(answer))]
        before = (values > own) | ((values == own) & (np.arange(len(values))[:, None] < answer))
        inside.append((before.sum(axis=0) < TOP) & np.isfinite(own))
    return np.concatenate(inside)


def _encoder_facts(work: Work) -> dict:
    """What encoders and concept sets are, wherever their files lie."""
    asked = [work.matrices[view.name] for view in work.views.values() if view.name in work.matrices]
    return {
        "encoders": {role: view.fingerprint for role, view in sorted(work.views.items())},
        "concepts": [[concept.key, concept.name] for matrix in asked for concept in matrix.concepts],
    }


def store_id(config: Build, probing: ProbingSet, model: TargetModel, encoders: dict | None = None) -> str:
    """The same for the same images, labels, networks, concepts and options wherever they lie.

    No path goes into it, but what the paths lead to does: labels and names, the network's
    weights, the pixels of images spread over the set, and `encoders`: fingerprints and concepts.
    """
    files = {"model", "pretrained", "tokenizer", "batch_size"}
    placeless = {
        "store": True,
        "cache": True,
        "record": True,
        "probe": {"root", "names", "superclasses"},
        "target": {"weights", "weights_key"},
        "concepts": {"sets", "embeddings"},
        "explainer": files,
        "simulator": files,
    }
    options = json.loads(config.model_dump_json(exclude=placeless))
    if ".py:" in options["target"]["model"]:  # timm/NAME is no path
        options["target"]["model"] = Path(options["target"]["model"]).name
    options["target"]["outputs"] = model.outputs
    labels = [probing.keys, probing.labels.tolist(), [(c.key, c.name) for c in probing.classes]]
    groups = [(g.key, g.name, [int(c) for c in g.classes]) for g in probing.superclasses]
    facts = [options, labels, groups, model.fingerprint(), encoders or {}]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for i in np.linspace(0, len(probing) - 1, _IMAGES_IN_ID).astype(int):
        image = probing.load(int(i))
        digest.update(repr(image.size).encode() + image.tobytes())
    return digest.hexdigest()[:12]
