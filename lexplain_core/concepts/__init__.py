"""What can be said: concepts and concept matrices."""

from . import label  # noqa: F401  (registers the label matrix)
from .base import Concept, ConceptMatrix, concept_matrices, first_alike, usable
from .calibrate import Calibration, calibrate, calibration_labels, cross_entropy
from .embed import cache_folder, embed_concepts, embed_images
from .encoder import DualEncoder, load_encoder
from .label import label_concepts
from .sets import concept_set, normalised, read_concepts, split_filter_counts
from .sources import encoder_folders
from .view import EncoderView, check_given, refuse_same, view

__all__ = [
    "Calibration",
    "Concept",
    "ConceptMatrix",
    "DualEncoder",
    "EncoderView",
    "cache_folder",
    "calibrate",
    "calibration_labels",
    "check_given",
    "concept_matrices",
    "concept_set",
    "cross_entropy",
    "embed_concepts",
    "embed_images",
    "encoder_folders",
    "first_alike",
    "label_concepts",
    "load_encoder",
    "normalised",
    "read_concepts",
    "refuse_same",
    "split_filter_counts",
    "usable",
    "view",
]
