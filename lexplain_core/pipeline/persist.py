"""A build's results into the store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..base.memory import blocks
from ..base.progress import Progress
from ..concepts import Concept, ConceptMatrix, EncoderView, split_filter_counts
from ..concepts.simulators import LabelSimulator, Unsupported
from ..config import Build
from ..explain import ConfiguredMethod
from ..measures import measures
from ..model import RecordingRun, TargetModel
from ..probe import ProbingSet
from ..store import StoreWriter
from ..store.rows import ExplanationRows, config_hash, measure_rows, method_config
from .persist_embeddings import all_concepts, write_embeddings
from .persist_meta import write_meta
from .stage import Desk
from .stages.concepts import Choice, Vocabulary
from .stages.explaining import Explained
from .stages.recording import Layer, Outputs
from .stages.replacing import Replacing
from .tables import joined


@dataclass(frozen=True)
class MethodResults:
    """What a build found with one method. scores: rows of `scores`, without ids of explanations."""

    method: ConfiguredMethod
    choice: Choice
    explanations: Explained
    scores: pa.Table

    @property
    def name(self) -> str:
        return self.method.name


def write_store(
    desk: Desk,
    config: Build,
    rebuild: str,
    probing: ProbingSet,
    model: TargetModel,
    run: RecordingRun,
    layers: list[Layer],
    outputs: Outputs,
    vocabulary: Vocabulary,
    same_encoder: bool,
    replacing: Replacing,
    map_reasons: dict[str, str],
    output_effects_reason: str | None,
    pictures: Iterable[pa.Table],
    **results: Any,
) -> None:
    """Write all that the stages made.

    results: tables of the store by name, `NAME:METHOD` for what methods made, `scores:MEASURE` and `scores:MEASURE:METHOD`.
    """
    found = [_of_method(name, results) for name in config.explain.methods]
    of_units = joined("scores", [results.pop(name) for name in list(results) if name.startswith("scores:")])
    with StoreWriter(config.store) as store:
        _write_probing_set(probing, outputs, store)
        for rows in pictures:
            store.rows("images", rows)
        _write_layers(desk.progress, layers, replacing, map_reasons, output_effects_reason, store)
        ids = _write_concepts(desk.progress, config, vocabulary, found, store)
        store.rows("measures", measure_rows(measures.of(config)))
        store.rows("scores", of_units)
        _write_explanations(layers, found, vocabulary, ids, config.seed, store)
        maps = results.pop("maps")
        for layer in layers:
            store.maps(maps.filter(pc.equal(maps["layer_id"], layer.number)))
        for name, rows in results.items():
            store.rows(name, rows)
        write_meta(
            desk,
            config,
            rebuild,
            probing,
            model,
            run,
            outputs,
            vocabulary,
            same_encoder,
            replacing.temperature,
            store,
        )


def _of_method(name: str, results: dict[str, Any]) -> MethodResults:
    """What a method made, taken out of all results."""
    own = {
        kind.removesuffix(f":{name}"): results.pop(kind)
        for kind in list(results)
        if kind.endswith(f":{name}")
    }
    scores = joined("scores", [own.pop(kind) for kind in list(own) if kind.startswith("scores:")])
    return MethodResults(**own, scores=scores)


def _write_probing_set(probing: ProbingSet, outputs: Outputs, store: StoreWriter) -> None:
    classes = zip(probing.classes, outputs.of_class, strict=True)
    store.rows("classes", [(i, c.key, c.name, output) for i, (c, output) in enumerate(classes)])
    store.rows("superclasses", [(i, s.key, s.name) for i, s in enumerate(probing.superclasses)])
    members = [(i, int(c)) for i, s in enumerate(probing.superclasses) for c in s.classes]
    store.rows("superclass_members", members)
    store.rows("skipped_images", [(s.key, s.reason) for s in probing.skipped])


def _write_layers(
    progress: Progress,
    layers: list[Layer],
    replacing: Replacing,
    map_reasons: Mapping[str, str],
    output_effects_reason: str | None,
    store: StoreWriter,
) -> None:
    for layer in layers:
        info, of = layer.recording.info, layer.units
        intervention, reason = replacing.ways[layer.number]
        row = {
            "layer_id": layer.number, "name": info.name, "source": "computed" if of.outside else "network",
            "kind": info.kind, "pooling": layer.recording.pooling, "shape": list(info.shape), "units": info.units,
            "note": of.outside, "intervention": intervention, "effect_reason": reason,
            "output_effects_reason": output_effects_reason if intervention else None, "map_reason": map_reasons.get(info.name),
        }  # fmt: skip
        store.rows("layers", [row])
        frame = layer.facts.assign(
            layer_id=layer.number, unit=range(info.units), name=of.names, truth=of.recipes
        )
        store.rows("units", frame)
        with progress.task(f"store {info.name}", total=info.units) as advance:
            for written in store.activations(layer.number, layer.values):
                advance(written)


def _write_explanations(
    layers: list[Layer],
    methods: list[MethodResults],
    vocabulary: Vocabulary,
    ids: Mapping[str, int],
    seed: int,
    store: StoreWriter,
) -> None:
    rows = ExplanationRows(count())
    number = 0
    for method in methods:
        matrix, simulator = method.choice.matrix, main_simulator(method, vocabulary)
        config = method_options(method.method, matrix, vocabulary, seed)
        identity: dict[tuple[int, int], int] = {}
        for layer in layers:
            for unit, result in method.explanations[layer.number].items():
                identity[layer.number, unit], number = number, number + 1
                concepts = [ids[matrix.concepts[concept].key] for concept in result.concepts]
                rows.add(
                    zip(result.weights, concepts, strict=True), (), simulator,
                    layer_id=layer.number, unit=unit, method=method.name, config_hash=config_hash(config),
                    matrix=matrix.name, bias=result.bias, val_correlation=result.val_correlation,
                    kkt_violation=result.kkt_violation, reason=result.reason,
                )  # fmt: skip
        store.explanations(rows)
        store.rows("scores", of_explanations(method.scores, identity, simulator))
        store.rows("method_configs", [method_config(method.name, config, simulator)])


def of_explanations(scores: pa.Table, ids: Mapping[tuple[int, int], int], simulator: str) -> pd.DataFrame:
    """Rows of `scores` with the ids and places that they have as those of explanations.

    ids: by (layer id, unit). simulator: whose scores are the headline.
    """
    frame = scores.to_pandas()
    frame["explanation_id"] = [ids[key] for key in zip(frame["layer_id"], frame["unit"], strict=True)]
    main = frame["by"].isin([simulator, ""])
    others = frame[~main].groupby(["measure", "explanation_id"]).cumcount() + 1
    return frame.assign(place=others.reindex(frame.index, fill_value=0))


def method_options(
    method: ConfiguredMethod, matrix: ConceptMatrix, vocabulary: Vocabulary, seed: int
) -> dict[str, Any]:
    """What a method's explanations depend on: its options, its concept matrix, the encoder and its a and b."""
    config = method.config | {"matrix": matrix.name}
    if config.get("solver") == "glm-saga":
        config["seed"] = seed  # of its batches
    if (view := vocabulary.view_of(matrix.name)) is not None:
        config |= {"encoder": view.fingerprint, "a": view.a, "b": view.b, "texts": matrix.config["texts"]}
    return config


