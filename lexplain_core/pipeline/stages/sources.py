"""The stages of a build that load what it works with: images, the network, the encoders."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ... import config
from ...base.errors import UserError, quote
from ...concepts import Concept, check_given, concept_set, load_encoder, refuse_same
from ...concepts.encoder import DualEncoder
from ...explain import methods
from ...model import choose_device, list_layers, load_target
from ...model.base import size_of
from ...model.feed import Feed
from ...model.layers import choose_layers
from ...model.places import check_places, no_maps
from ...probe import ProbingSet, load_probing_set, split
from ...probe.digest import image_digests
from ..fingerprint import digest, of_option
from ..stage import Desk, Made

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # of functions, in the description of a module


def load_images(desk: Desk, probe: config.Probe, seed: int) -> tuple[Made, Made, Made]:
    """The probing set, the split of each image (N,), and a digest of each image."""
    probing = load_probing_set(probe, seed, desk.progress, desk.kept)
    desk.progress.note(
        f"{len(probing):,} images of {len(probing.classes)} classes, {len(probing.superclasses)} superclasses"
    )
    digests = image_digests(probing, desk.progress)
    content = digest(b"".join(digests))
    known = digest(content, _facts(probing))
    return (
        Made(probing, known),
        Made(split(len(probing), seed), digest(len(probing), seed)),
        Made(digests, content),
    )


def _facts(probing: ProbingSet) -> list[Any]:
    """All that a probing set knows of its images, for a digest."""
    presence = None if probing.presence is None else digest(np.packbits(probing.presence).tobytes())
    return [
        probing.name, probing.source, probing.keys, probing.captions, digest(probing.labels.tobytes()), presence,
        [(one.key, one.name) for one in probing.classes],
        [(group.key, group.name, [int(c) for c in group.classes]) for group in probing.superclasses],
        [(a.key, a.name, a.kind, digest(np.packbits(a.present).tobytes())) for a in probing.attributes],
        [(skipped.key, skipped.reason) for skipped in probing.skipped],
        [
            (layer.name, layer.note, [vars(unit) for unit in layer.units], digest(layer.activations.tobytes()))
            for layer in probing.computed_layers
        ],
    ]  # fmt: skip


def load_network(
    desk: Desk,
    target: config.Target,
    layers: list[config.LayerSpec],
    units: list[config.UnitSpec],
    record: config.Record,
    probing: ProbingSet,
) -> tuple[Made, Made, Made, Made]:
    """The network, why layers have no maps (by name), the device, and the number of units. Wrong layers end the build here."""
    model = load_target(target, [c.name for c in probing.classes])
    desk.progress.note(model.source)
    with Feed(probing.load, model.preprocess, probing.keys[:1], workers=0, ahead=1) as feed:
        shown = replace(model, input_size=size_of(feed.take(1)[0]))
    listed = list_layers(shown)
    chosen = choose_layers(shown, listed, layers, units)
    if twice := {info.name for info, _ in chosen} & {layer.name for layer in probing.computed_layers}:
        raise UserError(
            f"Two layers of the store would be called {quote(min(twice))}: one comes with the probing set. Give the other "
            "one a `name` in [[units]]."
        )
    device = choose_device(record.device)
    verdicts = check_places(shown, listed, [info.call for info, _ in chosen], device)
    map_reasons: dict[str, str] = {}
    for info, pooling in chosen:
        verdict = verdicts[info.call]
        if reason := verdict.units or (verdict.cls if pooling == "cls" else None):
            raise UserError(reason)
        if (why := no_maps(info, verdict.maps)) and info.name not in map_reasons:
            map_reasons[info.name] = why
            desk.progress.note(why)
    structure = _ADDRESS.sub("", repr(model.module))
    known = digest(of_option(target), model.fingerprint(), structure, model.outputs, _own_code(target.model))
    count = sum(info.units for info, _ in chosen) + sum(len(one.units) for one in probing.computed_layers)
    return (
        Made(model, known),
        Made(map_reasons, digest(map_reasons)),
        Made(device, digest(device.type)),
        Made(count, digest(count)),
    )


def _own_code(model: str) -> list[str]:
    """Digests of the Python files in the folder of a network's own code: it may import any of them."""
    path, colon, _ = model.rpartition(".py:")
    if not colon:
        return []
    return [digest(file.name, file.read_bytes()) for file in sorted(Path(f"{path}.py").parent.glob("*.py"))]


def roles_of(build: config.Build) -> list[str]:
    """The encoders that a build uses."""
    asked = {methods[name].matrix for name in build.explain.methods}
    return [
        role
        for role in ("explainer", "simulator")
        if getattr(build, role).model and (role == "simulator" or role in asked)
    ]


def load_encoders(
    desk: Desk,
    device: torch.device,
    probing: ProbingSet,
    concepts: config.Concepts,
    simulate: config.Simulate,
    **specs: config.Encoder,
) -> tuple[Made, ...]:
    """The build's concepts, whether the encoders are one model, and the encoder of each role in `specs`.

    They come before all long work, so that what is wrong with them shows early.
    """
    found: tuple[Concept, ...] = concept_set(probing, concepts.sets)
    encoders: dict[str, DualEncoder] = {}
    for role, spec in specs.items():
        check_given(spec, role)
        encoders[role] = load_encoder(spec, device, role)
    same = False
    if len(encoders) == 2:
        same = refuse_same(encoders["explainer"], encoders["simulator"], simulate.same_encoder)
    elif "explainer" in encoders:
        desk.progress.note(
            "There is no simulator.model: what the explainer finds is scored by labels, where all concepts of an "
            "explanation are labels, and else not at all."
        )
    named = [(concept.key, concept.name, concept.origin) for concept in found]
    return (
        Made(found, digest(named)),
        Made(same, digest(same)),
        *(
            Made(e, digest(e.fingerprint, e.weights, e.name, e.batch_size, e.published))
            for e in encoders.values()
        ),
    )
