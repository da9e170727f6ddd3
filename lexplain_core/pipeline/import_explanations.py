"""`import explanations`: what another method says of a store's units, scored like the store's own."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd

from ..base.errors import UserError, did_you_mean, quote
from ..base.progress import Progress, Silent
from ..base.text import Names
from ..concepts import Concept, ConceptMatrix, EncoderView, normalised
from ..concepts.simulators import LabelSimulator, Unsupported
from ..explain import methods
from ..measures import Words
from ..measures.correlation import Scored, score_layer, undefined
from ..measures.range_shift import NAME as RANGE_SHIFT
from ..measures.range_shift import shift_score
from ..store import MATCH, Score, Store
from ..store.appender import StoreAppender
from ..store.rows import ExplanationRows, config_hash, method_config
from .explanation_files import ImportedExplanation, read_explanations
from .stored_encoders import Places, StoredEncoders

ORIGIN = "imported"
_CONCEPTS_AT_ONCE = 256
_MATCH_BYTES = 64 * 2**20  # of which images show a concept, kept for the next explanation
_Refused = dict[str, dict[int, str]]  # by encoder and concept id, why the store has no P


@dataclass(frozen=True)
class Imported:
    """What an import did: units explained, and by simulator how many have a score and their mean."""

    method: str
    units: int
    new_concepts: int
    scores: dict[str, tuple[int, float | None]]
    simulator: str


def import_explanations(
    file: str | Path,
    store: str | Path,
    method: str,
    replace: bool = False,
    progress: Progress | None = None,
    images: Path | None = None,
    cache: Path | None = None,
) -> Imported:
    """Add a file's explanations to a store as a method of that name, with their scores.

    They are scored on the test split by every simulator that the store was built with, each beside
    its null; a score that can't be had is NULL with its reason. An encoder is run only for concepts
    whose P the store doesn't hold yet; where its weights or the images are gone or are others, that
    is the reason, and where this machine doesn't trust them (docs/how-to/trust.md), too. images: the folder of the store's images
    on this machine, where it isn't the one that the store names; cache: where embeddings are kept. With `replace` an earlier import of that name goes first.
    Raises `UserError` for what is wrong with the file or the name, or doesn't fit the store; the
    store is then as it was.
    """
    progress = progress or Silent()
    file, method = Path(file), _method_name(method)
    foreign = read_explanations(file)
    with Store.open(store) as opened:
        foreign = _with_layers(foreign, opened, file)
        matrices, config = opened.matrices(), opened.meta.get("config") or {}
    encoders = {row.matrix: row for row in matrices.itertuples() if row.kind == "encoder"}
    simulators = [name for name, row in encoders.items() if "simulator" in row.roles]
    main = simulators[0] if simulators else "label"
    labels = "label" in set(matrices["matrix"])
    if labels and (not simulators or config.get("simulate", {}).get("labels", True)):
        simulators.append("label")
    with StoreAppender(store) as out:
        _check_method(method, out, replace)
        if replace:
            out.remove_method(method, ORIGIN)
        concepts, new = _concepts(foreign, out)
        refused: _Refused = {}
        if encoders:
            places = Places(Path(store), images, cache)
            stored = StoredEncoders(encoders, config, out.image_labels(), progress, places)
            refused = _add_values(concepts, stored, out, progress)
        scored = _score(foreign, concepts, simulators, refused, out, progress)
        _write(foreign, concepts, scored, _Source(file, method, main, simulators), out, progress)
        if "label" in simulators:
            out.add_role("label", "simulator")
    return _summary(method, main, foreign, new, scored)


def _method_name(name: str) -> str:
    name = name.strip()
    if not re.fullmatch(r"\w[\w.+-]{0,59}", name):
        raise UserError(
            f"{quote(name)} is not a name for a method; take letters, digits, '-', '_', '.' and '+', 60 at most."
        )
    if name.casefold() in set(methods):
        raise UserError(f"The method name {quote(name)} is lexplain's own; give --method another one.")
    return name


def _with_layers(
    foreign: Sequence[ImportedExplanation], store: Store, file: Path
) -> list[ImportedExplanation]:
    """The explanations with their layers' names as the store has them; every unit is one that the store has."""
    units = dict(store.layers()[["layer", "units"]].itertuples(index=False))
    known, found = Names(units), []
    for one in foreign:
        places = known.find(one.layer)
        if len(places) == 1:
            one = replace(one, layer=list(units)[places[0]])
        if one.layer not in units:
            raise UserError(
                f"The explanations {file} can't be used: {one.where} names the layer {quote(one.layer)}, which "
                f"the store {quote(store.name)} doesn't have; it has {', '.join(units)}."
                + did_you_mean(one.layer, list(units))
            )
        if one.unit >= units[one.layer]:
            raise UserError(
                f"The explanations {file} can't be used: {one.where} names unit {quote(one.unit)} of "
                f"{quote(one.layer)}, whose units are 0 to {units[one.layer] - 1}."
            )
        found.append(one)
    return found


