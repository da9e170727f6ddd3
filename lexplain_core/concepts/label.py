"""The concept matrix from labels: classes, superclasses and attributes of the probing set."""

from __future__ import annotations

import numpy as np

from ..probe.base import ProbingSet
from .base import Concept, ConceptMatrix, concept_matrices


@concept_matrices.register("label")
def label_matrix(probing: ProbingSet) -> ConceptMatrix:
    """P = 1 where an image carries the label, else 0; float32 (M, N).

    Rows: the classes (anywhere in the image, where the set knows that), then the superclasses (any
    of their classes), then the attributes.
    """
    presence = probing.class_presence()
    concepts = [Concept(f"class:{c.key}", c.name, "class") for c in probing.classes]
    rows = [presence.T]
    for group in probing.superclasses:
        concepts.append(Concept(f"superclass:{group.key}", group.name, "superclass"))
        rows.append(presence[:, list(group.classes)].any(axis=1)[None])
    for attribute in probing.attributes:
        concepts.append(Concept(f"{attribute.kind}:{attribute.key}", attribute.name, attribute.kind))
        rows.append(attribute.present[None])
    values = np.concatenate(rows).astype(np.float32)
    return ConceptMatrix("label", tuple(concepts), values, {"source": "labels of the probing set"})
