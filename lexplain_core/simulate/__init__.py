"""How good the words are: simulators, correlation, the null that chance gives, and ablation.

Correlations need numpy alone, and pages ask for them; what brings torch along is imported when it is first named.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .correlation import Correlation, correlation, simulate

if TYPE_CHECKING:
    from .ablation import LEAST_IMAGES, NO_EFFECT, Ablated, score_ablation
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
_LATER = {
    **dict.fromkeys(("LEAST_IMAGES", "NO_EFFECT", "Ablated", "score_ablation"), "ablation"),
    **dict.fromkeys(("Foreign", "read_explanations"), "importing"),
    "Null": "null",
    **dict.fromkeys(("Scored", "Words", "score_layer", "undefined"), "scoring"),
    **dict.fromkeys(("EncoderSimulator", "LabelSimulator", "Simulator", "Unsupported"), "simulators"),
}


def __getattr__(name: str):
    if name in _LATER:
        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