def main_simulator(method: MethodResults, vocabulary: Vocabulary) -> str:
    """The simulator whose score is a method's headline: labels for what was found on labels, else the
    simulator's encoder; the other one where the first did not run."""
    encoder = vocabulary.views.get("simulator")
    order = ["label", *([encoder.name] if encoder else [])]
    if method.choice.matrix.name != "label":
        order.reverse()
    ran = {simulator.name for simulator in vocabulary.simulators}
    return next((name for name in order if name in ran), order[0])


def _write_concepts(
    progress: Progress,
    config: Build,
    vocabulary: Vocabulary,
    methods: list[MethodResults],
    store: StoreWriter,
) -> dict[str, int]:
    """Write concepts and their matrices; returns the store's id of each concept by its key.

    All concepts of the build's set are listed where the embeddings are kept, else those of an encoder's that
    passed the filter or are used. Its P is dense, so values are kept only for the
    concepts that some explanation uses, whichever method made it.
    """
    matrices = vocabulary.matrices
    used: dict[str, Concept] = {}
    for method in methods:
        concepts = method.choice.matrix.concepts
        for found in method.explanations.values():
            used |= {concepts[c].key: concepts[c] for result in found.values() for c in result.concepts}
    choices = {name: _choice(name, methods) for name in matrices}
    known: dict[str, Concept] = {}
    for name in sorted(matrices, key=lambda name: name != "label"):
        choice = choices[name]
        for i, concept in enumerate(matrices[name].concepts):
            listed = choice is None or choice.kept[i] or i in choice.same
            if name == "label" or listed or concept.key in used:
                first = known.setdefault(concept.key, concept)
                if concept.origin.startswith(f"{first.origin}, "):  # it came from other sets, too
                    known[concept.key] = replace(first, origin=concept.origin)
    if vocabulary.views and config.concepts.embeddings:
        known = all_concepts(vocabulary.concepts, known)
    ids = {key: number for number, key in enumerate(known)}
    store.rows("concepts", [(ids[key], key, c.name, c.origin) for key, c in known.items()])
    same = [
        (name, *(ids[matrices[name].concepts[c].key] for c in pair))
        for name, choice in choices.items()
        for pair in (choice.same.items() if choice else ())
    ]
    store.rows("same_concepts", same)
    views = {view.name: view for view in vocabulary.views.values()}
    in_order = sorted(used.values(), key=lambda concept: ids[concept.key])
    images = matrices["label"].values.shape[1]
    for name in sorted({*matrices, *views}, key=lambda name: (name != "label", name)):
        facts = _matrix_facts(name, matrices.get(name), choices.get(name), vocabulary)
        store.rows("concept_matrices", [facts])
        if name == "label":
            store.concept_values(name, range(len(matrices[name].concepts)), matrices[name].values)
            _write_labels_of(matrices[name], in_order, ids, store)
            continue
        for part in blocks(len(in_order), images):
            some = in_order[part]
            values = _values(some, views.get(name), matrices.get(name))
            store.concept_values(name, [ids[concept.key] for concept in some], values)
    if config.concepts.embeddings:
        write_embeddings(vocabulary.views.values(), list(known.values()), progress, store)
    return ids


