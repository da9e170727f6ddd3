"""The pipeline: from a config to a store, as a list of stages."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from .. import __version__, demo  # noqa: F401  (registers the demo's probing set and network)
from ..base.errors import UserError, refuse_shortage
from ..base.files import temporary_folder
from ..base.progress import Progress, Silent
from ..concepts import (
    ConceptMatrix,
    check_given,
    concept_matrices,
    concept_set,
    first_alike,
    load_encoder,
    refuse_same,
    usable,
    view,
)
from ..config import Build
from ..explain import Found, Problem, methods, solvers
from ..model import Recording, choose_device, list_layers, load_target, record
from ..model.base import LayerInfo
from ..model.feed import Feed
from ..model.layers import choose_layers
from ..model.outputs import in_order, map_classes_to_outputs
from ..model.places import check_places
from ..model.units import describe_units
from ..probe import load_probing_set, split
from ..probe.digest import content_digest
from ..store import Store, StoreError, check_place
from ..trust import noting
from .persist import write_store
from .stages.judging import replace_units, score_explanations
from .stages.mapping import keep_maps
from .stages.observing import TARGET, observe
from .stages.relating import relate
from .work import EXPLAINABLE, Work

# Methods make a few copies of what they explain, so a big layer comes to them in pieces.
_ACTIVATIONS_AT_ONCE = 256_000_000
_BYTES_STORED = 3.3  # of an activation, compressed


def build(
    config: Build,
    progress: Progress | None = None,
    rebuild: str = "python -m lexplain_core build CONFIG.toml",
) -> Path:
    """Run every stage and write the store; returns its path.

    What it ran and read because the config names it is noted in the user's trust file, so that pages may look at the network
    again. Raises `UserError` for what the config or the data got wrong; what was at the store's path
    stays then. `rebuild` is the command that a reader names when the store's schema is outdated.
    """
    progress = progress or Silent()
    with temporary_folder() as folder, noting() as noted:
        work = Work(config, progress, folder, rebuild)
        for name, stage in STAGES:
            progress.stage(name)
            started = time.perf_counter()
            try:
                stage(work)
            except UserError:
                raise
            except Exception as error:
                refuse_shortage(error, f"The build ended in the stage “{name}”")
                raise
            work.seconds[name] = round(time.perf_counter() - started, 2)
    noted.keep(progress)
    progress.note(f"Wrote {config.store} in {sum(work.seconds.values()):.0f} s.")
    return config.store


def check_options(work: Work) -> None:
    """Find what can be known to be wrong before anything is computed."""
    config, explain = work.config, work.config.explain
    for name in explain.methods:
        if methods[name].matrix == "explainer" and not config.explainer.model:
            raise UserError(
                f"The method {name!r} needs an encoder to explain with: set explainer.model "
                "(docs/how-to/encoders.md), or leave the method out of explain.methods."
            )
    solvers[explain.solver]
    for role in config.observer.embeddings:
        if role != TARGET and role not in _roles(config):
            raise UserError(
                f"observer.embeddings names the {role}, but this build uses none: set {role}.model and a method "
                "that needs it, or leave it out."
            )
    if work.config.store.suffix != ".duckdb":
        raise UserError(
            f"The store {work.config.store} must be a .duckdb file, so that the dashboard finds it."
        )
    check_place(work.config.store)


def load_images(work: Work) -> None:
    config = work.config
    work.probing = load_probing_set(config.probe, config.seed, work.progress)
    work.splits = split(len(work.probing), config.seed)
    work.progress.note(
        f"{len(work.probing):,} images of {len(work.probing.classes)} classes, "
        f"{len(work.probing.superclasses)} superclasses"
    )


def load_network(work: Work) -> None:
    work.model = load_target(work.config.target, [c.name for c in work.probing.classes])
    work.progress.note(work.model.source)
    with Feed(work.probing.load, work.model.preprocess, work.probing.keys[:1], workers=0, ahead=1) as feed:
        shown = replace(work.model, input_size=tuple(feed.take(1)[0].shape[-2:]))
    layers = list_layers(shown)
    chosen = choose_layers(shown, layers, work.config.layers)  # wrong ones end here
    device = choose_device(work.config.record.device)
    verdicts = check_places(shown, layers, [info.name for info, _ in chosen], device)
    for info, pooling in chosen:
        verdict = verdicts[info.name]
        if reason := verdict.units or (verdict.cls if pooling == "cls" else None):
            raise UserError(reason)
        if verdict.maps and info.name not in work.map_reasons:
            work.map_reasons[info.name] = verdict.maps
            work.progress.note(verdict.maps)


def record_layers(work: Work) -> None:
    probing, model = work.probing, work.model
    work.run = record(
        model,
        probing.load,
        probing.keys,
        work.config.layers,
        work.config.record,
        work.progress,
        work.folder,
        outputs=work.config.importance.run or work.config.ablation.run,
    )
    work.layers = list(work.run.layers)
    _note_room(work)
    for layer in probing.computed_layers:
        units = len(layer.units)
        info = LayerInfo(layer.name, units, "computed", (units,), ("none",), "computed")
        work.layers.append(Recording(info, "none", layer.activations))
    work.units = [describe_units(layer.values, work.config.dead_below) for layer in work.layers]
    _match_outputs(work)
    if work.run.unsteady:
        work.progress.note(work.run.unsteady)
    work.progress.note(f"{work.run.images_per_second:,.0f} images per second on {work.run.device}")


def _note_room(work: Work) -> None:
    """Say early where the disk can't hold the store, so that room can be made while the build goes on."""
    needed = _BYTES_STORED * sum(layer.values.size for layer in work.layers)
    place = next(parent for parent in work.config.store.absolute().parents if parent.exists())
    free = shutil.disk_usage(place).free
    if needed > free:
        work.progress.note(
            f"The store takes some {needed / 1e9:.1f} GB and its disk has {free / 1e9:.1f} GB free: make room "
            "before the build ends."
        )


