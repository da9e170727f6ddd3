"""The stages of a build that say what there is in each image: embeddings, concept matrices, the concept filter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ... import config
from ...base.errors import UserError
from ...base.progress import Progress
from ...concepts import (
    Concept,
    ConceptMatrix,
    EncoderView,
    concept_matrices,
    embed_images,
    first_alike,
    usable,
    view,
)
from ...concepts.encoder import DualEncoder
from ...concepts.simulators import EncoderSimulator, LabelSimulator, Simulator
from ...explain import ConfiguredMethod
from ...probe import ProbingSet
from ...probe.digest import digest_of_all
from ..stage import Desk


def embed(
    desk: Desk, encoder: DualEncoder, probing: ProbingSet, digests: list[bytes], cache: Path
) -> np.ndarray:
    """Unit vectors of all images, float32 (N, D); shards of images are kept."""
    return embed_images(encoder, probing, cache, desk.progress, digest_of_all(digests), desk.kept)


def make_view(
    desk: Desk,
    role: str,
    probing: ProbingSet,
    splits: np.ndarray,
    spec: config.Encoder,
    encoder: DualEncoder,
    images: np.ndarray,
    device: torch.device,
    cache: Path,
    other: EncoderView | None = None,
) -> EncoderView:
    """The encoder of a role with its a and b, calibrated on the train split. Vectors of texts are kept.

    other: that of the role before.
    """
    taken = [other.name] if other else []
    train, progress, kept = splits == "train", desk.progress, desk.kept
    return view(spec, role, probing, train, device, cache, progress, images, taken, encoder, kept)


def make_label_matrix(_desk: Desk, probing: ProbingSet) -> ConceptMatrix:
    """P of the labels."""
    return concept_matrices["label"](probing)


def make_explainer_matrix(_desk: Desk, concepts: tuple[Concept, ...], view: EncoderView) -> ConceptMatrix:
    """P of the build's concepts as the explainer sees them."""
    return view.matrix(concepts)


def make_simulators(
    _desk: Desk, simulate: config.Simulate, label: ConceptMatrix, view: EncoderView | None = None
) -> tuple[Simulator, ...]:
    """What scores explanations: the labels, and the simulator's encoder."""
    found: list[Simulator] = []
    if simulate.labels or view is None:
        found.append(LabelSimulator(label))
    if view is not None:
        found.append(EncoderSimulator(view))
    return tuple(found)


@dataclass(frozen=True)
class Vocabulary:
    """What can be said about the images.

    concepts: the build's set. views: the encoders by role. matrices: P by name: `label`, and that of the explainer.
    simulators: what scores explanations, the labels first.
    """

    concepts: tuple[Concept, ...]
    views: dict[str, EncoderView]
    matrices: dict[str, ConceptMatrix]
    simulators: tuple[Simulator, ...]

    def view_of(self, matrix: str) -> EncoderView | None:
        """The encoder that a matrix comes from, by the matrix's name; None for the labels'."""
        return next((view for view in self.views.values() if view.name == matrix), None)


def gather(
    _desk: Desk,
    concepts: tuple[Concept, ...],
    simulators: tuple[Simulator, ...],
    label: ConceptMatrix,
    matrix: ConceptMatrix | None = None,
    **views: EncoderView,
) -> Vocabulary:
    """All that can be said, in one. matrix: the explainer's. views: by role."""
    matrices = {one.name: one for one in (label, matrix) if one is not None}
    return Vocabulary(concepts, views, matrices, simulators)


@dataclass(frozen=True)
class Choice:
    """The concepts that a method may use.

    matrix: all of P. kept: which of its concepts pass the concept filter and stand for themselves, boolean (M,). same: those
    that pass it but have the values of an earlier concept, with the number of that one.
    """

    matrix: ConceptMatrix
    kept: np.ndarray
    same: dict[int, int]


def choose_concepts(
    desk: Desk,
    splits: np.ndarray,
    matrix: ConceptMatrix,
    method: ConfiguredMethod,
    view: EncoderView | None = None,
) -> Choice:
    """Which concepts of its matrix a method may use; a matrix without any ends the build. view: the encoder it comes from."""
    name, options = matrix.name, method.build
    keep = usable(matrix.values, splits == "train", options.min_top5_mean, options.min_std)
    dropped = int((~keep).sum())
    same = same_concepts(matrix, keep, splits, view)
    keep[list(same)] = False
    _report(desk.progress, method.name, matrix, dropped, same)
    if not keep.any():
        raise UserError(
            f"No concept of “{name}” passes the concept filter on the train split: {_nothing_passes(name)}."
        )
    return Choice(matrix, keep, same)


def same_concepts(
    matrix: ConceptMatrix, keep: np.ndarray, splits: np.ndarray, view: EncoderView | None
) -> dict[int, int]:
    """Concepts that pass the filter but have the values of an earlier one, with the number of that one.

    Which of them an explanation names would be up to rounding. Labels are the same where they are so on the images of train
    and val, which explanations are found on; they come in the order class, superclass, attribute. An encoder's concepts
    come in the order of their sets; they are the same where their vectors are.
    """
    rows = (
        matrix.values[:, splits != "test"] if view is None else view.embed([c.name for c in matrix.concepts])
    )
    first = first_alike(rows)
    return {int(i): int(first[i]) for i in np.flatnonzero(keep & keep[first]) if first[i] != i}


def _report(
    progress: Progress, method: str, matrix: ConceptMatrix, dropped: int, same: dict[int, int]
) -> None:
    count = len(matrix.concepts)
    progress.note(
        f"{method}: {count - dropped:,} of {count:,} concepts of “{matrix.name}” pass the filter, {dropped:,} are dropped"
    )
    if same:
        names: Sequence[str] = [
            f"{matrix.concepts[i].name} = {matrix.concepts[j].name}" for i, j in same.items()
        ]
        more = ", …" if len(names) > 3 else ""
        progress.note(
            f"{method}: {len(names):,} of them can't be told from another and stand under its name: "
            f"{', '.join(names[:3])}{more}"
        )


def _nothing_passes(matrix: str) -> str:
    if matrix == "label":
        return "the probing set needs at least one label that is on some images and not on all"
    return (
        "say other concepts in concepts.sets, or look at the a and b of the explainer; "
        "explain.min_top5_mean is the filter's threshold"
    )