def _values(concepts: list[Concept], view: EncoderView | None, matrix: ConceptMatrix | None) -> np.ndarray:
    """P of some concepts, (M, N): the very rows that explanations were found on, where there are such."""
    wanted = {concept.key for concept in concepts}
    found: dict[str, np.ndarray] = {}
    if matrix is not None:
        found = {c.key: matrix.values[row] for row, c in enumerate(matrix.concepts) if c.key in wanted}
    missing = [concept for concept in concepts if concept.key not in found]
    if missing and view is not None:
        fresh = view.values([concept.name for concept in missing])
        found |= {concept.key: row for concept, row in zip(missing, fresh, strict=True)}
    return np.stack([found[concept.key] for concept in concepts])


def _write_labels_of(
    labels: ConceptMatrix, used: list[Concept], ids: dict[str, int], store: StoreWriter
) -> None:
    """Values of the concepts that are labels by another key, such as the noun 'dog' and the class 'dog'."""
    own = {concept.key for concept in labels.concepts}
    others = [concept for concept in used if concept.key not in own]
    simulator = LabelSimulator(labels)
    for part in blocks(len(others), labels.values.shape[1]):
        found, rows = [], []
        for concept in others[part]:
            try:
                rows.append(simulator.values([concept]))
            except Unsupported:
                continue
            found.append(ids[concept.key])
        if rows:
            store.concept_values("label", found, np.concatenate(rows))


def _choice(matrix: str, methods: list[MethodResults]) -> Choice | None:
    """What passed the concept filter of any method that reads a matrix; None where no method reads it."""
    found = [method.choice for method in methods if method.choice.matrix.name == matrix]
    if not found:
        return None
    return replace(found[-1], kept=np.any([choice.kept for choice in found], axis=0))


def _matrix_facts(
    name: str, matrix: ConceptMatrix | None, choice: Choice | None, vocabulary: Vocabulary
) -> dict[str, Any]:
    """A row of `concept_matrices`."""
    view = vocabulary.view_of(name)
    roles = {role for role, one in vocabulary.views.items() if one.name == name}
    roles |= {"explainer"} if choice is not None else set()
    roles |= {"simulator"} if name in {simulator.name for simulator in vocabulary.simulators} else set()
    known = matrix or view
    counts, kept = {}, None
    if choice is not None:  # what stands under another's name is neither kept nor dropped
        rest = [i for i in range(len(choice.kept)) if i not in choice.same]
        kept = choice.kept[rest]
        counts = split_filter_counts([choice.matrix.concepts[i] for i in rest], kept)
    return {
        "matrix": name, "kind": "encoder" if view else "label", "roles": sorted(roles),
        "a": view.a if view else None, "b": view.b if view else None,
        "loss": view.config.get("calibration", {}).get("loss") if view else None,
        "kept": None if kept is None else int(kept.sum()),
        "dropped": None if kept is None else int((~kept).sum()),
        "filter": None if kept is None else json.dumps(
            {origin: [int(a), int(b)] for origin, (a, b) in counts.items()}, ensure_ascii=False
        ),
        "config": json.dumps(known.config if known else {}, ensure_ascii=False, default=str),
    }  # fmt: skip