def _match_outputs(work: Work) -> None:
    """Which output of the network each class has."""
    probing, model = work.probing, work.model
    names = tuple(c.name for c in probing.classes)
    if work.config.target.outputs == "classes" and model.outputs == names:
        order, note = in_order(probing.classes, probing.labels, work.run.predicted)
        if note:
            work.progress.note(note)
        work.model = replace(model, outputs=tuple(names[c] for c in order))
        work.class_outputs = [order.index(c) for c in range(len(order))]
    else:
        work.class_outputs = map_classes_to_outputs(probing.classes, model.outputs, model.output_keys)


def make_concepts(work: Work) -> None:
    """The label matrix, the encoders' looks at the images, the explainer's matrix and the concept filter."""
    config, probing, progress = work.config, work.probing, work.progress
    train, device = work.splits == "train", choose_device(config.record.device)
    work.matrices["label"] = concept_matrices["label"](probing)
    # All that can be wrong without a look at the images comes before it.
    work.concepts = concept_set(probing, config.concepts.sets)
    encoders = {}
    for role in _roles(config):
        check_given(getattr(config, role), role)
        encoders[role] = load_encoder(getattr(config, role), device, role)
    if len(encoders) == 2:
        allowed = config.simulate.same_encoder
        work.same_encoder = refuse_same(encoders["explainer"], encoders["simulator"], allowed)
    elif "explainer" in encoders:
        progress.note(
            "There is no simulator.model: what the explainer finds is scored by labels, where all concepts of an "
            "explanation are labels, and else not at all."
        )
    content = content_digest(probing, progress) if encoders else None
    for role, encoder in encoders.items():
        taken = [other.name for other in work.views.values()]
        work.views[role] = view(
            getattr(config, role),
            role,
            probing,
            train,
            device,
            config.cache,
            progress,
            content,
            taken,
            encoder,
        )
    if "explainer" in work.views:
        explainer = work.views["explainer"]
        work.matrices[explainer.name] = explainer.matrix(work.concepts)
    for name in config.explain.methods:
        by_label = methods[name].matrix == "label"
        work.matrices_of[name] = "label" if by_label else work.views["explainer"].name
        _filter(work, name)