def _check_method(method: str, out: StoreAppender, replace: bool) -> None:
    """The name is free, or that of an import that may be replaced."""
    for old, source in out.method_sources().items():
        if old.casefold() != method.casefold():
            continue
        if source is None:
            raise UserError(f"The store's build made the method {quote(old)}; give --method another name.")
        if old != method:
            raise UserError(
                f"The store has a method {quote(old)}; give --method that name, or quite another."
            )
        if not replace:
            raise UserError(
                f"The store has a method {quote(old)} already; --replace puts the file in its place, "
                "and another --method beside it."
            )


# -- concepts --------------------------------------------------------------------------------


def _concepts(
    foreign: Sequence[ImportedExplanation], out: StoreAppender
) -> tuple[dict[str, tuple[int, Concept]], int]:
    """By normalised text the store's id of a concept and the concept, and how many are new.

    A text is the label of that text, else any concept of the store with that text, else a new one.
    """
    known: dict[str, list[tuple[int, Concept]]] = {}
    for identity, key, name, origin in out.concepts():
        known.setdefault(normalised(name), []).append((identity, Concept(key, name, origin)))
    labelled = out.concepts_of("label")
    found: dict[str, tuple[int, Concept]] = {}
    added, next_id = [], out.next_id("concepts", "concept_id")
    for text in (text for one in foreign for _, text in one.terms):
        if (norm := normalised(text)) in found:
            continue
        same = known.get(norm, [])
        labels = [(i, c) for i, c in same if i in labelled]
        values = [out.values("label", i) for i, _ in labels]
        either = np.max(values, axis=0) if labels else np.empty(0)  # several labels may share a text
        fitting = [one for one, p in zip(labels, values, strict=True) if np.array_equal(p, either)]
        if fitting or (same and not labels):
            found[norm] = (fitting or same)[0]
            continue
        found[norm] = next_id, Concept(f"{ORIGIN}:{text}", text, ORIGIN)
        added.append((next_id, f"{ORIGIN}:{text}", text, ORIGIN))
        if labels:
            out.concept_values("label", [next_id], either[None])
        next_id += 1
    out.rows("concepts", added)
    return found, len(added)


def _add_values(
    concepts: dict[str, tuple[int, Concept]], encoders: StoredEncoders, out: StoreAppender, progress: Progress
) -> _Refused:
    """Write P of the concepts by every encoder of the store, where it isn't there and can be had."""
    refused: _Refused = {}
    for name in encoders.names:
        there = out.concepts_of(name)
        missing = sorted((i, c.name) for i, c in concepts.values() if i not in there)
        if not missing:
            continue
        try:
            view = encoders.view(name)
        except UserError as error:
            refused[name] = dict.fromkeys((i for i, _ in missing), str(error))
            progress.note(f"{name} is not asked: {error}")
            continue
        refused[name] = {}
        with progress.task(f"concepts by {name}", total=len(missing)) as advance:
            for start in range(0, len(missing), _CONCEPTS_AT_ONCE):
                some = missing[start : start + _CONCEPTS_AT_ONCE]
                try:
                    out.concept_values(name, [i for i, _ in some], view.values([text for _, text in some]))
                except UserError:  # it is one of them that can't be embedded
                    refused[name] |= _add_one_by_one(some, view, out)
                advance(len(some))
    return refused


