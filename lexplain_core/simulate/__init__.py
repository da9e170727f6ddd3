"""How good the words are: simulators, correlation, the null that chance gives, and ablation."""

from .ablation import LEAST_IMAGES, NO_EFFECT, Ablated, score_ablation
from .correlation import Correlation, correlation, simulate
from .importing import Foreign, read_explanations
from .null import Null
from .scoring import Scored, Words, score_layer, undefined
from .simulators import EncoderSimulator, LabelSimulator, Simulator, Unsupported

__all__ = [
    "LEAST_IMAGES",
    "NO_EFFECT",
    "Ablated",
    "Correlation",
    "EncoderSimulator",
    "Foreign",
    "LabelSimulator",
    "Null",
    "Scored",
    "Simulator",
    "Unsupported",
    "Words",
    "correlation",
    "read_explanations",
    "score_ablation",
    "score_layer",
    "simulate",
    "undefined",
]
