"""The concept matrix from labels: classes, superclasses and attributes of the probing set."""

from __future__ import annotations

from ..base.memory import large
from ..probe.base import ProbingSet
from .base import Concept, ConceptMatrix, concept_matrices


def label_concepts(probing: ProbingSet) -> tuple[Concept, ...]:
    """The labels of a probing set in the label matrix's order: classes, superclasses, attributes."""
    return (
        *(Concept(f"class:{c.key}", c.name, "class") for c in probing.classes),
        *(Concept(f"superclass:{g.key}", g.name, "superclass") for g in probing.superclasses),
        *(Concept(f"{a.kind}:{a.key}", a.name, a.kind) for a in probing.attributes),
    )


@concept_matrices.register("label")
def label_matrix(probing: ProbingSet) -> ConceptMatrix:
    """P = 1 where an image carries the label, else 0; float32 (M, N).

    Rows: the classes (anywhere in the image, where the set knows that), then the superclasses (any
    of their classes), then the attributes.
    """
    concepts, presence = label_concepts(probing), probing.class_presence()
    values = large((len(concepts), len(probing)))
    classes, groups = len(probing.classes), len(probing.superclasses)
    values[:classes] = presence.T
    for row, group in enumerate(probing.superclasses, classes):
        values[row] = presence[:, list(group.classes)].any(axis=1)
    for row, attribute in enumerate(probing.attributes, classes + groups):
        values[row] = attribute.present
    return ConceptMatrix("label", concepts, values, {"source": "labels of the probing set"})