def _add_one_by_one(some: list[tuple[int, str]], view: EncoderView, out: StoreAppender) -> dict[int, str]:
    """Write P of those concepts that have one; returns why the others don't."""
    refused = {}
    for identity, text in some:
        try:
            values = view.values([text])
        except UserError as error:
            refused[identity] = str(error)
        else:
            out.concept_values(view.name, [identity], values)
    return refused


# -- scores ----------------------------------------------------------------------------------


class _Stored:
    """An encoder's P on the test split, as the store holds it.

    refused: by a concept's id why there is none.
    """

    def __init__(self, name: str, ids: dict[str, int], refused: dict[int, str], out: StoreAppender):
        self.name, self._ids, self._refused, self._out = name, ids, refused, out

    def values(self, concepts: Sequence[Concept]) -> np.ndarray:
        ids = [self._ids[c.key] for c in concepts]
        for identity in ids:
            if identity in self._refused:
                raise Unsupported(self._refused[identity])
        return self._out.test_values(self.name, ids)


def _label_simulator(out: StoreAppender) -> LabelSimulator:
    """The store's labels on the test split."""
    labelled = out.concepts_of("label")
    rows = [(i, Concept(*facts)) for i, *facts in out.concepts() if i in labelled]
    values = out.test_values("label", [i for i, _ in rows])
    return LabelSimulator(ConceptMatrix("label", tuple(c for _, c in rows), values, {}))


def _score(
    foreign: Sequence[ImportedExplanation],
    concepts: dict[str, tuple[int, Concept]],
    names: list[str],
    refused: _Refused,
    out: StoreAppender,
    progress: Progress,
) -> dict[tuple[str, int], dict[str, Scored]]:
    """By (layer, unit) and simulator, the scores of all explanations."""
    ids = {concept.key: identity for identity, concept in concepts.values()}
    simulators = [
        _label_simulator(out) if name == "label" else _Stored(name, ids, refused.get(name, {}), out)
        for name in names
    ]
    layers = out.layers()
    scored: dict[tuple[str, int], dict[str, Scored]] = {}
    with progress.task("scores", total=len(foreign) * len(names)) as advance:
        for layer in dict.fromkeys(one.layer for one in foreign):
            identity, units = layers[layer]
            alive = units["status"].isin(["alive", "negative"]).to_numpy()
            mine = [one for one in foreign if one.layer == layer]
            words = {
                one.unit: Words(tuple((w, concepts[normalised(t)][1]) for w, t in one.terms), one.bias)
                for one in mine
                if alive[one.unit]
            }
            q = out.test_activations(identity)
            test = np.ones(q.shape[1], dtype=bool)
            for simulator in simulators:
                results = score_layer(words, simulator, q, alive, test)
                for one in mine:
                    silent = undefined(len(test), str(units["reason"][one.unit]))
                    scored.setdefault((layer, one.unit), {})[simulator.name] = results.get(one.unit, silent)
                advance(len(mine))
    return scored


# -- rows ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Source:
    """Where explanations came from, the headline's simulator, and all simulators with that one first."""

    file: Path
    method: str
    simulator: str
    simulators: list[str]


