"""What can be said: concepts and concept matrices."""

from . import label  # noqa: F401  (registers the label matrix)
from .base import Concept, ConceptMatrix, concept_matrices, usable

__all__ = ["Concept", "ConceptMatrix", "concept_matrices", "usable"]
