"""The stages of a build that judge: correlation, ablation and impact."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import torch

from ...concepts.simulators import EncoderSimulator, LabelSimulator, Simulator
from ...measures.ablation import score_ablation
from ...measures.impact import measure_impact
from ...measures.pushes import measure_pushes
from ...measures.scoring import Words, score_layer
from ...model import Effects, choose_device, fit_temperature, open_effects
from ..work import EXPLAINABLE, Work


def score_explanations(work: Work) -> None:
    """Correlation on the test split, as each simulator predicts it, beside its null."""
    test = work.splits == "test"
    simulators = _simulators(work)
    with work.progress.task("simulate", total=len(work.explanations) * len(simulators)) as advance:
        for (number, name), found in work.explanations.items():
            words = _words(work, name, found)
            values = work.layers[number].values
            alive = work.units[number].status.isin(EXPLAINABLE).to_numpy()
            scores = work.scores[number, name] = {}
            for simulator in simulators:
                scores[simulator.name] = score_layer(words, simulator, values, alive, test)
                advance(1)


def replace_units(work: Work) -> None:
    """What the network loses without each unit, what its units push towards, and ablation scores."""
    config = work.config
    if not (config.importance.run or config.ablation.run):
        for number in range(len(work.layers)):
            work.ways[number] = (None, "This build was told to replace no units.")
        return
    labels, problem = labels_of(work)
    outputs = None
    if work.run.outputs is not None:
        # A row per image, as one image after the other is looked at; a file stays one.
        outputs = work.run.outputs.T
        outputs = outputs if isinstance(outputs, np.memmap) else np.ascontiguousarray(outputs)
        finite = np.isfinite(outputs).all()
        if problem is None and finite:
            val = work.splits == "val"
            work.temperature = fit_temperature(outputs[val], labels[val])
    device = choose_device(config.record.device)
    notes = {layer.name: layer.note for layer in work.probing.computed_layers}
    for number, layer in enumerate(work.layers):
        if layer.info.kind == "computed":
            work.ways[number] = (None, notes.get(layer.info.name) or _COMPUTED)
            continue
        if outputs is None or not finite:
            why = "not one number per image and class" if outputs is None else "not all finite"
            reason = work.run.reason or f"The network's outputs are {why}, so nothing is compared."
            work.ways[number] = (None, reason)
            continue
        opened = partial(
            open_effects,
            replace(work.model, answer=work.run.answer),
            layer,
            outputs,
            labels,
            work.temperature or 1.0,
            work.probing.load,
            work.probing.keys,
            workers=config.record.workers,
        )
        try:
            _measure(work, number, opened(device=device), problem)
        except torch.OutOfMemoryError:
            work.progress.note(f"the memory of {device} is full: units are replaced on the CPU")
            device = torch.device("cpu")
            _measure(work, number, opened(device=device), problem)


_COMPUTED = "No network computes the units of this layer, so there is nothing to replace."
_WAYS = {
    "closed": "a linear head follows, so units are replaced by matrix products",
    "prefix": "units are replaced in the layer's output, and what follows runs again",
    "whole": "units are replaced in whole runs of the network",
}


def _measure(work: Work, number: int, effects: Effects, problem: str | None) -> None:
    config, seed = work.config, work.config.seed
    work.ways[number] = (effects.way, problem)
    work.progress.note(f"layer {work.layers[number].info.name}: {_WAYS[effects.way]}")
    if problem:
        work.progress.note(f"no impacts and no ablation scores: {problem}")
    units = np.flatnonzero(work.units[number].status.isin(EXPLAINABLE))
    if config.importance.run:
        runs = config.importance.runs
        if reason := _no_pushes(work):
            work.push_reasons[number] = reason
            work.progress.note(f"no output effects: {reason}")
        else:
            for_pushes = max(1, runs // 4)
            work.pushes[number] = measure_pushes(
                effects, units, runs=for_pushes, seed=seed, progress=work.progress
            )
            runs = 3 * runs // 4
        for to in config.importance.to if problem is None else ():
            each = runs // len(config.importance.to)
            work.impacts[number, to] = measure_impact(
                effects, units, to, runs=each, seed=seed, progress=work.progress
            )
    if not config.ablation.run or problem is not None:
        return
    optim = {"auto": effects.way == "closed", "always": True, "never": False}[config.ablation.optim]
    methods = [name for layer, name in work.explanations if layer == number]
    for name in methods:
        found = _words(work, name, work.explanations[number, name])
        work.ablations[number, name] = score_ablation(
            found,
            _simulators(work),
            effects,
            work.splits == "val",
            work.splits == "test",
            modes=("norm", "optim") if optim else ("norm",),
            runs=config.ablation.runs // len(methods),
            seed=seed,
            progress=work.progress,
        )


def _no_pushes(work: Work) -> str | None:
    """Why it isn't measured what units push the outputs towards, if so."""
    wanted = work.config.importance.outputs
    if wanted == "never":
        return "This build was told not to measure it (importance.outputs)."
    if wanted == "auto" and not work.model.outputs:
        return (
            "The network's outputs have no names, so it was not measured; target.outputs can name them, and "
            'importance.outputs = "always" measures it all the same.'
        )
    return None


def labels_of(work: Work) -> tuple[np.ndarray, str | None]:
    """The output of each image's class, int64 (N,), and why losses mean nothing, if so; the network's own
    answer then stands in, for what needs no labels."""
    classes = work.probing.classes
    missing = [c.name for c, output in zip(classes, work.class_outputs, strict=True) if output is None]
    if not missing:
        return np.array(work.class_outputs, dtype=np.int64)[work.probing.labels], None
    some = ", ".join(missing[:3]) + (f" and {len(missing) - 3:,} more" if len(missing) > 3 else "")
    which = "any" if len(missing) == len(classes) else f"{len(missing):,}"
    reason = (
        f"No output of {work.model.name} is known to stand for {which} of the {len(classes):,} classes "
        f"({some}). If the network was trained on these classes, set target.outputs."
    )
    predicted = work.run.predicted
    return np.zeros(len(work.probing), dtype=np.int64) if predicted is None else predicted, reason


def _simulators(work: Work) -> list[Simulator]:
    simulators: list[Simulator] = []
    if work.config.simulate.labels or "simulator" not in work.views:
        simulators.append(LabelSimulator(work.matrices["label"]))
    if "simulator" in work.views:
        simulators.append(EncoderSimulator(work.views["simulator"]))
    return simulators


def _words(work: Work, method: str, found: dict) -> dict[int, Words]:
    """The explanations of a layer by a method, as simulators read them."""
    concepts = work.matrices[work.matrices_of[method]].concepts
    return {
        unit: Words(
            tuple((w, concepts[c]) for w, c in zip(result.weights, result.concepts, strict=True)), result.bias
        )
        for unit, result in found.items()
        if result.reason is None
    }