def _write(
    foreign: Sequence[ImportedExplanation],
    concepts: dict[str, tuple[int, Concept]],
    scored: dict[tuple[str, int], dict[str, Scored]],
    source: _Source,
    out: StoreAppender,
    progress: Progress,
) -> None:
    digest = hashlib.sha256(source.file.read_bytes()).hexdigest()
    config = {"method": source.method, "file": source.file.name, "sha256": digest}
    layers = out.layers()
    known = {name: out.concepts_of(name) for name in source.simulators}
    rows = ExplanationRows(count(out.next_id("explanations", "explanation_id")))
    shifts = _range_shifts(foreign, concepts, known, layers, source, out, progress)
    titles = out.explanation_measures()
    for one in foreign:
        matrix, shift = shifts[one.layer, one.unit]
        scores = [result.score(name) for name, result in scored.get((one.layer, one.unit), {}).items()] + [
            shift
        ]
        others = [name for name in titles if name not in {score.measure for score in scores}]
        scores += [
            Score(name, "", "test", 0, reason=f"Imported explanations get no {titles[name]}.")
            for name in others
        ]
        rows.add(
            [(weight, concepts[normalised(text)][0]) for weight, text in one.terms],
            [score for score in scores if score.measure in titles],
            source.simulator,
            layer_id=layers[one.layer][0], unit=one.unit, method=source.method, config_hash=config_hash(config),
            matrix=matrix, bias=one.bias,
        )  # fmt: skip
    origin = f"{source.file.name}, sha256 {digest}"
    out.rows("method_configs", [method_config(source.method, config, source.simulator, origin)])
    out.explanations(rows)


def _range_shifts(
    foreign: Sequence[ImportedExplanation],
    concepts: dict[str, tuple[int, Concept]],
    known: dict[str, set[int]],
    layers: dict[str, tuple[int, pd.DataFrame]],
    source: _Source,
    out: StoreAppender,
    progress: Progress,
) -> dict[tuple[str, int], tuple[str, Score]]:
    """By (layer, unit) the matrix that an explanation counts as found on, and the range shift by it."""
    matches: OrderedDict[tuple[str, int], np.ndarray] = OrderedDict()  # of the concepts that came up last

    def match(matrix: str, concept: int) -> np.ndarray:
        key = matrix, concept
        if key not in matches:
            matches[key] = out.values(matrix, concept) >= MATCH
            while len(matches) > 1 and len(matches) * matches[key].nbytes > _MATCH_BYTES:
                matches.popitem(last=False)
        matches.move_to_end(key)
        return matches[key]

    found = {}
    with progress.task("low and high ranges", total=len(foreign)) as advance:
        for one in foreign:
            ids = [concepts[normalised(text)][0] for _, text in one.terms]
            matrix = next((name for name in source.simulators if known[name].issuperset(ids)), None)
            layer_id, units = layers[one.layer]
            if units["status"][one.unit] not in ("alive", "negative"):
                shift = Score(RANGE_SHIFT, "", "all", 0, reason=str(units["reason"][one.unit]))
            elif matrix is None:
                shift = Score(
                    RANGE_SHIFT, "", "all", 0, reason="No concept matrix has values of all its concepts."
                )
            else:
                shown = np.stack([match(matrix, i) for i in ids])
                weights = [weight for weight, _ in one.terms]
                shift = shift_score(out.activations_of(layer_id, one.unit), shown, weights)
            found[one.layer, one.unit] = matrix or source.simulator, shift
            advance(1)
    return found


def _summary(
    method: str,
    main: str,
    foreign: Sequence[ImportedExplanation],
    new: int,
    scored: dict[tuple[str, int], dict[str, Scored]],
) -> Imported:
    values: dict[str, list[float]] = {}
    for results in scored.values():
        for simulator, result in results.items():
            known = values.setdefault(simulator, [])
            if result.correlation.value is not None:
                known.append(result.correlation.value)
    means = {name: (len(v), float(np.mean(v)) if v else None) for name, v in values.items()}
    return Imported(method, len(foreign), new, means, main)