def _filter(work: Work, method: str) -> None:
    """Which concepts of a method's matrix are used; a matrix without any ends the build."""
    explain, matrix = work.config.explain, work.matrices[work.matrices_of[method]]
    keep = usable(matrix.values, work.splits == "train", explain.concept_mean5, explain.concept_std)
    dropped = int((~keep).sum())
    same = work.same[matrix.name] = _same(work, matrix, keep)
    keep[list(same)] = False
    work.kept[method] = keep
    work.progress.note(
        f"{method}: {len(keep) - dropped:,} of {len(keep):,} concepts of “{matrix.name}” pass the filter, "
        f"{dropped:,} are dropped"
    )
    if same:
        names = [f"{matrix.concepts[i].name} = {matrix.concepts[j].name}" for i, j in same.items()]
        more = ", …" if len(names) > 3 else ""
        work.progress.note(
            f"{method}: {len(names):,} of them can't be told from another and stand under its name: "
            f"{', '.join(names[:3])}{more}"
        )
    if not keep.any():
        if matrix.name == "label":
            why = "the probing set needs at least one label that is on some images and not on all"
        else:
            why = (
                "say other concepts in concepts.sets, or look at the a and b of the explainer; "
                "explain.concept_mean5 is the filter's threshold"
            )
        raise UserError(f"No concept of “{matrix.name}” passes the concept filter on the train split: {why}.")


def _same(work: Work, matrix: ConceptMatrix, keep: np.ndarray) -> dict[int, int]:
    """Concepts that pass the filter but have the values of an earlier one, with the number of that one.

    Labels are the same where they are so on the images that words are chosen by, those of train and val. Which of them an explanation would name would be up to rounding. Labels come in the order class, superclass,
    attribute, those of an encoder in the order of their sets; an encoder's are the same where their vectors are.
    """
    view = next((view for view in work.views.values() if view.name == matrix.name), None)
    rows = (
        matrix.values[:, work.splits != "test"]
        if view is None
        else view.embed([concept.name for concept in matrix.concepts])
    )
    first = first_alike(rows)
    return {int(i): int(first[i]) for i in np.flatnonzero(keep & keep[first]) if first[i] != i}


def _roles(config: Build) -> list[str]:
    """The encoders that this build uses."""
    asked = {methods[name].matrix for name in config.explain.methods}
    return [
        role
        for role in ("explainer", "simulator")
        if getattr(config, role).model and (role == "simulator" or role in asked)
    ]


def explain_units(work: Work) -> None:
    explain = work.config.explain
    train, val = work.splits == "train", work.splits == "val"
    device = choose_device(work.config.record.device)
    if device.type == "mps":  # has no double precision
        device = torch.device("cpu")
    for name in explain.methods:
        method = methods[name]
        matrix = work.matrices[work.matrices_of[name]]
        kept = np.flatnonzero(work.kept[name])
        filtered, shared = matrix.subset(work.kept[name]), {}
        for number, (layer, facts) in enumerate(zip(work.layers, work.units, strict=True)):
            explainable = np.flatnonzero(facts.status.isin(EXPLAINABLE))
            found = {}
            if len(explainable):
                work.progress.note(f"{name}, layer {layer.info.name}: {len(explainable)} units")
            step = max(1, _ACTIVATIONS_AT_ONCE // len(work.probing))
            for start in range(0, len(explainable), step):
                piece = explainable[start : start + step]
                problem = Problem(layer.values[piece], filtered, train, val, work.config.seed, device, shared)
                try:
                    results = method.explain(problem, explain, work.progress)
                except torch.OutOfMemoryError:
                    work.progress.note(f"the memory of {device} is full: explaining goes on on the CPU")
                    device, shared = torch.device("cpu"), {}
                    problem = replace(problem, device=device, shared=shared)
                    results = method.explain(problem, explain, work.progress)
                for unit, result in zip(piece, results, strict=True):
                    concepts = tuple(int(kept[c]) for c in result.concepts)
                    found[int(unit)] = replace(result, concepts=concepts)
            for unit in np.flatnonzero(~facts.status.isin(EXPLAINABLE)):
                found[int(unit)] = Found(reason=facts.reason[unit])
            work.explanations[number, name] = dict(sorted(found.items()))


def is_current(config: Build) -> bool:
    """Whether the store of a config is there, readable, and was built from this config by this version."""
    try:
        with Store.open(config.store) as store:
            same = store.meta.get("config") == json.loads(config.model_dump_json())
            return same and store.meta.get("versions", {}).get("lexplain") == __version__
    except StoreError:
        return False


STAGES = [
    ("check", check_options),
    ("probing set", load_images),
    ("target model", load_network),
    # Encoders come before the network: what is wrong with them shows early, and their look at the
    # images is kept whatever happens later.
    ("concepts", make_concepts),
    ("recording", record_layers),
    ("explanations", explain_units),
    ("scores", score_explanations),
    ("relations", relate),
    ("effects", replace_units),
    ("maps", keep_maps),
    ("observer", observe),
    ("store", write_store),
]
