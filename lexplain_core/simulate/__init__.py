"""How good the words are: simulators, correlation, and the null that chance gives."""

from .correlation import Correlation, correlation, simulate
from .importing import Foreign, read_explanations
from .null import Null
from .scoring import Scored, Words, score_layer, undefined
from .simulators import EncoderSimulator, LabelSimulator, Simulator, Unsupported

__all__ = [
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
    "score_layer",
    "simulate",
    "undefined",
]
